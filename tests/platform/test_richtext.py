"""What authors write becomes a page, and only that."""

from __future__ import annotations

import re
import time

from hypothesis import given
from hypothesis import strategies as st

from zhixin import richtext

NAME = "0123456789abcdef" * 2


def test_formulas_code_tables_and_own_pictures():
    """A formula keeps its source for KaTeX, code its language, a picture its words."""
    html = richtext.render(
        f"$a<b$\n\n```python\nx < 1\n```\n\n|a|b|\n|-|-|\n|1|2|\n\n![图](picture:{NAME})"
    )
    assert '<span class="math inline">a&lt;b</span>' in html
    assert '<code class="language-python">x &lt; 1' in html
    assert "<td>1</td>" in html
    assert f'<img src="/pictures/{NAME}" alt="图" loading="lazy">' in html


def test_money_is_no_formula():
    """Two amounts in one sentence are not a formula."""
    assert "math" not in richtext.render("价格 $5 和 $6 元")


def test_nothing_from_another_host():
    """A page fetches nothing from elsewhere and runs nothing."""
    html = richtext.render(
        "![图](https://evil.example/x.png) ![a](data:image/svg+xml;base64,AA) "
        "<script>x</script> <img src=x onerror=y> [l](javascript:alert) [v](vbscript:x)"
    )
    assert "<img" not in html
    assert "<script" not in html
    assert "href" not in html


def test_the_words_alone():
    """Search and lists read the words without their signs."""
    assert (
        richtext.plain("## 标题\n\n**粗** [链接](https://x.cn) ![图](x)\n\n- 一\n- 二")
        == "标题 粗 链接 图 一 二"
    )
    assert richtext.pictures(f"![图](picture:{NAME}) ![x](picture:zz)") == {NAME}


def test_deep_nesting_ends():
    """A thousand quotes in one another are neither an error nor a wait."""
    began = time.monotonic()
    richtext.render("> " * 5000 + "x")
    richtext.render("[" * 5000 + "x" + "](" * 5000)
    richtext.render("*" * 20000 + "x")
    assert time.monotonic() - began < 30  # not a figure: it must end at all


@given(
    st.text(
        alphabet=st.sampled_from(list("<>\"'&[]()!*_`$#|-:\n \\a1/=javscripthtmlonerr图")),
        max_size=200,
    )
)
def test_only_known_elements(text):
    """Whatever is written, the page holds the elements of the format and no other attribute."""
    html = richtext.render(text)
    for element in re.findall(r"<\s*([a-zA-Z][^\s>/]*)([^>]*)>", html):
        assert (
            element[0]
            in (
                "p h1 h2 h3 h4 h5 h6 em strong s code pre a img ul ol li blockquote hr br "
                "table thead tbody tr th td span div eqn"
            ).split()
        )
        assert not re.search(r"\son\w+\s*=", re.sub(r'"[^"]*"', "", element[1]))


def test_columns_are_aligned_by_a_class_as_pages_allow_no_style_attributes() -> None:
    shown = richtext.render("| 初速 | 合计 |\n|---:|:---:|\n| 40 | 78 |")
    assert "style" not in shown
    assert '<td class="is-right">40</td>' in shown
    assert '<td class="is-center">78</td>' in shown


def test_a_headline_keeps_formulas_shows_gaps_as_lines_and_ends_in_time() -> None:
    said = richtext.headline("以 $v^2$ 计，**约** {{1}} 倍\n\n<b>再</b>")
    assert said.strip() == (
        '以 <span class="math inline">v^2</span> 计，约 ____ 倍 &lt;b&gt;再&lt;/b&gt;'
    )
    assert richtext.headline("长" * 80) == "长" * 60 + "…"
