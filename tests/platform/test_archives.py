"""Archives of strangers are looked over before anything of them is unpacked."""

from __future__ import annotations

import io
import stat
import struct
import time
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zhixin import archives
from zhixin.archives import BadArchive, Limits


def made(*files: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w", method) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return kept.getvalue()


def names(content: bytes, limits: Limits = archives.DEFAULT) -> list[str]:
    with archives.open(content, limits) as archive:
        return archive.names


def test_files_come_out_as_they_went_in(tmp_path: Path) -> None:
    """A sound archive is read by name, in pieces and into a folder; system litter is not there."""
    content = made(
        ("课程/第一章.txt", "知新".encode()),
        ("课程/", b""),
        ("empty", b""),
        ("__MACOSX/课程/._第一章.txt", b"litter"),
    )
    with archives.open(content) as archive:
        assert archive.names == ["课程/第一章.txt", "empty"]
        assert archive.read("课程/第一章.txt").decode() == "知新"
        written = archive.extract(tmp_path)
    assert written["课程/第一章.txt"].read_text() == "知新"
    assert written["empty"].read_bytes() == b""
    assert not (tmp_path / "__MACOSX").exists()


def test_names_of_chinese_windows_are_read(tmp_path: Path) -> None:
    """Without the mark of UTF-8 a name is GBK: what the Explorer here writes."""
    raw = "试题.txt".encode("gbk")
    info = zipfile.ZipInfo(raw.decode("cp437"))
    content = made((info, b"x")).replace(raw.decode("cp437").encode(), raw)
    # The library wrote the name as UTF-8 with its mark: put the bytes and flags of Windows.
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w") as archive:
        archive.writestr("12345678.txt"[: len(raw)], b"x")
    content = kept.getvalue().replace(b"12345678.txt"[: len(raw)], raw)
    assert names(content) == ["试题.txt"]


def test_backslashes_part_folders() -> None:
    """Some Windows programs write them; they lead no further than other separators."""
    assert names(made(("a\\b.txt", b"x"))) == ["a/b.txt"]
    with pytest.raises(BadArchive):
        names(made(("a\\..\\..\\b.txt", b"x")))


@pytest.mark.parametrize(
    "name",
    [
        "../evil", "a/../../evil", "/etc/passwd", "C:/evil", "c:evil", "\\\\host\\share", "a//b", "./a",
        "a/./b", "a\x01b", "a\nb", "aux", "AUX.txt", "com1.log", "nul .txt", "a.", "a ", "a/b. /c", "a:b",
        "a<b", "a|b", "x" * 900, "/".join("a" * 30), "é" * 130,
    ],
)  # fmt: skip
def test_names_that_lead_elsewhere_are_refused(name: str) -> None:
    """Outside the folder, to a device, or to what some systems cannot keep."""
    with pytest.raises(BadArchive):
        names(made((name, b"x")))


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    "both",
    [
        ("a.txt", "a.txt"), ("a.txt", "A.TXT"), ("a/b", "A/c"), ("a", "a/b"), ("a/b", "a"), ("a", "a/"),
        ("é", "e\u0301"), ("ﬁ", "fi"), ("straße", "STRASSE"),
    ],
)  # fmt: skip
def test_two_files_at_one_place_are_refused(both: tuple[str, str]) -> None:
    """On some disk the second would replace the first, after it was looked at."""
    with pytest.raises(BadArchive, match="重名"):
        names(made(*((name, b"") for name in both)))


def test_links_and_devices_are_refused() -> None:
    """A link in an archive reads or writes what is not in it."""
    for kind in (stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO):
        info = zipfile.ZipInfo("link")
        info.create_system, info.external_attr = 3, (kind | 0o777) << 16
        with pytest.raises(BadArchive, match="链接"):
            names(made((info, b"/etc/passwd")))


def test_encrypted_archives_are_refused_in_words() -> None:
    """The person is told to take the password off."""
    content = bytearray(made(("a.txt", b"x")))
    content[content.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(BadArchive, match="密码"):
        names(bytes(content))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_that_unpack_without_bound_are_refused(method: int) -> None:
    """The library gives out a whole block of these at once."""
    with pytest.raises(BadArchive, match="压缩方式"):
        names(made(("a.txt", b"x"), method=method))


SMALL = Limits(entries=10, total=3_000_000, each=2_000_000, ratio=100, depth=3)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (made(("bomb", b"\0" * 1_900_000)), "异常巨大"),
        (made(("large", b"\0" * 2_000_001)), "超过"),
        (made(*((f"{n}", bytes(range(256)) * 4000) for n in range(3)), method=0), "超过"),
        (made(*((f"{n}", b"") for n in range(11))), "10 个"),
        (made(*((f"{n}", b"\0" * 900_000) for n in range(3))), "异常巨大"),
        (made(("a/b/c/d/e", b"")), "过深"),
        (b"PK\x03\x04", "已损坏"),
        (b"", "已损坏"),
        (b"PK\x05\x06" + b"\xff" * 18, "超过"),
    ],
    ids="one-ratio one-size total entries all-ratio depth head empty end".split(),
)
def test_bombs_are_refused_before_they_are_unpacked(content: bytes, said: str) -> None:
    """By number, by size of one and of all, by ratio; nothing was unpacked to find out."""
    with pytest.raises(BadArchive, match=said):
        names(content, SMALL)


def test_files_that_share_their_bytes_are_refused() -> None:
    """A bomb without nesting: many entries of the directory name one packed file."""
    content = made(("a", b"x" * 5000), ("b", b"y" * 5000))
    second = content.rindex(b"PK\x01\x02")
    content = content[: second + 42] + struct.pack("<I", 0) + content[second + 46 :]
    with pytest.raises(BadArchive, match="重叠"):
        names(content)


def test_a_directory_of_gigabytes_is_not_read() -> None:
    """The library reads it whole: what the end records say of it is bounded first."""
    end = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 1, 1, 1 << 30, 0, 0)
    with pytest.raises(BadArchive, match="超过"):
        names(b"PK\x03\x04" + end)
    record = b"PK\x06\x06" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, 1, 1, 1 << 40, 0)
    locator = b"PK\x06\x07" + struct.pack("<IQI", 0, 4, 1)
    small = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 1, 1, 46, 0, 0)
    with pytest.raises(BadArchive, match="超过"):
        names(b"PK\x03\x04" + record + locator + small)


def test_sizes_that_lie_end_at_what_was_said() -> None:
    """A file that unpacks to more than its header says is damaged, not large."""
    content = bytearray(made(("a", b"x" * 100_000)))
    for head, at in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        place = content.index(head) + at
        content[place : place + 4] = struct.pack("<I", 10)
    with archives.open(bytes(content)) as archive, pytest.raises(BadArchive, match="损坏"):
        archive.read("a")


def test_a_reader_may_ask_for_less() -> None:
    """A part that must be small is not read when it is not."""
    with archives.open(made(("a", b"x" * 100))) as archive:
        with pytest.raises(BadArchive, match="过大"):
            archive.read("a", most=99)
        assert len(archive.read("a", most=100)) == 100


_SOUND = made(("课程/a.xml", b"<a/>" * 50), ("b.bin", bytes(range(256))), ("c/", b""))


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, len(_SOUND) - 1), st.integers(0, 255)), min_size=1, max_size=8
    )
)
def test_damaged_archives_are_refused_and_nothing_else(changes: list[tuple[int, int]]) -> None:
    """Whatever bytes are changed: read within the bounds or refused in words."""
    content = bytearray(_SOUND)
    for at, value in changes:
        content[at] = value
    began = time.monotonic()
    try:
        with archives.open(bytes(content), SMALL) as archive:
            for name in archive.names:
                assert len(archive.read(name)) <= SMALL.each
    except BadArchive:
        pass  # in words
    assert time.monotonic() - began < 2


def test_extraction_writes_over_nothing(tmp_path: Path) -> None:
    """Not through a link that stands there, and not over a file."""
    outside = tmp_path / "outside"
    outside.write_text("kept")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a").symlink_to(outside)
    with archives.open(made(("a", b"x"))) as archive, pytest.raises(FileExistsError):
        archive.extract(folder)
    assert outside.read_text() == "kept"
