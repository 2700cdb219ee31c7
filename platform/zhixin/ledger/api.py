"""The ledger for machines: checkpoint, key, entries and proofs."""

from __future__ import annotations

from flask import Response, current_app, request
from flask.typing import ResponseReturnValue
from limits import RateLimitItemPerMinute
from pydantic import Field

from zhixin import access, api, clock, db, rates
from zhixin.errors import Invalid, NotFound
from zhixin.ledger import log, rotation, witness
from zhixin.security import signs_itself

#: Witnesses look every few minutes; each address may be wrong that often.
COSIGNATURES = RateLimitItemPerMinute(60, namespace="cosignatures")
MOST_NOTE_BYTES = 20_000

blueprint = api.api_blueprint("ledger", "学时账本")


class EntryPath(api.Model):
    index: int = Field(ge=0, le=2**62)


class SizePath(api.Model):
    size: int = Field(ge=1, le=2**62)


class CosignedOut(api.Model):
    witnesses: list[str] = Field(description="Names of the witnesses whose cosignatures are kept")


class EntryOut(api.Model):
    index: int
    body: str = Field(description="Canonical JSON (RFC 8785): the leaf's bytes")
    leaf_hash: str = Field(description="RFC 9162 leaf hash, hex")


class InclusionQuery(api.Model):
    index: int = Field(ge=0, le=2**62)
    size: int = Field(ge=1, le=2**62)


class ConsistencyQuery(api.Model):
    old: int = Field(alias="from", ge=1, le=2**62)
    new: int = Field(alias="to", ge=1, le=2**62)


class ProofOut(api.Model):
    hashes: list[str] = Field(description="Node hashes, hex, as RFC 9162 orders them")


@blueprint.get("/ledger/checkpoint", summary="The newest signed checkpoint", security=[])
@access.public
def checkpoint() -> ResponseReturnValue:
    """C2SP tlog-checkpoint: size and root, signed."""
    head = log.head(db.session())
    if head is None:
        raise NotFound("账本还没有记录")
    return Response(witness.cosigned_note(db.session(), head), mimetype="text/plain")


@blueprint.get("/ledger/checkpoints/<int:size>", summary="A signed checkpoint", security=[])
@access.public
def checkpoint_at(path: SizePath) -> ResponseReturnValue:
    """The checkpoint that was signed at exactly that size, with its cosignatures."""
    head = witness.head_at(db.session(), path.size)
    return Response(witness.cosigned_note(db.session(), head), mimetype="text/plain")


@blueprint.post(
    "/ledger/cosignatures", summary="Cosign a checkpoint", responses={200: CosignedOut}, security=[]
)
@access.public
@signs_itself
def cosign() -> ResponseReturnValue:
    """A checkpoint of this log with a known witness's cosignatures (C2SP tlog-cosignature v1).

    The body is the signed note as text. Other signatures on it are ignored.
    """
    rates.spend(COSIGNATURES, request.remote_addr or "")
    if (request.content_length or MOST_NOTE_BYTES + 1) > MOST_NOTE_BYTES:
        raise Invalid("联署应是一份签名树头的文本", code="cosignature-refused")
    note = request.get_data().decode(errors="replace")
    found = witness.accept(db.session(), note, clock.now())
    return {"witnesses": [each.name for each in found]}


@blueprint.get("/ledger/key", summary="The log's public key", security=[])
@access.public
def key() -> ResponseReturnValue:
    """Verifier key as C2SP signed-note writes it."""
    text = rotation.ring(db.session(), current_app.extensions["settings"]).current
    return Response(text + "\n", mimetype="text/plain")


@blueprint.get(
    "/ledger/entries/<int:index>", summary="One entry", responses={200: EntryOut}, security=[]
)
@access.public
def entry(path: EntryPath) -> ResponseReturnValue:
    """One entry; persons appear as salted commitments only."""
    found = log.entry(db.session(), path.index)
    out = EntryOut(index=found.index, body=found.body, leaf_hash=found.leaf_hash.hex())
    return out.model_dump(mode="json")


@blueprint.get(
    "/ledger/proofs/inclusion", summary="Inclusion proof", responses={200: ProofOut}, security=[]
)
@access.public
def inclusion(query: InclusionQuery) -> ResponseReturnValue:
    """Entry ``index`` is in the tree of ``size``."""
    return {"hashes": [h.hex() for h in log.inclusion(db.session(), query.index, query.size)]}


@blueprint.get(
    "/ledger/proofs/consistency",
    summary="Consistency proof",
    responses={200: ProofOut},
    security=[],
)
@access.public
def consistency(query: ConsistencyQuery) -> ResponseReturnValue:
    """The tree of ``to`` entries only adds to that of ``from``."""
    return {"hashes": [h.hex() for h in log.consistency(db.session(), query.old, query.new)]}
