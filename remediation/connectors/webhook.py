"""A signed message to a program of one's own, as Standard Webhooks say. What the program does with it, only later data shows."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from remediation.connectors.protocol import Kind, Message, Removal
from remediation.outgoing import posting, signing
from remediation.outgoing.addresses import Network
from remediation.outgoing.answers import Answer

TYPE = "access.removal.requested"


@dataclass(frozen=True)
class Webhook(Kind):
    """One message a removal."""

    def plan(self, removal: Removal, settings: dict[str, str], key: str, at: str) -> str:
        """The message, byte for byte."""
        data = {
            "removal": removal.task,
            "action": "reduce" if removal.reduce_to else "remove",
            "reduce_to": removal.reduce_to,
            "system": removal.system,
            "account_id": removal.account,
            "identity_id": removal.identity,
            "entitlement_id": removal.entitlement,
            "path": removal.path,
            "due_at": removal.due_at,
            "campaign": removal.campaign,
            "item": removal.item,
        }
        message = {"type": TYPE, "timestamp": at, "id": key, "data": data}
        return json.dumps(message, ensure_ascii=False, sort_keys=True)

    def carry_out(self, message: Message, own: Iterable[Network]) -> Answer:
        """POST it under all secrets that hold."""
        body = message.body.encode()
        signed = signing.headers(message.secrets, message.key, int(message.at.timestamp()), body)
        headers = {"Content-Type": "application/json", "Idempotency-Key": message.key, **signed}
        return posting.post(message.url, body, headers, own)


WEBHOOK = Webhook("webhook", _("Signed webhook to a program"), _("https://… It gets one signed message a removal."))
