"""What the scope page offers: systems with the age of their data, values that occur, and the people who are meant."""

from django.db import connection
from django.db.models import Q
from django.utils.translation import gettext as _

from campaigns.scope import conditions
from campaigns.scope.builder import Draft, Row
from campaigns.scope.conditions import PERSON, SOURCE
from inventory.models import Identity, Snapshot, Source

SUGGESTED = 30
#: Field → (table, column) whose values are suggested; of an array each of its values.
COLUMNS = {
    "department": ("inventory_identity", "department"),
    "title": ("inventory_identity", "title"),
    "location": ("inventory_identity", "location"),
    "entitlement": ("inventory_entitlement", "key"),
    "tag": ("inventory_entitlement", "unnest(tags)"),
}


def systems() -> list[dict]:
    """Every system: {id, name, read_at (None when never loaded), grants, completeness}, by name."""
    latest = Snapshot.objects.order_by("source_id", "-id").distinct("source_id")
    by_source = {snapshot.source_id: snapshot for snapshot in latest}
    return [
        {
            "id": source.pk,
            "name": source.name,
            "read_at": (found := by_source.get(source.pk)) and (found.extracted_at or found.loaded_at),
            "grants": found.grants_open if found else 0,
            "completeness": found and found.get_completeness_display(),
            "is_full": found is not None and found.completeness == "full",
        }
        for source in Source.objects.order_by("name")
    ]


def suggestions(field: str, typed: str, sources: list[int]) -> list[tuple[str, str]]:
    """(value, words) of what occurs in the data and holds the typed text, the first thirty."""
    typed = typed.strip()[:100]
    if field in ("person", "below"):
        found = Identity.objects.filter(Q(name__icontains=typed) | Q(key__istartswith=typed) | Q(email__istartswith=typed))
        if field == "below":
            found = found.filter(reports__isnull=False).distinct()
        rows = found.order_by("name", "key").values_list("key", "name", "department")[:SUGGESTED]
        return [(key, " · ".join(filter(None, (name, department)))) for key, name, department in rows]
    if field not in COLUMNS:
        return []
    table, column = COLUMNS[field]
    narrowed = "AND source_id = ANY(%(sources)s::bigint[])" if table == "inventory_entitlement" and sources else ""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT DISTINCT value FROM (SELECT {column} AS value FROM {table} WHERE TRUE {narrowed}) AS found"
            f" WHERE value ILIKE %(typed)s AND value <> '' ORDER BY value LIMIT {SUGGESTED}",
            {"typed": f"%{conditions.like(conditions.literal(typed))}%", "sources": sources},
        )
        return [(conditions.literal(value), value) for (value,) in cursor.fetchall()]


def _person(row: Row) -> None:
    """Take what was typed for a person's key, name or mail address; say so when it is nobody's or several people's."""
    known = Identity.objects.filter(key=row.new) or Identity.objects.filter(Q(name__iexact=row.new) | Q(email__iexact=row.new))
    keys = list(known.values_list("key", flat=True)[:2])
    if len(keys) == 1:
        row.any, row.new = [*row.any, keys[0]], ""
    elif keys:
        row.errors.append(
            _("Several people are called “{name}”: write the key, {one} or {other} for example.").format(
                name=row.new, one=keys[0], other=keys[1]
            )
        )
    else:
        row.errors.append(_("Nobody has the key, name or address “{name}”.").format(name=row.new))


def settle(draft: Draft) -> None:
    """Take over the values that were typed, and give every row the words that the page shows."""
    for row in draft.every_row():
        if row.is_typed and row.new:
            if row.field.shape == PERSON:
                _person(row)
            else:
                row.any, row.new = [*row.any, row.new], ""
        row.any = list(dict.fromkeys(row.any))
    keys = {key for row in draft.every_row() if row.field.shape == PERSON for key in row.any}
    people = dict(Identity.objects.filter(key__in=keys).values_list("key", "name")) if keys else {}
    names = {str(pk): name for pk, name in Source.objects.order_by("name").values_list("pk", "name")}
    for row in draft.every_row():
        row.labels = {SOURCE: names, PERSON: people}.get(row.field.shape, {})
