"""``imsmanifest.xml``: what IMS packages, Common Cartridges and SCORM packages have in common."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit
from xml.etree.ElementTree import Element

from courses.packages.document import BadPackage
from zhixin import xmltree
from zhixin.archives import MIB, Archive
from zhixin.xmltree import local

NAME = "imsmanifest.xml"
MOST_BYTES = 32 * MIB
MOST_ITEMS = 6_000
_BASE = "{http://www.w3.org/XML/1998/namespace}base"


@dataclass(frozen=True, slots=True)
class Item:
    """A place in the organisation. ``parameters`` follow its resource's address."""

    title: str
    ref: str
    parameters: str
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Resource:
    """What an item shows.

    Attributes:
        member: the file that it begins with, if it is there. named: what the manifest calls it.
        scorm: ``sco``, ``asset`` or "".
    """

    id: str
    type: str
    member: str | None
    named: str
    files: tuple[str, ...]
    scorm: str


@dataclass(slots=True)
class Manifest:
    schema: str
    version: str
    title: str
    description: str
    items: tuple[Item, ...]
    resources: dict[str, Resource] = field(default_factory=dict)
    root: str = ""
    #: It says in what order its parts may be taken (SCORM: sequencing, prerequisites).
    sequenced: bool = False

    def all_items(self) -> Iterator[Item]:
        waiting = list(reversed(self.items))
        while waiting:
            item = waiting.pop()
            yield item
            waiting += reversed(item.items)


def place(archive: Archive) -> str | None:
    """Where the manifest is: at the top, or in the one folder that was packed."""
    found = [name for name in archive.names if posixpath.basename(name) == NAME]
    return min(found, key=lambda name: (name.count("/"), name)) if found else None


def read(archive: Archive, name: str) -> Manifest:
    """Raises:
    BadPackage, BadXml, BadArchive: it can't be read.
    """
    root = xmltree.parse(archive.read(name, most=MOST_BYTES), most_elements=400_000)
    if local(root) != "manifest":
        raise BadPackage(f"{NAME} 的最外层应是 manifest")
    metadata = _child(root, "metadata")
    home = posixpath.dirname(name)
    made = Manifest(
        schema=_text(metadata, "schema"),
        version=_text(metadata, "schemaversion"),
        title=_described(metadata, "title"),
        description=_described(metadata, "description"),
        items=(),
        root=home,
        sequenced=any(local(each) in ("sequencing", "prerequisites") for each in root.iter()),
    )
    organisation = _organisation(root)
    counted = [0]
    if organisation is not None:
        made.title = made.title or _text(organisation, "title")
        made.items = tuple(_item(each, counted) for each in _children(organisation, "item"))
    if len(made.items) == 1 and not made.items[0].ref and not made.items[0].title:
        made.items = made.items[0].items  # a cartridge's root, which says nothing
    for each in _children(_child(root, "resources"), "resource"):
        resource = _resource(archive, home, root, each)
        made.resources[resource.id] = resource
    return made


def resolve(archive: Archive, base: str, address: str) -> str | None:
    """The member that an address in the file or folder ``base`` means; None: none of ours."""
    try:
        parts = urlsplit(address.strip())
    except ValueError:
        return None
    if parts.scheme or parts.netloc or not parts.path:
        return None
    path = posixpath.normpath(posixpath.join(base, unquote(parts.path).replace("\\", "/")))
    return path if path in archive else None


def _organisation(root: Element) -> Element | None:
    organisations = _child(root, "organizations")
    found = _children(organisations, "organization")
    default = organisations.get("default") if organisations is not None else None
    chosen = [each for each in found if each.get("identifier") == default]
    return next(iter(chosen or found), None)


def _item(element: Element, counted: list[int]) -> Item:
    counted[0] += 1
    if counted[0] > MOST_ITEMS:
        raise BadPackage(f"{NAME} 的目录超过 {MOST_ITEMS} 项")
    return Item(
        title=_text(element, "title"),
        ref=element.get("identifierref", ""),
        parameters=element.get("parameters", ""),
        items=tuple(_item(each, counted) for each in _children(element, "item")),
    )


def _resource(archive: Archive, home: str, root: Element, element: Element) -> Resource:
    resources = _child(root, "resources")
    base = home
    for each in (root, resources, element):
        base = posixpath.join(base, (each.get(_BASE, "") if each is not None else ""))
    files = [
        found
        for each in _children(element, "file")
        if (found := resolve(archive, base, each.get("href", "")))
    ]
    named = element.get("href") or next(
        (each.get("href", "") for each in _children(element, "file")), ""
    )
    scorm = next((v for k, v in element.attrib.items() if k.lower().endswith("}scormtype")), "")
    return Resource(
        id=element.get("identifier", ""),
        type=element.get("type", ""),
        member=resolve(archive, base, named),
        named=named,
        files=tuple(files),
        scorm=scorm.lower(),
    )


def _children(element: Element | None, name: str) -> list[Element]:
    return [each for each in element if local(each) == name] if element is not None else []


def _child(element: Element | None, name: str) -> Element | None:
    return next(iter(_children(element, name)), None)


def _text(element: Element | None, name: str) -> str:
    found = _child(element, name)
    return " ".join("".join(found.itertext()).split()) if found is not None else ""


def _described(metadata: Element | None, name: str) -> str:
    """Of the LOM record, in whatever namespace: general/title, general/description."""
    if metadata is None:
        return ""
    for general in metadata.iter():
        if local(general) == "general":
            return _text(general, name)
    return ""
