"""What an uploaded sheet would do: each row is decided, refused with a reason, unchanged, or left open.

A row is a decision of its own, under the rules of the page: it may be of something red when it has a reason of its own.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime

from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.translation import gettext as _

from campaigns import advice_reading, bulk_acts, rules, second_look, worklist
from campaigns import spreadsheet_format as form
from campaigns.models import Assignment, Campaign, SheetUpload
from campaigns.readers import spreadsheet
from campaigns.readers.spreadsheet import Line, Sheet
from campaigns.states import DecisionCode
from certify.lib import clock
from certify.lib.errors import InvalidInput
from certify.lib.files import located
from inventory.models import Identity

FIELDS = {"rationale": "reason", "reduce_to": "reduce_to", "until": "until"}


@dataclass(frozen=True)
class Refused:
    """A row that is not taken: where it stands, whom it is about, and what to do."""

    number: int
    column: str
    about: str
    message: str

    def as_list(self) -> list:
        """For JSON."""
        return [self.number, self.column, self.about, self.message]


@dataclass(frozen=True)
class Accepted:
    """A row that would be decided, with its answer as it would be recorded."""

    number: int
    row: Assignment
    code: str
    reason: str
    reduce_to: str
    until: date | None


@dataclass
class Checked:
    """Every row of a sheet, by what becomes of it."""

    accepted: list[Accepted] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    unchanged: int = 0
    left_open: int = 0

    @property
    def seen(self) -> str:
        """The digest of what would be decided: an upload is applied as it was shown, or not at all."""
        return bulk_acts.digest(one.row.item_number for one in self.accepted)

    @property
    def counts(self) -> list[tuple[str, int]]:
        """(answer, how many rows would be decided so), without those that nothing would."""
        found = Counter(one.code for one in self.accepted)
        return [(word, found[code]) for word, code in form.ANSWER_WORDS.items() if found[code]]


class _Refusal(Exception):
    """Why a row is not taken; `column` is the name of the cell to change, if there is one."""

    def __init__(self, message: str, column: str = ""):
        super().__init__(message)
        self.message, self.column = message, column


def check_made(sheet: Sheet, campaign: Campaign, user) -> None:
    """Refuse a file that was made for another person, campaign or stage."""
    if sheet.made.user != user.pk:
        raise InvalidInput(_("This file was made for somebody else, and only they can upload it. Download your own."))
    if sheet.made.campaign != campaign.pk:
        raise InvalidInput(_("This file is of another review. Upload it on the page of that review."))
    if sheet.made.stage != campaign.stage:
        raise InvalidInput(_("This file is of a stage that has ended. Download it again."))


def checked(upload: SheetUpload, user) -> tuple[Sheet, Checked]:
    """What an uploaded file would do now. Refuses one that was made for another person, campaign or stage."""
    sheet = spreadsheet.read(located(upload.stored_as))
    check_made(sheet, upload.campaign, user)
    return sheet, check(sheet, upload.campaign, user, clock.now())


def check(sheet: Sheet, campaign: Campaign, user, now: datetime) -> Checked:
    """Every row under the rules of the page. Rows come out in the order of their assignments."""
    checked, desk = Checked(), _Desk(sheet, campaign, user, now)
    for line in sheet.lines:
        try:
            answer = desk.answer(line)
        except _Refusal as refusal:
            header = form.COLUMNS[refusal.column].header if refusal.column in form.COLUMNS else refusal.column
            checked.refused.append(Refused(line.number, header, _about(line), refusal.message))
        else:
            if answer is None:
                checked.left_open += not line.decision
                checked.unchanged += bool(line.decision)
            else:
                checked.accepted.append(answer)
    _refuse_copied_reasons(checked)
    checked.accepted.sort(key=lambda one: one.row.pk)
    checked.refused.sort(key=lambda one: one.number)
    return checked


def _about(line: Line) -> str:
    return " · ".join(filter(None, (line.shown["person"], line.shown["right"], line.shown["system"])))[:300]


class _Desk:
    """What all rows of a sheet are held against, read once."""

    def __init__(self, sheet: Sheet, campaign: Campaign, user, now: datetime):
        self.campaign, self.user, self.now = campaign, user, now
        self.times = Counter(line.key for line in sheet.lines if line.key)
        ids = [pk for key in self.times if (pk := form.assignment_of(key)) is not None]
        rows = Assignment.objects.filter(pk__in=ids, campaign=campaign).select_related("item__advice", "decided_by")
        self.rows = {row.pk: row for row in rows}
        self.mine = set(worklist.my_rows(user, campaign.pk).filter(pk__in=ids).values_list("pk", flat=True))
        self.own = set(Identity.objects.filter(user=user).exclude(key="").values_list("key", flat=True))
        second = [row.item_id for row in self.rows.values() if not row.is_vote]
        answered = Assignment.objects.filter(
            worklist.SUBMITTED, item_id__in=second, is_active=True, is_vote=True, decided_by=user
        )
        self.answered = set(answered.values_list("item_id", flat=True))

    def answer(self, line: Line) -> Accepted | None:
        """What a row would record; None where it changes nothing. Raises `_Refusal`."""
        if not line.key and not line.decision:
            return None
        row = self._row(line)
        if line.problem:
            raise _Refusal(line.problem, line.column)
        if not line.decision:
            if line.reason != row.rationale and not row.decision:
                raise _Refusal(_("There is a reason but no decision. Choose one, or take the reason away."), "decision")
            return None
        code = form.code_of(line.decision)
        if code is None:
            raise _Refusal(
                _("“{word}” is no answer. Write {words}.").format(word=line.decision[:50], words=", ".join(form.ANSWER_WORDS)),
                "decision",
            )
        if self._is_recorded(line, code, row):
            return None
        self._check_open(line, row)
        return self._ruled(line, code, row)

    def _row(self, line: Line) -> Assignment:
        """The assignment that the row is about, when the row is whole."""
        row = self.rows.get(form.assignment_of(line.key) or 0)
        if row is None or not form.is_key_of(line.key, row, self.user.pk):
            raise _Refusal(_("This row is none of those you downloaded. Take it away, or download the file again."))
        shown = form.shown(row.item)
        is_moved = line.check != line.key or any(form.tidy(line.shown[name]) != form.tidy(shown[name]) for name in form.SHOWN)
        if is_moved:
            raise _Refusal(_("Cells of this row were changed or moved to another row. Download the file again."))
        if self.times[line.key] > 1:
            raise _Refusal(_("This item stands in more than one row. Leave one of them."))
        return row

    def _is_recorded(self, line: Line, code: str, row: Assignment) -> bool:
        """Whether the row says what is recorded already."""
        given = (code, form.tidy(line.reason), form.tidy(line.reduce_to), line.until)
        return given == (row.decision, form.tidy(row.rationale), form.tidy(row.reduce_to), row.until)

    def _check_open(self, line: Line, row: Assignment) -> None:
        """What `actions.items` refuses of a row whoever decides, and in which window."""
        if row.pk not in self.mine:
            raise _Refusal(_("This item is not yours any more: it was given to somebody else."))
        if row.sign_off_id:
            raise _Refusal(_("This item was submitted. Submitted decisions do not change."))
        if row.stage != self.campaign.stage or not second_look.takes(self.campaign, row):
            raise _Refusal(_("First answers to this item have ended; nothing in it can change."))
        if row.item.identity_key and row.item.identity_key in self.own:
            raise _Refusal(_("This is your own access: somebody else must decide."))
        if row.item_id in self.answered:
            raise _Refusal(_("You have answered for this item: its second look is somebody else's."))
        if (row.decision_entry_uid.hex if row.decision_entry_uid else "0") != line.key.split(".")[1]:
            said = _("Its decision was undone on the page after you downloaded the file. Look at it there.")
            if row.decision:
                said = _("Decided on the page after you downloaded the file, by {name}: {answer}. Look at it there.")
                said = said.format(name=row.decided_by, answer=row.get_decision_display())
            raise _Refusal(said, "decision")

    def _ruled(self, line: Line, code: str, row: Assignment) -> Accepted:
        """The answer under the same rules as on the page."""
        try:
            why = rules.needs_reason(code, row.item.signals, self.campaign.terms, advice_reading.recommended(row.item))
            reason = rules.check_reason(line.reason, why)
            reduce_to, until = rules.check_answer(code, line.reduce_to, line.until, self.now)
        except InvalidInput as refusal:
            raise _Refusal(refusal.message, FIELDS.get(refusal.field, "")) from None
        if line.until and code != DecisionCode.APPROVE:
            raise _Refusal(_("Only what is kept can be kept until a day. Take the day away."), "until")
        return Accepted(line.number, row, str(code), reason, reduce_to, until)


def _refuse_copied_reasons(checked: Checked) -> None:
    """One reason for many kept rows that need care is a bulk act in disguise: none of them is taken."""
    red = [one for one in checked.accepted if one.code == DecisionCode.APPROVE and rules.is_red(one.row.item.signals)]
    times = Counter(form.tidy(one.reason).lower() for one in red)
    copied = [one for one in red if times[form.tidy(one.reason).lower()] > form.MAX_SAME_REASON]
    gone = {one.number for one in copied}
    checked.accepted = [one for one in checked.accepted if one.number not in gone]
    for one in copied:
        count = times[form.tidy(one.reason).lower()]
        message = _(
            "The same reason stands at {count} kept rows that need care; at most {most} may share one. Say of each why it is needed."
        ).format(count=intcomma(count), most=form.MAX_SAME_REASON)
        shown = form.shown(one.row.item)
        about = " · ".join((shown["person"], shown["right"], shown["system"]))[:300]
        checked.refused.append(Refused(one.number, form.COLUMNS["reason"].header, about, message))
