"""``python -m bench [banks] [beats] [certificates] [copying] [december] [exam] [growth] [history] [ledger] [questions] [refining] [search] [transcode] [upload]``: all of them by default."""

from __future__ import annotations

import sys

from bench import (
    banks,
    beats,
    certificates,
    december,
    exam,
    growth,
    history,
    ledger,
    questions,
    search,
    transcode,
    upload,
)
from bench.report import show

PARTS = {
    "banks": banks.measure,
    "beats": beats.measure,
    "certificates": certificates.measure,
    "copying": transcode.measure_copying,
    "december": december.measure,
    "exam": exam.measure,
    "growth": growth.measure,
    "history": history.measure,
    "ledger": ledger.measure,
    "questions": questions.measure,
    "refining": transcode.measure_refining,
    "search": search.measure,
    "transcode": transcode.measure,
    "upload": upload.measure,
}


def main() -> None:
    wanted = sys.argv[1:] or list(PARTS)
    if unknown := set(wanted) - PARTS.keys():
        sys.exit(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(PARTS)}")
    for name in wanted:
        for comparison in PARTS[name]():
            show(comparison)


if __name__ == "__main__":
    main()
