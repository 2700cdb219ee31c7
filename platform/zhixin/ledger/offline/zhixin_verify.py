"""离线核验知新证书。Checks a Zhixin certificate offline: this file, Python 3.9+ and `cryptography`.

    python zhixin_verify.py 证书.pdf --key 公钥文件 [--checkpoint 树头.txt] [--status 状态列表.json]

公钥须另行取得（印在证书上，或事先保存的 /.well-known/zhixin-ledger-key），不能只信与证书一同收到的。
Get the keys elsewhere than from whoever hands you the certificate: that is what everything rests on.

What is checked, by which public text 依据:
  1 issuer's signature     W3C VC Data Integrity, eddsa-jcs-2022 (Ed25519: RFC 8032, JCS: RFC 8785)
  2 credential = entry     SHA-256 of the credential without proof and evidence is in the entry
  3 entry in the log       RFC 9162, 2.1.3.2 (inclusion)
  4 the log's signature    C2SP tlog-checkpoint, signed-note; witnesses: tlog-cosignature
  5 history not rewritten  RFC 9162, 2.1.4.2 (consistency), against a checkpoint kept elsewhere
  6 not revoked            W3C Bitstring Status List: as of the list that is given
Exit status: 0 all that could be checked holds; 1 something does not; 2 the input cannot be read.
"""

import argparse
import base64
import binascii
import gzip
import hashlib
import io
import json
import re
import sys
import zlib
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

UNREADABLE = (
    OSError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    RecursionError,
    zlib.error,
)
MOST_BYTES = 20_000_000  # of anything that is unpacked
BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


class Wrong(Exception):
    """不成立。A check failed; the message says which and why."""


class Unreadable(Exception):
    """输入无法读取。The input is not what it should be."""


# --- JSON: one value, one text (RFC 8785) -----------------------------------------------------


def canonical(value):
    """JCS of what credentials hold: objects, lists, strings, whole numbers, true, false, null."""
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name.encode("utf-16-be"))
        return "{" + ",".join(canonical(n) + ":" + canonical(value[n]) for n in names) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    if isinstance(value, float) or (type(value) is int and abs(value) >= 2**53):
        raise Unreadable(f"不支持的数字 number not supported: {value}")
    return json.dumps(value, ensure_ascii=False)


def digest(value):
    return hashlib.sha256(canonical(value).encode()).digest()


def parse(text):
    def once(pairs):
        if len(dict(pairs)) != len(pairs):
            raise Unreadable("JSON 中有重复的名称 a name occurs twice in a JSON object")
        return dict(pairs)

    return json.loads(text, object_pairs_hook=once)


def without(document, *names):
    return {name: value for name, value in document.items() if name not in names}


# --- the input: a credential, or a PDF that carries one ----------------------------------------


def from_pdf(data):
    """The one JSON credential among the attachments. A stream's dictionary stands before it."""
    if b"/Encrypt" in data:
        raise Unreadable("PDF 已加密 the PDF is encrypted")
    found = {}
    inner = rb"(?:[^<>]|<[^<>]*>)*"
    for at in re.finditer(rb"<<((?:[^<>]|<[^<>]*>|<<" + inner + rb">>)*)>>\s*stream\r?\n", data):
        if not re.search(rb"/Type\s*/EmbeddedFile\b", at[1]):
            continue
        if re.search(rb"/Filter\s*\[?\s*/FlateDecode", at[1]):
            content = zlib.decompressobj().decompress(data[at.end() :], MOST_BYTES)
        else:
            content = data[at.end() : data.find(b"endstream", at.end())].rstrip(b"\r\n")
        try:
            document = parse(content.decode())
        except ValueError:
            continue  # another attachment
        if isinstance(document, dict) and "credentialSubject" in document:
            found[canonical(document)] = document
    if len(found) != 1:
        raise Unreadable(f"PDF 中有 {len(found)} 份凭证，应为 1 份 credentials in the PDF, not one")
    return found.popitem()[1]


def load(path):
    data = Path(path).read_bytes()
    return from_pdf(data) if data.startswith(b"%PDF") else parse(data.decode("utf-8-sig"))


# --- keys ----------------------------------------------------------------------------------------


class Keys:
    """Public keys, from text: C2SP vkeys (log 0x01, witness 0x04) and Multikeys (issuer, z6Mk…)."""

    def __init__(self, texts):
        self.log, self.witnesses, self.issuers = {}, {}, {}
        for line in "\n".join(texts).splitlines():
            method = re.search(r"did:[^\s\"]+#[^\s\"]+", line)
            for multikey in re.findall(r"\bz6Mk[1-9A-HJ-NP-Za-km-z]{44}\b", line):
                self.issuers[multikey] = method[0] if method else None
            for name, key_id, key in re.findall(r"([^\s+]+)\+([0-9a-f]{8})\+(\S+)", line):
                raw = unbase64(key)
                expected = hashlib.sha256(name.encode() + b"\n" + raw).digest()[:4]
                if len(raw) != 33 or expected.hex() != key_id:
                    raise Unreadable(f"公钥有误 not a key: {name}+{key_id}")
                since = re.search(r"\s(\d+)\s*$", line)  # the entry where the key's time began
                kind = {1: self.log, 4: self.witnesses}.get(raw[0], {})
                kind[name, expected] = (raw[1:], int(since[1]) if since else None)

    def of_log(self, size):
        """The keys whose time a checkpoint of that size is."""
        begun = {k: v for k, v in self.log.items() if v[1] is None or v[1] < size}
        newest = max((v[1] for v in begun.values() if v[1] is not None), default=None)
        return {k: v[0] for k, v in begun.items() if v[1] in (None, newest)}


def unbase64(text):
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Unreadable("不是 base64 not base64") from None


def unbase58(text):
    if not text.startswith("z") or set(text[1:]) - set(BASE58):
        raise Wrong("不是 base58 not base58")
    value = 0
    for character in text[1:]:
        value = value * 58 + BASE58.index(character)
    zeros = len(text[1:]) - len(text[1:].lstrip("1"))
    return bytes(zeros) + value.to_bytes((value.bit_length() + 7) // 8, "big")


def signed(key, signature, message):
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except InvalidSignature:
        return False
    return True


# --- 1: the issuer's signature -------------------------------------------------------------------


def check_proof(document, keys):
    """eddsa-jcs-2022: Ed25519 over SHA-256(JCS(proof options)) and SHA-256(JCS(document))."""
    proof = document.get("proof")
    if not isinstance(proof, dict) or proof.get("cryptosuite") != "eddsa-jcs-2022":
        raise Wrong("没有 eddsa-jcs-2022 签名 no such proof")
    if proof.get("type") != "DataIntegrityProof" or proof.get("proofPurpose") != "assertionMethod":
        raise Wrong("签名的用途不符 the proof is for another purpose")
    context = document.get("@context")
    if proof.get("@context", context) != context:
        raise Wrong("签名的 @context 不符 the proof's @context is another")
    message = digest(without(proof, "proofValue")) + digest(without(document, "proof"))
    signature, method = unbase58(str(proof.get("proofValue"))), str(proof.get("verificationMethod"))
    for multikey, known_as in keys.issuers.items():
        if known_as in (None, method) and signed(unbase58(multikey)[2:], signature, message):
            issuer = document.get("issuer")
            issuer = issuer.get("id") if isinstance(issuer, dict) else issuer
            if method.split("#")[0] != issuer:
                raise Wrong(f"签名者不是发证者 {issuer} did not sign, but {method}")
            return method
    raise Wrong("不是所给公钥的签名，或内容被改动 altered, or not signed by a given issuer's key")


# --- 3, 5: the tree (RFC 9162) --------------------------------------------------------------------


def node(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(index, size, leaf, path):
    """The root to which a leaf and its path lead."""
    if not 0 <= index < size:
        raise Wrong("序号不在账本内 no such entry in a log of that size")
    at, last, result = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            raise Wrong("包含证明过长 the inclusion proof is too long")
        if at & 1 or at == last:
            result = node(sibling, result)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            result = node(result, sibling)
        at, last = at >> 1, last >> 1
    if last:
        raise Wrong("包含证明过短 the inclusion proof is too short")
    return result


def check_consistency(old, new, path):
    """``new`` only adds to ``old``: both roots follow from the same path."""
    (old_size, old_root), (new_size, new_root) = old, new
    if old_size == new_size:
        if old_root != new_root:
            raise Wrong(
                "同一条数，两个不同的树根：历史被改写 one size, two roots: history rewritten"
            )
        return
    hashes = [old_root, *path] if old_size & (old_size - 1) == 0 else list(path)
    at, last = old_size - 1, new_size - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    first = second = hashes[0] if hashes else b""
    for sibling in hashes[1:]:
        if last == 0:
            raise Wrong("一致性证明过长 the consistency proof is too long")
        if at & 1 or at == last:
            first, second = node(sibling, first), node(sibling, second)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            second = node(second, sibling)
        at, last = at >> 1, last >> 1
    if last or first != old_root or second != new_root:
        raise Wrong(
            "一致性证明不成立：历史被改写，或证明不属于这两个树头 not consistent: rewritten"
        )


# --- 4: checkpoints (C2SP signed notes) -------------------------------------------------------------


def check_checkpoint(note, keys, origin=None):
    """Size, root and who signed; at least one given key of the log must have."""
    text, gap, tail = note.rpartition("\n\n")
    lines = (text + "\n").split("\n")
    if not gap or len(lines) < 4 or not re.fullmatch(r"0|[1-9][0-9]{0,18}", lines[1]):
        raise Wrong("不是签名树头 not a checkpoint")
    size, root = int(lines[1]), unbase64(lines[2])
    if origin not in (None, lines[0]):
        raise Wrong(f"树头属于另一个账本 a checkpoint of another log: {lines[0]}")
    message, log_keys, by = (text + "\n").encode(), keys.of_log(size), []
    for name, blob in re.findall(r"^— (\S+) (\S+)$", tail, re.MULTILINE):
        raw = unbase64(blob)
        key_id, signature = raw[:4], raw[4:]
        if name == lines[0] and (name, key_id) in log_keys:
            if not signed(log_keys[name, key_id], signature, message):
                raise Wrong("树头签名无效：树头被改动 the log's signature is wrong: altered")
            by.insert(0, name)
        elif (name, key_id) in keys.witnesses:
            stamp = int.from_bytes(signature[:8], "big")
            cosigned = f"cosignature/v1\ntime {stamp}\n".encode() + message
            if not signed(keys.witnesses[name, key_id][0], signature[8:], cosigned):
                raise Wrong(f"见证人联署无效 a wrong cosignature: {name}")
            by.append(f"{name}（见证 witness, Unix {stamp}）")
    if lines[0] not in by:
        raise Wrong("没有所给账本公钥的签名 not signed by a given key of the log, in its time")
    return (size, root), by


# --- 6: the status list --------------------------------------------------------------------------------


def check_status(document, status_list, keys):
    """The bit of this credential in a signed Bitstring Status List."""
    check_proof(status_list, keys)
    subject, entries = status_list["credentialSubject"], document.get("credentialStatus", [])
    entries = entries if isinstance(entries, list) else [entries]
    entries = [e for e in entries if e["statusListCredential"] == status_list.get("id")]
    entries = [e for e in entries if e["statusPurpose"] == subject["statusPurpose"]]
    if not entries:
        raise Wrong("状态列表与证书无关 the list is not this credential's")
    packed = subject["encodedList"][1:]
    packed = base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4))
    bits = gzip.GzipFile(fileobj=io.BytesIO(packed)).read(MOST_BYTES)
    for entry in entries:
        index = int(entry["statusListIndex"])
        if not 0 <= index < 8 * len(bits) or bits[index // 8] >> (7 - index % 8) & 1:
            raise Wrong(f"已被撤销或暂停 {entry['statusPurpose']}: the bit is set")
    return status_list.get("validFrom", "?")


# --- all of it, step by step -----------------------------------------------------------------------------


def hashes(proof):
    """Node hashes, hex (64 digits) or base64."""
    return [bytes.fromhex(h) if re.fullmatch("[0-9a-f]{64}", h) else unbase64(h) for h in proof]


def is_proof_only(document):
    """From `zhixin ledger prove`: of an entry, and no certificate. Whatever says more is one."""
    known = {"type", "origin", "index", "size", "entry", "path", "checkpoint"}
    is_one = document.get("type") in (["LedgerInclusion"], ["Evidence", "LedgerInclusion"])
    return is_one and set(document) - {"id", "opening"} == known


def steps(document, keys, kept=None, consistency=None, status_list=None):
    """Yield (title, outcome) of each check; outcome None: it could not be made. Raises Wrong."""
    proof_only = is_proof_only(document)
    if not proof_only:
        method = check_proof(document, keys)
        yield "发证者的签名 issuer's signature", method
    evidence = [document] if proof_only else document.get("evidence", [])
    found = [e for e in evidence if "LedgerInclusion" in e.get("type", [])]
    if not found:
        raise Wrong("证书没有账本证明 no ledger evidence in the credential")
    proof = found[0]
    body = proof["entry"]
    entry = parse(body)
    if canonical(entry) != body:
        raise Wrong("账本记录不是规范格式 the entry is not canonical")
    if not proof_only:
        core = digest(without(document, "proof", "evidence")).hex()
        if entry["kind"] != "certificate-issued" or entry["facts"].get("credential") != core:
            raise Wrong("账本记录的是另一份证书 the entry is of another credential")
        yield "证书与账本记录相符 credential and entry agree", core
    if "opening" in proof and entry["person"] != digest(proof["opening"]).hex():
        raise Wrong("承诺打不开 the opening does not open the entry's commitment")
    leaf = hashlib.sha256(b"\x00" + body.encode()).digest()
    root = root_of(proof["index"], proof["size"], leaf, hashes(proof["path"]))
    (size, signed_root), by = check_checkpoint(proof["checkpoint"], keys, proof["origin"])
    if (size, signed_root) != (proof["size"], root):
        raise Wrong("包含证明不通向树头的树根 the inclusion proof leads to another root")
    yield "记录在账本中 entry in the log", f"{proof['index']} / {size}, {root.hex()}"
    yield "账本的签名 the log's signature", ", ".join(by)
    if kept is None:
        yield "历史未被改写 history not rewritten", None
    else:
        (other, _root), _by = check_checkpoint(kept, keys, proof["origin"])
        old, new = sorted([(size, signed_root), (other, _root)], key=lambda head: head[0])
        path = consistency or proof.get("consistency") or []
        if not path and size != other:
            ask = f"/api/v1/ledger/proofs/consistency?from={old[0]}&to={new[0]}"
            raise Unreadable(f"还需要一致性证明（--consistency）a proof is needed: {ask}")
        check_consistency(old, new, hashes(path))
        yield "历史未被改写 history not rewritten", f"{old[0]} → {new[0]}"
    if not proof_only and status_list is None:
        yield "未被撤销 not revoked", None
    elif not proof_only:
        as_of = check_status(document, status_list, keys)
        yield "未被撤销 not revoked", f"截至 as of {as_of}"


def facts(document):
    """What the credential says of whom, in its own words: yield (label, text)."""
    if is_proof_only(document):
        yield "账本记录，不是证书 an entry, no certificate", document["entry"]
        if "opening" in document:
            yield "所关于的人 whom it is about", document["opening"].get("person")
        return
    subject = document["credentialSubject"]
    for identity in subject.get("identifier", []):
        yield identity.get("identityType"), identity.get("identityHash")
    yield "编号 number", subject.get("licenseNumber")
    yield "名称 title", subject.get("achievement", {}).get("name")
    yield "签发 issued", document.get("validFrom")
    yield "有效期至 valid until", document.get("validUntil", "—")
    names = {
        d["id"]: d["name"] for d in subject.get("achievement", {}).get("resultDescription", [])
    }
    for result in subject.get("result", []):
        yield names.get(result["resultDescription"], "?"), result["value"]
    known = ("identifier", "licenseNumber", "achievement", "result", "type")
    yield "其他 more", canonical(without(subject, *known))


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("file", help="PDF, credential.json, or a proof of `zhixin ledger prove`")
    parser.add_argument("--key", action="append", required=True, help="file, or the key itself")
    parser.add_argument("--checkpoint", help="a checkpoint that was kept elsewhere")
    parser.add_argument("--consistency", help="JSON file with the proof between the two")
    parser.add_argument("--status", help="the status list credential, JSON file")
    asked = parser.parse_args(arguments)
    try:
        keys = Keys([Path(k).read_text() if Path(k).is_file() else k for k in asked.key])
        document = load(asked.file)
        kept = Path(asked.checkpoint).read_text() if asked.checkpoint else None
        path = load(asked.consistency)["hashes"] if asked.consistency else None
        status_list = load(asked.status) if asked.status else None
        for title, outcome in steps(document, keys, kept, path, status_list):
            hint = "未核对 not checked: 见 --checkpoint, --status"
            print(f"{'–' if outcome is None else '✓'} {title}: {outcome or hint}")
    except Wrong as wrong:
        print(f"✗ {wrong}")
        return 1
    except Unreadable as error:
        print(f"？ {error}", file=sys.stderr)
        return 2
    except UNREADABLE as error:
        print(f"？ 无法读取 cannot be read: {type(error).__name__}: {error}", file=sys.stderr)
        return 2
    print("请与纸面逐项比较 compare with the paper, word by word:")
    for label, value in facts(document):
        print(f"  {label}: {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
