"""A course put together from another system's package: chapters, pages, pictures, files, remarks.

What can be taken is taken, what can't is said; nothing of a stranger's is kept that was not tried
as it will be when it comes in.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from assessments.exchange import html
from courses import editing
from courses.packages import document as documents
from courses.packages import manifest, reading
from courses.packages.document import PackagedCourse
from courses.packages.reading import Bounds
from media import files
from zhixin import texts
from zhixin.archives import MIB, Archive

MOST_HTML = 4 * MIB
VIDEOS = {"mp4", "m4v", "mov", "webm", "mkv", "avi", "wmv", "flv", "mpg", "mpeg", "ts"}
PICTURES = {"png", "jpg", "jpeg", "gif", "webp"}
PAGES = {"html", "htm", "xhtml"}
#: Where cartridges keep what their pages speak of.
_FILEBASE = re.compile(r"^\$(?:IMS[-_]CC[-_]FILEBASE|CANVAS_COURSE_REFERENCE)\$/?(?:\.\./)*")
_FILEBASES = ("web_resources", "")
# All of these end after so many characters: a page of nothing but beginnings would take days.
_BODY = re.compile(r"(?is)<body\b[^<>]{0,2000}>(.*?)(?:</body\s*>|$)")
_FRAME = re.compile(
    r"""(?is)<iframe\b[^<>]{0,2000}?\bsrc\s{0,9}=\s{0,9}["']([^"'<>]{1,2000})["'][^<>]{0,2000}>"""
    r"""(?:[^<]{0,2000}</iframe\s{0,9}>)?"""
)
_EMBEDDED = re.compile(r"(?i)<(?:script|object|embed|applet|video|audio|canvas|form)\b")
_LINK = re.compile(r"(?<!!)\[((?:\\.|[^\[\]\\\n])*)\]\(<?([^()<>\s]+)>?(?:\s+\"[^\"\n]*\")?\)")
_OUTSIDE = re.compile(r"(?i)^(https?:|mailto:)")


def ending(name: str) -> str:
    return name.rpartition(".")[2].lower() if "." in posixpath.basename(name) else ""


@dataclass
class Builder:
    """Gathers a course; ids are given in the order of appearance."""

    archive: Archive
    bounds: Bounds
    remarks: list[str] = field(default_factory=list)
    chapters: list[dict[str, Any]] = field(default_factory=list)
    pictures: dict[str, str] = field(default_factory=dict)  # ids by member
    refused: dict[str, str] = field(default_factory=dict)  # members that are no pictures: why
    units: int = 0
    courseware: list[dict[str, Any]] = field(default_factory=list)

    def remark(self, where: str, said: str) -> None:
        line = (f"“{where[:60]}”：{said}" if where else said).replace("\0", "")
        if line not in self.remarks:
            self.remarks.append(line)

    def chapter(self, title: str) -> None:
        self.chapters.append({"title": named(title), "units": []})

    def unit(self, kind: str, title: str, **facts: Any) -> None:
        """One more unit at the end of the last chapter; a chapter that is full goes on in another."""
        if not self.chapters:
            self.chapter("第一章")
        if len(self.chapters[-1]["units"]) >= editing.MOST_UNITS:
            self.chapter(f"{self.chapters[-1]['title'][:100]}（续）")
        self.units += 1
        said = {name: value for name, value in facts.items() if value not in (None, "")}
        self.chapters[-1]["units"].append(
            {"id": f"u{self.units}", "kind": kind, "title": named(title), **said}
        )

    def whole(self, title: str, summary: str, format: str) -> reading.Found:
        """What was gathered.

        Raises:
            BadPackage: there is nothing in it, or too much.
        """
        if not self.units:
            told = f"（{self.remarks[0]}）" if self.remarks else ""
            raise documents.BadPackage(f"包中没有可以导入的内容{told}")
        kept = [each for each in self.chapters if each["units"]]
        if len(kept) > editing.MOST_CHAPTERS:
            raise documents.BadPackage(
                f"包中有 {len(kept)} 章，一门课程最多 {editing.MOST_CHAPTERS} 章，请拆分后导入"
            )
        made: PackagedCourse = documents.checked({
            "course": {"title": named(title), "summary": summary[:4_000]},
            "chapters": kept,
            "pictures": [{"id": id, "member": member} for member, id in self.pictures.items()],
            "courseware": self.courseware,
        })  # fmt: skip
        return reading.Found(format, made, self.remarks)

    def member(self, title: str, member: str, *, required: bool = True) -> bool:
        """A file of the package as the unit that it can be; False: it can be none."""
        name, kind = posixpath.basename(member), ending(member)
        if kind in VIDEOS:
            if not 0 < self.archive.members[member].size <= self.bounds.video:
                self.remark(title, "视频是空的，或超过了允许的大小，没有导入")
                return False
            self.unit("video", title, video={"member": member, "name": name}, required=required)
        elif kind in PICTURES:
            if (id := self.picture(title, member)) is None:
                return False
            self.unit("page", title, body=f"![{plain(title)}](picture:{id})", required=required)
        elif kind in PAGES:
            self.page(title, member, required=required)
        elif kind in files.KINDS:
            if fault := reading.file_fault(self.archive, member, name, self.bounds):
                self.remark(title, f"文件“{name}”没有导入：{fault}")
                return False
            self.unit("file", title, file={"member": member, "name": name}, required=required)
        else:
            self.remark(title, f"不支持的文件“{name}”，没有导入")
            return False
        return True

    def page(self, title: str, member: str, *, required: bool = True) -> None:
        """An HTML file as a page, with its pictures; the files that it links to follow it."""
        text = self.text(title, member)
        if text is None:
            return
        linked: list[str] = []
        body = self.markdown(title, text, posixpath.dirname(member), linked)
        if not body:
            self.remark(title, "网页中没有可以导入的文字或图片")
            return
        self.unit("page", title, body=body, required=required)
        for each in dict.fromkeys(linked):
            self.member(posixpath.basename(each), each, required=False)

    def text(self, title: str, member: str) -> str | None:
        """A member as text; None, and a remark, if it is too large."""
        if self.archive.members[member].size > MOST_HTML:
            self.remark(title, "网页过大，没有导入")
            return None
        content = self.archive.read(member)
        try:
            return texts.decode(content)
        except texts.UnreadableText:
            self.remark(title, "网页的文字编码无法确定，按西欧字符读取，请核对")
            return content.decode("cp1252", "replace")

    def markdown(self, title: str, text: str, folder: str, linked: list[str] | None = None) -> str:
        """HTML of a stranger as a page's text. ``linked`` gathers the files that it links to."""
        found = _BODY.search(text)
        text = found[1] if found else _without(_without(text, "head"), "title")
        if _EMBEDDED.search(text):
            self.remark(title, "网页中的脚本、表单或嵌入的音视频没有导入")
        text = _FRAME.sub(self._frame(title), text)
        made = html.to_markdown(
            text, lambda address, words: self._show(title, folder, address, words)
        )
        made = _LINK.sub(lambda link: self._link(title, folder, link, linked), made).strip()
        made = made.replace("\0", "")
        if len(made) > editing.MOST_PAGE_CHARACTERS:
            self.remark(title, f"文字过长，只导入了前 {editing.MOST_PAGE_CHARACTERS} 个字")
            made = made[: editing.MOST_PAGE_CHARACTERS]
        return made

    def _frame(self, title: str) -> Callable[[re.Match[str]], str]:
        def one(found: re.Match[str]) -> str:
            address = re.sub(r"^//", "https://", found[1].strip())
            if not re.match(r"(?i)https?://[^\s\"'<>]+$", address):
                self.remark(title, "嵌入的内容没有导入")
                return ""
            self.remark(title, "嵌入的网页改为链接")
            return f'<p><a href="{address}">{address}</a></p>'

        return one

    def _show(self, title: str, folder: str, address: str, words: str) -> str:
        member = self.find(folder, address)
        id = self.picture(title, member) if member else None
        words = plain(words)
        if id is None:
            if member is None:
                self.remark(title, f"图片“{address[:60]}”不在包中，没有导入")
            return f"〔图片{'：' + words if words else ''}〕"
        return f"![{words}](picture:{id})"

    def _link(self, title: str, folder: str, link: re.Match[str], linked: list[str] | None) -> str:
        if _OUTSIDE.match(link[2]):
            return link[0]
        member = self.find(folder, link[2])
        takeable = member and (ending(member) in files.KINDS or ending(member) in VIDEOS)
        if member and takeable and linked is not None:
            if ending(member) not in PICTURES:
                linked.append(member)
        elif not link[2].startswith("#"):
            self.remark(title, f"包内链接“{link[2][:60]}”只保留了文字")
        return link[1]

    def find(self, folder: str, address: str) -> str | None:
        """The member that an address on a page in ``folder`` means."""
        whole = address.replace("%24", "$")
        bare = _FILEBASE.sub("", whole)
        places = (folder, "") if bare == whole else (*_FILEBASES, folder)
        for place in places:
            if found := manifest.resolve(self.archive, place, bare):
                return found
        return None

    def picture(self, title: str, member: str) -> str | None:
        """The id of a member as a picture; None, and a remark, if it is none that we keep."""
        if member in self.pictures:
            return self.pictures[member]
        if member not in self.refused:
            if len(self.pictures) >= documents.MOST_PICTURES:
                fault: str | None = "图片过多"
            else:
                fault = reading.picture_fault(self.archive, member, self.bounds)
            if fault is None:
                self.pictures[member] = f"{len(self.pictures) + 1:032x}"
                return self.pictures[member]
            self.refused[member] = fault
        self.remark(title, f"图片“{posixpath.basename(member)}”没有导入：{self.refused[member]}")
        return None


def _without(text: str, tag: str) -> str:
    """A page without its first such element; one that does not end stays."""
    begins = re.search(rf"(?i)<{tag}\b", text)
    ends = begins and re.compile(rf"(?i)</{tag}\s*>").search(text, begins.end())
    return text[: begins.start()] + text[ends.end() :] if begins and ends else text


def named(title: str) -> str:
    title = "".join(each for each in " ".join(title.split()) if each.isprintable())
    return title[: editing.MOST_CHARACTERS["title"]].strip() or "未命名"


def plain(words: str) -> str:
    return re.sub(r"[\[\]\\\n\0]", " ", words).strip()[:200]
