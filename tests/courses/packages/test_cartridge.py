"""Courses of other systems come in; what can't be taken is named, and nothing hostile is kept."""

from __future__ import annotations

import contextlib
import io
import zipfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from assessments.exchange import qti12
from courses.courseware import keeping
from courses.courseware.models import Courseware
from courses.packages import building, making, reading, running
from courses.packages.reading import Found
from tests.courses.packages.conftest import PDF, picture
from zhixin import archives
from zhixin.errors import DomainError
from zhixin.people.models import Person

BOUNDS = reading.Bounds(10**7, 10**6, 10**6)
ROOT = Path(__file__).resolve().parents[3]
OTHERS = ROOT.parent / "shared/fixtures/interop"
if not OTHERS.is_dir():
    OTHERS = ROOT.parents[1] / "shared/fixtures/interop"
others = pytest.mark.skipif(not OTHERS.is_dir(), reason="files of other systems are not here")


def read(content: bytes, name: str = "course.imscc") -> Found:
    with archives.open(content, reading.limits(len(content), BOUNDS)) as archive:
        found = reading.read(archive, BOUNDS, file_name=name)
    assert Found.from_json(found.to_json()).document == found.document
    return found


def packed(members: dict[str, bytes | str]) -> bytes:
    into = io.BytesIO()
    with zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return into.getvalue()


@others
def test_a_cartridge_made_by_others_comes_in() -> None:
    """Chapters and links of "Python for Everybody"; each tool that needs its maker is named."""
    found = read((OTHERS / "cartridge/py4e_export.imscc").read_bytes())
    assert found.format == "cartridge"
    assert found.document.course.title == "Python for Everybody import"
    assert [len(chapter.units) for chapter in found.document.chapters][:3] == [5, 9, 6]
    assert sum(1 for _unit in found.document.units()) == 129
    assert len(found.remarks) == 43
    assert all("LTI" in each for each in found.remarks)
    first = found.document.chapters[0].units[0]
    assert first.body == "[Assignment: Installing Python](https://www.py4e.com/install.php)"


QTI = """<questestinterop xmlns="http://www.imsglobal.org/xsd/ims_qtiasiv1p2"><assessment ident="a" title="小测">
<section ident="s">
<item ident="i1" title="单选"><itemmetadata><qtimetadata><qtimetadatafield><fieldlabel>cc_profile</fieldlabel>
 <fieldentry>cc.multiple_choice.v0p1</fieldentry></qtimetadatafield></qtimetadata></itemmetadata>
 <presentation><material><mattext texttype="text/html">&lt;p&gt;看图 &lt;img src="$IMS-CC-FILEBASE$/a.png" alt="图"&gt;&lt;/p&gt;</mattext></material>
 <response_lid ident="r" rcardinality="Single"><render_choice>
  <response_label ident="x"><material><mattext>甲</mattext></material></response_label>
  <response_label ident="y"><material><mattext>乙 *重要*</mattext></material></response_label></render_choice></response_lid></presentation>
 <resprocessing><respcondition><conditionvar><varequal respident="r">y</varequal></conditionvar><setvar varname="SCORE">100</setvar></respcondition></resprocessing>
 <itemfeedback ident="general_fb"><flow_mat><material><mattext>因为</mattext></material></flow_mat></itemfeedback></item>
<item ident="i2" title="多选"><presentation><material><mattext>哪些？</mattext></material>
 <response_lid ident="r" rcardinality="Multiple"><render_choice>
  <response_label ident="a"><material><mattext>一</mattext></material></response_label>
  <response_label ident="b"><material><mattext>二</mattext></material></response_label>
  <response_label ident="c"><material><mattext>三</mattext></material></response_label></render_choice></response_lid></presentation>
 <resprocessing><respcondition><conditionvar><and><varequal respident="r">a</varequal><not><varequal respident="r">b</varequal></not>
  <varequal respident="r">c</varequal></and></conditionvar><setvar varname="SCORE">100</setvar></respcondition></resprocessing></item>
<item ident="i3" title="判断"><presentation><material><mattext>对吗？</mattext></material>
 <response_lid ident="r" rcardinality="Single"><render_choice>
  <response_label ident="t"><material><mattext>True</mattext></material></response_label>
  <response_label ident="f"><material><mattext>False</mattext></material></response_label></render_choice></response_lid></presentation>
 <resprocessing><respcondition><conditionvar><varequal respident="r">f</varequal></conditionvar><setvar varname="SCORE">100</setvar></respcondition></resprocessing></item>
<item ident="i4" title="填空"><presentation><material><mattext>首都</mattext></material><response_str ident="r"><render_fib/></response_str></presentation>
 <resprocessing><respcondition><conditionvar><varequal respident="r">北京</varequal><varequal respident="r">北京市</varequal></conditionvar>
  <setvar varname="SCORE">100</setvar></respcondition></resprocessing></item>
<item ident="i5" title="没有答案"><presentation><material><mattext>?</mattext></material>
 <response_lid ident="r"><render_choice><response_label ident="t"><material><mattext>一</mattext></material></response_label></render_choice></response_lid></presentation></item>
</section></assessment></questestinterop>"""

MANIFEST = """<?xml version="1.0"?>
<manifest identifier="m" xmlns="http://www.imsglobal.org/xsd/imsccv1p{v}/imscp_v1p1">
<metadata><schema>IMS Common Cartridge</schema><schemaversion>1.{v}.0</schemaversion></metadata>
<organizations><organization identifier="o" structure="rooted-hierarchy"><item identifier="root">
 <item identifier="c1"><title>第一章</title>
  <item identifier="i1" identifierref="page"><title>讲义</title></item>
  <item identifier="sub"><title>小节</title><item identifier="i2" identifierref="link"><title>网页</title></item></item>
  <item identifier="i3" identifierref="topic"><title>讨论</title></item>
  <item identifier="i4" identifierref="quiz"><title>测验</title></item>
  <item identifier="i5" identifierref="film"><title>录像</title></item>
  <item identifier="i6" identifierref="lti"><title>工具</title></item>
  <item identifier="i7" identifierref="out"><title>外面</title></item>
  <item identifier="i8" identifierref="bad"><title>坏链接</title></item>
  <item identifier="i9" identifierref="nowhere"><title>没有</title></item>
 </item></item></organization></organizations>
<resources>
 <resource identifier="page" type="webcontent" href="web_resources/pages/a.html"><file href="web_resources/pages/a.html"/></resource>
 <resource identifier="link" type="imswl_xmlv1p{v}"><file href="link.xml"/></resource>
 <resource identifier="topic" type="imsdt_xmlv1p{v}"><file href="topic.xml"/></resource>
 <resource identifier="quiz" type="imsqti_xmlv1p2/imscc_xmlv1p{v}/assessment"><file href="quiz.xml"/></resource>
 <resource identifier="film" type="webcontent" href="web_resources/film.mp4"/>
 <resource identifier="lti" type="imsbasiclti_xmlv1p0"><file href="lti.xml"/></resource>
 <resource identifier="out" type="webcontent" href="../../../etc/passwd"/>
 <resource identifier="bad" type="imswl_xmlv1p{v}"><file href="bad.xml"/></resource>
</resources></manifest>"""
PAGE = """<html><head><title>头</title><script>steal()</script></head><body onload="steal()"><h1>标题</h1>
<p>文字 <b>粗</b> <a href="javascript:steal()">点我</a> <a href="b.html">另一页</a>
<a href="$IMS-CC-FILEBASE$/课件.pdf">课件</a> <a href="https://example.org/a">外面</a></p>
<img src="../a.png" alt="图"><img src="../b.svg" alt="矢量"><img src="https://evil.example/t.gif" alt="跟踪">
<iframe src="//player.example.org/1"></iframe><script>steal()</script></body></html>"""
LINK = '<webLink xmlns="http://www.imsglobal.org/xsd/imsccv1p1/imswl_v1p1"><title>t</title><url href="{}"/></webLink>'
MEMBERS: dict[str, bytes | str] = {
    "web_resources/pages/a.html": PAGE,
    "web_resources/a.png": picture(),
    "web_resources/b.svg": "<svg onload='steal()'/>",
    "web_resources/课件.pdf": PDF,
    "web_resources/film.mp4": b"film",
    "link.xml": LINK.format("https://example.org/x_(y)"),
    "bad.xml": LINK.format("javascript:steal()"),
    "topic.xml": '<topic><title>t</title><text texttype="text/html">&lt;p&gt;说说看&lt;/p&gt;</text></topic>',
    "quiz.xml": QTI,
    "lti.xml": "<x/>",
}


@pytest.mark.parametrize("version", [0, 1, 2, 3])
def test_everything_that_a_cartridge_holds(version: int) -> None:
    """Versions 1.0 to 1.3 differ in their namespaces alone: each kind of resource comes in."""
    manifest = MANIFEST.replace("{v}", str(version))
    found = read(packed({"imsmanifest.xml": manifest, **MEMBERS}), "我的课.imscc")
    assert found.document.course.title == "我的课"
    (chapter,) = found.document.chapters
    page, handout, link, topic, quiz, film = chapter.units
    assert [unit.kind for unit in chapter.units] == [
        "page",
        "file",
        "page",
        "page",
        "quiz",
        "video",
    ]
    assert page.body.startswith("# 标题")
    assert "**粗**" in page.body
    assert "![图](picture:" in page.body
    assert "[外面](https://example.org/a)" in page.body
    assert "https://player.example.org/1" in page.body
    for never in ("steal", "javascript", "evil.example", "b.html", "头"):
        assert never not in page.body
    assert handout.file is not None
    assert (handout.file.name, handout.required) == ("课件.pdf", False)
    assert link.title == "小节 · 网页"
    assert "(https://example.org/x_%28y%29)" in link.body
    assert topic.body == "说说看"
    assert film.video is not None
    assert film.video.member == "web_resources/film.mp4"
    assert quiz.paper is not None
    kinds = [each["kind"] for each in quiz.paper["questions"]]
    assert kinds == ["single", "multiple", "true_false", "blanks"]
    single, multiple, true_false, blanks = quiz.paper["questions"]
    assert "![图](picture:" in single["stem"]
    assert [o["text"] for o in single["options"] if o["id"] in single["correct"]] == [
        "乙 \\*重要\\*"
    ]
    assert single["explanation"] == "因为"
    assert len(multiple["correct"]) == 2
    assert true_false["correct"] == ["false"]
    assert blanks["gaps"][0]["accepted"] == ["北京", "北京市"]
    said = "\n".join(found.remarks)
    for words in (
        "工具”：外部工具",
        "外面”：资源",
        "坏链接”：链接的地址",
        "没有”：清单中没有",
        "没有写明答案",
        "b.svg",
        "脚本",
    ):
        assert words in said
    assert len(found.document.pictures) == 1


def test_refused_in_words() -> None:
    """No manifest, a manifest with entities, one that holds nothing: said, not guessed."""
    entities = '<!DOCTYPE m [<!ENTITY a "b">]><manifest>&a;</manifest>'
    for members, words in (
        ({"test.htm": b""}, "imsmanifest.xml"),
        ({"imsmanifest.xml": entities}, "实体"),
        ({"imsmanifest.xml": "<manifest/>"}, "没有可以导入的内容"),
        ({"imsmanifest.xml": "<other/>"}, "manifest"),
        ({"imsmanifest.xml": "<manifest>" + "<organizations>" * 300}, "嵌套"),
    ):
        with pytest.raises(DomainError, match=words):
            read(packed(dict(members)))


@others
def test_what_is_no_package_of_theirs_is_refused() -> None:
    """Moodle's own example of an invalid package."""
    with pytest.raises(DomainError, match=r"imsmanifest\.xml"):
        read((OTHERS / "scorm/invalid.zip").read_bytes())


@others
def test_scorm_of_both_editions_comes_in(
    session: Session,
    place: running.Place,
    writer: Person,
    create_field: Callable[..., Any],
    tmp_path: Path,
    now: datetime,
) -> None:
    """Each launchable part is a unit that plays it, with its parameters; what that is worth, and
    what of it was left behind, is said. Kept once, however many units play it."""
    create_field("bim")
    said = "互动课件的学习记录由课件自报，不计学时；要计学时的内容请另配视频"
    for name, format, units in (
        ("RuntimeMinimumCalls_SCORM12.zip", "scorm12", 18),
        ("RuntimeBasicCalls_SCORM20043rdEdition.zip", "scorm2004", 1),
    ):
        content = (OTHERS / "scorm" / name).read_bytes()
        found = read(content)
        assert found.format == format
        assert said in found.remarks
        assert ("导航规则没有导入" in "".join(found.remarks)) == (format == "scorm2004")
        folder = tmp_path / format
        folder.mkdir()
        with archives.open(content) as archive:
            unpacked = making.unpack(archive, found.document, folder)
        maker = making.Maker(place.store, writer.id, "bim", BOUNDS)
        brought = making.bring(maker, found.document, unpacked, now)
        course = making.make(session, maker, found.document, brought, now)
        made = [unit for chapter in course.chapters for unit in chapter.units]
        assert {unit.kind for unit in made} == {"scorm"}
        assert len(made) == units
        assert len({unit.courseware_id for unit in made}) == 1
        kept = session.get_one(Courseware, made[0].courseware_id)
        at, size = keeping.place_of(kept, "shared/scormfunctions.js")
        assert place.store.vault.size(keeping.key_of(kept, at)) == size
        assert not any(name.endswith(".xsd") for name, _size in kept.files)
        if format == "scorm12":
            assert made[5].launch == "shared/assessmenttemplate.html?questions=Playing"


def test_scorm_that_climbs_or_grows_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """A part outside the package is named as absent; too many files are refused."""
    manifest = """<manifest xmlns:adlcp="x"><metadata><schema>ADL SCORM</schema><schemaversion>1.2</schemaversion></metadata>
    <organizations><organization><item identifierref="a" parameters="javascript:x() y"><title>一</title></item>
    <item identifierref="b"><title>二</title></item></organization></organizations>
    <resources><resource identifier="a" adlcp:scormtype="sco" href="in/a.html"/>
    <resource identifier="b" adlcp:scormtype="sco" href="../../b.html"/></resources></manifest>"""
    content = packed({"my/imsmanifest.xml": manifest, "my/in/a.html": "x", "other.html": "y"})
    found = read(content)
    (unit,) = found.document.units()
    assert (unit.kind, unit.launch) == ("scorm", "in/a.html")
    assert found.document.courseware[0].files == {"in/a.html": "my/in/a.html"}
    assert any("二”：资源" in each for each in found.remarks)
    monkeypatch.setattr(keeping, "MOST_FILES", 0)
    with pytest.raises(DomainError, match="文件超过"):
        read(content)


WORDS = st.sampled_from(
    ["item", "title", "resource", "schemaversion", "organization", "organizations", "resources", "file", "metadata", "general", "a"]
)  # fmt: skip
NODES = st.recursive(
    st.text(st.characters(codec="utf-8", exclude_characters="<&\0"), max_size=6),
    lambda inner: st.builds(
        lambda name, ref, body: f'<{name} identifier="i" identifierref="{ref}" href="a.html" type="webcontent">'
        + "".join(body) + f"</{name}>",
        WORDS, st.sampled_from(["i", "x", "../../x"]), st.lists(inner, max_size=4),
    ),
    max_leaves=25,
)  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(NODES, st.text(max_size=80), st.binary(max_size=60))
def test_no_package_breaks_the_reader(inside: str, page: str, quiz: bytes) -> None:
    """Arbitrary manifests, pages and quizzes: a sound course or a refusal in words."""
    manifest = (
        f"<manifest>{inside}<resources><resource identifier='i' type='webcontent' href='a.html'/>"
    )
    manifest += (
        "<resource identifier='q' type='imsqti_xmlv1p2' href='q.xml'/></resources></manifest>"
    )
    members: dict[str, bytes | str] = {
        "imsmanifest.xml": manifest.encode("utf-8", "replace"),
        "a.html": page.encode("utf-8", "replace"),
        "q.xml": quiz,
    }
    with contextlib.suppress(DomainError):
        read(packed(members))
    with contextlib.suppress(DomainError):
        qti12.read(quiz)


@pytest.mark.parametrize(
    "piece", ["<iframe ", '<iframe src="http://a/">', "<body ", "<head ", "<title "]
)
def test_a_page_of_nothing_but_beginnings_is_read_at_once(piece: str) -> None:
    """The largest page that is read, unclosed all through: read in one go, not tried anew from
    each beginning to the end (which took days)."""
    page = piece * (building.MOST_HTML // len(piece))
    with archives.open(packed({"a.html": "x"})) as archive:
        building.Builder(archive, BOUNDS).markdown("页", page, "")


def test_frames_become_links_and_heads_go() -> None:
    """As before the bounds: with text and without within, whatever else a page's head says."""
    page = """<head><title>no</title></head><title>nor this</title>
    <iframe width="1" src='//a.cn/v' allow="x">old browsers</iframe> after <iframe src="http://b.cn/"></iframe>"""
    with archives.open(packed({"a.html": "x"})) as archive:
        made = building.Builder(archive, BOUNDS).markdown("页", page, "")
    assert all(each in made for each in ("https://a.cn/v", "http://b.cn/", "after"))
    assert not any(each in made for each in ("no", "old browsers"))


def test_no_remark_holds_what_no_database_keeps() -> None:
    """A page in no known encoding, with a NUL in an address: PostgreSQL takes none in JSON."""
    manifest = """<manifest><resources><resource identifier="i" type="webcontent" href="a.html"/></resources></manifest>"""
    page = b'<body>\x81\xff caf\xe9 <img src="a\0b.png"> <a href="c\0d.html">w</a></body>'
    found = read(packed({"imsmanifest.xml": manifest, "a.html": page}))
    assert found.remarks
    assert "\0" not in "".join(found.remarks)
