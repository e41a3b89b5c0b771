"""Who answered for which control at which time."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from evidence.models import ControlDuty
from evidence.states import Duty


@dataclass(frozen=True)
class Held:
    """One duty at one moment; `name` is empty where nobody had it."""

    duty: Duty
    name: str


class Accountability:
    """The duties of some controls over all time."""

    def __init__(self, controls: Iterable[str]):
        self.rows = list(ControlDuty.objects.filter(control__in=set(controls)).order_by("id"))

    def at(self, control: str, moment: datetime) -> list[Held]:
        """Every duty of a control as it was held at a moment, in the order of `Duty`."""
        then = {row.duty: row.holder_name for row in self.rows if row.control == control and row.at <= moment}
        return [Held(duty, then.get(duty, "")) for duty in Duty]

    def history(self, control: str) -> list[ControlDuty]:
        """What was said of a control, the latest first."""
        return [row for row in reversed(self.rows) if row.control == control]
