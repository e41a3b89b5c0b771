"""Controls on the pages of the floors below, which know them as texts."""

from django import template
from django.forms import BoundField

from evidence import frameworks

register = template.Library()


@register.inclusion_tag("evidence/_control_picker.html")
def control_picker(field: BoundField) -> dict:
    """The controls of every catalogue to tick, those of the field ticked; the rest of the field stands in a line of text.

    All of them post under the field's name; its widget joins them.
    """
    chosen = (field.value() or "").replace(",", " ").split()
    groups, known = [], set()
    for framework in frameworks.every().values():
        controls = [(framework.reference(one.id), one) for one in framework.controls.values()]
        known |= {reference for reference, _ in controls}
        ticked = [(reference, one, reference in chosen) for reference, one in controls]
        groups.append((framework, ticked, sum(is_ticked for *_, is_ticked in ticked)))
    others = " ".join(one for one in chosen if one not in known)
    return {"groups": groups, "name": field.html_name, "others": others, "errors": field.errors}
