"""The links by which people object who may have no sign-in: signed with SECRET_KEY, for one person and one review."""

from django.core import signing

SALT = "remediation.objection"


def sign(person_id: int, campaign_id: int) -> str:
    """The token of a link. It ends with the last moment to object, which the database knows."""
    return signing.dumps([person_id, campaign_id], salt=SALT)


def read(token: str) -> tuple[int, int] | None:
    """Person and review of a token; None when it was not made here, or was changed."""
    try:
        person_id, campaign_id = signing.loads(token, salt=SALT)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    return person_id, campaign_id
