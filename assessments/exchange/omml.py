"""Word's formulas (OMML) as LaTeX: the structures that questions have; others are reported."""

from __future__ import annotations

from collections.abc import Callable
from xml.etree.ElementTree import Element

from zhixin.xmltree import local

_SIGNS = {
    "α": r"\alpha ", "β": r"\beta ", "γ": r"\gamma ", "δ": r"\delta ", "ε": r"\varepsilon ", "θ": r"\theta ",
    "λ": r"\lambda ", "μ": r"\mu ", "π": r"\pi ", "ρ": r"\rho ", "σ": r"\sigma ", "τ": r"\tau ", "φ": r"\varphi ",
    "ω": r"\omega ", "Δ": r"\Delta ", "Σ": r"\Sigma ", "Ω": r"\Omega ", "∞": r"\infty ", "±": r"\pm ", "×": r"\times ",
    "÷": r"\div ", "·": r"\cdot ", "≤": r"\le ", "≥": r"\ge ", "≠": r"\ne ", "≈": r"\approx ", "→": r"\to ",
    "∈": r"\in ", "∪": r"\cup ", "∩": r"\cap ", "⊂": r"\subset ", "∠": r"\angle ", "⊥": r"\perp ", "∥": r"\parallel ",
    "∂": r"\partial ", "∇": r"\nabla ", "°": r"^{\circ}", "−": "-", "′": "'", "…": r"\ldots ",
    "\\": r"\backslash ", "{": r"\{", "}": r"\}", "%": r"\%", "#": r"\#", "&": r"\&", "_": r"\_", "$": r"\text{＄}",
    "^": r"\hat{}", "~": r"\sim ",
}  # fmt: skip
_LARGE = {"∑": r"\sum", "∏": r"\prod", "∫": r"\int", "∬": r"\iint", "∮": r"\oint", "⋃": r"\bigcup", "⋂": r"\bigcap"}  # fmt: skip
_ACCENTS = {"\u0302": r"\hat", "\u0303": r"\tilde", "\u0304": r"\bar", "\u0305": r"\overline", "\u0307": r"\dot", "\u0308": r"\ddot", "\u20d7": r"\vec"}  # fmt: skip
_FUNCTIONS = {"sin", "cos", "tan", "cot", "sec", "csc", "ln", "log", "lg", "exp", "lim", "max", "min", "arcsin", "arccos", "arctan", "det"}  # fmt: skip
_OPEN = {
    "{": r"\{",
    "|": "|",
    "⌊": r"\lfloor ",
    "⌈": r"\lceil ",
    "⟨": r"\langle ",
    "‖": r"\|",
    "": ".",
}
_CLOSE = {
    "}": r"\}",
    "|": "|",
    "⌋": r"\rfloor ",
    "⌉": r"\rceil ",
    "⟩": r"\rangle ",
    "‖": r"\|",
    "": ".",
}
MOST_CHARACTERS = 4_000


class Unknown(Exception):
    """A structure that has no LaTeX here, by its name."""


def to_latex(element: Element) -> str:
    """``m:oMath`` as LaTeX.

    Raises:
        Unknown: it holds a structure that we do not know.
    """
    latex = _inside(element).strip()
    if len(latex) > MOST_CHARACTERS:
        raise Unknown("过长的公式")
    return latex


def _inside(element: Element | None) -> str:
    return "" if element is None else "".join(map(_one, element))


def _one(element: Element) -> str:
    name = local(element)
    if name == "r":
        return _run(element)
    if name in (
        "oMath",
        "e",
        "num",
        "den",
        "sub",
        "sup",
        "deg",
        "fName",
        "lim",
        "box",
        "borderBox",
    ):
        return _inside(element)
    if name.endswith("Pr") or name in ("bookmarkStart", "bookmarkEnd", "proofErr"):
        return ""
    maker = _MAKERS.get(name)
    if maker is None:
        raise Unknown(name)
    return maker(element)


def _run(element: Element) -> str:
    text = "".join(each.text or "" for each in element if local(each) == "t")
    if text.strip() in _FUNCTIONS:
        return f"\\{text.strip()} "
    plain = "".join(_SIGNS.get(each, each) for each in text)
    if any("\u2e80" <= each <= "\uffef" for each in text):
        return rf"\text{{{plain}}}"
    return plain


def _child(element: Element, name: str) -> Element | None:
    return next((each for each in element if local(each) == name), None)


def _property(element: Element, name: str, default: str) -> str:
    for properties in element:
        if local(properties).endswith("Pr"):
            for each in properties:
                if local(each) == name:
                    values = [v for key, v in each.attrib.items() if key.endswith("val")]
                    return values[0] if values else ""
    return default


def _e(element: Element) -> str:
    return _inside(_child(element, "e"))


def _fraction(element: Element) -> str:
    over, under = _inside(_child(element, "num")), _inside(_child(element, "den"))
    if _property(element, "type", "bar") == "lin":
        return f"{over}/{under}"
    return rf"\frac{{{over}}}{{{under}}}"


def _base(element: Element) -> str:
    inner = _e(element)
    return inner if len(inner) == 1 else f"{{{inner}}}"


def _root(element: Element) -> str:
    degree = _inside(_child(element, "deg"))
    return rf"\sqrt[{degree}]{{{_e(element)}}}" if degree else rf"\sqrt{{{_e(element)}}}"


def _large(element: Element) -> str:
    sign = _LARGE.get(_property(element, "chr", "∫"))
    if sign is None:
        raise Unknown("nary")
    low, high = _inside(_child(element, "sub")), _inside(_child(element, "sup"))
    return (
        sign + (f"_{{{low}}}" if low else "") + (f"^{{{high}}}" if high else "") + f" {_e(element)}"
    )


def _brackets(element: Element) -> str:
    begin, end = _property(element, "begChr", "("), _property(element, "endChr", ")")
    inner = ",".join(_inside(each) for each in element if local(each) == "e")
    return rf"\left{_OPEN.get(begin, begin)}{inner}\right{_CLOSE.get(end, end)}"


def _matrix(element: Element) -> str:
    rows = (
        " & ".join(_inside(each) for each in row if local(each) == "e")
        for row in element
        if local(row) == "mr"
    )
    return r"\begin{matrix}" + r" \\ ".join(rows) + r"\end{matrix}"


def _lines(element: Element) -> str:
    rows = (_inside(each) for each in element if local(each) == "e")
    return r"\begin{aligned}" + r" \\ ".join(rows) + r"\end{aligned}"


def _accent(element: Element) -> str:
    sign = _ACCENTS.get(_property(element, "chr", "\u0302"))
    if sign is None:
        raise Unknown("acc")
    return f"{sign}{{{_e(element)}}}"


_MAKERS: dict[str, Callable[[Element], str]] = {
    "f": _fraction,
    "sSup": lambda m: f"{_base(m)}^{{{_inside(_child(m, 'sup'))}}}",
    "sSub": lambda m: f"{_base(m)}_{{{_inside(_child(m, 'sub'))}}}",
    "sSubSup": lambda m: (
        f"{_base(m)}_{{{_inside(_child(m, 'sub'))}}}^{{{_inside(_child(m, 'sup'))}}}"
    ),
    "rad": _root,
    "nary": _large,
    "d": _brackets,
    "m": _matrix,
    "eqArr": _lines,
    "acc": _accent,
    "bar": lambda m: rf"\overline{{{_e(m)}}}",
    "func": lambda m: f"{_inside(_child(m, 'fName'))}{{{_e(m)}}}",
    "limLow": lambda m: f"{_e(m)}_{{{_inside(_child(m, 'lim'))}}}",
    "limUpp": lambda m: f"{_e(m)}^{{{_inside(_child(m, 'lim'))}}}",
    "groupChr": lambda m: rf"\underbrace{{{_e(m)}}}",
}
