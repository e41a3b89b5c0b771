"""What came back from another system. What went wrong is an answer too, not an error."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Seen:
    """A ticket as its system shows it: its id there, its name for people, where it can be seen, what its status means and says."""

    ident: str
    name: str
    url: str
    state: str
    status: str


@dataclass(frozen=True)
class Answer:
    """What came back. `status` is None when nothing did; then `error` says why. `retry_after` is in seconds.

    `effect` is an `Effect` where the kind of connector knows it; else it follows from the status. `is_final` says that another try changes
    nothing. `is_stranger`: the secret was refused, and the answer is what anybody gets.
    `requests` is what was asked for, a line each, without secrets.
    """

    status: int | None
    text: str = ""
    error: str = ""
    retry_after: int | None = None
    took_ms: int = 0
    is_refused: bool = False
    may_have_arrived: bool = False
    is_cut: bool = False
    is_stranger: bool = False
    effect: str = ""
    is_final: bool = False
    requests: str = ""
    ticket: Seen | None = None
