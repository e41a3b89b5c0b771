"""What people of the played year state about controls, and the year itself."""

from datetime import UTC, date, datetime

from campaigns.models import Occurrence
from certify.lib import clock
from evidence.actions import statements
from evidence.models import Statement
from tests.story import Story

YEAR = 2031


def moment(month: int, day: int, hour: int = 9) -> datetime:
    """A moment of the year."""
    return datetime(YEAR, month, day, hour, tzinfo=UTC)


def state(story: Story, kind: str, framework: str = "soc2", **facts) -> Statement:
    """The first of what is stated."""
    return statements.make(framework=framework, kind=kind, facts=facts, by=story.owner)[0]


def state_all(story: Story) -> None:
    """What people say of controls: changed, withdrawn, and of another framework."""
    with clock.freeze(moment(1, 27)):
        applies = {
            "applies": "yes",
            "implemented": "yes",
            "justification": "=Who has what\nis asked “twice” a year, \\ at least",
        }
        first = state(story, "applicability", control=["soc2:CC6.2", "soc2:CC6.3"], **applies)
        state(story, "applicability", "iso27001", control=["iso27001:A.5.18"], **applies)
        gone = state(story, "user_control", title="@Tell us who left", controls=["soc2:CC6.2"])
        service = "Runs the machines"
        state(story, "subservice", title="=Host, Inc.", service=service, method="carve_out", systems=[story.source.key])
    with clock.freeze(moment(1, 28)):
        statements.change(statement_id=first.pk, facts=first.facts | {"implemented": "partly"}, by=story.owner)
        statements.withdraw(statement_id=gone.pk, why="=The customers do not know", by=story.owner)


def correct(story: Story) -> None:
    """A run that was late is a nonconformity, whose correction somebody else finds effective; another one is only found."""
    late = Occurrence.objects.get(due_on__year=YEAR, due_on__month=6)
    with clock.freeze(moment(11, 2)):
        facts = {
            "title": "=June was late",
            "deviation": f"run:{late.pk}",
            "found_on": date(YEAR, 7, 1),
            "controls": ["soc2:CC6.3"],
        }
        facts |= {
            "cause": "A pause",
            "action": "A stand-in",
            "owner": f"people.user:{story.system_owner.pk}",
            "done_on": date(YEAR, 8, 1),
        }
        made = state(story, "nonconformity", **facts)
        state(story, "nonconformity", title="Nobody told the owner", found_on=date(YEAR, 9, 1), controls=["soc2:CC6.3"])
    with clock.freeze(moment(11, 9)):
        statements.check(statement_id=made.pk, effective=True, note="@July was in time", by=story.admin)
