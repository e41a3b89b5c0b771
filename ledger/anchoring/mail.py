"""The checkpoint by mail: what auditors keep in their mailbox, nobody here can change."""

from email.utils import make_msgid
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import DNS_NAME, EmailMessage
from django.template.loader import render_to_string

from ledger.anchoring.base import ChannelError, Receipt
from ledger.models import Checkpoint


class MailChannel:
    """The addresses in CERTIFY_ANCHOR_MAIL_TO."""

    name = "mail"
    label = "Mail to auditors"
    counts_checkpoints = False

    def target(self) -> str:
        """The addresses."""
        return ", ".join(settings.CERTIFY_ANCHOR_MAIL_TO)

    def send(self, checkpoint: Checkpoint) -> Receipt:
        """Send the note as an attachment that verifiers read as it is."""
        origin = checkpoint.note.partition("\n")[0]
        body = render_to_string("ledger/anchor_mail.txt", {"checkpoint": checkpoint, "origin": origin})
        identity = make_msgid(domain=DNS_NAME.get_fqdn())
        mail = EmailMessage(
            f"Checkpoint of {origin}: {checkpoint.size} entries",
            body,
            to=settings.CERTIFY_ANCHOR_MAIL_TO,
            headers={"Message-ID": identity, "Auto-Submitted": "auto-generated"},
        )
        mail.attach(f"checkpoint-{checkpoint.size}.txt", checkpoint.note.encode(), "text/plain")
        try:
            mail.send()
        except (OSError, SMTPException) as error:
            raise ChannelError(f"The mail could not be sent: {error}.") from error
        return Receipt(b"", {"to": self.target(), "message_id": identity})
