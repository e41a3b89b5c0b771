"""The published JSON schema of a scope, made from the fields themselves; pure. `docs/schemas/scope.json` is its copy."""

import json

from campaigns.scope.conditions import CAMPAIGN, CHOICE, DAYS, FIELDS, LISTED, MAX_DAYS, SOURCE, TEXT, Field

MAX_VALUES = 500
#: What JSON readers hold exactly.
MAX_ID = 2**53 - 1
MAX_CONDITIONS = 20
MAX_RULES = 50


def _value(field: Field) -> dict:
    if field.shape in (SOURCE, CAMPAIGN):
        return {"type": "integer", "minimum": 1, "maximum": MAX_ID}
    if field.shape == CHOICE:
        return {"enum": field.choices.values}
    return {"type": "string", "minLength": 0 if field.shape == TEXT else 1, "maxLength": 300}


def _condition(field: Field) -> dict:
    properties = {"field": {"const": field.name}}
    if field.shape in LISTED:
        listed = {"type": "array", "items": _value(field), "minItems": 1, "maxItems": MAX_VALUES, "uniqueItems": True}
        properties["any"] = listed
    if field.shape == DAYS:
        properties["days"] = {"type": "integer", "minimum": 1, "maximum": MAX_DAYS}
    if field.can_be_unknown:
        properties["unknown"] = {"type": "boolean", "description": field.can_be_unknown}
    return {
        "title": field.label,
        "description": field.help or field.label,
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _choice(fields: list[Field]) -> dict:
    """A condition is judged by the schema of the field it names, so that the message speaks of that field alone."""
    names = [field.name for field in fields]
    return {
        "type": "object",
        "required": ["field"],
        "properties": {"field": {"enum": names}},
        "allOf": [
            {
                "if": {"properties": {"field": {"const": name}}, "required": ["field"]},
                "then": {"$ref": f"#/$defs/{name}"},
            }
            for name in names
        ],
    }


def build() -> dict:
    """The schema."""
    conditions = {"type": "array", "maxItems": MAX_CONDITIONS}
    rule = {
        "type": "object",
        "properties": {
            "code": {"type": "string", "pattern": "^x[1-9][0-9]{0,3}$", "description": "Its name in the balance."},
            "reason": {"type": "string", "minLength": 10, "maxLength": 500, "pattern": r"\S", "description": "Why, in words."},
            "when": conditions | {"items": {"$ref": "#/$defs/when"}, "minItems": 1},
        },
        "required": ["code", "reason", "when"],
        "additionalProperties": False,
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:certify:scope:1",
        "title": "Scope of an access review",
        "description": "A grant is asked about when every condition of include holds and no rule of exclude fits.",
        "type": "object",
        "properties": {
            "version": {"const": 1},
            "sources": {
                "type": "array",
                "items": {"type": "integer", "minimum": 1, "maximum": MAX_ID},
                "minItems": 1,
                "maxItems": 1000,
                "uniqueItems": True,
                "description": "Ids of the systems.",
            },
            "include": conditions | {"items": {"$ref": "#/$defs/include"}},
            "exclude": {"type": "array", "items": {"$ref": "#/$defs/rule"}, "maxItems": MAX_RULES},
            "standing": {"type": "boolean", "description": "Whether the standing exclusions apply."},
        },
        "required": ["version", "sources", "include", "exclude", "standing"],
        "additionalProperties": False,
        "$defs": {
            "include": _choice([field for field in FIELDS if not field.only_excludes]),
            "when": _choice(list(FIELDS)),
            "rule": rule,
            **{field.name: _condition(field) for field in FIELDS},
        },
    }


SCHEMA = build()


def printed() -> str:
    """The schema as the file that is published."""
    return json.dumps(SCHEMA, indent=2, ensure_ascii=False) + "\n"
