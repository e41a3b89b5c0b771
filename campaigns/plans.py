"""How a definition's items are reviewed, as data: its stages, what they come to, and who is independent; pure.

{"stages": [stage], "overall": "last_stage" or a strategy, "independence": {"granter": "route" | "excuse", "report": …},
"excuse": words, needed when anything is excused, "other_remediator": bool, "hand_over": to whom reviewers may give items}; a stage
is as `stages.of` describes it.
"""

from campaigns.states import LAST_STAGE, PLAIN_RULES, Result, ReviewerRule, Strategy
from certify.lib.errors import InvalidInput

MAX_STAGES, MAX_PANELS, MAX_LINKS, MAX_CASES = 5, 4, 8, 50
ADVANCE = ("when_due", "when_answered")
INDEPENDENCE = ("granter", "report")
NOBODY, DEPUTIES_AND_MANAGERS, ANYONE = "nobody", "deputies_and_managers", "anyone"
#: To whom a reviewer may give items → words.
HAND_OVER = {
    NOBODY: "Nobody; the owner of the review can",
    DEPUTIES_AND_MANAGERS: "Their deputies and the two managers above them",
    ANYONE: "Anybody but auditors",
}
#: Attribute of a case → words; `reviewers.ATTRIBUTES` has their columns.
ATTRIBUTES = {
    "department": "Department",
    "title": "Title",
    "location": "Location",
    "supplier": "Supplier",
    "kind": "Kind of identity",
    "source": "System",
    "entitlement": "Entitlement",
    "entitlement_kind": "Kind of entitlement",
}


def checked(plan: dict) -> dict:
    """The plan with every default filled in. Refuses, naming the stage, what cannot be run. Users and groups are not looked up."""
    stages = [_stage(number, stage) for number, stage in enumerate(plan.get("stages", []), 1)]
    if not 1 <= len(stages) <= MAX_STAGES:
        raise InvalidInput(f"A review has 1 to {MAX_STAGES} stages.", field="stages")
    stages[-1]["stop_on"] = []
    overall = plan.get("overall", LAST_STAGE)
    if overall not in (LAST_STAGE, *Strategy.values):
        raise InvalidInput("Choose how the stages together make the outcome.", field="overall")
    independence = {name: plan.get("independence", {}).get(name, "route") for name in INDEPENDENCE}
    if set(independence.values()) - {"route", "excuse"}:
        raise InvalidInput("A reviewer who is not independent is passed over, or excused in writing.", field="independence")
    excuse = str(plan.get("excuse", "")).strip()
    if "excuse" in independence.values() and len(excuse) < 10:
        raise InvalidInput("Write why reviewers who are not independent are excused; the auditor reads it.", field="excuse")
    hand_over = plan.get("hand_over", DEPUTIES_AND_MANAGERS)
    if hand_over not in HAND_OVER:
        raise InvalidInput("Choose to whom a reviewer may give items.", field="hand_over")
    return {
        "stages": stages,
        "overall": overall,
        "hand_over": hand_over,
        "independence": independence,
        "excuse": excuse if "excuse" in independence.values() else "",
        "other_remediator": bool(plan.get("other_remediator", False)),
    }


def _stage(number: int, stage: dict) -> dict:
    def refuse(text: str) -> InvalidInput:
        return InvalidInput(f"Stage {number}: {text}", field=f"stage-{number}")

    panels = [[_link(link, refuse) for link in panel] for panel in stage.get("panels", []) if panel]
    if not 1 <= len(panels) <= MAX_PANELS or any(len(panel) > MAX_LINKS for panel in panels):
        raise refuse(
            f"choose at least one reviewer; at most {MAX_PANELS} are asked about one item, each by at most {MAX_LINKS} rules."
        )
    if stage.get("strategy") not in Strategy.values:
        raise refuse("choose what several answers come to.")
    days = stage.get("days")
    if not isinstance(days, int) or not 1 <= days <= 366:
        raise refuse("it lasts 1 to 366 days.")
    stop_on = sorted(set(stage.get("stop_on", [])))
    if set(stop_on) - set(Result.values):
        raise refuse("choose results after which an item needs no further stage.")
    if stage.get("advance", ADVANCE[0]) not in ADVANCE:
        raise refuse("it ends when it is due, or when everything is answered.")
    return {
        "name": str(stage.get("name", "")).strip()[:80] or f"Stage {number}",
        "panels": panels,
        "strategy": stage["strategy"],
        "days": days,
        "stop_on": stop_on,
        "shows_earlier": bool(stage.get("shows_earlier", True)),
        "advance": stage.get("advance", ADVANCE[0]),
    }


def _link(link: dict, refuse) -> dict:
    rule = link.get("rule")
    if rule in PLAIN_RULES:
        return {"rule": str(rule)}
    if rule == ReviewerRule.PERSON and isinstance(link.get("user"), int):
        return {"rule": str(rule), "user": link["user"]}
    if rule == ReviewerRule.GROUP and isinstance(link.get("group"), int):
        quorum = link.get("quorum", 1)
        if not isinstance(quorum, int) or not 1 <= quorum <= 100:
            raise refuse("of a group, 1 to 100 must answer.")
        return {"rule": str(rule), "group": link["group"], "quorum": quorum}
    if rule == ReviewerRule.ATTRIBUTE:
        cases = link.get("cases", [])
        if not 1 <= len(cases) <= MAX_CASES or not all(_is_case(case) for case in cases):
            raise refuse(f"give 1 to {MAX_CASES} cases, each an attribute, its value and a person.")
        return {"rule": str(rule), "cases": [{name: case[name] for name in ("field", "value", "user")} for case in cases]}
    raise refuse("a rule for reviewers is not complete, or not known.")


def _is_case(case: dict) -> bool:
    return case.get("field") in ATTRIBUTES and bool(str(case.get("value", "")).strip()) and isinstance(case.get("user"), int)


def people_in(plan: dict) -> set[int]:
    """Ids of the users that the plan names."""
    links = [link for stage in plan["stages"] for panel in stage["panels"] for link in panel]
    return {link["user"] for link in links if "user" in link} | {
        case["user"] for link in links for case in link.get("cases", ())
    }


def groups_in(plan: dict) -> set[int]:
    """Ids of the groups that the plan names."""
    return {link["group"] for stage in plan["stages"] for panel in stage["panels"] for link in panel if "group" in link}
