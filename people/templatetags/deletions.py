"""What a rule of retention deleted, where its row is shown."""

from django import template

register = template.Library()


@register.filter
def at(notes: dict[str, str], key: str) -> str:
    """What the notes say of a key; empty when it was not deleted."""
    return notes.get(key, "") if notes else ""
