"""Catalogues of controls from files: loaded once, kept in every version."""

import hashlib

from django.db import connection, transaction
from django.utils.translation import gettext as _

from certify.lib import clock
from certify.lib.errors import InvalidInput, NotAllowed
from evidence import catalogue, frameworks, permissions
from evidence.models import FrameworkFile
from ledger.actions import entries


@transaction.atomic
def load(*, content: bytes, by) -> FrameworkFile:
    """Load a catalogue; its latest version again changes nothing and is returned.

    Refuses strangers, what is no catalogue (with line and field), and the code of a catalogue that comes with Certify.
    """
    if not permissions.can_manage_audit(by):
        raise NotAllowed(_("Only a control owner may load a framework."))
    try:
        text = content.decode("utf-8-sig")
        found = catalogue.parse(text)
    except UnicodeDecodeError:
        raise InvalidInput(_("This file is not UTF-8."), field="file") from None
    except catalogue.CatalogueError as error:
        raise InvalidInput(str(error), field="file") from None
    if found.code in frameworks.SHIPPED:
        raise InvalidInput(_("“{code}” comes with Certify; take another code.").format(code=found.code), field="file")
    with connection.cursor() as cursor:  # Two loads of the same code wait here for each other.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"framework {found.code}"])
    latest = FrameworkFile.objects.filter(code=found.code).order_by("-version").first()
    digest = hashlib.sha256(text.encode()).hexdigest()
    if latest and latest.sha256 == digest:
        return latest
    version, now = (latest.version if latest else 0) + 1, clock.now()
    data = {"code": found.code, "name": found.name, "version": version, "controls": len(found.controls), "sha256": digest}
    entry = entries.record(kind="framework:loaded", subject=f"evidence.framework:{found.code}", by=by, data=data, at=now)
    return FrameworkFile.objects.create(
        code=found.code, version=version, document=text, sha256=digest, loaded_by=by, loaded_at=now, entry_uid=entry.uid
    )
