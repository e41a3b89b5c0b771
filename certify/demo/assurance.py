"""What the sample company states about its controls, for an audit that asks whether they operated and for one of a managed system."""

from datetime import date, timedelta

from certify.lib import clock
from evidence import deviations
from evidence.actions import duties, statements
from evidence.models import AuditPeriod, Statement
from evidence.readiness import Readiness
from evidence.states import Duty, StatementKind
from people.models import User

#: Control → (whether it applies, how far it is there, why).
CRITERIA = {
    "soc2:CC6.1": ("yes", "yes", "Customers’ data is in systems that must not be open to everybody."),
    "soc2:CC6.2": ("yes", "yes", "People join and leave every week."),
    "soc2:CC6.3": ("yes", "yes", "Access follows the work; managers confirm it every quarter."),
    "soc2:CC6.3-SOD": ("yes", "partly", "Whoever writes code should not release it alone; two exceptions are on record."),
    "soc2:CC9.2": ("no", "", "No supplier’s people hold accounts in the systems in scope."),
}
ANNEX = {
    "iso27001:A.5.3": ("yes", "partly", "Writing code and releasing it are kept apart; the on-call rota is excepted."),
    "iso27001:A.5.15": ("yes", "yes", "Who may have what is decided by the owner of each system."),
    "iso27001:A.5.18": ("yes", "yes", "Access is confirmed every quarter and removed where nobody confirms it."),
    "iso27001:A.8.2": ("yes", "yes", "Administrators of the cloud can stop everything we sell."),
    "iso27001:A.8.5": ("yes", "planned", "Second factors are being handed out to everybody."),
    "iso27001:A.5.20": ("no", "", "Suppliers have no access to the systems in scope."),
}


def state(period: AuditPeriod, users: dict[str, User]) -> None:
    """What an audit under SOC 2 needs: criteria, what customers do, the hosts, and one deviation that is dealt with."""
    control = users["control"]
    _applicability(CRITERIA, control)
    _make(
        "soc2",
        StatementKind.USER_CONTROL,
        control,
        title="Customers tell us on the day when one of their administrators leaves",
        why="We cannot see who works for a customer; their administrators keep access until they say so.",
        controls=["soc2:CC6.2"],
    )
    _make(
        "soc2",
        StatementKind.SUBSERVICE,
        control,
        title="Nordhall Hosting",
        service="Runs the machines and the buildings that our cloud stands in.",
        method="carve_out",
        expected="Only named technicians enter the rooms, and their entries are recorded.",
        systems=["cloud"],
        controls=["soc2:CC6.1"],
    )
    today = clock.now().date()
    found = deviations.of(Readiness(period, clock.now()))
    about = next((one for one in found if one.key.startswith("removals:")), None)
    _make(
        "soc2",
        StatementKind.NONCONFORMITY,
        control,
        title="Access that was reported as removed was still there in the next reading",
        deviation=about.key if about else "",
        found_on=today - timedelta(days=4),
        controls=["soc2:CC6.1"],
        cause="The ticket was closed before the change reached every project.",
        correction="The rights were taken away again and read anew.",
        action="A ticket about access is closed only after the system was read again.",
        owner=f"people.user:{users['systems'].pk}",
        due_on=today + timedelta(days=14),
    )


def manage(period: AuditPeriod, users: dict[str, User]) -> None:
    """What an audit under ISO 27001 needs: the Statement of Applicability, risks, an internal audit, a correction, a review."""
    control, code = users["control"], "iso27001"
    duties.give(control="iso27001:A.5.18", duty=Duty.PROCESS_OWNER, holder=control, by=control)
    duties.give(control="iso27001:A.8.2", duty=Duty.PROCESS_OWNER, holder=users["systems"], by=control)
    _applicability(ANNEX, control)
    risks = (
        ("People keep access to customers’ data after they have left", "Access is confirmed every quarter."),
        ("One administrator can stop the whole service", "Few people are administrators, and each is confirmed by name."),
    )
    for (title, plan), controls in zip(risks, (["iso27001:A.5.18"], ["iso27001:A.8.2"]), strict=True):
        facts = {"title": title, "treatment": "modify", "plan": plan, "owner": f"people.user:{control.pk}"}
        _make(code, StatementKind.RISK, control, controls=controls, **facts)
    today = clock.now().date()
    _make(
        code,
        StatementKind.INTERNAL_AUDIT,
        control,
        title="Access to the cloud and to finance",
        held_on=today - timedelta(days=20),
        auditor="Runa Thorn, quality; she owns none of the systems.",
        result="The reviews were complete. One removal was reported before it was true.",
        controls=["iso27001:A.8.2", "iso27001:A.5.18"],
    )
    _corrected(today, users)
    _make(
        code,
        StatementKind.MANAGEMENT_REVIEW,
        control,
        period=str(period.pk),
        held_on=today,
        attended="Management, the control owner, the owner of the systems",
        decisions="Second factors for everybody by the end of the quarter. The cloud is reviewed every twelve weeks.",
    )


def _corrected(today: date, users: dict[str, User]) -> None:
    """A nonconformity that was done by one and found effective by another."""
    facts = {
        "title": "Nobody owned three service accounts of the cloud",
        "found_on": today - timedelta(days=20),
        "controls": ["iso27001:A.8.2"],
        "cause": "The accounts were made before accounts had owners.",
        "correction": "Each has an owner now.",
        "action": "A new service account is refused without an owner.",
        "owner": f"people.user:{users['systems'].pk}",
        "due_on": today - timedelta(days=5),
        "done_on": today - timedelta(days=6),
    }
    made = _make("iso27001", StatementKind.NONCONFORMITY, users["control"], **facts)
    note = "The last reading shows no service account without an owner."
    statements.check(statement_id=made.pk, effective=True, note=note, by=users["admin"])


def _make(framework: str, kind: str, by: User, **facts) -> Statement:
    return statements.make(framework=framework, kind=kind, facts=facts, by=by)[0]


def _applicability(stated: dict[str, tuple[str, str, str]], by: User) -> None:
    for control, (applies, implemented, why) in stated.items():
        facts = {"control": [control], "applies": applies, "implemented": implemented, "justification": why}
        _make(control.partition(":")[0], StatementKind.APPLICABILITY, by, **facts)
