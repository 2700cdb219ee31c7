"""Papers: of every kind, over many rows, with every name; the design can be tried out."""

from __future__ import annotations

import json
from io import BytesIO

import pypdfium2 as pdfium
import pytest
import zxingcpp
from click.testing import CliRunner
from pypdf import PdfReader

from zhixin.certificates import rendering
from zhixin.certificates.commands import SAMPLE, certificate
from zhixin.certificates.models import CertificateKind

SAMPLES = json.loads(SAMPLE.read_text())


def _paper(kind: str, name: str = "示例学员", **facts) -> PdfReader:
    sample = json.loads(json.dumps(SAMPLES[kind]))
    sample["person"]["name"] = name
    sample["facts"].update(facts)
    return PdfReader(BytesIO(rendering.pdf(sample, address="https://x.example/v/C")))


def _is_pdf_a(paper: PdfReader) -> bool:
    metadata = paper.xmp_metadata
    return metadata is not None and b"<pdfaid:part>3" in metadata.stream.get_data()


@pytest.mark.parametrize("kind", [kind.value for kind in CertificateKind])
def test_every_kind_has_a_design(kind: str) -> None:
    """On one page, as PDF/A-3, with number, code and the ledger's public key."""
    paper = _paper(kind)
    text = paper.pages[0].extract_text()
    assert len(paper.pages) == 1
    assert _is_pdf_a(paper)
    assert SAMPLES[kind]["number"] in text
    assert SAMPLES[kind]["log_key"] in text.replace("\n", "")


@pytest.mark.parametrize("kind", [kind.value for kind in CertificateKind])
def test_a_telephone_reads_the_public_page_from_the_paper(kind: str) -> None:
    """Drawn as a printer does at 150 dots an inch, and read by a library that is not ours."""
    address = "https://jxjy.example.gov.cn/v/Zx-7Qk_3mP0aB9cDeFgHiJk"
    paper = rendering.pdf(SAMPLES[kind], address=address)
    drawn = pdfium.PdfDocument(paper)[0].render(scale=150 / 72).to_pil()
    assert [each.text for each in zxingcpp.read_barcodes(drawn)] == [address]


@pytest.mark.parametrize(
    "name",
    [
        "𠮷野𬭎",
        "䶮㐂",
        "阿卜杜热合曼·买买提·吐尔逊·艾尔肯",
        "龘" * 40,
        "Łukasz Müller-Öztürk O'Connor",
    ],
)
def test_names_print_as_themselves(name: str) -> None:
    """Rare characters of plane 2, of extension A, long names, minorities' and Latin ones."""
    paper = _paper("course", name)
    assert _is_pdf_a(paper)  # the standard asks that every character is drawn
    assert name in paper.pages[0].extract_text().replace("\n", "")


def test_rare_characters_are_told_by_their_code_points() -> None:
    """Whoever has no font for them can still tell which they are."""
    assert "U+20BB7" in _paper("annual", "𠮷野").pages[0].extract_text()
    assert rendering.rare("欧阳䶮") == []


def test_nobody_is_refused_a_paper_for_a_character() -> None:
    """Where no font has it, the standard goes, and its code point is printed."""
    paper = _paper("course", "王𪛖")
    assert not _is_pdf_a(paper)
    assert "U+2A6D6" in paper.pages[0].extract_text()


def test_sixty_rows_have_their_head_on_every_page() -> None:
    """And every page says which it is."""
    paper = _paper("annual", rows=SAMPLES["annual"]["facts"]["rows"] * 20)
    texts = [page.extract_text() for page in paper.pages]
    assert len(texts) == 3
    for place, text in enumerate(texts, 1):
        assert all(word in text for word in ("内容", "科目", "日期"))
        assert f"第 {place} 页，共 3 页" in text


def test_what_is_above_a_cap_is_told_apart() -> None:
    """Earned 8, counted 4, with the activity's name."""
    text = _paper("annual").pages[0].extract_text()
    assert "计 4" in text
    assert "学术会议" in text
    assert "16.5 学时" in text


def test_papers_from_before_still_print() -> None:
    """Their snapshots have neither the ledger's key nor what counts; nothing is made up."""
    old = json.loads(json.dumps(SAMPLES["annual"]))
    del old["log_key"], old["facts"]["earned"], old["facts"]["met"]
    for row in old["facts"]["rows"]:
        del row["counted"], row["activity"]
    paper = PdfReader(BytesIO(rendering.pdf(old, address="https://x.example/v/C")))
    assert "公钥" not in paper.pages[0].extract_text()


@pytest.mark.parametrize("kind", [kind.value for kind in CertificateKind])
def test_designers_preview_every_kind(kind, app, tmp_path, monkeypatch) -> None:
    """With a name and a number of rows of their choice."""
    monkeypatch.setattr("zhixin.command.make_app", lambda: app)
    target = tmp_path / "out.pdf"
    arguments = ["preview", kind, str(target), "--name", "𠮷䶮", "--rows", "60"]
    assert CliRunner().invoke(certificate, arguments).exit_code == 0
    assert "𠮷䶮" in PdfReader(target).pages[0].extract_text()


@pytest.mark.parametrize("text", ['#read("x")', "$a$", "*b*", "= 一", "@c", "<d>", "`e`", "\\f"])
def test_markup_of_the_typesetter_is_text(text: str) -> None:
    """What people write is printed as they wrote it: nothing of it is read as the design's."""
    paper = _paper("course", name=text, title=text)
    assert paper.pages[0].extract_text().count(text) >= 2
