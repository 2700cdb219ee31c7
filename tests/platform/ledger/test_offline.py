"""The offline verifier: one file that imports nothing of ours and names what does not hold."""

from __future__ import annotations

import base64
import copy
import gzip
import hashlib
import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from zhixin.config import ROOT
from zhixin.ledger import checkpoint, cosignature, keys, merkle
from zhixin.ledger.keys import IssuerKey, Signer

PROGRAM = ROOT / "platform/zhixin/ledger/offline/zhixin_verify.py"
ORIGIN = "zhixin.example/ledger"
SIGNER = Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(b"\x01" * 32))
ISSUER = IssuerKey("did:web:learning.example", Ed25519PrivateKey.from_private_bytes(b"\x02" * 32))
WITNESS = Ed25519PrivateKey.from_private_bytes(b"\x03" * 32)
WITNESS_KEY = cosignature.verifier_key("witness.example/w1", WITNESS)
OTHERS = [merkle.leaf_hash(bytes([n])) for n in range(20)]
AT = 7


def load_program() -> Any:
    spec = importlib.util.spec_from_file_location("zhixin_verify", PROGRAM)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


program = load_program()


def base58(data: bytes) -> str:
    alphabet, value, text = program.BASE58, int.from_bytes(data), ""
    while value:
        value, digit = divmod(value, 58)
        text = alphabet[digit] + text
    return "z" + "1" * (len(data) - len(data.lstrip(b"\0"))) + text


def sign(document: dict[str, Any], issuer: IssuerKey = ISSUER) -> dict[str, Any]:
    """eddsa-jcs-2022, by another implementation of JCS."""
    document = {name: value for name, value in document.items() if name != "proof"}
    proof = {
        "type": "DataIntegrityProof",
        "cryptosuite": "eddsa-jcs-2022",
        "created": "2026-11-23T02:00:00Z",
        "verificationMethod": issuer.verification_method,
        "proofPurpose": "assertionMethod",
        "@context": document["@context"],
    }
    message = b"".join(hashlib.sha256(rfc8785.dumps(part)).digest() for part in (proof, document))
    return document | {"proof": proof | {"proofValue": base58(issuer.private_key.sign(message))}}


def leaves(entry: str, size: int) -> list[bytes]:
    found = OTHERS[:size]
    found[AT] = merkle.leaf_hash(entry.encode())
    return found


def make(size: int = 11, issuer: IssuerKey = ISSUER) -> dict[str, Any]:
    core = {
        "@context": [
            "https://www.w3.org/ns/credentials/v2",
            "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json",
        ],
        "type": ["VerifiableCredential", "OpenBadgeCredential"],
        "issuer": {"id": ISSUER.did, "type": ["Profile"], "name": "市继续教育办公室"},
        "validFrom": "2026-11-23T02:00:00Z",
        "credentialSubject": {"type": ["AchievementSubject"], "name": "𠮷田䶮", "hours": "4.5"},
        "credentialStatus": {
            "type": "BitstringStatusListEntry",
            "statusPurpose": "revocation",
            "statusListIndex": "94",
            "statusListCredential": "https://learning.example/status/1",
        },
    }
    entry = rfc8785.dumps(
        {
            "kind": "certificate-issued",
            "key": "certificate:1",
            "facts": {"credential": hashlib.sha256(rfc8785.dumps(core)).hexdigest()},
            "decided_at": "2026-11-23T02:00:00+00:00",
        }
    ).decode()
    tree = leaves(entry, size)
    evidence = {
        "id": "https://learning.example/ledger/7",
        "type": ["Evidence", "LedgerInclusion"],
        "origin": ORIGIN,
        "index": AT,
        "size": size,
        "entry": entry,
        "path": [base64.b64encode(h).decode() for h in merkle.inclusion_path(AT, tree)],
        "checkpoint": SIGNER.sign(size, merkle.root(tree)),
    }
    return sign(core | {"evidence": [evidence]}, issuer)


def status_list(*revoked: int) -> dict[str, Any]:
    bits = bytearray(16384)
    for index in revoked:
        bits[index // 8] |= 0x80 >> index % 8
    packed = base64.urlsafe_b64encode(gzip.compress(bytes(bits))).decode().rstrip("=")
    return sign(
        {
            "@context": ["https://www.w3.org/ns/credentials/v2"],
            "id": "https://learning.example/status/1",
            "type": ["VerifiableCredential", "BitstringStatusListCredential"],
            "issuer": ISSUER.did,
            "validFrom": "2026-11-24T00:00:00Z",
            "credentialSubject": {
                "type": "BitstringStatusList",
                "statusPurpose": "revocation",
                "encodedList": f"u{packed}",
            },
        }
    )


KEYS = f"{SIGNER.verifier_key} 0\n{ISSUER.verification_method} {ISSUER.multikey}\n{WITNESS_KEY}\n"


@pytest.fixture
def check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Write the files, run the program's ``main``: its exit status and all that it printed."""

    def run(document: Any, *more: str, keys: str = KEYS, **files: Any) -> tuple[int, str]:
        key_file = tmp_path / "keys.txt"
        key_file.write_text(keys)
        target = tmp_path / "credential"
        if isinstance(document, bytes):
            target.write_bytes(document)
        else:
            target.write_text(json.dumps(document, ensure_ascii=False))
        arguments = [str(target), "--key", str(key_file), *more]
        for name, content in files.items():
            path = tmp_path / name
            path.write_text(content if isinstance(content, str) else json.dumps(content))
            arguments += [f"--{name}", str(path)]
        status = program.main(arguments)
        told = capsys.readouterr()
        return status, told.out + told.err

    return run


def test_a_genuine_credential_holds(check):
    """Four checks are made, two are said not to have been; the facts are shown to compare."""
    status, told = check(make())
    assert status == 0
    assert told.count("✓") == 4
    assert told.count("– ") == 2
    assert "𠮷田䶮" in told


def test_it_runs_by_itself(tmp_path):
    """As a program, with an interpreter that finds nothing of ours."""
    (tmp_path / "credential.json").write_text(json.dumps(make()))
    (tmp_path / "keys.txt").write_text(KEYS)
    command = [sys.executable, "-I", str(PROGRAM), "credential.json", "--key", "keys.txt"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    source = PROGRAM.read_text()
    assert "import zhixin" not in source
    assert "from zhixin" not in source


def change(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def apply(document: dict[str, Any]) -> None:
        *way, last = [int(p) if p.isdigit() else p for p in path.split("/")]
        for step in way:
            document = document[step]
        document[last] = value

    return apply


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("credentialSubject/hours", "90"),
        ("credentialSubject/name", "王小明"),
        ("validFrom", "2027-01-01T00:00:00Z"),
        ("issuer/id", "did:web:evil.example"),
        ("credentialStatus/statusListIndex", "95"),
        ("evidence/0/index", 6),
        ("proof/created", "2020-01-01T00:00:00Z"),
        ("proof/verificationMethod", "did:web:learning.example#key-other"),
        ("proof/proofPurpose", "authentication"),
        ("proof/cryptosuite", "eddsa-rdfc-2022"),
        ("proof/@context", []),
        ("proof/proofValue", "z" + "1" * 64),
        ("proof/proofValue", "none"),
    ],
)
def test_whatever_is_changed_breaks_the_signature(check, path, value):
    """By somebody without the issuer's key."""
    document = make()
    change(path, value)(document)
    status, told = check(document)
    assert status == 1
    assert told.startswith("✗")


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("credentialSubject/hours", "90", "另一份证书"),
        ("evidence/0/entry", '{"kind":"award"}', "另一份证书"),
        ("evidence/0/entry", '{ "kind": "award"}', "规范格式"),
        ("evidence/0/index", 6, "不通向"),
        ("evidence/0/index", 11, "序号"),
        ("evidence/0/size", 12, "包含证明"),
        ("evidence/0/path", [], "过短"),
        ("evidence/0/path/0", "A" * 43 + "=", "不通向"),
        ("evidence/0/origin", "other.example/log", "另一个账本"),
        ("evidence", [], "没有账本证明"),
        ("issuer/id", "did:web:evil.example", "不是发证者"),
    ],
)
def test_an_issuer_who_lies_is_found_by_the_log(check, path, value, told):
    """The issuer's key alone makes no certificate: it has to be in the log."""
    document = make()
    change(path, value)(document)
    status, said = check(sign(document))
    assert status == 1
    assert told in said


def test_a_log_signed_by_another_is_not_believed(check):
    """Nor one whose checkpoint was altered."""
    document = make()
    evil = Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(b"\x04" * 32))
    claimed = checkpoint.claimed(document["evidence"][0]["checkpoint"])
    document["evidence"][0]["checkpoint"] = evil.sign(claimed.size, claimed.root)
    assert check(sign(document))[0] == 1
    document["evidence"][0]["checkpoint"] = make(12)["evidence"][0]["checkpoint"].replace(
        "\n12\n", "\n11\n"
    )
    status, told = check(sign(document))
    assert (status, "签名无效" in told) == (1, True)


def test_another_issuers_key_does_not_do(check):
    """Whoever signs under the issuer's name has to have its key."""
    other = IssuerKey(ISSUER.did, Ed25519PrivateKey.from_private_bytes(b"\x05" * 32))
    assert check(make(issuer=other))[0] == 1
    assert check(make(), keys=f"{SIGNER.verifier_key}\n{other.multikey}\n")[0] == 1


def test_keys_may_be_given_as_they_are_printed(check, tmp_path):
    """Without a file; or as the DID document."""
    document = make()
    assert check(document, "--key", ISSUER.multikey, keys=SIGNER.verifier_key)[0] == 0
    did = tmp_path / "did.json"
    did.write_text(json.dumps(ISSUER.document(), indent=2))
    assert check(document, "--key", str(did), keys=SIGNER.verifier_key)[0] == 0


def test_a_key_is_believed_in_its_time(check):
    """A key that came with a later entry signs no earlier head; a former one no later head."""
    later = f"{ISSUER.multikey}\n{SIGNER.verifier_key} 11\n"
    assert check(make(11), keys=later)[0] == 1
    assert check(make(12), keys=later)[0] == 0
    other = Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(b"\x04" * 32)).verifier_key
    former = f"{ISSUER.multikey}\n{SIGNER.verifier_key} 0\n{other} 11\n"
    assert check(make(11), keys=former)[0] == 0
    assert check(make(12), keys=former)[0] == 1


def test_witnesses_are_listed(check, now):
    """With their time; a wrong cosignature of a known witness is refused."""
    document = make()
    note = document["evidence"][0]["checkpoint"]
    line = cosignature.cosign(checkpoint.split(note)[0], "witness.example/w1", WITNESS, now)
    document["evidence"][0]["checkpoint"] = note + line
    status, told = check(sign(document))
    assert (status, "witness.example/w1（见证" in told) == (0, True)
    other = cosignature.cosign("other\n1\n", "witness.example/w1", WITNESS, now)
    document["evidence"][0]["checkpoint"] = note + other
    assert check(sign(document))[0] == 1


@pytest.mark.parametrize("other", [8, 9, 11, 16, 20])
def test_a_kept_checkpoint_is_held_against_it(check, other):
    """An earlier or a later one, with the proof between the two."""
    document = make()
    tree = leaves(document["evidence"][0]["entry"], 20)
    kept = SIGNER.sign(other, merkle.root(tree[:other]))
    old, new = sorted((11, other))
    proof = [h.hex() for h in merkle.consistency_path(old, tree[:new])]
    status, told = check(document, checkpoint=kept, consistency={"hashes": proof})
    assert (status, f"{old} → {new}" in told) == (0, True)
    rewritten = [*tree[:3], bytes(32), *tree[4:]]
    kept = SIGNER.sign(other, merkle.root(rewritten[:other]))
    status, told = check(document, checkpoint=kept, consistency={"hashes": proof})
    assert (status, "改写" in told) == (1, True)


def test_a_missing_proof_is_asked_for(check):
    """With the address that answers it."""
    document = make()
    tree = leaves(document["evidence"][0]["entry"], 20)
    status, told = check(document, checkpoint=SIGNER.sign(20, merkle.root(tree)))
    assert (status, "from=11&to=20" in told) == (2, True)


def test_revocation_is_told_by_the_list(check):
    """As of the list's time; the list must be the issuer's own and this credential's."""
    status, told = check(make(), status=status_list(93, 95))
    assert (status, "截至 as of 2026-11-24" in told) == (0, True)
    status, told = check(make(), status=status_list(94))
    assert (status, "已被撤销" in told) == (1, True)
    forged = status_list()
    forged["validFrom"] = "2027-01-01T00:00:00Z"
    assert check(make(), status=forged)[0] == 1
    another = sign(status_list() | {"id": "https://learning.example/status/2"})
    assert check(make(), status=another)[0] == 1


def test_an_entry_proves_itself_with_its_opening(check):
    """`zhixin ledger prove`: the entry alone, and the salt that opens whom it is about."""
    opening = {"person": 5, "salt": "07" * 32}
    person = hashlib.sha256(rfc8785.dumps(opening)).hexdigest()
    entry = rfc8785.dumps({"kind": "award", "key": "award:1", "person": person}).decode()
    tree = leaves(entry, 11)
    proof = {
        "type": ["LedgerInclusion"],
        "origin": ORIGIN,
        "index": AT,
        "size": 11,
        "entry": entry,
        "path": [h.hex() for h in merkle.inclusion_path(AT, tree)],
        "checkpoint": SIGNER.sign(11, merkle.root(tree)),
        "opening": opening,
    }
    assert check(proof)[0] == 0
    assert check(proof | {"opening": opening | {"person": 6}})[0] == 1


def test_a_proof_of_an_entry_does_not_pass_for_a_certificate(check):
    """Nothing is shown of what was not checked: more members than a proof has make a certificate."""
    inclusion = make()["evidence"][0]
    status, told = check(inclusion)
    assert (status, "不是证书" in told) == (0, True)
    forged = {"credentialSubject": {"name": "王小明", "hours": "90"}}
    for more in (forged, {"name": "王小明"}, {"type": ["VerifiableCredential", "LedgerInclusion"]}):
        status, told = check(inclusion | more)
        assert (status, "王小明" in told) == (1, False)


# --- PDF ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def as_pdf(tmp_path_factory) -> Callable[..., bytes]:
    """A PDF/A-3 of typst with these attachments, as certificates are made."""
    import typst

    folder = tmp_path_factory.mktemp("pdf")

    def make_pdf(**attachments: Any) -> bytes:
        text = ""
        for name, content in attachments.items():
            (folder / f"{name}.json").write_text(json.dumps(content, ensure_ascii=False))
            text += f'#pdf.attach("{name}.json", relationship: "data", mime-type: "application/json", description: "a > b")\n'
        (folder / "page.typ").write_text(
            f'#set document(title: "x", date: datetime(year: 2026, month: 1, day: 1))\n{text}Hello'
        )
        pdf: bytes = typst.compile(str(folder / "page.typ"), pdf_standards="a-3b")
        return pdf

    return make_pdf


def test_the_credential_is_found_in_a_pdf(check, as_pdf):
    """Beside other attachments."""
    status, told = check(as_pdf(credential=make(), other={"a": 1}))
    assert (status, told.count("✓")) == (0, 4)


def test_a_pdf_with_two_credentials_is_not_chosen_from(check, as_pdf):
    """Nor one with none."""
    other = make()
    other["credentialSubject"]["name"] = "别人"
    status, told = check(as_pdf(credential=make(), other=other))
    assert (status, "有 2 份凭证" in told) == (2, True)
    assert check(as_pdf(other={"a": 1}))[0] == 2


# --- bad input ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"nonsense",
        b"%PDF-1.7 nonsense",
        b"%PDF-1.7 <</Type/EmbeddedFile/Filter/FlateDecode>>stream\nxx",
        b"[1]",
        b"{}",
        b'"x"',
        b'{"a": 1, "a": 2}',
        b"\xff\xfe",
        b'{"proof": {"cryptosuite": "eddsa-jcs-2022"}}',
        b"[" * 100_000,
    ],
)
def test_nonsense_gives_no_traceback(check, content):
    """And never exit status 0."""
    assert check(content)[0] in (1, 2)


def test_numbers_that_have_several_spellings_are_refused(check):
    """Fractions are not in credentials; a verifier that guessed would be wrong some day."""
    document = make()
    document["credentialSubject"]["hours"] = 4.5
    status, told = check(document)
    assert (status, "不支持的数字" in told) == (2, True)


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner)
    ),
)


@settings(deadline=None)  # says nothing about what is right
@given(VALUES)
def test_canonical_json_is_that_of_the_library(value):
    """RFC 8785, for all that credentials may hold."""
    assert program.canonical(value).encode() == rfc8785.dumps(value)


@settings(deadline=None)  # says nothing about what is right
@given(st.binary(max_size=40))
def test_base58_comes_back(data):
    """Leading zeros too."""
    assert program.unbase58(base58(data)) == data


def test_proofs_of_every_size_agree():
    """The verifier's tree is RFC 9162's, as our own and its vectors have it."""
    for size in range(1, 40):
        tree = [merkle.leaf_hash(bytes([n])) for n in range(size)]
        root = merkle.root(tree)
        for index in range(size):
            path = merkle.inclusion_path(index, tree)
            assert program.root_of(index, size, tree[index], path) == root
        for old in range(1, size + 1):
            path = merkle.consistency_path(old, tree)
            heads = (old, merkle.root(tree[:old])), (size, root)
            program.check_consistency(*heads, path)
            for wrong in ([*path, bytes(32)], path[:-1], [bytes(32), *path[1:]]):
                if wrong != path and old != size:
                    with pytest.raises(program.Wrong):
                        program.check_consistency(*heads, wrong)


def test_keys_in_a_document_are_not_mistaken():
    """A key with a wrong id is refused, not skipped."""
    name, key_id, rest = SIGNER.verifier_key.split("+", 2)
    wrong = f"{name}+{int(key_id, 16) ^ 1:08x}+{rest}"
    with pytest.raises(program.Unreadable):
        program.Keys([wrong])
    assert keys.multikey(b"\0" * 32)[:4] == "z6Mk"


def test_a_deep_copy_is_what_is_checked(check):
    """Checking changes nothing."""
    document = make()
    before = copy.deepcopy(document)
    check(document)
    assert document == before


def test_it_can_be_downloaded(client):
    """Byte for byte the file whose hash the manual prints."""
    answer = client.get("/ledger/zhixin_verify.py")
    assert answer.status_code == 200
    assert answer.data == PROGRAM.read_bytes()
    assert "attachment" in answer.headers["Content-Disposition"]


def test_the_manuals_print_its_hash():
    """Whoever downloads it can see that it is the one that was documented."""
    digest = hashlib.sha256(PROGRAM.read_bytes()).hexdigest()
    for page in ("docs/auditor/ledger.md", "docs/integrator/verify.md"):
        assert digest in (ROOT / page).read_text(), f"{page}: {digest}"
