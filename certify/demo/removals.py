"""What became of the sample company's removals: one in every state that a removal can be in.

Two reviews are closed. The first, of the cloud, is weeks old and was read twice since: some access is gone, some late, one came back,
one is still there, one may stay for a time. The second, of finance, is two days old and nothing was read since: what is done about it
is not proved, and people were told and object.
"""

from datetime import timedelta

from certify.lib import clock
from ledger.actors import SYSTEM
from people.models import User
from remediation import tasks as sweeps
from remediation.actions import attempts, exceptions, objections, removals
from remediation.models import RemediationTask

TICKET = "https://tickets.halden-moss.example/SD-{}"


class Removals:
    """What people did, as the cast of the sample company: the owner of the systems, the control owner and the administrator."""

    def __init__(self, systems: User, control: User):
        self.systems, self.control = systems, control

    def open(self, campaign) -> list[RemediationTask]:
        """The removals of a closed review."""
        removals.open_for_campaign(campaign_id=campaign.pk, by=SYSTEM)
        return list(RemediationTask.objects.filter(campaign=campaign).select_related("item").order_by("pk"))

    def claim(self, task: RemediationTask, note: str, ticket: int = 0) -> None:
        """Reported done, with the address of a ticket where there is one."""
        link = TICKET.format(ticket) if ticket else ""
        attempts.claim_one(task_id=task.pk, act=attempts.Act(note, link=link), by=self.systems)

    def hand_on(self, task: RemediationTask) -> None:
        """Given to the service desk."""
        act = attempts.Act("To the service desk, to be taken away this week")
        attempts.hand_on(task_ids=[task.pk], act=act, by=self.systems)

    def hand_on_again(self) -> None:
        """One of what the last reading still showed is given to the service desk once more."""
        self.hand_on(RemediationTask.objects.filter(state="still_there").order_by("pk").first())

    def except_for(self, task: RemediationTask, days: int, *, is_approved: bool) -> None:
        """An exception that is asked for, and approved or not."""
        last = clock.now().date() + timedelta(days=days)
        wanted = exceptions.Wanted("The new backup comes next quarter", "Every use is recorded and read each week", last)
        made = exceptions.request(task_id=task.pk, wanted=wanted, by=self.systems)
        if is_approved:
            exceptions.approve(exception_id=made.pk, note="Accepted until the new backup is there", by=self.control)

    def cloud(self, tasks: list[RemediationTask]) -> None:
        """The first days of the older review, before any reading."""
        for number, task in enumerate(tasks[:4]):
            self.claim(task, "Role taken away in the cloud console.", 101 + number)
        self.except_for(tasks[4], 60, is_approved=True)
        self.hand_on(tasks[5])

    def finance(self, tasks: list[RemediationTask]) -> None:
        """The two days since the younger review was closed."""
        told = [task for task in tasks if task.state == "announced"]
        others = [task for task in tasks if task.state == "open"]
        self.claim(others[0], "Taken away in the user administration.")
        self.claim(others[1], "Taken away in the user administration.", 211)
        self.hand_on(others[2])
        self.claim(others[3], "The client was shut down with all its users.", 212)
        act = attempts.Act("The client is gone for good, no reading of it will ever come")
        attempts.close(task_id=others[3].pk, act=act, by=self.control)
        self.except_for(others[4], 30, is_approved=False)
        self._objections(told)

    def _objections(self, told: list[RemediationTask]) -> None:
        """One waits for its answer, one is answered with keeping the access, one with the removal."""
        words = (
            "I stand in for the accountant every month end",
            "I close the books each quarter",
            "I might need it again one day",
        )
        made = [
            objections.object_to(task_id=task.pk, reason=reason, by=task.announcement.person)
            for task, reason in zip(told, words, strict=False)
        ]
        if len(made) == len(words):
            objections.keep(
                objection_id=made[1].pk, answer="True, the quarter cannot be closed without it", by=made[1].reviewer
            )
            objections.confirm(objection_id=made[2].pk, answer="Then it can be asked for on that day", by=made[2].reviewer)


def verify() -> None:
    """Hold what was loaded against the removals."""
    sweeps.verify_new_snapshots()
