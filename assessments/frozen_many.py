"""Many frozen questions at once: as many queries for a thousand as for one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from assessments import blueprints, corrections, frozen, papers
from assessments.banks import pools
from assessments.models import PaperVersion
from assessments.questions import Question
from assessments.regrade_models import IN_FORCE, KeyCorrection
from zhixin.errors import NotFound

#: A question by the paper version that asks it, or may draw it, and its id there.
Place = tuple[int, str]
_CHUNK = 500


class Questions:
    """The questions of some places, read together.

    Args:
        drawn: versions in banks that are asked about beside those that the places name.
    """

    def __init__(
        self,
        session: Session,
        places: Collection[Place],
        drawn: Iterable[int] = (),
        versions: Iterable[int] = (),
    ) -> None:
        self._session = session
        self._versions = {version for version, _id in places} | {*versions}
        hashes = _hashes(session, self._versions)
        self._papers = _papers(session, hashes)
        self._prints = {id: frozen.prints(hashes[id], each) for id, each in self._papers.items()}
        self._own = {
            version: {question.id: question for question in paper.questions}
            for version, paper in self._papers.items()
        }
        named = {
            blueprints.version_of(id) for version, id in places if id not in self._own[version]
        }
        wanted = sorted({each for each in named if each} | {*drawn})
        self._drawn, self._names = pools.asked(session, wanted), pools.names(session, wanted)

    def print_of(self, place: Place) -> str:
        """A question's fingerprint.

        Raises:
            NotFound: the version has no such question.
        """
        version, id = place
        if id in self._prints[version]:
            return self._prints[version][id]
        asked, _text = self._asked(id)
        return frozen.drawn_print(self._names[blueprints.version_of(id) or 0], lambda: asked)

    def graded(self, version: int, drawn: Mapping[str, Any] | None) -> dict[str, str]:
        """The fingerprints of an attempt's questions that are right or wrong without people."""
        found = [id for id, each in self._own[version].items() if not each.by_people]
        for line in drawn["versions"] if drawn else ():
            asked = [each for each in line if each in self._drawn]
            found += [blueprints.drawn_id(e) for e in asked if not self._drawn[e][0].by_people]
        return {id: self.print_of((version, id)) for id in found}

    def corrected(self, places: Iterable[Place]) -> dict[Place, tuple[Question, str | None]]:
        """As ``frozen.question``: with the keys that count now, and the texts asked about."""
        made = _corrections(self._session, self._versions)
        return {
            place: (corrections.corrected(asked, made[place[0]]), text)
            for place in places
            for asked, text in (self._question(place),)
        }

    def _question(self, place: Place) -> tuple[Question, str | None]:
        version, id = place
        own, paper = self._own[version].get(id), self._papers[version]
        if own is not None:
            texts = {passage.id: passage.text for passage in paper.passages}
            return own, texts.get(own.passage or "")
        asked, text = self._asked(id)
        bank_version = blueprints.version_of(id)
        if bank_version is None or paper.blueprint is None:
            raise NotFound
        return blueprints.in_paper(asked, bank_version, asked.points), text

    def _asked(self, id: str) -> tuple[Question, str | None]:
        found = self._drawn.get(blueprints.version_of(id) or 0)
        if found is None:
            raise NotFound
        return found


def _hashes(session: Session, version_ids: Collection[int]) -> dict[int, str]:
    wanted = sorted(version_ids)
    found: dict[int, str] = {}
    for at in range(0, len(wanted), _CHUNK):
        query = sa.select(PaperVersion.id, PaperVersion.sha256)
        rows = session.execute(query.where(PaperVersion.id.in_(wanted[at : at + _CHUNK])))
        found.update((id, sha256) for id, sha256 in rows)
    if len(found) < len(wanted):
        raise NotFound
    return found


def _papers(session: Session, hashes: Mapping[int, str]) -> dict[int, papers.Paper]:
    found = frozen.known(hashes)
    missing = sorted(hashes.keys() - found.keys())
    for at in range(0, len(missing), _CHUNK):
        query = sa.select(PaperVersion).where(PaperVersion.id.in_(missing[at : at + _CHUNK]))
        for each in session.scalars(query):
            found[each.id] = frozen.kept(session, each.id, each.sha256)
    return found


def _corrections(
    session: Session, version_ids: Collection[int]
) -> Mapping[int, Sequence[KeyCorrection]]:
    found: defaultdict[int, list[KeyCorrection]] = defaultdict(list)
    wanted = sorted(version_ids)
    for at in range(0, len(wanted), _CHUNK):
        query = (
            sa.select(PaperVersion.id, KeyCorrection)
            .join(KeyCorrection, KeyCorrection.paper_id == PaperVersion.paper_id)
            .where(PaperVersion.id.in_(wanted[at : at + _CHUNK]), KeyCorrection.state.in_(IN_FORCE))
            .order_by(KeyCorrection.id)
        )
        for version, made in session.execute(query):
            found[version].append(made)
    return found
