"""Common Cartridge 1.0 to 1.3 and plain IMS content packages: read as a course.

Pages, web links, discussion topics, quizzes, files and videos come in; tools of others (LTI) and
what else can't be taken are named.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
from typing import Any
from xml.etree.ElementTree import Element

from assessments.exchange import qti12
from assessments.exchange.base import Reading, UnreadableQuestions
from assessments.exchange.html import escaped
from courses.packages.building import Builder, named, plain
from courses.packages.manifest import Item, Manifest, Resource
from courses.packages.reading import Bounds, Found, Progress
from zhixin import xmltree
from zhixin.archives import Archive, BadArchive
from zhixin.errors import Invalid
from zhixin.xmltree import local

MOST_XML = 4 * 1024 * 1024
_MOST_QUESTIONS = 500
_WEB = re.compile(r"(?i)^https?://[^\s<>\"\\]{1,2000}$")


class Cartridge:
    """One package on its way to a course."""

    def __init__(self, archive: Archive, manifest: Manifest, bounds: Bounds) -> None:
        self.archive, self.manifest = archive, manifest
        self.builder = Builder(archive, bounds)
        self.taken: set[str] = set()

    def take(self, item: Item, path: tuple[str, ...] = ()) -> None:
        """An item and all below it, into the last chapter."""
        title = " · ".join([*path, item.title]) if path else item.title
        if item.ref:
            self.resource(title or item.ref, self.manifest.resources.get(item.ref), item.parameters)
        for each in item.items:
            self.take(each, (*path, item.title)[-2:] if item.title else path)

    def resource(self, title: str, resource: Resource | None, parameters: str = "") -> None:
        """One resource as the unit that it can be."""
        if resource is None:
            self.builder.remark(title, "清单中没有对应的资源")
            return
        self.taken.add(resource.id)
        kind = resource.type.lower()
        if "imsbasiclti" in kind:
            self.builder.remark(title, "外部工具（LTI）需要对方授权，没有导入")
        elif resource.member is None:
            self.builder.remark(title, f"资源“{resource.named[:60]}”不在包中")
        elif kind.startswith("imswl_"):
            self.link(title, resource.member)
        elif kind.startswith("imsdt_"):
            self.topic(title, resource.member)
        elif kind.startswith("imsqti_"):
            self.questions(title, resource.member, quiz="question-bank" not in kind)
        elif kind == "webcontent" or (kind.startswith("associatedcontent") and _is_file(resource)):
            self.builder.member(title, resource.member)
        else:
            self.builder.remark(
                title, f"不支持的资源类型 {resource.type[:60] or '（空）'}，没有导入"
            )

    def link(self, title: str, member: str) -> None:
        root = self.xml(title, member)
        if root is None:
            return
        address = next((e.get("href", "") for e in root.iter() if local(e) == "url"), "").strip()
        if not _WEB.match(address):
            self.builder.remark(title, "链接的地址不是网页地址，没有导入")
            return
        shown = address.replace("(", "%28").replace(")", "%29")
        self.builder.unit("page", title, body=f"[{escaped(plain(title))}]({shown})")

    def topic(self, title: str, member: str) -> None:
        root = self.xml(title, member)
        if root is None:
            return
        text = next((each for each in root.iter() if local(each) == "text"), None)
        said = "".join(text.itertext()) if text is not None else ""
        if text is not None and "html" in text.get("texttype", "").lower():
            body = self.builder.markdown(title, said, posixpath.dirname(member))
        else:
            body = escaped(said.strip())
        if not body:
            self.builder.remark(title, "讨论题没有文字，没有导入")
            return
        self.builder.remark(title, "讨论题按图文页导入")
        self.builder.unit("page", title, body=body)

    def questions(self, title: str, member: str, *, quiz: bool) -> None:
        pictures = _MembersPictures(self.builder, title, posixpath.dirname(member))
        try:
            content = self.archive.read(member, most=qti12.MOST_BYTES)
            found = qti12.read(content, pictures, load=pictures.find)
        except (xmltree.BadXml, BadArchive, UnreadableQuestions) as error:
            self.builder.remark(title, f"试题没有导入：{error.message}")
            return
        for problem in found.problems:
            self.builder.remark(title, f"{problem.where}：{problem.said}")
        if not found.found:
            self.builder.remark(title, "没有可以导入的试题")
            return
        whole = found.questions
        for at in range(0, len(whole), _MOST_QUESTIONS):
            part = whole[at : at + _MOST_QUESTIONS]
            called = title if at == 0 else f"{title[:100]}（续 {at // _MOST_QUESTIONS + 1}）"
            paper = {"title": named(called), "questions": part, "passages": _passages(found, part)}
            kind = "quiz" if quiz else "practice"
            self.builder.unit(kind, called, paper=_without_silence(paper), required=quiz)

    def xml(self, title: str, member: str) -> Element | None:
        try:
            return xmltree.parse(self.archive.read(member, most=MOST_XML))
        except Invalid as error:
            self.builder.remark(title, f"没有导入：{error.message}")
            return None


class _MembersPictures:
    """Pictures of questions are the package's own members."""

    def __init__(self, builder: Builder, title: str, folder: str) -> None:
        self._builder, self._title, self._folder = builder, title, folder
        self._members: dict[str, str] = {}

    def find(self, address: str) -> bytes | None:
        member = self._builder.find(self._folder, address)
        if (
            member is None
            or self._builder.archive.members[member].size > self._builder.bounds.picture
        ):
            return None
        content = self._builder.archive.read(member)
        self._members[hashlib.sha256(content).hexdigest()] = member
        return content

    def keep(self, content: bytes) -> str:
        member = self._members[hashlib.sha256(content).hexdigest()]
        if (id := self._builder.picture(self._title, member)) is None:
            raise Invalid("图片不能使用")
        return id

    def load(self, name: str) -> tuple[bytes, str] | None:
        return None


def read(
    archive: Archive, manifest: Manifest, bounds: Bounds, progress: Progress, file_name: str = ""
) -> Found:
    """Raises:
    BadPackage: there is nothing in it that we take.
    """
    cartridge = Cartridge(archive, manifest, bounds)
    is_cartridge = "cartridge" in manifest.schema.lower()
    outline(cartridge, progress, file_name)
    _banks(cartridge)
    title = titled(manifest, file_name)
    format = "cartridge" if is_cartridge else "ims"
    return cartridge.builder.whole(title, plain(manifest.description), format)


def titled(manifest: Manifest, file_name: str) -> str:
    """What the course is called."""
    return manifest.title or named(file_name.rpartition(".")[0])


def outline(cartridge: Cartridge, progress: Progress, file_name: str) -> None:
    """Items with items below them are chapters; others stand together in one."""
    manifest, builder = cartridge.manifest, cartridge.builder
    title = titled(manifest, file_name)
    for at, item in enumerate(manifest.items):
        if item.items:
            builder.chapter(item.title)
            cartridge.take(Item("", item.ref, item.parameters, item.items))
        else:
            if not builder.chapters or at == 0 or manifest.items[at - 1].items:
                builder.chapter(title if at == 0 else item.title)
            cartridge.take(item)
        progress(at, len(manifest.items))


def _banks(cartridge: Cartridge) -> None:
    """Banks of questions stand in no outline; neither does anything where there is no outline."""
    rest = [each for id, each in cartridge.manifest.resources.items() if id not in cartridge.taken]
    banks = [each for each in rest if each.type.lower().endswith("question-bank")]
    if banks:
        cartridge.builder.chapter("题库")
    for each in banks:
        cartridge.resource("题库", each)
    if not cartridge.manifest.items:
        cartridge.builder.chapter(cartridge.manifest.title or "内容")
        for each in rest:
            if each not in banks:
                cartridge.resource(posixpath.basename(each.named) or each.id, each)


def _is_file(resource: Resource) -> bool:
    return bool(resource.member) and not str(resource.member).endswith((".xml", ".txt"))


def _passages(found: Reading, questions: list[dict[str, Any]]) -> list[dict[str, str]]:
    used = {each.get("passage") for each in questions}
    return [each for each in found.passages if each["id"] in used]


def _without_silence(paper: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in paper.items() if value or name == "questions"}
