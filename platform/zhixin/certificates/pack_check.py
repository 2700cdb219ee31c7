"""Checking an evidence pack: somebody's file, of which nothing is believed before it is checked."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from zhixin.certificates import credential, data_integrity, pack
from zhixin.ledger import checkpoint, log, merkle

#: What a pack may unpack to, and how many files it may have.
MOST_BYTES = 256 * 1024 * 1024
MOST_FILES = 3 * pack.MOST_AWARDS + 10


class PackWrong(ValueError):
    """The pack is not what was sealed; the message names what does not hold."""


def check(content: bytes, issuer: Ed25519PublicKey, log_keys: Iterable[str]) -> Iterator[str]:
    """Yield what holds, one line a check.

    Args:
        issuer: the public key that packs are sealed by.
        log_keys: the ledger's public keys.

    Raises:
        PackWrong: something does not hold.
    """
    try:
        yield from _checks(_unpacked(content), issuer, list(log_keys))
    except PackWrong:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        # Checkpoints, proofs and JSON from a stranger: whatever is malformed does not hold.
        raise PackWrong(f"内容无法读取：{type(error).__name__}: {error}") from error


def _unpacked(content: bytes) -> dict[str, bytes]:
    """The files of the archive, up to a bound: what its headers say of sizes may be a lie."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = archive.infolist()
            if len(parts) > MOST_FILES or len({part.filename for part in parts}) != len(parts):
                raise PackWrong("文件过多或重名")
            found, left = {}, MOST_BYTES
            for part in parts:
                with archive.open(part) as file:
                    found[part.filename] = file.read(left + 1)
                left -= len(found[part.filename])
                if left < 0:
                    raise PackWrong("内容过大")
            return found
    except (zipfile.BadZipFile, zlib.error, OSError, RuntimeError, NotImplementedError) as error:
        raise PackWrong(f"不是有效的 zip：{error}") from error


def _checks(
    parts: dict[str, bytes], issuer: Ed25519PublicKey, log_keys: list[str]
) -> Iterator[str]:
    manifest = json.loads(parts.pop(pack.MANIFEST))
    data_integrity.verify(manifest, issuer)
    yield f"清单的签名有效：证书 {manifest['certificate']}"
    _same_files(parts, pack.contents(manifest))
    yield f"{len(parts)} 个文件与清单一致"
    core = _credential(json.loads(parts["credential.json"]), issuer)
    yield "数字凭证的签名有效"
    bound = False
    for path in sorted(name for name in parts if name.startswith("proofs/")):
        entry = _included(json.loads(parts[path]), log_keys)
        bound |= entry["facts"].get("credential") == core
        _evidence_of(entry, parts)
    if not bound:
        raise PackWrong("没有与数字凭证相符的账本记录")
    yield "每条记录都在账本中，承诺可以打开，证据与记录一致"


def _same_files(parts: dict[str, bytes], said: dict[str, tuple[str, int]]) -> None:
    if odd := sorted(parts.keys() ^ said.keys()):
        raise PackWrong(f"多出或缺少文件：{odd[0]}")
    for path, content in parts.items():
        if said[path] != (hashlib.sha256(content).hexdigest(), len(content)):
            raise PackWrong(f"文件被改动：{path}")


def _credential(document: dict[str, Any], issuer: Ed25519PublicKey) -> str:
    """The digest of its core, once its proof holds."""
    data_integrity.verify(document, issuer)
    core = {name: each for name, each in document.items() if name not in ("evidence", "proof")}
    return credential.digest(credential.canonical(core))


def _included(proof: dict[str, Any], log_keys: list[str]) -> dict[str, Any]:
    """The entry of a proof that leads to a checkpoint of the log."""
    head = checkpoint.parse_and_verify(proof["checkpoint"], log_keys)
    leaf = merkle.leaf_hash(proof["entry"].encode())
    path = [base64.b64decode(each, validate=True) for each in proof["path"]]
    if head.size != proof["size"]:
        raise PackWrong("包含证明与树头大小不同")
    merkle.verify_inclusion(proof["index"], head.size, leaf, path, head.root)
    entry: dict[str, Any] = json.loads(proof["entry"])
    if (opening := proof.get("opening")) is not None:
        said = log.commitment(opening["person"], bytes.fromhex(opening["salt"]))
        if said != entry["person"]:
            raise PackWrong(f"第 {proof['index']} 条记录的承诺打不开")
    return entry


def _evidence_of(entry: dict[str, Any], parts: dict[str, bytes]) -> None:
    """That the evidence an award's entry names is there, and is what it is named by."""
    if (named := entry["facts"].get("evidence")) is None:
        return
    text = parts.get(f"evidence/{named}.json")
    if text is None or hashlib.sha256(text).hexdigest() != named:
        raise PackWrong(f"证据缺失或被改动：{named}")
