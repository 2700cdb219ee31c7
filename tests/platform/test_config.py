"""Settings: typed, from variables or files, wrong ones fail at start."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from zhixin import config
from zhixin.config import Settings, SettingsError, load

HEX = "0123456789abcdef" * 4


def test_without_variables_the_defaults_hold() -> None:
    """A fresh machine needs no settings at all."""
    assert load({"PATH": "/bin"}) == Settings()


def test_values_are_typed() -> None:
    """Numbers, flags and paths become what they are."""
    settings = load(
        {"ZHIXIN_PORT": "9000", "ZHIXIN_HTTPS": "yes", "ZHIXIN_DATA_DIR": "/srv/zhixin"}
    )
    assert (settings.port, settings.https, settings.data_dir) == (9000, True, Path("/srv/zhixin"))


def test_the_address_follows_the_port_until_it_is_set() -> None:
    """Who sets only the port is told, on screen and in QR codes, where the site really answers."""
    assert load({"ZHIXIN_PORT": "9000"}).base_url == "http://127.0.0.1:9000"
    public = {"ZHIXIN_PORT": "9000", "ZHIXIN_BASE_URL": "https://learning.example"}
    assert load(public).base_url == "https://learning.example"


def test_a_typo_does_not_pass() -> None:
    """A variable that names no setting is an error, and the message names it."""
    with pytest.raises(SettingsError, match="ZHIXIN_DATABSE_URL"):
        load({"ZHIXIN_DATABSE_URL": "sqlite://"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ZHIXIN_PORT", "eighty"),
        ("ZHIXIN_PORT", ""),
        ("ZHIXIN_PORT", "-1"),
        ("ZHIXIN_SESSION_DAYS", "1.5"),
        ("ZHIXIN_HTTPS", "maybe"),
        ("ZHIXIN_LOG_LEVEL", "LOUD"),
        ("ZHIXIN_SECRET_KEY", "secret"),
        ("ZHIXIN_FIELD_KEY", HEX[:-1] + "g"),
        ("ZHIXIN_LEDGER_KEY", HEX + "00"),
    ],
)
def test_what_cannot_be_understood_is_named(name: str, value: str) -> None:
    """The message says which setting is wrong."""
    with pytest.raises(SettingsError, match=name):
        load({name: value})


def test_a_wrong_key_is_not_repeated() -> None:
    """Messages end up in logs: a mistyped secret must not."""
    with pytest.raises(SettingsError) as refusal:
        load({"ZHIXIN_SECRET_KEY": "almost-a-secret"})
    assert "almost-a-secret" not in str(refusal.value)


def test_a_setting_may_come_from_a_file(tmp_path: Path) -> None:
    """Secrets as mounted files; white space around them is forgiven."""
    path = tmp_path / "key"
    path.write_text(f"{HEX}\n")
    settings = load({"ZHIXIN_SECRET_KEY_FILE": str(path)})
    assert settings.key("secret_key") == bytes.fromhex(HEX)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """The variable and the path are both told."""
    path = tmp_path / "none"
    with pytest.raises(SettingsError, match=rf"ZHIXIN_DATABASE_URL_FILE.*{re.escape(str(path))}"):
        load({"ZHIXIN_DATABASE_URL_FILE": str(path)})


def test_a_generated_key_stays_and_is_private(tmp_path: Path) -> None:
    """Made on first use, the same afterwards, readable by its owner only."""
    settings = Settings(data_dir=tmp_path)
    made = settings.key("field_key")
    assert Settings(data_dir=tmp_path).key("field_key") == made
    assert len(made) == 32
    assert (tmp_path / "keys" / "field_key").stat().st_mode & 0o077 == 0


def test_every_setting_is_documented() -> None:
    """A field without a sentence cannot reach the operator's table."""
    assert all(item.metadata["doc"].endswith(".") for item in config.fields(Settings))
