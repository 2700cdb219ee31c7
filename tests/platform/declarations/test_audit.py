"""What an auditor sees of hours that were declared."""

from __future__ import annotations

import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient

from zhixin import operating
from zhixin.people.models import Person, Role


def test_an_auditor_reads_what_was_declared_and_decided(
    submit: Any,
    decide: Any,
    city: Any,
    create_person: Callable[..., Person],
    sign_in: Callable[[Person], FlaskClient],
) -> None:
    """Facts, files, every step with its words."""
    declaration = submit()
    decide(declaration, city.handler, "endorse", words="属实，同意")
    decide(declaration, city.reviewer, "verify")
    auditor = sign_in(create_person("auditor", Role.AUDITOR))
    page = auditor.get(f"/audit/awards/{declaration.award_id}")
    assert page.status_code == 200
    for text in ("智能制造高级研修班（第二期）", "市机械工程学会", "属实，同意", "SHA-256"):
        assert text in page.text


def test_a_backup_has_the_proofs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also without the videos: they are evidence of hours."""
    from zhixin.declarations.storage import ProofStore

    monkeypatch.setenv("ZHIXIN_DATA_DIR", str(tmp_path / "var"))
    (tmp_path / "var").mkdir()
    (tmp_path / "var/zhixin.sqlite3").touch()
    name = ProofStore(tmp_path / "var/proofs").keep(b"proof")
    target = tmp_path / "backup.tar"
    answer = CliRunner().invoke(operating.backup, [str(target), "--no-media"])
    assert answer.exit_code == 0, answer.output
    with tarfile.open(target) as archive:
        assert f"proofs/{name[:2]}/{name}" in archive.getnames()
