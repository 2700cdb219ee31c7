"""``python -m bench [beats] [certificates] [december] [growth] [history] [ledger] [search] [transcode]``: all of them by default."""

from __future__ import annotations

import sys

from bench import beats, certificates, december, growth, history, ledger, search, transcode
from bench.report import show

PARTS = {
    "beats": beats.measure,
    "certificates": certificates.measure,
    "december": december.measure,
    "growth": growth.measure,
    "history": history.measure,
    "ledger": ledger.measure,
    "search": search.measure,
    "transcode": transcode.measure,
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
