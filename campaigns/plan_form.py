"""The page on which a plan is put together: from a posted form to the data of `campaigns.plans`, and back.

Each stage has a name, days, a strategy and panels of links. Field names are s<stage>-…, s<stage>-p<panel>-l<link>-….
"""

from dataclasses import dataclass, field

from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns import plans, queries, stages
from campaigns.models import CampaignDefinition, ReviewerGroup
from campaigns.states import LAST_STAGE, PLAIN_RULES, Result, ReviewerRule, Strategy
from certify.lib.errors import InvalidInput
from certify.lib.language import first_small
from certify.lib.numbers import whole
from people.models import User

PANELS, LINKS = 2, 4
RULES = [
    ("", "—"),
    *((rule.value, rule.label) for rule in PLAIN_RULES),
    (ReviewerRule.PERSON.value, ReviewerRule.PERSON.label),
    (ReviewerRule.GROUP.value, ReviewerRule.GROUP.label),
    (ReviewerRule.ATTRIBUTE.value, ReviewerRule.ATTRIBUTE.label),
]
STOPS = [
    (result.value, result.label)
    for result in (Result.REVOKE, Result.REDUCE, Result.ACCEPT, Result.NOT_DECIDED, Result.NO_RESPONSE)
]
OVERALL = [(LAST_STAGE, gettext_lazy("The last stage an item stood in decides")), *Strategy.choices]
INDEPENDENCE = {
    "report": gettext_lazy("Somebody who reports to the person reviewed"),
    "granter": gettext_lazy("Whoever granted the access"),
}

#: What a definition says that has no plan yet.
DEFAULTS = {
    "overall": LAST_STAGE,
    "independence": {},
    "excuse": "",
    "other_remediator": False,
    "hand_over": plans.DEPUTIES_AND_MANAGERS,
    "second_look": None,
    "silence": plans.REPORT,
    "silence_days": 7,
    "silence_automatic": False,
    "silence_limit": 20,
}


@dataclass
class Choices:
    """Whom a link can name."""

    people: list[User] = field(default_factory=list)
    groups: list[ReviewerGroup] = field(default_factory=list)


def choices() -> Choices:
    """Active people and groups in use."""
    return Choices(list(queries.possible_reviewers()), list(ReviewerGroup.objects.filter(is_archived=False)))


def posted(data: QueryDict, known: Choices) -> dict:
    """The plan as the form says it, unchecked. Refuses only what cannot be read: a case without a person, a number that is none."""
    found = []
    for number in range(1, plans.MAX_STAGES + 1):
        prefix = f"s{number}-"
        if f"{prefix}name" not in data or data.get(f"{prefix}remove"):
            continue
        panels = [_panel(data, f"{prefix}p{panel}-", number, known) for panel in range(1, PANELS + 1)]
        found.append(
            {
                "name": data[f"{prefix}name"],
                "panels": [panel for panel in panels if panel],
                "strategy": data.get(f"{prefix}strategy", ""),
                "days": _number(
                    data.get(f"{prefix}days", ""),
                    _("Stage {number}: it lasts a number of days.").format(number=number),
                    f"stage-{number}",
                ),
                "stop_on": data.getlist(f"{prefix}stop_on"),
                "shows_earlier": bool(data.get(f"{prefix}shows_earlier")),
                "advance": data.get(f"{prefix}advance", ""),
            }
        )
    return {
        "stages": found,
        "overall": data.get("overall", LAST_STAGE),
        "independence": {name: data.get(f"independence-{name}", "route") for name in INDEPENDENCE},
        "excuse": data.get("excuse", ""),
        "other_remediator": bool(data.get("other_remediator")),
        "hand_over": data.get("hand_over", plans.DEPUTIES_AND_MANAGERS),
        "second_look": _second_look(data),
        "silence": data.get("silence", plans.REPORT),
        "silence_days": _number(data.get("silence_days", "") or "7", _("Say for how many more days."), "silence_days"),
        "silence_automatic": bool(data.get("silence_automatic")),
        "silence_limit": _number(
            data.get("silence_limit", "") or "20", _("Say above which share, in percent."), "silence_limit"
        ),
    }


def _second_look(data: QueryDict) -> dict | None:
    """What the form says of the second look; none when its share is empty."""
    share, kind, _sep, key = data.get("second_look-share", "").strip(), *data.get("second_look-who", "").partition(":")
    if not share:
        return None
    return {
        "share": _number(share, _("A second look is at a whole number of percent."), "second_look"),
        "reviewer": {kind: int(key)} if kind in ("user", "group") and whole(key) else plans.OWNER,
        "days": _number(data.get("second_look-days", "") or "5", _("A second look takes a number of days."), "second_look"),
    }


def _number(text: str, refusal: str, name: str) -> int:
    found = whole(text.strip())
    if found is None:
        raise InvalidInput(refusal, field=name)
    return found


def _panel(data: QueryDict, prefix: str, number: int, known: Choices) -> list[dict]:
    links = []
    for place in range(1, LINKS + 1):
        rule, who = data.get(f"{prefix}l{place}-rule", ""), data.get(f"{prefix}l{place}-who", "")
        kind, _sep, key = who.partition(":")
        if not rule:
            continue
        link: dict = {"rule": rule}
        if rule == ReviewerRule.PERSON and kind == "user" and whole(key):
            link["user"] = int(key)
        if rule == ReviewerRule.GROUP and kind == "group" and whole(key):
            quorum = data.get(f"{prefix}l{place}-quorum", "") or "1"
            refusal = _("Stage {number}: say how many of the group must answer.").format(number=number)
            link |= {"group": int(key), "quorum": _number(quorum, refusal, f"stage-{number}")}
        if rule == ReviewerRule.ATTRIBUTE:
            link["cases"] = _cases(data.get(f"{prefix}cases", ""), number, known)
        links.append(link)
    return links


def _cases(text: str, number: int, known: Choices) -> list[dict]:
    """Lines of “department = Finance: ana@x.example”."""
    people = {person.username.lower(): person for person in known.people} | {
        p.email.lower(): p for p in known.people if p.email
    }
    names = {label.lower(): name for name, label in plans.ATTRIBUTES.items()} | {name: name for name in plans.ATTRIBUTES}
    found = []
    for place, line in enumerate(filter(str.strip, text.splitlines()), 1):
        condition, _sep, who = line.rpartition(":")
        attribute, _sep, value = condition.partition("=")
        person = people.get(who.strip().lower())
        if attribute.strip().lower() not in names or not value.strip() or person is None:
            raise InvalidInput(
                _(
                    "Stage {number}, case {place}: write “department = Finance: sign-in name”; attributes are {attributes}."
                ).format(number=number, place=place, attributes=", ".join(plans.ATTRIBUTES)),
                field=f"stage-{number}",
            )
        found.append({"field": names[attribute.strip().lower()], "value": value.strip(), "user": person.pk})
    return found


def rows(plan_stages: list[dict], known: Choices) -> list[dict]:
    """The stages as the page shows them: every panel with all its link rows, filled or empty."""
    names = {person.pk: person.username for person in known.people}
    shown = []
    for number, stage in enumerate(plan_stages, 1):
        panels = []
        for place in range(PANELS):
            links = stage["panels"][place] if place < len(stage["panels"]) else []
            prefix = f"s{number}-p{place + 1}-"
            padded = [*links[:LINKS], *[{"rule": ""}] * (LINKS - len(links))]
            cells = [{**link, "name": f"{prefix}l{index}", "place": index} for index, link in enumerate(padded, 1)]
            cases = [case for link in links for case in link.get("cases", ())]
            text = "\n".join(f"{case['field']} = {case['value']}: {names.get(case['user'], '?')}" for case in cases)
            panels.append({"number": place + 1, "prefix": prefix, "links": cells, "cases": text, "is_used": bool(links)})
        shown.append({**stage, "number": number, "prefix": f"s{number}-", "field": f"stage-{number}", "panel_rows": panels})
    return shown


def initial(definition: CampaignDefinition) -> dict:
    """The plan of a definition, as it would be launched now."""
    return DEFAULTS | definition.plan | {"stages": stages.of(definition.terms())}


def in_words(plan_stages: list[dict]) -> list[str]:
    """Each stage as a sentence."""
    links = [link for stage in plan_stages for panel in stage["panels"] for link in panel]
    people = dict(User.objects.filter(pk__in=[link["user"] for link in links if "user" in link]).values_list("pk", "name"))
    groups = dict(
        ReviewerGroup.objects.filter(pk__in=[link["group"] for link in links if "group" in link]).values_list("pk", "name")
    )

    def words(link: dict) -> str:
        if "user" in link:
            return people.get(link["user"], _("somebody"))
        if "group" in link:
            return _("{n} of {group}").format(n=link["quorum"], group=groups.get(link["group"], _("a group")))
        return first_small(ReviewerRule(link["rule"]).label)

    return [
        _("{stage}, {n} days: {panels}. {strategy}.").format(
            stage=stage["name"],
            n=stage["days"],
            panels=_("; and also ").join(_(", else ").join(map(words, panel)) for panel in stage["panels"]),
            strategy=Strategy(stage["strategy"]).label,
        )
        for stage in plan_stages
    ]
