"""When sweeps ran last, for those that must know what they missed."""

from django.db import models


class Sweep(models.Model):
    """The last time a sweep of this name was through. Not evidence: what it did has its own rows."""

    name = models.CharField(max_length=40, unique=True)
    ran_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name}: {self.ran_at}"
