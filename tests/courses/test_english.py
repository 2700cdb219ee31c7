"""The course page for those who chose English."""

from __future__ import annotations

import re
from collections.abc import Callable

from flask import Flask

from courses.models import CourseVersion


def test_a_course_page_is_english_but_for_what_its_author_wrote(
    english: Flask, published_course: Callable[..., CourseVersion]
) -> None:
    """Fields have English names; titles and texts stay in the language of the course."""
    version = published_course()
    client = english.test_client()
    with client.session_transaction() as cookie:
        cookie["locale"] = "en"
    page = client.get(f"/courses/{version.course_id}").get_data(as_text=True)
    page = re.sub(r'<button[^>]* lang="zh-CN">中文</button>', "", page)
    left = [word for word in re.findall("[\u4e00-\u9fff]+", page) if word not in version.document]
    assert version.title in page
    assert left == []
