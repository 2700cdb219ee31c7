"""Settings: typed, read once from the environment, wrong ones fail at start.

Every setting is ``ZHIXIN_<NAME>``; secrets may also come from the file named by
``ZHIXIN_<NAME>_FILE``. The table in ``docs/operator/settings.md`` is checked against
this file by a test.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, get_type_hints

PREFIX = "ZHIXIN_"
ROOT = Path(__file__).resolve().parents[2]


class SettingsError(Exception):
    """A setting is missing or cannot be understood; the message names it."""


def _setting(default: Any, doc: str, *, secret: bool = False) -> Any:
    return field(default=default, metadata={"doc": doc, "secret": secret})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All that may differ between installations."""

    data_dir: Path = _setting(
        ROOT / "var",
        "Folder for everything the embedded default keeps: database, files, search index, generated keys.",
    )
    database_url: str = _setting(
        "",
        "SQLAlchemy URL; empty means SQLite in the data folder. PostgreSQL: `postgresql+psycopg://user:password@host/name`.",
        secret=True,
    )
    broker_url: str = _setting(
        "",
        "Celery broker; empty means SQLite in the data folder. Redis: `redis://host:6379/0`.",
        secret=True,
    )
    secret_key: str = _setting(
        "",
        "Signs cookies and media addresses; empty means one generated in the data folder. Every process needs the same.",
        secret=True,
    )
    field_key: str = _setting(
        "",
        "Encrypts identity numbers at rest: 32 bytes as 64 hex digits; empty means one generated in the data folder.",
        secret=True,
    )
    ledger_key: str = _setting(
        "",
        "Ed25519 seed that signs the ledger's tree heads: 32 bytes as 64 hex digits; empty means one generated in the data folder.",
        secret=True,
    )
    issuer_key: str = _setting(
        "",
        "Ed25519 seed that signs credentials: 32 bytes as 64 hex digits; empty means one generated in the data folder.",
        secret=True,
    )
    key_passphrase: str = _setting(
        "",
        "Passphrase under which the ledger's and the issuer's keys are kept in the data folder; empty means plain files that only their owner can read.",
        secret=True,
    )
    base_url: str = _setting(
        "http://127.0.0.1:8000",
        "Public address of the site; printed in QR codes. Unset: this machine's, at the port of `ZHIXIN_PORT`.",
    )
    origin: str = _setting(
        "zhixin.example/ledger",
        "Name of the ledger in its signed checkpoints. Never change it once the log has entries.",
    )
    issuer: str = _setting("市专业技术人员继续教育办公室", "Issuer printed on certificates.")
    host: str = _setting("127.0.0.1", "Address that `zhixin serve` binds.")
    port: int = _setting(8000, "Port that `zhixin serve` binds.")
    web_workers: int = _setting(2, "Web server processes.")
    web_threads: int = _setting(
        4, "Requests that each web server process works on at once, uploads excepted."
    )
    web_uploads: int = _setting(
        32, "Uploads that each web server process takes at once; more are asked to come again."
    )
    job_workers: int = _setting(2, "Processes of the job worker.")
    https: bool = _setting(
        False, "The site is reached over HTTPS: cookies are Secure and HSTS is sent."
    )
    trusted_proxies: int = _setting(
        0, "Reverse proxies in front whose X-Forwarded-* headers are believed."
    )
    max_upload_bytes: int = _setting(8 * 1024**3, "Largest video file accepted, in bytes.")
    max_video_minutes: int = _setting(240, "Longest video accepted, in minutes.")
    media_s3_bucket: str = _setting(
        "", "S3 bucket in which finished media are kept; empty means the data folder."
    )
    media_s3_prefix: str = _setting("", "Prefix of the media's keys in the bucket.")
    media_s3_endpoint: str = _setting(
        "", "Address of an S3 server other than AWS, for example `https://minio.example:9000`."
    )
    media_s3_region: str = _setting("", "Region of the bucket.")
    media_s3_access_key: str = _setting(
        "",
        "Access key; empty means whatever boto3 finds (environment, instance role).",
        secret=True,
    )
    media_s3_secret_key: str = _setting("", "Secret key that belongs to it.", secret=True)
    media_s3_redirect: bool = _setting(
        False,
        "Browsers fetch segments from the bucket by short-lived addresses, not through this server. Needs `ZHIXIN_MEDIA_S3_ENDPOINT` and CORS on the bucket.",
    )
    picture_bytes: int = _setting(
        10 * 1024**2, "Largest picture of a page or question accepted, in bytes."
    )
    file_bytes: int = _setting(
        200 * 1024**2, "Largest file for learners to take home accepted, in bytes."
    )
    package_bytes: int = _setting(
        2 * 1024**3, "Largest course package accepted through the browser, in bytes."
    )
    package_days: int = _setting(
        7, "Days that exported course packages and those to be imported are kept."
    )
    author_bytes: int = _setting(
        500 * 1024**3, "Most that the media of one author may take, in bytes; 0: no limit."
    )
    unused_media_days: int = _setting(
        60, "Days after which videos, pictures and files that nothing refers to are removed."
    )
    upload_days: int = _setting(7, "Days an unfinished upload is kept.")
    cut_from_seconds: int = _setting(
        1200, "Videos longer than this are made in pieces by all workers together."
    )
    piece_seconds: int = _setting(300, "About how long such a piece is.")
    author_jobs: int = _setting(2, "Videos of one author that are worked on at the same time.")
    author_minutes_a_day: int = _setting(
        600, "Minutes of video that are worked on for one author within 24 hours; more waits."
    )
    author_bytes_a_day: int = _setting(
        64 * 1024**3, "Bytes that one author may upload within 24 hours."
    )
    speech_command: str = _setting(
        "",
        "Command that turns speech into captions, see docs/operator/speech.md; empty: there is none.",
    )
    speech_reads: str = _setting(
        "", "Folders that this command may read (its models and libraries), separated by `:`."
    )
    speech_minutes: int = _setting(240, "Longest that it may take over one video, in minutes.")
    speech_memory_mib: int = _setting(8192, "Most memory that it may take, in MiB.")
    watermark: bool = _setting(
        False,
        "Learners' masked names move slowly over the videos they watch; picture-in-picture is then off.",
    )
    late_beat_hours: int = _setting(
        24, "Hours after a playback's end in which its late beats are still accepted."
    )
    mistakes_right: int = _setting(
        2, "Right answers in a row with which a question leaves a learner's mistakes book."
    )
    device_days: int = _setting(
        180,
        "Days that the addresses and devices of playbacks are kept. 网络安全法 (2025) art. 23 asks for logs of six months.",
    )
    hold_days: int = _setting(
        10, "Days within which a person decides on a held award or a proposed reversal."
    )
    appeal_days: int = _setting(15, "Days within which an appeal is decided.")
    objection_days: int = _setting(
        3, "Days that a learner has to be heard before a proposed reversal may be confirmed."
    )
    session_idle_minutes: int = _setting(
        120, "Minutes without a request after which a sign-in ends."
    )
    session_days: int = _setting(14, "Days after which a sign-in ends in any case.")
    sign_in_attempts: int = _setting(5, "Failed sign-ins by name or address before a pause.")
    sign_in_pause_minutes: int = _setting(
        15, "Length of that pause, and the window in which failures are counted."
    )
    declaration_days: int = _setting(
        365, "Days after an outside activity's end in which it may be declared."
    )
    employer_days: int = _setting(
        7, "Days that an employer has for a declaration before the bureau may decide it as well."
    )
    bureau_days: int = _setting(15, "Days that a bureau has for a declaration.")
    proof_bytes: int = _setting(
        10 * 1024**2, "Largest file accepted as proof of a declaration, in bytes."
    )
    proof_files: int = _setting(6, "Most files that prove one declaration.")
    log_level: str = _setting("INFO", "DEBUG, INFO, WARNING or ERROR.")

    @property
    def database(self) -> str:
        """The database's URL, the embedded default filled in."""
        return self.database_url or f"sqlite:///{self.data_dir / 'zhixin.sqlite3'}"

    @property
    def broker(self) -> str:
        """The broker's URL, the embedded default filled in."""
        return self.broker_url or f"sqla+sqlite:///{self.data_dir / 'broker.sqlite3'}"

    @property
    def media_dir(self) -> Path:
        return self.data_dir / "media"

    @property
    def scratch_dir(self) -> Path:
        """Folders of tools at work; worth nothing when they have ended."""
        return self.media_dir / "scratch"  # whence what was made is moved by a rename

    @property
    def proofs_dir(self) -> Path:
        return self.data_dir / "proofs"

    @property
    def index_dir(self) -> Path:
        return self.data_dir / "index"

    def key(self, name: str) -> bytes:
        """32 secret bytes: the setting ``name``, or a file made on first use, readable by its owner only."""
        given = getattr(self, name)
        if given:
            return bytes.fromhex(given)
        path = self.data_dir / "keys" / name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            # Appears whole or not at all, so that nobody reads a key that is not written yet.
            fresh = path.with_name(f".{name}.{secrets.token_hex(8)}")
            with os.fdopen(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as f:
                f.write(secrets.token_hex(32))
            with contextlib.suppress(FileExistsError):  # another process was faster
                os.link(fresh, path)
            fresh.unlink()
        return bytes.fromhex(path.read_text())


def _parse(name: str, text: str, kind: type) -> Any:
    try:
        if kind is bool:
            return {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}[
                text.lower()
            ]
        value = kind(text)
        if kind is int and value < 0:
            raise ValueError
        return value
    except (KeyError, ValueError):
        raise SettingsError(f"{name}: {text!r} is not a valid {kind.__name__}") from None


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Settings from the environment.

    Raises:
        SettingsError: a value cannot be understood, a key has the wrong length, or a
            variable starts with ``ZHIXIN_`` and names no setting (a typo must not pass).
    """
    environ = os.environ if environ is None else environ
    hints = get_type_hints(Settings)
    values: dict[str, Any] = {}
    known = set()
    for item in fields(Settings):
        name = PREFIX + item.name.upper()
        known |= {name, f"{name}_FILE"}
        if path := environ.get(f"{name}_FILE"):
            try:
                values[item.name] = _parse(name, Path(path).read_text().strip(), hints[item.name])
            except OSError as error:
                raise SettingsError(f"{name}_FILE: {error}") from None
        elif (text := environ.get(name)) is not None:
            values[item.name] = _parse(name, text, hints[item.name])
    if unknown := sorted(n for n in environ if n.startswith(PREFIX) and n not in known):
        raise SettingsError(f"unknown settings: {', '.join(unknown)}")
    if "base_url" not in values and "port" in values:
        values["base_url"] = f"http://127.0.0.1:{values['port']}"
    settings = Settings(**values)
    for name in ("secret_key", "field_key", "ledger_key", "issuer_key"):
        text = getattr(settings, name)
        if text and (len(text) != 64 or set(text.lower()) - set("0123456789abcdef")):
            raise SettingsError(f"{PREFIX}{name.upper()}: expected 64 hex digits")
    if settings.log_level not in ("DEBUG", "INFO", "WARNING", "ERROR"):
        raise SettingsError(f"{PREFIX}LOG_LEVEL: expected DEBUG, INFO, WARNING or ERROR")
    return settings
