"""Zip archives of strangers: looked over before anything is unpacked, then read within bounds.

A zip says of itself how many files it holds, what they are called and how large they become, and
each of these may be a lie or a trap: a few KB that unpack to gigabytes, names that lead out of
the folder, two names that are one file on somebody's disk. :func:`open` refuses such an archive
in words; what it lets through is read as a stream that ends at its bounds.
"""

from __future__ import annotations

import io
import os
import re
import stat
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO

from zhixin.errors import Invalid

MIB = 1024 * 1024
GIB = 1024 * MIB
CHUNK = 64 * 1024
#: Below this size, how well something was packed says nothing.
RATIO_FROM = MIB
#: Bytes of a file in the directory, beside its name.
_DIRECTORY_ENTRY = 46
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
#: Names that Windows keeps for devices, whatever follows the first point.
_DEVICES = re.compile(r"(?i)(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])\s*(\..*)?")
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f<>:"|?*]|[\ud800-\udfff]')
#: What systems leave in archives without being asked to.
_LITTER = re.compile(r"(?i)(^|/)(__MACOSX/|\.DS_Store$|Thumbs\.db$|desktop\.ini$)")
_UTF8_FLAG, _ENCRYPTED = 0x800, 0x1 | 0x40 | 0x2000


class BadArchive(Invalid):
    """The file is no zip that we unpack; nothing of it was."""

    code = "bad-archive"
    title = "无法打开这个压缩包"


@dataclass(frozen=True, slots=True)
class Limits:
    """What an archive may hold.

    Attributes:
        entries: files and folders.
        total: bytes that all files unpack to.
        each: bytes that one file unpacks to.
        ratio: how many times larger than packed, of files above ``RATIO_FROM`` and of all.
        depth: folders in one another.
        name: bytes of a whole name, and of one part of it a quarter.
    """

    entries: int = 5_000
    total: int = 512 * MIB
    each: int = 256 * MIB
    ratio: int = 250
    depth: int = 16
    name: int = 800


DEFAULT = Limits()


@dataclass(frozen=True, slots=True)
class Member:
    """One file of an archive: its checked name, with ``/``, and the bytes that it claims."""

    name: str
    size: int
    info: zipfile.ZipInfo


class Archive:
    """An archive that was looked over; its files by name."""

    def __init__(
        self, file: zipfile.ZipFile, members: Mapping[str, Member], limits: Limits
    ) -> None:
        self._file, self._limits = file, limits
        self.members = MappingProxyType(dict(members))

    def __contains__(self, name: object) -> bool:
        return name in self.members

    @property
    def names(self) -> list[str]:
        return list(self.members)

    def read(self, name: str, most: int | None = None) -> bytes:
        """One file.

        Raises:
            KeyError: there is no such file.
            BadArchive: it is damaged, or larger than ``most`` bytes.
        """
        member = self.members[name]
        if most is not None and member.size > most:
            raise BadArchive(f"压缩包中的“{name}”过大")
        return b"".join(self.stream(name))

    def stream(self, name: str) -> Iterator[bytes]:
        """The same in pieces.

        Raises:
            KeyError, BadArchive: as above.
        """
        member, seen = self.members[name], 0
        try:
            with self._file.open(member.info) as source:
                while piece := source.read(CHUNK):
                    seen += len(piece)
                    yield piece
        except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, OSError) as error:
            raise BadArchive(f"压缩包中的“{name}”已损坏") from error
        except (NotImplementedError, RuntimeError) as error:  # a local header of another mind
            raise BadArchive(f"压缩包中的“{name}”无法解压") from error
        if seen != member.size:
            raise BadArchive(f"压缩包中的“{name}”已损坏")

    def extract(
        self, folder: Path, wanted: Callable[[str], bool] = lambda name: True
    ) -> dict[str, Path]:
        """Write files into ``folder``, which is the caller's own; their paths by name.

        Raises:
            BadArchive: one is damaged. Those written before stay: the caller removes ``folder``.
        """
        written: dict[str, Path] = {}
        for name in filter(wanted, self.members):
            path = folder.joinpath(*name.split("/"))
            path.parent.mkdir(parents=True, exist_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
            with os.fdopen(os.open(path, flags, 0o600), "wb") as kept:
                for piece in self.stream(name):
                    kept.write(piece)
            written[name] = path
        return written


def is_zip(content: bytes | Path) -> bool:
    """Whether it begins as a zip does; whether it is one is for :func:`open` to say."""
    if isinstance(content, Path):
        with content.open("rb") as stream:
            content = stream.read(4)
    return content[:4] in (b"PK\x03\x04", b"PK\x05\x06")


@contextmanager
def open(source: bytes | Path | BinaryIO, limits: Limits = DEFAULT) -> Iterator[Archive]:
    """Look an archive over and give its files out.

    Folders and what systems leave behind (``__MACOSX``) are left out.

    Raises:
        BadArchive: it is no zip, damaged, encrypted, too large, or would write where it must not.
    """
    stream = io.BytesIO(source) if isinstance(source, bytes) else source
    _check_directory(stream, limits)
    try:
        file = zipfile.ZipFile(stream)
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, EOFError) as error:
        raise BadArchive("文件已损坏，无法打开；请重新导出或另存后再试") from error
    except (UnicodeDecodeError, OverflowError, IndexError) as error:
        raise BadArchive("压缩包的目录已损坏") from error
    with file:
        yield Archive(file, _members(file, limits), limits)


def _check_directory(source: Path | BinaryIO, limits: Limits) -> None:
    """The directory is read whole by the library: its size is bounded before."""
    with _opened(source) as stream:
        stream.seek(0, io.SEEK_END)
        length = stream.tell()
        stream.seek(max(0, length - 22 - 65_535))
        tail = stream.read()
        stream.seek(0)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < 22:
        raise BadArchive("文件已损坏，无法打开；请重新导出或另存后再试")
    size = int.from_bytes(tail[at + 12 : at + 16], "little")
    if tail[at - 76 : at - 72] == b"PK\x06\x06" and tail[at - 20 : at - 16] == b"PK\x06\x07":
        size = int.from_bytes(tail[at - 36 : at - 28], "little")  # what zip64 says goes before
    if size > max(limits.entries * (_DIRECTORY_ENTRY + limits.name), MIB):
        raise _too_many(limits)


@contextmanager
def _opened(source: Path | BinaryIO) -> Iterator[BinaryIO]:
    if isinstance(source, Path):
        with source.open("rb") as stream:
            yield stream
    else:
        yield source


def _members(file: zipfile.ZipFile, limits: Limits) -> dict[str, Member]:
    infos = file.infolist()
    if len(infos) > limits.entries:
        raise _too_many(limits)
    members: dict[str, Member] = {}
    places: dict[str, tuple[str, str]] = {}  # what a disk that ignores case and forms would call it
    for info in infos:
        name = _name(info)
        if _LITTER.search(name):
            continue
        is_folder = name.endswith("/")
        name = name.rstrip("/") if is_folder else name
        if is_folder and name in ("", "."):
            continue
        _check_name(name, limits)
        _check_entry(info, name, is_folder, limits)
        _check_place(places, name, is_folder)
        if not is_folder:
            members[name] = Member(name, info.file_size, info)
    _check_sizes(members, limits)
    return members


def _name(info: zipfile.ZipInfo) -> str:
    """The entry's name with ``/``; without the mark of UTF-8, by what Chinese Windows writes.

    (Python reads such names as code page 437, which loses nothing.)
    """
    # filename is cut at a NUL and cleaned by the library; orig_filename is what was sent.
    name = info.orig_filename
    if not info.flag_bits & _UTF8_FLAG:
        try:
            raw = name.encode("cp437")
        except UnicodeEncodeError:
            raw = name.encode("utf-8", "surrogatepass")
        for encoding in ("utf-8", "gb18030"):
            try:
                name = raw.decode(encoding)
                break
            except UnicodeDecodeError:
                continue
    return unicodedata.normalize("NFC", name.replace("\\", "/"))


def _check_name(name: str, limits: Limits) -> None:
    shown = _shown(name)
    if name.startswith("/") or re.match(r"[A-Za-z]:", name):
        raise BadArchive(f"压缩包中的“{shown}”使用了绝对路径")
    if _FORBIDDEN.search(name):
        raise BadArchive(f"压缩包中的文件名“{shown}”含有不允许的字符")
    parts = name.split("/")
    if len(name.encode()) > limits.name or len(parts) > limits.depth + 1:
        raise BadArchive(f"压缩包中的路径“{shown}”过长或过深")
    for part in parts:
        if part in ("", ".", ".."):
            raise BadArchive(f"压缩包中的路径“{shown}”指向包外或不完整")
        if len(part.encode()) > 240:
            raise BadArchive(f"压缩包中的文件名“{shown}”过长")
        if _DEVICES.fullmatch(part) or part[-1] in ". ":
            raise BadArchive(f"压缩包中的文件名“{shown}”在 Windows 上不能使用")


def _check_entry(info: zipfile.ZipInfo, name: str, is_folder: bool, limits: Limits) -> None:
    shown = _shown(name)
    if info.flag_bits & _ENCRYPTED:
        raise BadArchive("压缩包设有密码，请去掉密码后重新打包")
    kind = stat.S_IFMT(info.external_attr >> 16) if info.create_system == 3 else 0
    if kind and kind not in (stat.S_IFREG, stat.S_IFDIR):
        raise BadArchive(f"压缩包中的“{shown}”是链接或特殊文件")
    if info.compress_type not in _METHODS:
        raise BadArchive(f"压缩包中的“{shown}”使用了不支持的压缩方式，请用普通 zip 重新打包")
    if is_folder and info.file_size:
        raise BadArchive(f"压缩包中的文件夹“{shown}”带有内容")
    if info.file_size > limits.each:
        raise BadArchive(f"压缩包中的“{shown}”超过 {limits.each // MIB} MiB")
    if info.file_size > RATIO_FROM and info.file_size > info.compress_size * limits.ratio:
        raise BadArchive(f"压缩包中的“{shown}”展开后异常巨大")


def _check_place(places: dict[str, tuple[str, str]], name: str, is_folder: bool) -> None:
    """No two files at one place, also where case does not count; no file that is a folder."""
    parts = name.split("/")
    for end in range(1, len(parts) + 1):
        part = "/".join(parts[:end])
        own = ("folder" if end < len(parts) or is_folder else "file", part)
        place = unicodedata.normalize("NFKC", part).casefold()
        known = places.setdefault(place, own)
        if known != own or (own[0] == "file" and known is not own):
            raise BadArchive(f"压缩包中有重名的文件“{_shown(name)}”（或仅大小写不同）")


def _check_sizes(members: Mapping[str, Member], limits: Limits) -> None:
    total = sum(member.size for member in members.values())
    if total > limits.total:
        raise BadArchive(f"压缩包展开后超过 {limits.total // MIB} MiB")
    packed = sum(member.info.compress_size for member in members.values())
    if total > RATIO_FROM and total > packed * limits.ratio:
        raise BadArchive("压缩包展开后异常巨大")
    end = 0  # files that share their packed bytes: a bomb that no ratio shows
    for info in sorted((each.info for each in members.values()), key=lambda i: i.header_offset):
        if info.header_offset < end:
            raise BadArchive("压缩包中的文件互相重叠")
        end = info.header_offset + 30 + info.compress_size


def _too_many(limits: Limits) -> BadArchive:
    return BadArchive(f"压缩包中的文件超过 {limits.entries} 个")


def _shown(name: str) -> str:
    """A stranger's name as a message may hold it."""
    return "".join(each if each.isprintable() else "�" for each in name[:80])
