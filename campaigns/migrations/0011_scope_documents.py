"""The scope of every definition in its documented form. Terms that campaigns have frozen stay as they are and are read as the same."""

from django.db import migrations

PRIVILEGED = {"yes": ["yes"], "yes_or_unknown": ["unknown", "yes"]}


def literal(text):
    return text.replace("\\", "\\\\").replace("*", "\\*")


def plain(text):
    return text.replace("\\*", "*").replace("\\\\", "\\")


def document_of(scope):
    """The same question in the new form."""
    found = [
        not scope["orphans"] and {"field": "orphan", "any": ["no"]},
        scope["kinds"] and {"field": "kind", "any": sorted(scope["kinds"])},
        scope["departments"] and {"field": "department", "any": sorted(literal(name) for name in scope["departments"])},
        scope["privileged"] != "any" and {"field": "privileged", "any": PRIVILEGED[scope["privileged"]]},
    ]
    include = [one for one in found if one]
    return {"version": 1, "sources": sorted(scope["sources"]), "include": include, "exclude": [], "standing": True}


def first_form_of(document):
    """The question in the first form; refuses what it could not say."""
    said = {one["field"]: one for one in document["include"]}
    privileged = {tuple(values): name for name, values in PRIVILEGED.items()} | {(): "any"}
    asked = tuple(sorted(said.get("privileged", {}).get("any", ())))
    can = set(said) <= {"orphan", "kind", "department", "privileged"} and said.get("orphan", {}).get("any", ["no"]) == ["no"]
    if document["exclude"] or not can or asked not in privileged:
        raise ValueError("A definition's scope says more than the first form can. Archive or simplify it before going back.")
    return {
        "sources": document["sources"],
        "privileged": privileged[asked],
        "departments": [plain(name) for name in said.get("department", {}).get("any", [])],
        "kinds": said.get("kind", {}).get("any", []),
        "orphans": "orphan" not in said,
    }


def rewrite(definitions, change, is_old):
    for definition in definitions.objects.only("scope").iterator(chunk_size=500):
        if definition.scope and ("version" not in definition.scope) == is_old:
            definition.scope = change(definition.scope)
            definition.save(update_fields=["scope"])


def forwards(apps, schema_editor):
    rewrite(apps.get_model("campaigns", "CampaignDefinition"), document_of, True)


def backwards(apps, schema_editor):
    rewrite(apps.get_model("campaigns", "CampaignDefinition"), first_form_of, False)


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0010_scopes")]

    operations = [migrations.RunPython(forwards, backwards)]
