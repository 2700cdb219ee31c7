"""Statements of an intruder with the password."""

from __future__ import annotations

#: A submission taken out of the log, as it was before: what an intruder does to delete its entry.
DETACH = """
UPDATE ledger_submission SET leaf_hash = NULL, entry_index = NULL, body = (
    SELECT body FROM ledger_entry WHERE "index" = entry_index
)"""
