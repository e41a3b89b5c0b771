"""How the tables of this app refer to others."""

from django.conf import settings
from django.db import models

USER = settings.AUTH_USER_MODEL


def unchecked(to: str, **options) -> models.ForeignKey:
    """A reference without a database constraint, for the wide tables (see the package's docstring)."""
    return models.ForeignKey(to, on_delete=models.PROTECT, db_constraint=False, **options)
