"""``zhixin``: one command line for operators."""

from __future__ import annotations

import importlib

import click

#: Groups that the domains bring, by module and attribute; imported when first asked for.
DOMAIN_COMMANDS = {
    "user": ("zhixin.people.commands", "user"),
    "token": ("zhixin.people.commands", "token"),
    "policy": ("zhixin.hours.commands", "policy"),
    "forget": ("zhixin.hours.forgetting", "forget"),
    "ledger": ("zhixin.ledger.commands", "ledger"),
    "certificate": ("zhixin.certificates.commands", "certificate"),
    "audit": ("zhixin.audit.commands", "audit"),
    "course": ("courses.commands", "course"),
    "evidence": ("courses.evidence_commands", "evidence"),
    "serve": ("zhixin.serving", "serve"),
    "worker": ("zhixin.serving", "worker"),
    "scheduler": ("zhixin.serving", "scheduler"),
    "run": ("zhixin.serving", "run"),
    "upgrade": ("zhixin.operating", "upgrade"),
    "doctor": ("zhixin.operating", "doctor"),
    "backup": ("zhixin.operating", "backup"),
    "demo": ("zhixin.demo", "demo"),
}


class Commands(click.Group):
    """Finds commands by name, so that ``--help`` of one does not import all."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(DOMAIN_COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in DOMAIN_COMMANDS:
            return None
        module, attribute = DOMAIN_COMMANDS[name]
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """知新:把真实的学习时间变成任何人都能核验的学时。"""
