"""A source that is already what players need is taken over as it is; the rest follows."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import current_app
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from media import (
    analysis,
    copying,
    holding,
    packaging,
    probe,
    queueing,
    refinements,
    refining,
    report,
    tasks,
    transcode,
    usage,
    words,
)
from media.binaries import ffmpeg, ffprobe
from media.errors import TranscodeFailed
from media.models import Asset, AssetState
from media.probe import AudioStream, Probe
from media.refinement_models import Refinement, RefinementState
from media.renditions import Rendition
from media.streaming import SERVED
from tests import scenes
from tests.media.test_tasks import Workshop, later, workshop  # noqa: F401
from zhixin import clock
from zhixin.people.models import Person, Role

QUIET: Any = {"on_progress": lambda percent: None, "timeout_s": 60, "cancelled": lambda: False}
State = RefinementState


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Videos of seconds are taken over too."""
    monkeypatch.setattr(copying, "LEAST_MS", 0)


@pytest.fixture(autouse=True)
def bells(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Who was rung for; the tests themselves do the work."""
    rung: list[int] = []

    def ring(ids: tuple[int], **_options: object) -> None:
        rung.append(*ids)

    monkeypatch.setattr(refining.refine, "apply_async", ring)
    return rung


@pytest.fixture
def good(samples: Any) -> Path:
    """480 lines, key frames here and there, quiet stereo."""
    path: Path = samples.lecture(
        "good.mp4",
        *("-preset", "veryfast", "-g", "150", "-force_key_frames", "1,3.7,5.2,8.2"),
        *("-crf", "35", "-maxrate", "900k", "-bufsize", "900k", "-ac", "2"),
        size="640x480",
        rate="30000/1001",
        seconds=10,
    )
    return path


def cuts(folder: Path, name: str) -> list[float]:
    return [length for _, length in packaging.segments(folder / name / "index.m3u8")]


def packets(path: Path) -> list[str]:
    """What the pictures are, packet by packet."""
    command = [ffmpeg(), "-v", "error", "-i", str(path), "-map", "0:v", "-c", "copy", "-f", "framehash", "-"]  # fmt: skip
    answer = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    return [line.split(",")[5] for line in answer.stdout.splitlines() if not line.startswith("#")]


def samples_of(folder: Path, into: Path) -> Path:
    """The sound of a run as one file."""
    names = ["init.mp4", *(name for name, _ in packaging.segments(folder / "index.m3u8"))]
    into.write_bytes(b"".join((folder / name).read_bytes() for name in names))
    return into


def left(shop: Workshop, asset_id: int) -> Refinement:
    with shop.transaction() as session:
        found = session.get(Refinement, asset_id)
    assert found is not None
    return found


def folder_of(shop: Workshop, asset_id: int) -> Path:
    folder = shop.asset(asset_id).folder
    assert folder is not None
    return shop.store.path(folder)


def test_a_conforming_source_can_be_played_at_once_and_is_finished_later(
    workshop: Workshop,  # noqa: F811
    good: Path,
    bells: list[int],
    later: Callable[[timedelta], None],  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """READY with its own packets; then lower renditions cut at the same moments, hover previews and
    the right loudness. What evidence counts by does not change, and who plays the first run can."""
    asset_id = workshop.upload(good)
    tasks.prepare(asset_id)
    first, run = workshop.asset(asset_id), folder_of(workshop, asset_id)
    assert asset_id in bells
    assert first.state == AssetState.READY
    assert left(workshop, asset_id).state == State.WAITING
    assert packets(run / "v0" / "index.m3u8") == packets(good)
    master = (run / transcode.MASTER).read_text()
    assert master.count("#EXT-X-STREAM-INF") == 1
    assert "RESOLUTION=640x480" in master
    assert (run / "poster.jpg").read_bytes().startswith(b"\xff\xd8")
    with workshop.app.test_request_context():
        assert "可以播放" in words.refinement_text(left(workshop, asset_id), clock.now())
    with workshop.transaction() as session:
        usage.add_up(session, workshop.store)

    refining.refine(asset_id)
    second, whole = workshop.asset(asset_id), folder_of(workshop, asset_id)
    assert left(workshop, asset_id).state == State.DONE
    kept = ("state", "segments_ms", "duration_ms", "width", "height", "ready_at", "source_sha256")
    assert all(getattr(first, name) == getattr(second, name) for name in kept)
    assert second.rendition_bytes is None  # to be added up again
    assert whole != run
    assert run.is_dir()
    for path in (run / "v0").iterdir():
        assert path.read_bytes() == (whole / "v0" / path.name).read_bytes()
    assert cuts(whole, "v0") == pytest.approx([5.205, 3.003, 1.802], abs=0.002)
    assert cuts(whole, "v1")[:-1] == cuts(whole, "v0")[:-1]
    assert [*map(len, (cuts(whole, "a0"), cuts(whole, "v1")))] == [len(cuts(whole, "v0"))] * 2
    for segment in (whole / "v1").glob("s*.m4s"):
        assert copying.stands_alone(segment)
    assert (whole / packaging.PREVIEWS).is_file()
    names = {str(path.relative_to(whole)) for path in whole.rglob("*") if path.is_file()}
    assert all(SERVED.fullmatch(name) for name in names - {"poster.jpg"})
    said = second.report
    assert said
    assert said["copied"] == {"sound": False}  # it was too low
    assert said["plan"]["gain_db"] > 1
    sound = samples_of(whole / "a0", workshop.settings.scratch_dir.parent / "sound.mp4")
    heard = analysis.analyse(
        sound, replace(probe.probe(good), audio=AudioStream("aac", 2, 0)), None
    )
    assert heard.loudness
    assert heard.loudness.lufs == pytest.approx(-18, abs=1)

    tasks.sweep()
    assert run.is_dir()  # somebody may still be watching
    later(timedelta(hours=1))
    with monkeypatch.context() as killed:
        killed.setattr(workshop.store.vault, "remove_all", None)
        with pytest.raises(TypeError):
            tasks.sweep()
    assert left(workshop, asset_id).replaced, "a sweep that was killed leaves it to the next"
    tasks.sweep()
    assert workshop.runs(asset_id) == [whole.name]
    assert left(workshop, asset_id).replaced is None


def test_a_sound_of_the_right_loudness_is_taken_over_too(
    workshop: Workshop,  # noqa: F811
    samples: Any,
) -> None:
    source = samples.lecture(
        "loud.mp4", "-g", "50", "-crf", "40", "-af", "volume=3.8dB", "-ac", "2", seconds=9
    )
    asset_id = workshop.upload(source)
    tasks.prepare(asset_id)
    refining.refine(asset_id)
    said = workshop.asset(asset_id).report
    assert said
    assert said["copied"] == {"sound": True}
    folder = folder_of(workshop, asset_id)
    asked = [ffprobe(), "-v", "error", "-show_entries", "stream=sample_rate", "-of", "csv=p=0", str(folder / "a0" / "index.m3u8")]  # fmt: skip
    answer = subprocess.run(asked, check=True, capture_output=True, text=True, timeout=60).stdout
    assert answer.split()[0] == "44100"  # what is encoded has 48,000


@pytest.mark.parametrize("ahead", ["0", "1", "2"])
def test_all_renditions_begin_and_are_cut_alike(samples: Any, tmp_path: Path, ahead: str) -> None:
    """However many there are, and however far ahead the source's frames are decoded."""
    pyramid = ("-x264-params", f"bframes={ahead}:b-pyramid={'normal' if ahead == '2' else 'none'}")
    source = samples.lecture(
        f"ahead-{ahead}.mp4",
        "-g",
        "110",
        "-force_key_frames",
        "1,5",
        "-ac",
        "2",
        *pyramid,
        seconds=9,
    )
    found = probe.probe(source)
    planned = copying.full_plan(found, analysis.Analysis())
    lower = (Rendition(160, 90, 200), Rendition(80, 46, 100))
    planned = replace(planned, renditions=(*planned.renditions, *lower))
    copying.add_lower(source, tmp_path, found, planned, **QUIET)
    said = {begin_of(tmp_path / f"v{i}" / "index.m3u8") for i in range(3)}
    assert len(said) == 1
    assert len(cuts(tmp_path, "v0")) == 2
    assert cuts(tmp_path, "v0") == cuts(tmp_path, "v1") == cuts(tmp_path, "v2")


def begin_of(playlist: Path) -> str:
    """When its first picture is shown."""
    command = [ffprobe(), "-v", "error", "-read_intervals", "%+#1", "-show_entries", "packet=pts_time", "-of", "csv=p=0", str(playlist)]  # fmt: skip
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


@pytest.mark.parametrize(
    ("what", "options"),
    [
        ("far", ("-g", "400", "-sc_threshold", "0")),
        ("leaning", ("-g", "50", "-x264-params", "open-gop=1:bframes=3:scenecut=0")),
        ("burst", ("-g", "100", "-crf", "1", "-vf", "noise=alls=90:allf=t")),
    ],
)
def test_what_came_out_decides(
    samples: Any, tmp_path: Path, what: str, options: tuple[str, ...]
) -> None:
    """Key frames too far apart or leaning on what was before, and bursts, are seen afterwards."""
    source = samples.lecture(f"{what}.mp4", "-preset", "veryfast", "-ac", "2", *options, seconds=11)
    found = probe.probe(source)
    planned = copying.first_plan(found, None)
    assert copying.take_over(source, tmp_path, found, planned, **QUIET) is None


def test_a_beginning_that_an_edit_list_leaves_out_is_not_taken_over(
    samples: Any, tmp_path: Path
) -> None:
    """Cut without encoding, a file keeps what comes before the cut; it would be shown."""
    lecture = samples.lecture("edited.mp4", "-g", "50", seconds=8)
    cut = samples.folder / "edited-cut.mp4"
    samples.make(cut, "-ss", "3", "-i", str(lecture), "-c", "copy")
    assert probe.begins_whole(lecture, 0)
    assert not probe.begins_whole(cut, 0)
    for source, taken in ((lecture, True), (cut, False)):
        found = probe.probe(source)
        planned = copying.first_plan(found, None)
        made = copying.take_over(source, tmp_path / source.stem, found, planned, **QUIET)
        assert (made is not None) == taken


@pytest.mark.parametrize(
    "change",
    [
        {"codec": "hevc"},
        {"profile": "High 10"},
        {"level": 51},
        {"level": 0},
        {"pixels": "yuv422p"},
        {"full_range": True},
        {"transfer": "arib-std-b67"},
        {"field_order": "tt"},
        {"field_order": ""},
        {"rotation": 90},
        {"pixel_aspect": 16 / 11},
        {"width": 2560, "height": 1440},
        {"width": 1921},
        {"fps": 60.0, "average_fps": 60.0},
        {"average_fps": 20.0},
        {"kbps": 3400},
    ],
)
def test_one_fact_out_of_line_and_it_is_encoded(
    make_probe: Callable[..., Probe], change: dict[str, Any]
) -> None:
    found = make_probe(width=1920, height=1080)
    good = replace(
        found.video,
        profile="High",
        level=40,
        field_order="progressive",
        average_fps=25.0,
        kbps=2900,
    )
    assert copying.suits(replace(found, video=good))
    assert not copying.suits(replace(found, video=replace(good, **change)))


def test_a_container_of_packets_and_a_short_one_are_encoded(
    make_probe: Callable[..., Probe], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = make_probe(width=1280, height=720)
    good = replace(
        found.video, profile="Main", level=31, field_order="progressive", average_fps=25.0
    )
    found = replace(found, video=good, kbps=1200)
    assert copying.suits(found)
    assert not copying.suits(replace(found, container="mpegts"))
    assert not copying.suits(replace(found, kbps=0))
    monkeypatch.setattr(copying, "LEAST_MS", 60_001)
    assert not copying.suits(found)


def test_only_a_plain_stereo_sound_is_copied() -> None:
    stereo = AudioStream("aac", 2, profile="LC", kbps=128)
    assert copying.sound_suits(stereo)
    for change in ({"codec": "opus"}, {"profile": "HE-AAC"}, {"channels": 6}, {"channels": 1}, {"rate": 22050}, {"kbps": 320}, {"late_ms": 400}):  # fmt: skip
        assert not copying.sound_suits(replace(stereo, **change))
    assert not copying.sound_suits(None)


def test_a_sound_that_begins_late_is_encoded(samples: Any) -> None:
    """Copied, browsers would play it at once and ahead of the picture."""
    lecture = samples.lecture("in-time.mp4", seconds=8)
    late = samples.folder / "late.mp4"
    again = ("-itsoffset", "0.4", "-i", str(lecture), "-map", "0:v", "-map", "1:a", "-c", "copy")
    samples.make(late, "-i", str(lecture), *again)
    assert abs(probe.probe(lecture).audio.late_ms) <= copying.LATE_MS
    assert 350 < probe.probe(late).audio.late_ms < 450
    assert not copying.sound_suits(probe.probe(late).audio)


def test_a_half_made_video_is_nobodys_twin(workshop: Workshop, good: Path) -> None:  # noqa: F811
    """The same file again is made by itself while the first lacks something, and shares later."""
    one = workshop.upload(good)
    owner = workshop.asset(one).owner_id
    tasks.prepare(one)
    two = workshop.upload(good, owner)
    tasks.prepare(two)
    assert left(workshop, two).state == State.WAITING
    refining.refine(one)
    three = workshop.upload(good, owner)
    tasks.prepare(three)
    with workshop.transaction() as session:
        assert session.get(Refinement, three) is None
    assert (folder_of(workshop, three) / "v1" / "index.m3u8").is_file()


def test_it_comes_last_gives_way_and_is_not_put_off_for_ever(
    workshop: Workshop,  # noqa: F811
    good: Path,
    later: Callable[[timedelta], None],  # noqa: F811
) -> None:
    asset_id = workshop.upload(good)
    tasks.prepare(asset_id)
    with workshop.transaction() as session:
        assert [*refinements.waiting(session, clock.now())] == [asset_id]
        other = workshop_row(session, session.get_one(Asset, asset_id).owner_id)
        assert [*refinements.waiting(session, clock.now())] == []
        long_after = clock.now() + queueing.PATIENCE
        assert [*refinements.waiting(session, long_after)] == [asset_id], "not for ever"
        assert not refinements.gives_way(
            session, asset_id, clock.now()
        )  # a worker may be on its way
        soon = clock.now() + refinements.ALL_BUSY + timedelta(seconds=1)
        assert refinements.gives_way(session, asset_id, soon)
        assert not refinements.gives_way(session, asset_id, soon + queueing.PATIENCE)
        session.execute(sa.delete(Asset).where(Asset.id == other))
        assert [*refinements.waiting(session, clock.now())] == [asset_id]


def workshop_row(session: Any, owner_id: int) -> int:
    waits = Asset(
        owner_id=owner_id, file_name="v.mp4", source="x", source_bytes=1, progress=0, tries=0,
        state=AssetState.UPLOADED, created_at=clock.now(),
    )  # fmt: skip
    session.add(waits)
    session.flush()
    return waits.id


def test_a_killed_worker_a_failing_file_and_an_author_who_changes_their_mind(
    workshop: Workshop,  # noqa: F811
    good: Path,
    later: Callable[[timedelta], None],  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    bells: list[int],
) -> None:
    """The claim runs out and the sweeper rings; after three tries it is given up, and the video is
    played as it was taken over; stopped and wanted again, it is made."""
    asset_id = workshop.upload(good)
    tasks.prepare(asset_id)
    ready = workshop.asset(asset_id)
    with workshop.transaction() as session:
        mark = refinements.claim(session, asset_id, clock.now())
        assert mark
        assert refinements.claim(session, asset_id, clock.now()) is None
    killed = workshop.store.run(asset_id, "0123")  # published, and killed before it was named
    (killed / "v1").mkdir(parents=True)
    (killed / "v1" / "s00000.m4s").write_bytes(b"-")

    def fail(*_arguments: object, **_options: object) -> None:
        raise TranscodeFailed("transcode-failed")

    with monkeypatch.context() as failing:
        failing.setattr(copying, "add_lower", fail)
        bells.clear()
        tasks.sweep()
        assert bells == []
        for _ in range(2):
            later(holding.CLAIM + timedelta(seconds=1))
            tasks.sweep()
            refining.refine(bells.pop())
    given_up = left(workshop, asset_id)
    assert (given_up.state, given_up.failure_code) == (State.FAILED, "transcode-failed")
    assert (workshop.asset(asset_id).folder, workshop.asset(asset_id).state) == (
        ready.folder,
        AssetState.READY,
    )
    assert not killed.exists()

    with workshop.transaction() as session:
        refinements.retry(session, asset_id, clock.now(), has_source=True)
    with workshop.transaction() as session:
        refinements.cancel(session, asset_id)
    refining.refine(asset_id)
    assert left(workshop, asset_id).state == State.CANCELLED
    with workshop.transaction() as session:
        refinements.retry(session, asset_id, clock.now(), has_source=True)
    refining.refine(asset_id)
    assert left(workshop, asset_id).state == State.DONE


def test_cancelled_at_the_last_moment_nothing_is_changed(
    workshop: Workshop,  # noqa: F811
    good: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asset_id = workshop.upload(good)
    tasks.prepare(asset_id)
    before = workshop.asset(asset_id)
    publish = transcode.publish

    def slowly(made: Path, final: Path) -> None:
        publish(made, final)
        with workshop.transaction() as session:
            refinements.cancel(session, asset_id)

    monkeypatch.setattr(transcode, "publish", slowly)
    refining.refine(asset_id)
    after = workshop.asset(asset_id)
    assert (after.folder, after.report) == (before.folder, before.report)
    assert workshop.runs(asset_id) == [(before.folder or "").rsplit("/", 1)[-1]]


def test_its_author_reads_of_it_stops_it_and_wants_it_again(
    session: Session,
    create_person: Callable[..., Person],
    sign_in: Callable[[Person], FlaskClient],
    make_probe: Callable[..., Probe],
    bells: list[int],
) -> None:
    """In words beside the video, which can be played all the while; another's is not there."""
    author, other = create_person("author", Role.AUTHOR), create_person("other", Role.AUTHOR)
    asset = scenes._asset(session, author)
    asset.report = report.of_probe(make_probe()) | {"copied": {"sound": True}}
    current_app.extensions["media_store"].vault.write(asset.source, b"-")
    refinements.begin(session, asset.id, clock.now())
    session.commit()
    client, work = sign_in(author), f"/media/assets/{asset.id}"

    def told() -> tuple[str, str]:
        found = client.get(f"/api/v1/assets/{asset.id}").get_json()
        assert found["playlist"]
        return found["refining"], found["standing"]

    page = client.get("/studio/media").text
    assert "原样采用" in page
    assert "等待制作较低的清晰度" in page
    assert told()[0] == "waiting"
    assert "可以播放" in told()[1]
    assert sign_in(other).post(f"{work}/cancel").status_code == 404
    assert client.post(f"{work}/retry").status_code == 409
    assert client.post(f"{work}/cancel").status_code == 303
    assert told()[0] == "cancelled"
    assert "制作较低的清晰度" in client.get("/studio/media").text
    assert client.post(f"{work}/cancel").status_code == 409
    bells.clear()
    assert client.post(f"{work}/retry").status_code == 303
    assert (told()[0], bells) == ("waiting", [asset.id])
