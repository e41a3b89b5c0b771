"""Signed checkpoints: C2SP `signed-note` with Ed25519 around a C2SP `tlog-checkpoint`; pure.

https://c2sp.org/signed-note and https://c2sp.org/tlog-checkpoint
"""

import base64
import hashlib
import re
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

ALGORITHM_ED25519 = b"\x01"
#: Cosignatures of witnesses, which carry a time: https://c2sp.org/tlog-cosignature
COSIGNATURE_ED25519, COSIGNATURE_ML_DSA_44 = b"\x04", b"\x06"
WITNESS_KEYS = {COSIGNATURE_ED25519: Ed25519PublicKey, COSIGNATURE_ML_DSA_44: MLDSA44PublicKey}
PUBLIC_BYTES = {ALGORITHM_ED25519: 32, COSIGNATURE_ED25519: 32, COSIGNATURE_ML_DSA_44: 1312}
SIGNATURE_PREFIX = "— "
#: A tree has fewer than 2^63 leaves: at most 19 digits.
SIZE = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
#: What a note may have of signatures; the specification demands that at least 16 are accepted.
MAX_SIGNATURES = 100


class NoteError(ValueError):
    """The note is not what it should be; the message says where."""


@dataclass(frozen=True)
class TreeHead:
    """What a checkpoint says: the log's origin, its size and its root."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """The body of the checkpoint."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    @classmethod
    def parse(cls, text: str) -> "TreeHead":
        """Read the body; extension lines after the root are allowed and ignored."""
        lines = text.split("\n")
        if len(lines) < 4 or not all(lines[:-1]) or lines[-1]:
            raise NoteError("a checkpoint has an origin, a size and a root, each on its line, and no empty lines")
        size, root = lines[1], _decode(lines[2])
        if not SIZE.fullmatch(size):
            raise NoteError(f"{size!r} is not the size of a tree")
        if len(root) != 32:
            raise NoteError("the root is not a SHA-256 hash")
        return cls(lines[0], int(size), root)


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise NoteError(f"{text!r} is not base64") from error


def key_hash(name: str, public: bytes, algorithm: bytes = ALGORITHM_ED25519) -> bytes:
    """The four bytes that name a key in a signature line."""
    return hashlib.sha256(name.encode() + b"\n" + algorithm + public).digest()[:4]


def verifier_key(name: str, public: bytes, algorithm: bytes = ALGORITHM_ED25519) -> str:
    """The public key in the text form that other verifiers read: name+hash+key."""
    return f"{name}+{key_hash(name, public, algorithm).hex()}+{base64.b64encode(algorithm + public).decode()}"


def parse_verifier_key(text: str) -> tuple[str, bytes]:
    """(name, raw public key) of the verifier key of a log."""
    name, algorithm, public = _parse_key(text)
    if algorithm != ALGORITHM_ED25519:
        raise NoteError("not an Ed25519 verifier key")
    return name, public


def parse_witness_key(text: str) -> tuple[str, bytes, bytes]:
    """(name, algorithm, raw public key) of the verifier key of a witness."""
    name, algorithm, public = _parse_key(text)
    if algorithm not in WITNESS_KEYS:
        raise NoteError(f"{name} is not a key for cosignatures of type 4 (Ed25519) or 6 (ML-DSA-44)")
    return name, algorithm, public


def _parse_key(text: str) -> tuple[str, bytes, bytes]:
    name, _, rest = text.strip().partition("+")
    stated, _, key = rest.partition("+")
    raw = _decode(key)
    algorithm, public = raw[:1], raw[1:]
    if not name or len(public) != PUBLIC_BYTES.get(algorithm):
        raise NoteError("not a verifier key of a kind that is known here")
    if key_hash(name, public, algorithm).hex() != stated:
        raise NoteError("the verifier key's hash does not fit its name and key")
    return name, algorithm, public


def check_name(name: str) -> None:
    """Refuse a key name (a log's origin) that a signature line cannot carry."""
    if not name or "+" in name or any(letter.isspace() for letter in name):
        raise NoteError(f"{name!r} cannot name a log: it must not be empty, nor contain spaces or +")


def sign(text: str, name: str, key: Ed25519PrivateKey) -> str:
    """The note: text, empty line, one signature line."""
    if not text.endswith("\n"):
        raise NoteError("the text of a note ends with a newline")
    public = key.public_key().public_bytes_raw()
    signature = base64.b64encode(key_hash(name, public) + key.sign(text.encode())).decode()
    return f"{text}\n{SIGNATURE_PREFIX}{name} {signature}\n"


def verify(note: str, key: str) -> str:
    """The text of a note that the verifier key signed. Raises `NoteError` otherwise.

    Signatures of other keys are ignored, as the specification demands: witnesses and rotated keys add theirs.
    """
    name, public = parse_verifier_key(key)
    text, signatures = _split(note)
    for signer, raw in signatures:
        if signer != name or raw[:4] != key_hash(name, public):
            continue
        try:
            Ed25519PublicKey.from_public_bytes(public).verify(raw[4:], text.encode())
        except InvalidSignature as error:
            raise NoteError(f"the signature of {name} does not fit the text") from error
        return text
    raise NoteError(f"the note is not signed by {name}")


def _split(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    """The text of a note, and its signatures as (key name, key hash and signature)."""
    if any(letter < " " and letter != "\n" for letter in note):
        raise NoteError("the note contains control characters")
    text, separator, tail = note.rpartition("\n\n")
    if not separator or not tail.endswith("\n"):
        raise NoteError("the note has no signatures")
    signatures, lines = [], tail[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise NoteError(f"the note has more than {MAX_SIGNATURES} signatures")
    for line in lines:
        signer, _, signature = line.removeprefix(SIGNATURE_PREFIX).partition(" ")
        if not line.startswith(SIGNATURE_PREFIX) or not signer or not signature:
            raise NoteError(f"{line!r} is not a signature line")
        signatures.append((signer, _decode(signature)))
    return text + "\n", signatures


@dataclass(frozen=True)
class Cosigned:
    """A witness's cosignature: who, when in seconds since 1970, and the line as it stood in the note."""

    witness: str
    time: int
    line: str


def cosignatures(note: str, key: str) -> list[Cosigned]:
    """The cosignatures by one witness's key in a checkpoint's note. Raises `NoteError` when one of them does not fit."""
    name, algorithm, public = parse_witness_key(key)
    text, signatures = _split(note)
    found = []
    for signer, raw in signatures:
        if (signer, raw[:4]) == (name, key_hash(name, public, algorithm)):
            time = int.from_bytes(raw[4:12], "big")
            try:
                WITNESS_KEYS[algorithm].from_public_bytes(public).verify(raw[12:], _cosigned(algorithm, name, time, text))
            except InvalidSignature as error:
                raise NoteError(f"the cosignature of {name} does not fit the checkpoint") from error
            found.append(Cosigned(name, time, f"{SIGNATURE_PREFIX}{name} {base64.b64encode(raw).decode()}\n"))
    return found


def _cosigned(algorithm: bytes, name: str, time: int, text: str) -> bytes:
    """What a witness signs: with Ed25519 a time and the checkpoint's text, with ML-DSA-44 a structure of what it says."""
    if time >= 1 << 63:
        raise NoteError(f"the cosignature of {name} has no possible time")
    if algorithm == COSIGNATURE_ED25519:
        return f"cosignature/v1\ntime {time}\n{text}".encode()
    head = TreeHead.parse(text)
    named, origin = name.encode(), head.origin.encode()
    if len(named) > 255 or len(origin) > 255:
        raise NoteError("the names of witness and log have at most 255 bytes")
    label = b"subtree/v1\n\0" + bytes([len(named)]) + named + time.to_bytes(8, "big")
    return label + bytes([len(origin)]) + origin + bytes(8) + head.size.to_bytes(8, "big") + head.root


def open_checkpoint(note: str, key: str) -> TreeHead:
    """The tree head in a checkpoint that the log with this verifier key signed. Raises `NoteError` otherwise."""
    head = TreeHead.parse(verify(note, key))
    name, _ = parse_verifier_key(key)
    if head.origin != name:
        raise NoteError(f"it is a checkpoint of {head.origin}, not of {name}")
    return head
