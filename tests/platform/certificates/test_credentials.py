"""Credentials: bound to the log, checked by a library that is not ours, revoked by a list."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pypdfium2 as pdfium
import pytest
import rfc8785
import sqlalchemy as sa
import zxingcpp
from pypdf import PdfReader

from tests import scenes
from zhixin.certificates import (
    credential,
    data_integrity,
    files,
    issuing,
    rendering,
    status_list,
)
from zhixin.certificates.issuer import Issuer
from zhixin.certificates.models import Certificate, CredentialFile
from zhixin.hours import awards, fold, policies
from zhixin.hours.rules import SubjectKind
from zhixin.hours.states import State, Transition
from zhixin.ledger import checkpoint, log, merkle

ROOT = Path(__file__).parents[3]
NODE = ROOT / ".venv/bin/node"


@pytest.fixture
def made(session, course, in_log, now) -> dict[str, Any]:
    """The credential file of a course certificate."""
    in_log()
    return json.loads(files.get(session, course, scenes.issuer(), now))


def _check(document: dict[str, Any], documents: dict[str, Any], now) -> dict[str, Any]:
    issuer = scenes.issuer()
    given = {issuer.context: credential.context(issuer), issuer.key.did: issuer.key.document()}
    asked = {
        "credential": document,
        "now": (now + timedelta(days=1)).isoformat(),
        "documents": given | documents,
    }
    answer = subprocess.run(
        [NODE, Path(__file__).with_name("verify_credential.mjs")],
        input=json.dumps(asked), capture_output=True, text=True, check=True, cwd=ROOT,
    )  # fmt: skip
    return json.loads(answer.stdout)


def _list(session) -> dict[str, Any]:
    issuer = scenes.issuer()
    return {issuer.status_list(1): json.loads(status_list.of(session, 1, issuer))}


def test_an_independent_library_verifies_it(session, made, now) -> None:
    """Proof, data model, status, and every term defined: by Digital Bazaar's code, not ours."""
    answer = _check(made, _list(session), now)
    assert answer == {"verified": True, "revoked": False, "error": None, "undefinedTerms": None}


def test_statements_are_verified_alike(session, annual, in_log, now) -> None:
    """With a result for each row; and so is an extract, with its years."""
    issuer = scenes.issuer()
    extract = issuing.issue_extract(session, annual.person_id, annual.year, issuer=issuer, now=now)
    in_log()
    for certificate in (annual, extract):
        document = json.loads(files.get(session, certificate, issuer, now))
        answer = _check(document, _list(session), now)
        assert answer == {
            "verified": True, "revoked": False, "error": None, "undefinedTerms": None,
        }  # fmt: skip
        assert len(document["credentialSubject"]["result"]) > 4


def test_an_independent_library_sees_what_was_altered(session, made, now) -> None:
    """One more hour, and the proof is none."""
    made["credentialSubject"]["result"][0]["value"] = "100"
    assert not _check(made, _list(session), now)["verified"]


def test_an_independent_library_sees_that_it_is_revoked(session, course, made, now) -> None:
    """The proof still holds; the bit in the list, which is signed too, says that it is over."""
    issuing.revoke(session, course, "打印有误", now)
    answer = _check(made, _list(session), now)
    assert (answer["verified"], answer["revoked"]) == (True, True)


def test_the_entry_binds_the_core(course, made) -> None:
    """The log holds SHA-256 of the credential without evidence and proof, and nothing else of it."""
    core = {name: value for name, value in made.items() if name not in ("evidence", "proof")}
    entry = json.loads(made["evidence"][0]["entry"])
    assert entry["facts"]["credential"] == hashlib.sha256(rfc8785.dumps(core)).hexdigest()
    assert entry["facts"]["sha256"] == course.sha256
    assert rfc8785.dumps(core).decode() == course.core


def test_the_evidence_proves_itself(session, made) -> None:
    """Entry, path and checkpoint are all that a check without us needs, beside the public key."""
    _prove(session, made)


def _prove(session, document: dict[str, Any]) -> None:
    (evidence,) = document["evidence"]
    signed = checkpoint.parse_and_verify(evidence["checkpoint"], [scenes.issuer().log_key(session)])
    assert (signed.origin, signed.size) == (evidence["origin"], evidence["size"])
    merkle.verify_inclusion(
        evidence["index"],
        evidence["size"],
        merkle.leaf_hash(evidence["entry"].encode()),
        [base64.b64decode(each) for each in evidence["path"]],
        signed.root,
    )


def test_it_has_what_open_badges_ask_for(made) -> None:
    """The required members by the JSON schema of Open Badges 3.0 (1EdTech,
    ob_v3p0_achievementcredential_schema.json), with VC 2.0's ``validFrom``; no floats."""
    assert {"@context", "id", "type", "credentialSubject", "issuer", "validFrom"} <= made.keys()
    assert made["type"] == ["VerifiableCredential", "OpenBadgeCredential"]
    assert {"id", "type"} <= made["issuer"].keys()
    subject = made["credentialSubject"]
    assert {"type", "achievement", "identifier"} <= subject.keys()
    for identity in subject["identifier"]:
        assert identity.keys() == {"type", "hashed", "identityHash", "identityType"}
    achievement = subject["achievement"]
    assert {"id", "type", "criteria", "description", "name"} <= achievement.keys()
    described = {each["id"] for each in achievement["resultDescription"]}
    for each in achievement["resultDescription"]:
        assert each.keys() == {"id", "type", "name", "resultType"}
    assert {each["resultDescription"] for each in subject["result"]} == described
    assert all(isinstance(each["value"], str) for each in subject["result"])
    assert {"id", "type"} <= made["credentialStatus"].keys()
    assert not any(isinstance(each, float) for each in _values(made))


def _values(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for each in value.values() for leaf in _values(each)]
    if isinstance(value, list):
        return [leaf for each in value for leaf in _values(each)]
    return [value]


def test_it_tells_no_more_of_the_holder_than_the_paper(made, learner) -> None:
    """The name; no employer, no identity number but the masked one."""
    (identity,) = made["credentialSubject"]["identifier"]
    assert identity["identityHash"] == learner.name


def test_it_waits_for_the_log(session, course, now) -> None:
    """Without its entry in the log there is nothing to prove, so there is no file."""
    with pytest.raises(files.NotInLogYet):
        files.get(session, course, scenes.issuer(), now)


def test_the_file_is_made_once(session, course, made, now, in_log) -> None:
    """It stays as it was when the log grows."""
    issuing.revoke(session, course, "打印有误", now)
    in_log()
    later = files.get(session, course, scenes.issuer(), now + timedelta(days=9))
    assert json.loads(later) == made


def test_a_job_makes_what_nobody_has_asked_for(session, course, annual, in_log, now) -> None:
    """Each once, in chunks."""
    issuer = scenes.issuer()
    assert files.make_waiting(session, issuer, now) == 0  # not in the log
    in_log()
    assert [files.make_waiting(session, issuer, now, 1) for _ in range(3)] == [1, 1, 0]
    assert files.get(session, course, issuer, now + timedelta(days=9)) == session.scalar(
        sa.select(CredentialFile.document).where(CredentialFile.certificate_id == course.id)
    )


def test_the_job_asks_for_all_its_proofs_at_once(
    session, course, annual, in_log, now, monkeypatch
) -> None:
    """Never for one by one: a night's files are thousands, and their proofs share their hashes."""
    in_log()
    asked: list[int] = []
    stored = log.stored_tiles
    monkeypatch.setattr(
        log, "stored_tiles", lambda session, at: asked.append(1) or stored(session, at)
    )
    assert files.make_waiting(session, scenes.issuer(), now) == 2
    assert len(asked) == 1
    for certificate in (course, annual):
        _prove(session, json.loads(files.get(session, certificate, scenes.issuer(), now)))


def test_a_log_without_its_hashes_proves_nothing(session, course, in_log, now, monkeypatch) -> None:
    """A file without its proof is never made, and the job does not pass over it in silence."""
    in_log()
    monkeypatch.setattr(log, "stored_tiles", lambda session, at: {})
    with pytest.raises(log.LogBroken):
        files.make_waiting(session, scenes.issuer(), now)


def test_nothing_is_proved_under_another_name(session, course, in_log, now) -> None:
    """After the site moved to another address, its issuer is another: a file proved under that
    name would be refused by whoever reads it, so none is made."""
    in_log()
    moved = replace(scenes.issuer().settings, base_url="https://moved.example")
    other = Issuer.of(moved)
    assert files.make_waiting(session, other, now) == 0
    with pytest.raises(files.OtherIssuer):
        files.get(session, course, other, now)
    assert files.make_waiting(session, scenes.issuer(), now) == 1


def test_one_from_before_credentials_says_so(session, course, now) -> None:
    """It has a paper and an entry, and no credential that would claim more."""
    old = Certificate(core=None)
    with pytest.raises(files.NoCredential):
        files.get(session, old, scenes.issuer(), now)


# --- status lists -------------------------------------------------------------------------


def test_a_list_is_the_same_until_something_is_revoked(session, course, annual, now) -> None:
    """So its ETag is, and whoever keeps it need not fetch it again."""
    issuer = scenes.issuer()
    before = status_list.of(session, 1, issuer)
    assert status_list.of(session, 1, issuer) == before
    issuing.revoke(session, course, "打印有误", now)
    after = status_list.of(session, 1, issuer)
    assert after != before
    bits = status_list.decode(json.loads(after)["credentialSubject"]["encodedList"])
    revoked = {i for i in range(len(bits) * 8) if bits[i // 8] & 0x80 >> i % 8}
    assert (len(bits) * 8, revoked) == (131_072, {course.status_index})
    issuer_key = data_integrity.public_key(issuer.key.multikey)
    data_integrity.verify(json.loads(after), issuer_key)


def test_places_are_not_told_twice(session, award, learner, create_person, now) -> None:
    """Each certificate has its own place; the database refuses a second one there."""
    from zhixin.certificates import numbering

    places = numbering.take_places(session, 500)
    assert len(set(places)) == 500
    assert places != sorted(places)


def test_a_full_list_is_followed_by_the_next(session) -> None:
    """At three quarters, so that free places are still found at once."""
    from zhixin.certificates import numbering

    assert {number for number, _ in numbering.take_places(session, 98_304)} == {1}
    assert {number for number, _ in numbering.take_places(session, 3)} == {2}


def test_a_list_that_nobody_is_in_is_not_found(session, client) -> None:
    """Lists that were never begun are nothing."""
    assert client.get("/credentials/status/7").status_code == 404


def test_the_list_is_served_to_anyone(session, course, client) -> None:
    """With an ETag, and readable by wallets in browsers."""
    session.commit()
    answer = client.get("/credentials/status/1")
    assert (answer.status_code, answer.mimetype) == (200, "application/vc")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    again = client.get("/credentials/status/1", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304


def test_our_own_words_are_defined(client) -> None:
    """The context that credentials name is served."""
    assert "LedgerInclusion" in client.get("/credentials/context/v1").get_json()["@context"]


# --- what its holder sees -----------------------------------------------------------------


def test_the_paper_carries_the_credential(
    session, course, annual, in_log, sign_in, learner
) -> None:
    """One file is both; in the moments before the log has the entry, the paper goes without."""
    session.commit()
    mine = sign_in(learner)
    before = PdfReader(BytesIO(mine.get(f"/my/certificates/{course.id}.pdf").data))
    assert before.attachments == {}
    in_log()
    session.commit()
    document = mine.get(f"/my/certificates/{course.id}.json")
    assert document.mimetype == "application/vc"
    paper = PdfReader(BytesIO(mine.get(f"/my/certificates/{course.id}.pdf").data))
    assert paper.attachments["credential.json"] == [document.data]
    assert b"<pdfaid:part>3</pdfaid:part>" in paper.xmp_metadata.stream.get_data()


def test_programs_list_and_fetch_their_own(
    session, course, annual, in_log, sign_in, learner
) -> None:
    """By API, the newest first, in pages."""
    in_log()
    session.commit()
    mine = sign_in(learner)
    listed = mine.get("/api/v1/me/certificates").get_json()["certificates"]
    assert [each["id"] for each in listed] == [annual.id, course.id]
    assert listed[1]["title"] == "课程"
    older = mine.get(f"/api/v1/me/certificates?before={annual.id}").get_json()["certificates"]
    assert [each["id"] for each in older] == [course.id]
    fetched = mine.get(f"/api/v1/me/certificates/{course.id}/credential")
    assert json.loads(fetched.data)["credentialSubject"]["licenseNumber"] == course.number


def test_the_page_offers_what_there_is(session, course, award, sign_in, learner) -> None:
    """Paper, credential, pack; statements and the extract of five years."""
    session.commit()
    page = sign_in(learner).get("/my/certificates").text
    for address in (f"{course.id}.pdf", f"{course.id}.json", f"{course.id}/pack"):
        assert f"/my/certificates/{address}" in page
    assert f"/my/extract/{award.year}/certificate" in page


def test_an_extract_is_issued_and_replaced(session, award, learner, sign_in, now) -> None:
    """Five years in one paper; asked for again, it is the same one."""
    session.commit()
    mine = sign_in(learner)
    for _ in range(2):
        assert mine.post(f"/my/extract/{award.year}/certificate").status_code == 303
    (extract,) = session.scalars(sa.select(Certificate))
    facts = issuing.contents(extract)["facts"]
    assert (facts["from"], facts["to"], facts["hours"]) == (award.year - 4, award.year, "1")
    assert facts["years"][-1]["met"] is False
    assert mine.post("/my/extract/2001/certificate").status_code == 422
    paper = mine.get(f"/my/certificates/{extract.id}.pdf")
    assert paper.status_code == 200
    (code,) = zxingcpp.read_barcodes(pdfium.PdfDocument(paper.data)[0].render(scale=2).to_pil())
    assert mine.get(urlsplit(code.text).path).status_code == 200, "the page that it names"


def test_an_extract_says_what_the_log_says(session, learner, in_log, now) -> None:
    """Five years, of each its hours by kind and whether it is met, and no hour of the sixth; the
    sum is the fold of the log's entries, and all of it stands on the paper."""
    per_year = {
        0: ("30", "60"),
        1: ("12.5", "0"),
        2: ("0", "90"),
        3: ("30", "59.5"),
        4: ("40", "80"),
    }
    for back, hours in [*per_year.items(), (5, ("7", "7"))]:
        then = now.replace(year=now.year - back)
        for kind, told in zip((SubjectKind.GENERAL, SubjectKind.PROFESSIONAL), hours, strict=True):
            if Decimal(told):
                _give(session, learner, then, kind, Decimal(told))
    in_log()
    awards.mark_recorded(session)
    session.expire_all()
    extract = issuing.issue_extract(session, learner.id, now.year, issuer=scenes.issuer(), now=now)
    facts = issuing.contents(extract)["facts"]
    assert [
        (each["year"], each["kinds"]["general"], each["kinds"]["professional"], each["met"])
        for each in facts["years"]
    ] == [(now.year - back, *per_year[back], back in (0, 2, 4)) for back in (4, 3, 2, 1, 0)]
    standing = fold.of_person(session, learner.id).values()
    within = [each.hours for each in standing if each.year > now.year - 5]
    assert Decimal(facts["hours"]) == sum(within) == Decimal("402")
    paper = rendering.pdf(issuing.contents(extract), address="https://x.example/v/C")
    text = PdfReader(BytesIO(paper)).pages[0].extract_text()
    assert all(str(now.year - back) in text for back in range(5))
    assert "402" in text


def _give(session, learner, then, kind, hours) -> None:
    policies.ensure_shipped(session, then)
    given = awards.award(
        session, person_id=learner.id,
        source=awards.Source(
            kind="course", id=then.year * 10 + len(kind), version=1, title="课程", field_code=None,
            subject_kind=kind, hours=hours, policy_id=policies.in_force(session, then.date()).id,
        ),
        evidence={}, flags=[], sampling_seed="s", now=then,
    )  # fmt: skip
    if given.state == State.EARNED:
        awards.decide(session, given, Transition.VERIFY, actor_id=None, reason=None, now=then)
