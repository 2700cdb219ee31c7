"""Objects of each domain that belong to somebody, for the table of ``test_access``."""

from __future__ import annotations

import io
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import sqlalchemy as sa
from flask import current_app
from PIL import Image

from assessments import analysing, attempts, drafting, handing_in, importing, regrading, rekeyed
from assessments import practice as runs
from assessments.banks import keeping
from assessments.banks import writing as bank_writing
from assessments.exchange.base import NoPictures
from assessments.models import PaperVersion
from assessments.regrade_models import KeyCorrection, RegradeStep
from courses import authors, documents, editing, enrolments, fields, history, scopes
from courses.classes import running
from courses.models import Course, CourseVersion, UnitKind, VersionState
from courses.packages import running as running_packages
from courses.packages import tasks, writing
from courses.quality import applications, criteria, rounds
from courses.ratings.models import CourseRating
from courses.registers import register
from courses.registers.entries import EXPERTS
from courses.reviews import comments, seats
from media import captions, cues, files, pictures, uploads, watching
from media.models import Asset, AssetState, Playback, Prompt, PromptKind
from zhixin import clock, db, sandbox
from zhixin.audit import desk, draws
from zhixin.certificates import issuing
from zhixin.certificates.issuer import Issuer
from zhixin.hours import appeals, awards, policies, reversals
from zhixin.hours.models import Award, Proposal
from zhixin.hours.rules import SubjectKind
from zhixin.hours.states import State, Transition
from zhixin.people import accounts
from zhixin.people.models import OrganisationKind, Person, Role, TitleLevel

FACTS = {
    "title": "课程", "summary": "简介", "teacher": "专家", "teacher_title": "职称", "field_code": "energy",
    "subject_kind": "professional", "level": "none", "declared_hours": "0",
}  # fmt: skip
QUESTION = {
    "id": "q1", "kind": "single", "stem": "题", "correct": ["a"], "points": "1",
    "options": [{"id": "a", "text": "甲"}, {"id": "b", "text": "乙"}],
}  # fmt: skip


def _asset(session: Any, owner: Person, state: AssetState = AssetState.READY) -> Asset:
    asset = Asset(
        owner_id=owner.id, file_name="v.mp4", source="v", source_bytes=1, state=state, progress=100, tries=1,
        duration_ms=60_000, segments_ms=[4000] * 15, folder="assets/1/x", created_at=clock.now(),
    )  # fmt: skip
    session.add(asset)
    session.flush()
    return asset


def studio(world: Any) -> SimpleNamespace:
    """An author's draft with a chapter, a page and a quiz of one question."""
    owner, member = world.two(Role.AUTHOR)
    session, now = db.session(), clock.now()
    fields.ensure_shipped(session)
    policies.ensure_shipped(session, now)
    course = editing.create(
        session, owner_id=owner.id, facts={**FACTS, "declared_hours": Decimal(0)}, now=now
    )
    chapter = course.chapters[0]
    page = editing.add_unit(session, course, chapter.id, UnitKind.PAGE, "页", now)
    quiz = editing.add_unit(session, course, chapter.id, UnitKind.QUIZ, "测验", now)
    assert quiz.paper_id is not None
    paper = drafting.get(session, quiz.paper_id, owner.id)
    drafting.save(
        session, paper.id, owner.id, {"title": "卷", "questions": [QUESTION]}, paper.revision, now
    )
    address = {
        "course_id": course.id, "chapter_id": chapter.id, "unit_id": page.id, "paper_id": paper.id,
        "question_id": "q1", "passage_id": "p1", "place": 0,
    }  # fmt: skip
    session.commit()
    return SimpleNamespace(owner=owner, member=member, address=address)


def studio_register(world: Any) -> SimpleNamespace:
    """The studio's course, and an expert in force."""
    scene = studio(world)
    register.write(
        db.session(), EXPERTS, {"name": "王工", "unit": "设计院"}, person_id=scene.owner.id,
        now=clock.now(),
    )  # fmt: skip
    scene.address["which"] = "experts"
    db.session().commit()
    return scene


def studio_frozen(world: Any) -> SimpleNamespace:
    """The same, and its paper was frozen once."""
    scene = studio(world)
    drafting.freeze(db.session(), scene.address["paper_id"], clock.now())
    db.session().commit()
    return scene


def regraded(world: Any) -> SimpleNamespace:
    """The same; its key was mended since and put forward by the author."""
    scene = studio_frozen(world)
    session, now = db.session(), clock.now()
    paper = drafting.get(session, scene.address["paper_id"], scene.owner.id)
    drafting.update_question(
        session, paper.id, scene.owner.id, {**QUESTION, "correct": ["b"]}, paper.revision, now
    )
    (found,) = rekeyed.candidates(session, paper)
    made = regrading.propose(session, paper, scene.owner.id, found.name, "答案印错", now)
    scene.address["regrade_id"] = made.id
    session.commit()
    return scene


def regrade_declined(world: Any) -> SimpleNamespace:
    """The same; a reviewer declined it."""
    scene = regraded(world)
    session = db.session()
    made = session.get_one(KeyCorrection, scene.address["regrade_id"])
    reviewer = world.create_person("shenhe-gaipan", Role.REVIEWER).id
    regrading.decide(
        session, made, RegradeStep.DECLINE, person_id=reviewer, reason="原答案对", now=clock.now()
    )
    session.commit()
    return scene


def studio_analysed(world: Any) -> SimpleNamespace:
    """The same, and its answers (none) were analysed."""
    scene = studio_frozen(world)
    version = db.session().scalars(sa.select(PaperVersion.id)).one()
    analysing.make(db.database(), version, clock.now())
    db.session().commit()
    return scene


def question_import(world: Any) -> SimpleNamespace:
    """The studio's paper, and a file with questions that was read for it."""
    made = studio(world)
    session, paper_id = db.session(), made.address["paper_id"]
    text = "1. 一加一等于几？\nA. 二\nB. 三\n答案：A\n"
    sent = importing.start(
        session,
        owner_id=made.owner.id,
        target=f"paper:{paper_id}",
        content=text.encode(),
        file_name="题.txt",
        now=clock.now(),
    )
    session.commit()
    importing.run(db.database(), sent.id, lambda _owner_id: NoPictures(), clock.now)
    made.address["import_id"] = sent.id
    return made


def course_package(world: Any) -> SimpleNamespace:
    """The studio's course as an archive that its author brings back, read."""
    made = studio(world)
    session, place, person_id = db.session(), tasks.place(), made.owner.id
    with sandbox.scratch(place.scratch) as folder:
        path = folder / "course.zip"
        writing.write(
            writing.gather(session, place.store, made.address["course_id"], person_id, None), path
        )
        received = running_packages.receive(place, person_id, path, "课.zip", clock.now())
        sent = running_packages.begin(session, received)
    session.commit()
    running_packages.run(db.database(), place, sent.id, clock.now)
    made.address["package_id"] = sent.id
    return made


def captioned(world: Any) -> SimpleNamespace:
    """The same, with a video that has captions."""
    scene = studio(world)
    session, now = db.session(), clock.now()
    course = editing.get(session, scene.address["course_id"], scene.owner.id)
    unit = editing.add_unit(session, course, course.chapters[0].id, UnitKind.VIDEO, "讲", now)
    asset = _asset(session, scene.owner)
    unit.asset_id = asset.id
    track = captions.bring(session, asset, "zh-Hans", [cues.Cue(0, 2000, "开始")], now)
    scene.address |= {"unit_id": unit.id, "track_id": track.id, "kind": "vtt"}
    session.commit()
    return scene


def learning_stops(world: Any) -> SimpleNamespace:
    """A learner's unit at which nothing is asked."""
    scene = learning(world)
    scene.address |= {"place": 0}
    return scene


def studied_captions(world: Any) -> SimpleNamespace:
    """A learner's unit, and captions that it does not refer to."""
    scene = learning(world)
    scene.address |= {"version_id": 1, "kind": "vtt"}
    return scene


def bank(world: Any) -> SimpleNamespace:
    """An author's own bank with a draft question, another editor, and a file that was read."""
    owner, member = world.two(Role.AUTHOR)
    session, now = db.session(), clock.now()
    helper = world.create_person("helper", Role.AUTHOR)
    made = keeping.create(
        session, owner_id=owner.id, title="题库", kind="own", field_code="energy",
        fields={"energy": "能源"}, now=now,
    )  # fmt: skip
    held = keeping.get(session, made.id, owner)
    keeping.let_in(session, held, "helper")
    (question_id,) = bank_writing.add(session, held, [bank_writing.checked(QUESTION)], now)
    sent = importing.start(
        session,
        owner_id=owner.id,
        target=f"bank:{made.id}",
        content="1. 一加一等于几？\nA. 二\nB. 三\n答案：A\n".encode(),
        file_name="题.txt",
        now=now,
    )
    address = {
        "bank_id": made.id, "question_id": question_id, "person_id": helper.id,
        "import_id": sent.id,
    }  # fmt: skip
    session.commit()
    importing.run(db.database(), sent.id, lambda _owner_id: NoPictures(), clock.now)
    return SimpleNamespace(owner=owner, member=member, address=address)


def studio_changed(world: Any) -> SimpleNamespace:
    """The same, with a step in its history."""
    scene = studio(world)
    session, owner = db.session(), scene.owner
    with history.changing(
        session, scene.address["course_id"], owner.id, history.Act.ADDED, clock.now()
    ) as course:
        editing.add_chapter(session, course, "二")
    scene.address["number"] = 0
    session.commit()
    return scene


def studio_shared(world: Any) -> SimpleNamespace:
    """The same, with a co-author."""
    scene = studio(world)
    session, now = db.session(), clock.now()
    helper = world.create_person("helper", Role.AUTHOR)
    course = editing.get(session, scene.address["course_id"], scene.owner.id)
    authors.invite(session, course, scene.owner.id, "helper", "viewer", now)
    scene.address["person_id"] = helper.id
    session.commit()
    return scene


def media(world: Any) -> SimpleNamespace:
    """An author's video and a begun upload."""
    owner, member = world.two(Role.AUTHOR)
    session, now = db.session(), clock.now()
    upload = uploads.create(
        session, current_app.extensions["media_store"], owner_id=owner.id, file_name="v.mp4", size=10,
        max_bytes=100, keep=timedelta(days=1), now=now,
    )  # fmt: skip
    address = {"asset_id": _asset(session, owner, AssetState.UPLOADED).id, "upload_id": upload.id}
    session.commit()
    return SimpleNamespace(owner=owner, member=member, address=address)


def kept_file(world: Any) -> SimpleNamespace:
    """An author's file for learners."""
    owner, member = world.two(Role.AUTHOR)
    session = db.session()
    kept = files.import_bytes(
        session, current_app.extensions["media_store"], owner.id, b"text", file_name="a.txt",
        max_bytes=100, now=clock.now(),
    )  # fmt: skip
    session.commit()
    return SimpleNamespace(owner=owner, member=member, address={"file_id": kept.id})


def kept_picture(world: Any) -> SimpleNamespace:
    """An author's picture of a page."""
    owner, member = world.two(Role.AUTHOR)
    session, drawn = db.session(), io.BytesIO()
    Image.new("L", (2, 2)).save(drawn, "PNG")
    kept = pictures.import_bytes(
        session, current_app.extensions["media_store"], owner.id, drawn.getvalue(), max_bytes=999,
        now=clock.now(),
    )  # fmt: skip
    session.commit()
    return SimpleNamespace(owner=owner, member=member, address={"picture_id": kept.id})


def learning(world: Any) -> SimpleNamespace:
    """A learner half way in a course: an open playback and an open attempt."""
    owner, member = world.two(Role.LEARNER)
    session, now = db.session(), clock.now()
    version, paper_version_id = _published(session, world.create_person("author", Role.AUTHOR))
    enrolment = enrolments.enrol(session, owner.id, version.course_id, now)
    scope = scopes.of_version(version.id)
    asset = session.scalars(sa.select(Asset)).one()
    playback = watching.open(
        session, person_id=owner.id, asset=asset, scope=scope, address="::1", user_agent="t",
        now=now - timedelta(minutes=5),
    )  # fmt: skip
    attempt = attempts.open(
        session, person_id=owner.id, scope=scope, paper_version_id=paper_version_id,
        pass_mark=Decimal("0.6"), attempts_allowed=None, now=now,
    )  # fmt: skip
    address = {
        "enrolment_id": enrolment.id,
        "unit_key": "u1",
        "attempt_id": attempt.id,
        "playback_id": playback.id,
    }
    session.commit()
    return SimpleNamespace(owner=owner, member=member, address=address)


def rated(world: Any) -> SimpleNamespace:
    """An author's published course that a learner has rated."""
    owner, member = world.two(Role.AUTHOR)
    session, now = db.session(), clock.now()
    version, _paper = _published(session, owner)
    learner = world.create_person("learner")
    said = CourseRating(
        course_id=version.course_id, person_id=learner.id, version_id=version.id, stars=5,
        words="好", rated_at=now, changed_at=now,
    )  # fmt: skip
    session.add(said)
    session.commit()
    return SimpleNamespace(owner=owner, member=member, address={"rating_id": said.id})


def written(world: Any) -> SimpleNamespace:
    """An essay that waits for its course's author, and another author."""
    studying = learning(world)
    session, now = db.session(), clock.now()
    version = session.scalars(sa.select(CourseVersion)).one()
    author = session.get_one(Person, session.get_one(Course, version.course_id).owner_id)
    paper = drafting.create(session, owner_id=author.id, title="论述", now=now)
    asked = {"id": "q1", "kind": "essay", "stem": "论述", "points": "5"}
    drafting.add_question(session, paper.id, author.id, asked, now)
    attempt = attempts.open(
        session, person_id=studying.owner.id, scope=scopes.of_version(version.id),
        paper_version_id=drafting.freeze(session, paper.id, now).id,
        pass_mark=Decimal("0.6"), attempts_allowed=None, now=now,
    )  # fmt: skip
    handing_in.submit(session, attempt.id, studying.owner.id, {"q1": ["一段话"]}, now)
    colleague = world.create_person("colleague", Role.AUTHOR)
    session.commit()
    return SimpleNamespace(owner=author, member=colleague, address={"attempt_id": attempt.id})


def prompted(world: Any) -> SimpleNamespace:
    """The same, while a presence prompt waits whose first option is the right one."""
    scene = learning(world)
    session = db.session()
    playback = session.get_one(Playback, scene.address["playback_id"])
    session.add(
        Prompt(
            id="prompt", person_id=playback.person_id, scope=playback.scope, asset_id=playback.asset_id,
            playback_id=playback.id, at_ms=0, issued_at=clock.now(), answer_within_ms=60_000,
            kind=PromptKind.CONFIRM, question={"words": [0, 1], "right": 0}, tries=[],
        )
    )  # fmt: skip
    session.commit()
    return scene


def quiz(world: Any) -> SimpleNamespace:
    """The same, looking at the quiz."""
    scene = learning(world)
    scene.address["unit_key"] = "u3"
    return scene


def practice(world: Any) -> SimpleNamespace:
    """A learner with a run of one question from another paper."""
    scene = quiz(world)
    session, now = db.session(), clock.now()
    paper = drafting.create(session, owner_id=scene.owner.id, title="练", now=now)
    question = {**QUESTION, "stem": "练习题"}
    drafting.save(
        session, paper.id, scene.owner.id, {"title": "练", "questions": [question]}, 0, now
    )
    run = runs.start(
        session, person_id=scene.owner.id, scope="version:1",
        paper_version_id=drafting.freeze(session, paper.id, now).id, now=now,
    )  # fmt: skip
    scene.address |= {"practice_id": run.id, "place": 0}
    session.commit()
    return scene


def played(world: Any) -> SimpleNamespace:
    """A learner of a course with courseware."""
    owner, member = world.two(Role.LEARNER)
    session, now = db.session(), clock.now()
    unit = documents.Unit(
        key="u4", kind=UnitKind.SCORM, title="课件", courseware_id="a" * 32, launch="a.html"
    )
    version, _paper = _published(session, world.create_person("author", Role.AUTHOR), unit)
    enrolment = enrolments.enrol(session, owner.id, version.course_id, now)
    session.commit()
    address = {"enrolment_id": enrolment.id, "unit_key": "u4"}
    return SimpleNamespace(owner=owner, member=member, address=address)


def _published(session: Any, author: Person, *more: documents.Unit) -> tuple[CourseVersion, int]:
    now = clock.now()
    fields.ensure_shipped(session)
    policies.ensure_shipped(session, now)
    paper = drafting.create(session, owner_id=author.id, title="卷", now=now)
    drafting.save(
        session, paper.id, author.id, {"title": "卷", "questions": [QUESTION]}, paper.revision, now
    )
    frozen = drafting.freeze(session, paper.id, now)
    asset = _asset(session, author)
    typed: dict[str, Any] = {
        **FACTS, "subject_kind": SubjectKind.PROFESSIONAL, "level": TitleLevel.NONE, "declared_hours": Decimal(0)
    }  # fmt: skip
    course = Course(owner_id=author.id, revision=0, created_at=now, updated_at=now, **typed)
    session.add(course)
    session.flush()
    units = (
        documents.Unit(key="u1", kind=UnitKind.PAGE, title="页", body="正文"),
        documents.Unit(
            key="u2", kind=UnitKind.VIDEO, title="视频", asset_id=asset.id, duration_ms=60_000
        ),
        documents.Unit(
            key="u3", kind=UnitKind.QUIZ, title="测验", paper_version_id=frozen.id, questions=1
        ),
        *more,
    )
    document = documents.CourseDocument(
        **typed, chapters=(documents.Chapter(title="章", units=units),)
    )
    version = CourseVersion(
        course_id=course.id, number=1, state=VersionState.PUBLISHED, document=document.to_text(),
        sha256=document.sha256, title="课程", field_code="energy", subject_kind=SubjectKind.PROFESSIONAL,
        level=TitleLevel.NONE, duration_ms=60_000, declared_hours=Decimal(0),
        policy_id=policies.in_force(session, now.date()).id, submitted_at=now, decided_at=now,
    )  # fmt: skip
    session.add(version)
    session.flush()
    return version, frozen.id


def remarked(world: Any) -> SimpleNamespace:
    """A version that waits for review, with a reviewer's remark."""
    owner, member = world.two(Role.AUTHOR)
    session, now = db.session(), clock.now()
    version, _paper = _published(session, owner)
    version.state = VersionState.SUBMITTED
    judge = world.create_person("judge", Role.REVIEWER)
    seats.take(session, version, judge.id, now)
    comment = comments.add(
        session, version, judge.id, unit_key="u2", at_ms=1000, text="请补字幕", now=now
    )
    session.commit()
    address = {"course_id": version.course_id, "comment_id": comment.id, "version_id": version.id}
    return SimpleNamespace(owner=owner, member=member, address=address)


def put_forward(world: Any) -> SimpleNamespace:
    """An author's application in a round that is open."""
    owner, member = world.two(Role.AUTHOR)
    session, now = db.session(), clock.now()
    version, _paper = _published(session, owner)
    past = now - timedelta(days=5)
    opens = clock.local(past).date() + timedelta(days=1)
    office = world.create_person("office", Role.ADMINISTRATOR)
    round_ = rounds.create(
        session, title="批次", call="", lines=criteria.EXAMPLE, trimmed=True, scores_needed=1,
        notice_days=5, mark_years=1, opens=opens, closes=opens + timedelta(days=30),
        actor_id=office.id, now=past,
    )  # fmt: skip
    rounds.announce(session, round_.id, office.id, past)
    made = applications.apply(
        session, round_.id, owner.id, course_id=version.course_id, statement="很好", now=now
    )
    session.commit()
    return SimpleNamespace(owner=owner, member=member, address={"application_id": made.id})


def _award(session: Any, person: Person, source_id: int = 1) -> Award:
    now = clock.now()
    policies.ensure_shipped(session, now)
    return awards.award(
        session,
        person_id=person.id,
        source=awards.Source(
            kind="course", id=source_id, version=1, title="课程", field_code=None,
            subject_kind=SubjectKind.PROFESSIONAL, hours=Decimal(1),
            policy_id=policies.in_force(session, now.date()).id,
        ),
        evidence={"units": [], "watching": {"coverage": {}, "playbacks": []}, "attempts": []},
        flags=["refused-time"],
        sampling_seed="s",
        now=now,
    )  # fmt: skip


def reverse(session: Any, given: Award, by: Person, confirmed_by: Person) -> None:
    """Take back a recorded award, by two people."""
    proposal = reversals.propose(
        session, given, actor_id=by.id, reason="重复", hearing=timedelta(), term=timedelta(days=1),
        now=clock.now(),
    )  # fmt: skip
    reversals.confirm(session, proposal, actor_id=confirmed_by.id, now=clock.now())


def issuer() -> Issuer:
    return Issuer.of(current_app.extensions["settings"])


def award(world: Any) -> SimpleNamespace:
    """A learner's recorded award with its certificate."""
    owner, member = world.two(Role.LEARNER)
    session = db.session()
    given = _award(session, owner)
    session.execute(sa.update(Award).values(state=State.RECORDED))
    session.expire_all()
    certificate = issuing.issue_course(
        session, given.id, owner.id, issuer=issuer(), now=clock.now()
    )
    address = {"award_id": given.id, "certificate_id": certificate.id}
    session.commit()
    return SimpleNamespace(owner=owner, member=member, address=address)


def audit(world: Any) -> SimpleNamespace:
    """An award of a district: its own auditor, and one of another district."""
    session = db.session()
    city = accounts.organisation(session, OrganisationKind.CITY, "市")
    east, west = (
        accounts.organisation(session, OrganisationKind.DISTRICT, name, city)
        for name in ("东区", "西区")
    )
    owner = world.create_person("owner", Role.AUDITOR, within=east)
    member = world.create_person("member", Role.AUDITOR, within=west)
    learner = world.create_person("learner", Role.LEARNER, employer=east)
    given = _award(session, learner)
    session.commit()
    return SimpleNamespace(owner=owner, member=member, address={"award_id": given.id})


def training(world: Any) -> SimpleNamespace:
    """A class of a district that has begun: its own bureau, and that of another district."""
    session, now = db.session(), clock.now()
    city = accounts.organisation(session, OrganisationKind.CITY, "市")
    east, west = (
        accounts.organisation(session, OrganisationKind.DISTRICT, name, city)
        for name in ("东区", "西区")
    )
    owner = world.create_person("owner", Role.BUREAU, within=east)
    member = world.create_person("member", Role.BUREAU, within=west)
    world.create_person("learner", employer=east)
    given = running.create(
        session, organiser_id=east.id, within=None, title="班", field_code=None,
        subject_kind="professional", place="会堂", attendance_percent=80, actor_id=owner.id, now=now,
    )  # fmt: skip
    given = running.get(session, None, given.id)
    sitting = running.add_session(
        session, given, begins_at=now - timedelta(hours=3), ends_at=now - timedelta(hours=1),
        topic="讲座", teacher="专家",
    )  # fmt: skip
    session.commit()
    return SimpleNamespace(
        owner=owner, member=member, address={"class_id": given.id, "session_id": sitting.id}
    )


def audit_recorded(world: Any) -> SimpleNamespace:
    """The same, once the award is in the ledger."""
    scene = audit(world)
    given = db.session().get_one(Award, scene.address["award_id"])
    _record(given)
    return scene


def audit_proposed(world: Any) -> SimpleNamespace:
    """The same, and somebody of the whole city has proposed a reversal."""
    scene = audit_recorded(world)
    given = db.session().get_one(Award, scene.address["award_id"])
    scene.address["proposal_id"] = _propose(world, given).id
    db.session().commit()
    return scene


def audit_appealed(world: Any) -> SimpleNamespace:
    """The same, and the learner has appealed."""
    scene = audit_proposed(world)
    given = db.session().get_one(Award, scene.address["award_id"])
    scene.address["appeal_id"] = appeals.lodge(
        db.session(),
        given,
        person_id=given.person_id,
        text="",
        term=timedelta(days=1),
        now=clock.now(),
    ).id
    db.session().commit()
    return scene


def audit_drawn(world: Any) -> SimpleNamespace:
    """The same, and it was drawn from the district's awards."""
    scene = audit_recorded(world)
    session, now = db.session(), clock.now()
    given = session.get_one(Award, scene.address["award_id"])
    person = session.get_one(Person, given.person_id)
    act = desk.Act(auditor=scene.owner, address=None, now=now)
    draw = draws.announce(
        session, act, year=given.year, organisation_id=person.employer_id, wanted=5
    )
    _next_entry(session)
    draws.complete(session, "o", now)
    scene.address["draw_id"] = draw.id
    session.commit()
    return scene


def contested(world: Any) -> SimpleNamespace:
    """A learner's recorded award that somebody proposes to reverse."""
    owner, member = world.two(Role.LEARNER)
    given = _award(db.session(), owner)
    _record(given)
    address = {"award_id": given.id, "proposal_id": _propose(world, given).id}
    db.session().commit()
    return SimpleNamespace(owner=owner, member=member, address=address)


def _next_entry(session: Any) -> None:
    """Something enters the ledger, under a new checkpoint."""
    now = clock.now()
    policies.publish(
        session, title="下一条记录", source="示例", effective_from=now.date(),
        rule=policies.rule(policies.in_force(session, now.date())), actor_id=None, now=now,
    )  # fmt: skip
    db.commit(session)


def _recorded(session: Any, person: Person) -> Award:
    given = _award(session, person)
    _record(given)
    return given


def _record(given: Award) -> None:
    session = db.session()
    awards.decide(session, given, Transition.VERIFY, actor_id=None, reason=None, now=clock.now())
    db.commit(session)
    session.refresh(given)
    assert given.state == State.RECORDED


def _propose(world: Any, given: Award) -> Proposal:
    somebody = world.create_person("somebody-else", Role.AUDITOR)
    return reversals.propose(
        db.session(), given, actor_id=somebody.id, reason="重复", hearing=timedelta(days=1),
        term=timedelta(days=2), now=clock.now(),
    )  # fmt: skip
