"""Masked names."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zhixin.people.names import mask_name


@pytest.mark.parametrize(
    ("name", "masked"),
    [
        ("张三丰", "张*丰"),
        ("张三", "张*"),
        (" 张三 ", "张*"),
        ("张", "*"),
        ("", ""),
        ("王小二三", "王**三"),
        ("欧阳修", "欧阳*"),
        ("欧阳娜娜", "欧阳*娜"),
        ("欧阳", "欧*"),
        ("阿卜杜拉·买买提", "阿***·买**"),
        ("阿卜杜拉•买买提", "阿***•买**"),
        ("古丽·米", "古*·*"),
        ("John Smith", "J*** S****"),
        ("Jean-Luc Picard", "J***-L** P*****"),
        ("Madonna", "M******"),
        ("A B", "* *"),
        ("J. Smith", "J. S****"),
        ("𠮷田", "𠮷*"),
        ("张𠮷丰", "张*丰"),
        ("张三𠮷", "张*𠮷"),
        ("葛󠄀三丰", "葛󠄀*丰"),
        ("José", "J***"),
    ],
)
def test_masking_by_kind_of_name(name, masked):
    """Chinese, compound, ethnic and Latin names, rare characters and variants of them."""
    assert mask_name(name) == masked


@settings(deadline=None, max_examples=200)
@given(st.text(min_size=1, max_size=12))
def test_some_part_of_every_name_is_hidden(name):
    """Whatever the script, no name is shown as it is."""
    masked = mask_name(name)
    assert len(masked) <= len(name)
    if any(letter.isalpha() for letter in name):
        assert "*" in masked


@settings(deadline=None, max_examples=100)
@given(st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5), min_size=1, max_size=6))
def test_a_chinese_name_keeps_its_length(name):
    """One star for each hidden character, at least one."""
    masked = mask_name(name)
    assert len(masked) == len(name)
    assert "*" in masked
