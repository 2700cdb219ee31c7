"""Enrolling: once each, into the published version, and half way they keep theirs."""

from __future__ import annotations

import pytest

from courses import enrolments
from courses.models import CourseVersion, EnrolmentState, VersionState
from zhixin.errors import Conflict, NotFound


def test_one_enrols_into_the_published_version(session, create_offer, learner, now):
    """What is studied is the frozen version that is published now."""
    offer = create_offer()
    found = enrolments.enrol(session, learner.id, offer.course.id, now)
    assert (found.version_id, found.state) == (offer.version.id, EnrolmentState.ACTIVE)


def test_enrolling_again_is_the_same_enrolment(session, create_offer, learner, now):
    """A double click or a second visit changes nothing."""
    offer = create_offer()
    first = enrolments.enrol(session, learner.id, offer.course.id, now)
    assert enrolments.enrol(session, learner.id, offer.course.id, now) is first


def test_a_completed_course_is_not_taken_again(session, create_enrolment, learner, now):
    """避免重复建设: the completed enrolment is what one gets."""
    enrolment = create_enrolment()
    enrolment.state, enrolment.completed_at = EnrolmentState.COMPLETED, now
    session.commit()
    assert enrolments.enrol(session, learner.id, enrolment.course_id, now) is enrolment


def test_who_is_half_way_keeps_their_version(session, create_enrolment, learner, now):
    """Once a newer version takes its place, learners of the old one go on with it."""
    enrolment = create_enrolment()
    old = session.get_one(CourseVersion, enrolment.version_id)
    old.state = VersionState.SUPERSEDED
    session.commit()
    assert enrolments.enrol(session, learner.id, enrolment.course_id, now).version_id == old.id
    assert enrolments.get(session, enrolment.id, learner.id).version.id == old.id


def test_a_course_without_a_published_version_is_not_offered(session, create_offer, learner, now):
    """Nobody enrols into a draft, a withdrawn course or one that does not exist."""
    offer = create_offer()
    offer.version.state = VersionState.SUPERSEDED
    session.flush()
    for course_id in (offer.course.id, 10**6):
        with pytest.raises(NotFound):
            enrolments.enrol(session, learner.id, course_id, now)


def test_after_leaving_one_may_enrol_again(session, create_enrolment, learner, now):
    """A new enrolment, with the pages that were read before."""
    first = create_enrolment()
    enrolments.note_read(session, first, "u3")
    enrolments.withdraw(session, first, now)
    again = enrolments.enrol(session, learner.id, first.course_id, now)
    assert again.id != first.id
    assert again.pages_read == ["u3"]


def test_a_completed_course_cannot_be_left(session, create_enrolment, now):
    """What was completed stays."""
    enrolment = create_enrolment()
    enrolment.state, enrolment.completed_at = EnrolmentState.COMPLETED, now
    session.flush()
    with pytest.raises(Conflict):
        enrolments.withdraw(session, enrolment, now)


def test_others_enrolments_do_not_exist(session, create_enrolment, stranger):
    """Another person's enrolment answers as none."""
    enrolment = create_enrolment()
    with pytest.raises(NotFound):
        enrolments.get(session, enrolment.id, stranger.id)


def test_a_page_is_remembered_once(session, create_enrolment):
    """Reading a page twice is reading it."""
    enrolment = create_enrolment()
    for _twice in range(2):
        enrolments.note_read(session, enrolment, "u3")
    assert enrolment.pages_read == ["u3"]
