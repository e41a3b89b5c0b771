"""RFC 3161: a timestamping authority signs that a checkpoint existed at a time."""

import http.client
import urllib.error
import urllib.request
from pathlib import Path

from cryptography.x509 import Certificate, load_pem_x509_certificates
from django.conf import settings
from django.utils.translation import gettext_lazy as _
from rfc3161_client import (
    HashAlgorithm,
    TimeStampRequest,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from certify.lib.times import rfc3339
from ledger.anchoring.base import ChannelError, Receipt
from ledger.models import Checkpoint

TIMEOUT = 30
MAX_BYTES = 1 << 20
HEADERS = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}


class TimestampChannel:
    """The authority at CERTIFY_ANCHOR_TSA_URL, whose root certificates are in CERTIFY_ANCHOR_TSA_ROOTS."""

    name = "timestamp"
    label = _("Timestamp (RFC 3161)")
    counts_checkpoints = True

    def target(self) -> str:
        """The authority's address."""
        return settings.CERTIFY_ANCHOR_TSA_URL

    def send(self, checkpoint: Checkpoint) -> Receipt:
        """Ask for a token over the signed note, and keep it only if it holds under the configured roots."""
        note = checkpoint.note.encode()
        request = TimestampRequestBuilder().data(note).hash_algorithm(HashAlgorithm.SHA256).nonce().build()
        answer = _ask(request.as_bytes())
        response = check(note, answer, roots(), request)
        info = response.tst_info
        return Receipt(
            answer, {"time": rfc3339(info.gen_time), "serial": str(info.serial_number), "policy": info.policy.dotted_string}
        )


def roots() -> list[Certificate]:
    """The certificates that an authority's chain must end in."""
    try:
        return load_pem_x509_certificates(Path(settings.CERTIFY_ANCHOR_TSA_ROOTS).read_bytes())
    except (OSError, ValueError) as error:
        raise ChannelError(f"CERTIFY_ANCHOR_TSA_ROOTS does not name a file with certificates: {error}.") from error


def check(note: bytes, answer: bytes, trusted: list[Certificate], request: TimeStampRequest | None = None) -> TimeStampResponse:
    """The response, when its token is over this note and its chain ends in a trusted root. Raises `ChannelError` otherwise."""
    try:
        response = decode_timestamp_response(answer)
        nonce = request.nonce if request else None
        VerifierBuilder(nonce=nonce, roots=list(trusted)).build().verify_message(response, note)
    except (ValueError, VerificationError) as error:
        raise ChannelError(f"The timestamp does not hold: {error}.") from error
    return response


def _ask(body: bytes) -> bytes:
    request = urllib.request.Request(settings.CERTIFY_ANCHOR_TSA_URL, data=body, headers=HEADERS)  # noqa: S310 - settings allow http(s)
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310
            return answer.read(MAX_BYTES)
    except (OSError, urllib.error.URLError, http.client.HTTPException, ValueError) as error:
        raise ChannelError(f"The authority did not answer: {error}.") from error
