"""What a new definition of each kind begins with: scope, reviewers and texts, all to be changed; pure."""

from dataclasses import dataclass, field

from campaigns.states import Cadence, CampaignKind, ReviewerRule

MANAGER, RIGHT, SYSTEM = ReviewerRule.MANAGER, ReviewerRule.ENTITLEMENT_OWNER, ReviewerRule.SYSTEM_OWNER
NO_ORPHANS = {"field": "orphan", "any": ["no"]}
NON_HUMAN = {"field": "kind", "any": ["agent", "service", "workload"]}


@dataclass(frozen=True)
class Preset:
    """The beginning of a definition. `open_fields` are conditions that are offered empty, to be filled in."""

    name: str
    says: str
    purpose: str
    chain: tuple[str, ...] = (MANAGER, RIGHT, SYSTEM)
    include: tuple[dict, ...] = ()
    open_fields: tuple[str, ...] = ()
    cadence: str = Cadence.QUARTERLY
    days: int = 14
    controls: tuple[str, ...] = field(default=("soc2:CC6.3", "iso27001:A.5.18"))
    keeps_reasons: bool = False


PRESETS = {
    CampaignKind.PEOPLE: Preset(
        "Review of everybody’s access",
        "Managers go through what their people have.",
        "Please confirm that each of your people still needs this access for their present work.",
    ),
    CampaignKind.SYSTEM: Preset(
        "Review of a system",
        "The owner of a system goes through everything in it.",
        "Please confirm that everybody with access to your system still needs it.",
        chain=(SYSTEM, RIGHT),
    ),
    CampaignKind.ENTITLEMENT: Preset(
        "Review of a role",
        "All holders of a role or right, seen by its owner.",
        "Please confirm that each holder of this role still needs it.",
        chain=(RIGHT, SYSTEM),
        open_fields=("entitlement",),
    ),
    CampaignKind.PRIVILEGED: Preset(
        "Review of privileged access",
        "Administrators and other powerful rights, and those of which it is not known.",
        "Privileged access can do great harm. Please keep only what is needed now, and say why.",
        include=({"field": "privileged", "any": ["unknown", "yes"]},),
        keeps_reasons=True,
    ),
    CampaignKind.NON_HUMAN: Preset(
        "Review of service accounts and AI agents",
        "Accounts that no person signs in to, seen by their owners.",
        "Please confirm that this account is still in use, that you own it, and that it has no more rights than it needs.",
        include=(NO_ORPHANS, NON_HUMAN),
        cadence=Cadence.HALF_YEARLY,
    ),
    CampaignKind.EXTERNAL: Preset(
        "Review of external workers and suppliers",
        "Contractors and suppliers’ workers.",
        "Please confirm that these external workers still work for us and still need this access.",
        include=(NO_ORPHANS, {"field": "kind", "any": ["contractor", "supplier"]}),
    ),
    CampaignKind.LEAVERS: Preset(
        "Leavers check",
        "Access of people who have left, are inactive or whose end date has passed.",
        "These people have left. Please remove what they still have, or say why it must stay.",
        include=(NO_ORPHANS, {"field": "left", "any": ["yes"]}),
        cadence=Cadence.MONTHLY,
        days=7,
        controls=("soc2:CC6.2", "iso27001:A.5.18"),
        keeps_reasons=True,
    ),
    CampaignKind.DELTA: Preset(
        "What is new or changed",
        "Only what came or changed since the last review of each system.",
        "This access is new or has changed since the last review. Please confirm that it is needed.",
        include=({"field": "changed"},),
        cadence=Cadence.MONTHLY,
        days=7,
    ),
    CampaignKind.CONFLICTS: Preset(
        "Review of conflicts of duties",
        "Only what makes somebody hold two duties that must be apart, where no exception covers it.",
        "This access and other access of the same person must not be held together. Please remove one side, or say why both are needed.",
        include=({"field": "sod"},),
        controls=("soc2:CC6.3", "iso27001:A.5.3"),
        keeps_reasons=True,
    ),
    CampaignKind.PERSON: Preset(
        "Review of one person",
        "Everything one person has, for example after a move.",
        "This person has moved. Please keep only what the new work needs.",
        include=(NO_ORPHANS,),
        open_fields=("person",),
        cadence=Cadence.NONE,
        days=7,
    ),
}


def cards() -> list[tuple[str, str, str]]:
    """(kind, label, what it asks) of every preset."""
    return [(kind.value, kind.label, preset.says) for kind, preset in PRESETS.items()]
