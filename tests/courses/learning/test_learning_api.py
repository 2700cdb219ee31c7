"""The beat protocol: time is the server's, owners only, bad numbers leave nothing."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from courses.models import Enrolment, EnrolmentState
from media.models import Beat, Coverage, Playback
from zhixin.hours.models import Award


@pytest.fixture
def enrolment(create_enrolment):
    return create_enrolment()


def opening(client, enrolment, unit="u1"):
    """Open a video here, whatever plays elsewhere; the one segment of it is fetched."""
    answer = client.post(
        f"/api/v1/enrolments/{enrolment.id}/playbacks", json={"unit": unit, "take_over": True}
    )
    if playback := answer.json.get("playback"):
        client.application.extensions["deliveries"].note(playback, 0)
    return answer


def beating(client, playback, seq, *played, position=0.0, **more):
    body = {"seq": seq, "played": played, "position": position, **more}
    return client.post(f"/api/v1/playbacks/{playback}/beats", json=body)


@pytest.fixture
def playback(client, enrolment, server_clock):
    """The id of a playback opened just now."""
    return opening(client, enrolment).json["playback"]


def test_opening_tells_all_that_a_player_needs(client, enrolment):
    """A lease, a signed address, the length, and where the learner stopped."""
    answer = opening(client, enrolment).json
    assert answer["playback"]
    assert answer["playlist"].endswith("master.m3u8")
    assert (answer["duration"], answer["position"], answer["covered"]) == (60.0, 0, [])


def test_time_that_passed_is_confirmed(client, playback, server_clock):
    """Ten seconds played in ten seconds are ten seconds, and the unit says what it needs."""
    server_clock.forward(10)
    answer = beating(client, playback, 1, [0, 10], position=10)
    assert answer.status_code == 200
    assert answer.json["credited_ms"] == 10_000
    assert answer.json["unit"] == {"confirmed_ms": 10_000, "needed_ms": 54_000, "done": False}
    assert answer.json["course"] == {"complete": False, "award": None}


def test_time_that_did_not_pass_is_refused_and_may_be_claimed_again(client, playback, server_clock):
    """A whole video in one second brings one second; later the rest may come."""
    server_clock.forward(1)
    first = beating(client, playback, 1, [0, 60]).json
    assert (first["credited_ms"], first["refused_ms"]) == (1000, 59_000)
    assert first["reason"] == "faster-than-time"
    server_clock.forward(59)
    assert beating(client, playback, 2, [0, 60]).json["unit"]["done"]


def test_one_resumes_where_one_stopped(client, enrolment, playback, server_clock):
    """Coming back finds the position and what is confirmed."""
    server_clock.forward(20)
    beating(client, playback, 1, [0, 12.5], position=12.5)
    answer = opening(client, enrolment).json
    assert (answer["position"], answer["covered"]) == (12.5, [[0, 12.5]])


def test_the_first_device_is_told_that_another_took_over(client, enrolment, playback, server_clock):
    """What it played before still counts; after that, nothing."""
    server_clock.forward(10)
    opening(client, enrolment)
    server_clock.forward(10)
    answer = beating(client, playback, 1, [0, 20]).json
    assert answer["ended"] == "taken-over"
    assert answer["unit"]["confirmed_ms"] == 10_000


@pytest.mark.parametrize(
    "body",
    [
        '{"seq": 1, "played": [[-1, 5]], "position": 0}',
        '{"seq": 1, "played": [[5, 1]], "position": 0}',
        '{"seq": 1, "played": [[0, NaN]], "position": 0}',
        '{"seq": 1, "played": [[0, Infinity]], "position": 0}',
        '{"seq": 1, "played": [[0, 61]], "position": 0}',
        '{"seq": 1, "played": [[0, 1e300]], "position": 0}',
        '{"seq": 1, "played": [[0]], "position": 0}',
        '{"seq": 1, "played": "all", "position": 0}',
        '{"seq": 0, "played": [[0, 1]], "position": 0}',
        '{"seq": 1e30, "played": [[0, 1]], "position": 0}',
        '{"seq": 1, "played": [[0, 1]], "position": -1}',
        '{"seq": 1, "played": [[0, 1]], "position": NaN}',
        '{"seq": 1, "played": [[0, 1]], "position": 0, "completed": true}',
        '{"seq": 1, "played": [' + ",".join(["[0, 1]"] * 201) + '], "position": 0}',
        "{}",
        "[]",
        "{",
        "",
    ],
)
def test_impossible_beats_are_refused_whole(session, client, playback, server_clock, body):
    """Clear problem, nothing booked, nothing kept; the same seq is then still free."""
    server_clock.forward(10)
    answer = client.post(
        f"/api/v1/playbacks/{playback}/beats", data=body, content_type="application/json"
    )
    assert answer.status_code in (400, 422)
    assert answer.mimetype == "application/problem+json"
    assert answer.json["detail"]
    assert session.scalar(sa.select(sa.func.count()).select_from(Beat)) == 0
    assert session.scalar(sa.select(sa.func.sum(Coverage.covered_ms))) == 0
    assert beating(client, playback, 1, [0, 5]).json["credited_ms"] == 5000


def test_a_doubled_beat_counts_once(client, playback, server_clock):
    """The network may deliver it twice."""
    server_clock.forward(10)
    answers = [beating(client, playback, 1, [0, 10]).json for _twice in range(2)]
    assert [each["unit"]["confirmed_ms"] for each in answers] == [10_000, 10_000]


def test_others_playbacks_do_not_exist(sign_in, stranger, enrolment, playback, server_clock):
    """Another person's ids answer 404 on every route, and nothing is booked."""
    other = sign_in(stranger)
    server_clock.forward(10)
    assert beating(other, playback, 1, [0, 10]).status_code == 404
    assert opening(other, enrolment).status_code == 404
    other.post(f"/api/v1/playbacks/{playback}/close")
    assert other.get(f"/api/v1/enrolments/{enrolment.id}/progress").status_code == 404
    assert other.put("/api/v1/attempts/1/answers", json={"changes": []}).status_code == 404


def test_a_stranger_cannot_close_a_playback(session, sign_in, stranger, playback):
    """It stays open for its owner."""
    sign_in(stranger).post(f"/api/v1/playbacks/{playback}/close")
    assert session.get_one(Playback, playback).ended_at is None


def test_an_ended_sign_in_loses_nothing(app, client, playback, server_clock, sign_in, learner):
    """401 as a problem document; after signing in again the same beat is taken."""
    server_clock.forward(10)
    nobody = app.test_client()
    nobody.environ_base["HTTP_X_CSRFTOKEN"] = client.environ_base["HTTP_X_CSRFTOKEN"]
    with nobody.session_transaction() as cookie:
        cookie["csrf_token"] = "t"
    refused = beating(nobody, playback, 1, [0, 10])
    assert (refused.status_code, refused.mimetype) == (401, "application/problem+json")
    again = beating(sign_in(learner), playback, 1, [0, 10])
    assert again.json["credited_ms"] == 10_000


def test_only_videos_of_the_course_can_be_opened(client, enrolment):
    """A quiz, a page or an unknown unit is no video."""
    for unit in ("u2", "u3", "u9"):
        assert opening(client, enrolment, unit).status_code == 404
    assert (
        client.post("/api/v1/enrolments/999999/playbacks", json={"unit": "u1"}).status_code == 404
    )


def test_the_last_beat_completes_the_course(session, client, create_enrolment, server_clock):
    """The reply says so, with the hours."""
    enrolment = create_enrolment(("video",))
    playback = opening(client, enrolment).json["playback"]
    server_clock.forward(60)
    answer = beating(client, playback, 1, [0, 60]).json
    assert answer["unit"]["done"]
    assert answer["course"]["complete"]
    assert answer["course"]["award"]["hours"] == "1"
    assert session.scalar(sa.select(sa.func.count()).select_from(Award)) == 1


def test_watching_a_completed_course_again_books_nothing(session, client, enrolment, now):
    """It plays, without a lease; late beats of before are still taken."""
    enrolment.state, enrolment.completed_at = EnrolmentState.COMPLETED, now
    session.commit()
    answer = opening(client, enrolment).json
    assert answer["playback"] is None
    assert answer["playlist"]
    assert session.scalar(sa.select(sa.func.count()).select_from(Playback)) == 0


def test_a_beat_of_a_course_that_was_left_is_refused(
    session, client, enrolment, playback, server_clock
):
    """There is nothing it could count for."""
    session.get_one(Enrolment, enrolment.id).state = EnrolmentState.WITHDRAWN
    session.commit()
    server_clock.forward(10)
    assert beating(client, playback, 1, [0, 10]).status_code == 404


def test_a_closed_playback_takes_what_came_before(client, playback, server_clock):
    """Closing ends the lease on the server's clock."""
    server_clock.forward(5)
    assert client.post(f"/api/v1/playbacks/{playback}/close").status_code == 204
    server_clock.forward(10)
    answer = beating(client, playback, 1, [0, 15]).json
    assert (answer["ended"], answer["credited_ms"]) == ("closed", 5000)


def test_progress_names_every_unit(client, enrolment):
    """Kinds, what is confirmed and what is needed."""
    answer = client.get(f"/api/v1/enrolments/{enrolment.id}/progress").json
    assert [(unit["key"], unit["done"]) for unit in answer["units"]] == [
        ("u1", False),
        ("u2", False),
        ("u3", False),
    ]
    assert answer["units"][0]["needed_ms"] == 54_000


def test_a_beat_costs_few_queries(client, playback, server_clock, count_queries):
    """Ten thousand learners beat every few seconds: the course is not read for it."""
    server_clock.forward(10)
    with count_queries() as queries:
        beating(client, playback, 1, [0, 10])
    assert len([each for each in queries if "course_version.document" in each]) == 0
    assert len(queries) <= 13
