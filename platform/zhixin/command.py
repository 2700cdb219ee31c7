"""How commands of every domain run: in an application context, committed at the end."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import click
from flask import Flask

from zhixin import config, db
from zhixin.errors import DomainError

P = ParamSpec("P")
R = TypeVar("R")


def make_app() -> Flask:
    """The application of this command; a wrong setting is told in one line."""
    from zhixin.app import create_app  # the composition imports the domains' commands

    try:
        return create_app()
    except config.SettingsError as error:
        raise click.ClickException(str(error)) from None


def with_app(function: Callable[P, R]) -> Callable[P, R]:
    """Run a command inside the application; refusals become one line and exit status 1."""

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        with make_app().app_context():
            try:
                result = function(*args, **kwargs)
                db.finish(keep=True)
                return result
            except (DomainError, config.SettingsError) as error:
                click.echo(f"✗ {error}", err=True)
                sys.exit(1)

    return run
