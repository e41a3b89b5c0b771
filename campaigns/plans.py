"""How a definition's items are reviewed, as data: its stages, what they come to, and who is independent; pure.

{"stages": [stage], "overall": "last_stage" or a strategy, "independence": {"granter": "route" | "excuse", "report": …},
"excuse": words, needed when anything is excused, "other_remediator": bool, "hand_over": to whom reviewers may give items,
"silence": what follows where nobody answers, with "silence_days", "silence_automatic" and "silence_limit",
"second_look": None or {"share": percent, "reviewer": "owner" | {"user": id} | {"group": id}, "days": days}}; a stage is as
`stages.of` describes it. A launch adds the seed of the second look to the terms.
"""

from django.utils.translation import gettext_lazy as _

from campaigns.states import LAST_STAGE, PLAIN_RULES, Result, ReviewerRule, Strategy
from certify.lib.errors import InvalidInput

MAX_STAGES, MAX_PANELS, MAX_LINKS, MAX_CASES = 5, 4, 8, 50
ADVANCE = ("when_due", "when_answered")
INDEPENDENCE = ("granter", "report")
NOBODY, DEPUTIES_AND_MANAGERS, ANYONE = "nobody", "deputies_and_managers", "anyone"
#: To whom a reviewer may give items → words.
HAND_OVER = {
    NOBODY: _("Nobody; the owner of the review can"),
    DEPUTIES_AND_MANAGERS: _("Their deputies and the two managers above them"),
    ANYONE: _("Anybody but auditors"),
}
#: Attribute of a case → words; `reviewers.ATTRIBUTES` has their columns.
ATTRIBUTES = {
    "department": _("Department"),
    "title": _("Title"),
    "location": _("Location"),
    "supplier": _("Supplier"),
    "kind": _("Kind of identity"),
    "source": _("System"),
    "entitlement": _("Entitlement"),
    "entitlement_kind": _("Kind of entitlement"),
}
REPORT, ESCALATE, FOLLOW_UP, PROPOSE_REMOVAL = "report", "escalate", "follow_up", "propose_removal"
#: What follows where nobody answers → words.
SILENCE = {
    REPORT: _("Nothing more: it is recorded as not reviewed"),
    ESCALATE: _("When a stage is over, the reviewer’s manager is asked, else the owner, for some more days"),
    FOLLOW_UP: _("A follow-up asks again about what nobody answered or knew"),
    PROPOSE_REMOVAL: _("Its removal is proposed to the owner, who must approve it"),
}
OWNER = "owner"
MAX_MORE_DAYS = 90


def checked(plan: dict) -> dict:
    """The plan with every default filled in. Refuses, naming the stage, what cannot be run. Users and groups are not looked up."""
    stages = [_stage(number, stage) for number, stage in enumerate(plan.get("stages", []), 1)]
    if not 1 <= len(stages) <= MAX_STAGES:
        raise InvalidInput(_("A review has 1 to {max_stages} stages.").format(max_stages=MAX_STAGES), field="stages")
    stages[-1]["stop_on"] = []
    overall = plan.get("overall", LAST_STAGE)
    if overall not in (LAST_STAGE, *Strategy.values):
        raise InvalidInput(_("Choose how the stages together make the outcome."), field="overall")
    independence = {name: plan.get("independence", {}).get(name, "route") for name in INDEPENDENCE}
    if set(independence.values()) - {"route", "excuse"}:
        raise InvalidInput(_("A reviewer who is not independent is passed over, or excused in writing."), field="independence")
    excuse = str(plan.get("excuse", "")).strip()
    if "excuse" in independence.values() and len(excuse) < 10:
        raise InvalidInput(_("Write why reviewers who are not independent are excused; the auditor reads it."), field="excuse")
    hand_over = plan.get("hand_over", DEPUTIES_AND_MANAGERS)
    if hand_over not in HAND_OVER:
        raise InvalidInput(_("Choose to whom a reviewer may give items."), field="hand_over")
    return {
        "stages": stages,
        "overall": overall,
        "hand_over": hand_over,
        "independence": independence,
        "excuse": excuse if "excuse" in independence.values() else "",
        "other_remediator": bool(plan.get("other_remediator", False)),
        "second_look": _second_look(plan.get("second_look")),
        **_silence(plan),
    }


def _silence(plan: dict) -> dict:
    policy, days, limit = plan.get("silence", REPORT), plan.get("silence_days", 7), plan.get("silence_limit", 20)
    if policy not in SILENCE:
        raise InvalidInput(_("Choose what follows where nobody answers."), field="silence")
    if not isinstance(days, int) or not 1 <= days <= MAX_MORE_DAYS:
        raise InvalidInput(
            _("Whoever is asked instead has 1 to {max_more_days} days.").format(max_more_days=MAX_MORE_DAYS),
            field="silence_days",
        )
    if not isinstance(limit, int) or not 0 <= limit <= 100:
        raise InvalidInput(_("A second person is needed above 0 to 100 percent of a system’s access."), field="silence_limit")
    automatic = bool(plan.get("silence_automatic", False))
    return {"silence": policy, "silence_days": days, "silence_automatic": automatic, "silence_limit": limit}


def _second_look(wanted: dict | None) -> dict | None:
    if not wanted:
        return None
    share, days, who = wanted.get("share"), wanted.get("days", 5), wanted.get("reviewer", OWNER)
    if not isinstance(share, int) or not 1 <= share <= 100:
        raise InvalidInput(_("A second look is at 1 to 100 percent of what was kept."), field="second_look")
    if not isinstance(days, int) or not 1 <= days <= MAX_MORE_DAYS:
        raise InvalidInput(
            _("A second look takes 1 to {max_more_days} days.").format(max_more_days=MAX_MORE_DAYS), field="second_look"
        )
    is_named = isinstance(who, dict) and set(who) in ({"user"}, {"group"}) and all(isinstance(pk, int) for pk in who.values())
    if who != OWNER and not is_named:
        raise InvalidInput(_("Choose who takes the second look: the owner, a person or a group."), field="second_look")
    return {"share": share, "reviewer": who, "days": days}


def _second_looker(plan: dict, kind: str) -> set[int]:
    who = (plan.get("second_look") or {}).get("reviewer", OWNER)
    return {who[kind]} if who != OWNER and kind in who else set()


def _stage(number: int, stage: dict) -> dict:
    def refuse(text: str) -> InvalidInput:
        return InvalidInput(_("Stage {number}: {text}").format(number=number, text=text), field=f"stage-{number}")

    panels = [[_link(link, refuse) for link in panel] for panel in stage.get("panels", []) if panel]
    if not 1 <= len(panels) <= MAX_PANELS or any(len(panel) > MAX_LINKS for panel in panels):
        raise refuse(
            _(
                "choose at least one reviewer; at most {max_panels} are asked about one item, each by at most "
                "{max_links} rules."
            ).format(max_panels=MAX_PANELS, max_links=MAX_LINKS)
        )
    if stage.get("strategy") not in Strategy.values:
        raise refuse(_("choose what several answers come to."))
    days = stage.get("days")
    if not isinstance(days, int) or not 1 <= days <= 366:
        raise refuse(_("it lasts 1 to 366 days."))
    stop_on = sorted(set(stage.get("stop_on", [])))
    if set(stop_on) - set(Result.values):
        raise refuse(_("choose results after which an item needs no further stage."))
    if stage.get("advance", ADVANCE[0]) not in ADVANCE:
        raise refuse(_("it ends when it is due, or when everything is answered."))
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
            raise refuse(_("of a group, 1 to 100 must answer."))
        return {"rule": str(rule), "group": link["group"], "quorum": quorum}
    if rule == ReviewerRule.ATTRIBUTE:
        cases = link.get("cases", [])
        if not 1 <= len(cases) <= MAX_CASES or not all(_is_case(case) for case in cases):
            raise refuse(
                _("give 1 to {max_cases} cases, each an attribute, its value and a person.").format(max_cases=MAX_CASES)
            )
        return {"rule": str(rule), "cases": [{name: case[name] for name in ("field", "value", "user")} for case in cases]}
    raise refuse(_("a rule for reviewers is not complete, or not known."))


def _is_case(case: dict) -> bool:
    return case.get("field") in ATTRIBUTES and bool(str(case.get("value", "")).strip()) and isinstance(case.get("user"), int)


def people_in(plan: dict) -> set[int]:
    """Ids of the users that the plan names."""
    links = [link for stage in plan["stages"] for panel in stage["panels"] for link in panel]
    return (
        {link["user"] for link in links if "user" in link}
        | {case["user"] for link in links for case in link.get("cases", ())}
        | _second_looker(plan, "user")
    )


def groups_in(plan: dict) -> set[int]:
    """Ids of the groups that the plan names."""
    links = [link for stage in plan["stages"] for panel in stage["panels"] for link in panel]
    return {link["group"] for link in links if "group" in link} | _second_looker(plan, "group")
