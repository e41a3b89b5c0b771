"""The checkpoint by mail: what auditors keep in their mailbox, nobody here can change."""

from email.utils import make_msgid
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import DNS_NAME, EmailMessage
from django.utils.translation import gettext_lazy as _

from certify.lib.times import rfc3339
from ledger.anchoring.base import ChannelError, Receipt
from ledger.models import Checkpoint

#: In English, as everything that auditors read outside of Certify.
TEXT = """\
This is a signed checkpoint of the ledger {origin}: {size} entries, signed at {at}.

Keep the attached file where nobody who runs this system can change it. Whoever later rewrites, cuts or hides
something among these entries contradicts it, and that is found:

    manage.py verify_ledger --checkpoint checkpoint-{size}.txt
    python verify.py PACK --checkpoint checkpoint-{size}.txt
"""


class MailChannel:
    """The addresses in CERTIFY_ANCHOR_MAIL_TO."""

    name = "mail"
    label = _("Mail to auditors")
    counts_checkpoints = False

    def target(self) -> str:
        """The addresses."""
        return ", ".join(settings.CERTIFY_ANCHOR_MAIL_TO)

    def send(self, checkpoint: Checkpoint) -> Receipt:
        """Send the note as an attachment that verifiers read as it is."""
        origin = checkpoint.note.partition("\n")[0]
        body = TEXT.format(origin=origin, size=checkpoint.size, at=rfc3339(checkpoint.at))
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
