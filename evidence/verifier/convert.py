#!/usr/bin/env python3
"""Writes tables of an evidence pack in the columns that auditors know from other products. Python's standard library only.

    python3 -I convert.py PACK.zip entra > history.csv
    python3 -I convert.py PACK.zip okta FOLDER

`entra` is the access review history of Microsoft Entra ID: one row for each access right under review. `okta` are the four reports
of Okta's auditor reporting package, each a CSV file in FOLDER. Both are copies for tools that expect those columns; what counts are
the pack's own tables, which `verify.py` checks. Verify the pack first: this program does not.

What those products do not know is said in our word: a right that was reduced has the result `Reduce`. What a pack does not hold (ids
and sign-in names of the other product's directory) is left empty.
"""

import argparse
import csv
import io
import os
import sys
import zipfile
import zlib
from contextlib import contextmanager

#: Cells of a million characters are possible: a rationale has no short limit. No line is longer than so many.
FIELD_LIMIT, LINE_LIMIT = 2**20, 2**22
#: What damaged and hostile packs lead to; encrypted files are a RuntimeError, other ways of packing NotImplementedError is one too.
UNREADABLE = (OSError, EOFError, LookupError, ValueError, RuntimeError, csv.Error, zipfile.BadZipFile, zlib.error)
ENTRA = (
    "AccessReviewId AccessReviewSeriesId ReviewType ResourceDisplayName ResourceId ReviewName CreatedDateTime ReviewStartDate "
    "ReviewEndDate ReviewStatus OwnerId OwnerName OwnerUPN PrincipalId PrincipalName PrincipalUPN PrincipalType ReviewDate "
    "ReviewResult Justification ReviewerId ReviewerName ReviewerUPN ReviewerEmailAddress AppliedByName AppliedByUPN "
    "AppliedByEmailAddress AppliedDate AccessRecommendation SubmissionResult"
).split()
#: What a cell that a spreadsheet would run, or break, begins with; full-width signs count in some languages.
DANGEROUS = tuple("=+-@\uff1d\uff0b\uff0d\uff20\t\r\n'")
#: Outcome → the word of the product.
ENTRA_RESULT = {"approved": "Approve", "revoked": "Deny", "reduced": "Reduce", "not_reviewed": "NotReviewed", "": "NotReviewed"}
OKTA_RESULT = {"approved": "APPROVE", "revoked": "REVOKE", "reduced": "REDUCE", "not_reviewed": "UNREVIEWED", "": "UNREVIEWED"}
ENTRA_STATUS = {"open": "InProgress", "closed": "Completed", "cancelled": "Cancelled"}
ADVICE = {"keep": "Approve", "remove": "Deny"}
#: Where a removal stands → the word of the product. Nobody's word is a result: only later data is.
SUBMITTED = {
    "verified_gone": "AppliedSuccessfully",
    "closed_on_proof": "AppliedWithUnknownFailure",
    "excepted": "ApplyNotSupported",
}
REMEDIATED = {
    "verified_gone": "SUCCESS",
    "still_there": "ERROR",
    "returned": "ERROR",
    "excepted": "NONE",
    "closed_on_proof": "MANUAL",
}
PEOPLE = {"employee", "contractor", "supplier", "unknown", ""}

WHO = ["User", "User name", "Account", "Resource", "Entitlement", "Entitlement name"]
WHO_COLUMNS = "identity_id identity_name account_id source entitlement_id entitlement_name".split()
SCOPE = ["Campaign ID", "Campaign", *WHO, "Reviewer", "Reviewer name", "Launched"]
ACCESS = ["Campaign ID", "Campaign", "User", "Account", "Resource", "Entitlement", "Under review"]
ACTIONS = ["Campaign ID", "Campaign", *WHO, "Decision", "Justification", "Decided by", "Decided", "Remediation status"]


class Pack:
    """The tables of a pack, a ZIP file or the folder it was unpacked into."""

    def __init__(self, path):
        self.path, self.archive = path, None if os.path.isdir(path) else zipfile.ZipFile(path)

    @contextmanager
    def _text(self, name):
        inside = os.path.join(self.path, *name.split("/"))
        with (
            self.archive.open(name) if self.archive else open(inside, "rb") as stream,
            io.TextIOWrapper(stream, encoding="utf-8", newline="") as text,
        ):
            yield text

    def rows(self, name):
        """Each row of a table as {column: cell}; cells are as they were before they were made harmless for spreadsheets."""
        with self._text(name) as text:
            for row in csv.DictReader(lines(text, name), strict=True):
                if None in row or None in row.values():
                    raise ValueError(f"{name}: a row has not the columns of its header")
                yield {column: cell[1:] if cell[:1] == "'" else cell for column, cell in row.items()}

    def campaigns(self):
        """Campaign → its row."""
        return {row["campaign"]: row for row in self.rows("campaigns/campaigns.csv")}

    def removals(self):
        """(campaign, item) → the row of its removal."""
        return {(row["campaign"], row["item"]): row for row in self.rows("remediation/removals.csv")}


def lines(text, name):
    """Each line; what is longer than any line can be is not read."""
    for line in iter(lambda: text.readline(LINE_LIMIT), ""):
        if len(line) == LINE_LIMIT:
            raise ValueError(f"{name}: a line is longer than any can be")
        yield line


def harmless(cell):
    """A cell that no spreadsheet runs."""
    return "'" + cell if cell[:1] in DANGEROUS else cell


def write(target, columns, rows):
    """An RFC 4180 table with a header row."""
    writer = csv.writer(target, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([harmless(cell) for cell in row] for row in rows)


def entra(pack):
    """The rows of Microsoft Entra's access review history, in its columns."""
    campaigns, removals = pack.campaigns(), pack.removals()
    advice = {(row["campaign"], row["item"]): row["recommendation"] for row in pack.rows("reviews/advice.csv")}
    for item in pack.rows("reviews/items.csv"):
        campaign, key = campaigns[item["campaign"]], (item["campaign"], item["item"])
        removal = removals.get(key, {})
        is_gone = removal.get("state") == "verified_gone"
        is_person = item["identity_kind"] in PEOPLE
        yield [
            item["campaign"], campaign["definition"], "Grant", item["entitlement_name"] or item["entitlement_id"],
            item["source"] + "/" + item["entitlement_id"], campaign["name"], campaign["opened_at"], campaign["opened_at"],
            campaign["ended_at"] or campaign["due_at"], ENTRA_STATUS[campaign["state"]], "", campaign["launched_by"], "",
            item["identity_id"] or item["account_id"], item["identity_name"] or item["account_name"], "",
            "user" if is_person else "servicePrincipal", item["decided_at"], ENTRA_RESULT[item["outcome"]], item["rationale"],
            item["decided_by"], item["decided_by_name"], "", "", "", "", "", removal.get("verified_at", "") if is_gone else "",
            ADVICE.get(advice.get(key, ""), "NoInfoAvailable"), SUBMITTED.get(removal["state"], "New") if removal else "",
        ]  # fmt: skip


def who(item):
    """Whose access an item is, and to what."""
    return [item[name] for name in WHO_COLUMNS]


def access(campaign, row, under_review):
    """One access right as the reports of who has access show it."""
    cells = row["identity_id"], row["account_id"], row["source"], row["entitlement_id"]
    return [row["campaign"], campaign["name"], *cells, under_review]


def at_launch(pack, campaigns):
    """Who had access when the campaign was launched: what was under review, and what a rule left out."""
    for item in pack.rows("reviews/items.csv"):
        yield access(campaigns[item["campaign"]], item, "yes")
    for row in pack.rows("population/exclusions.csv"):
        yield access(campaigns[row["campaign"]], row, "no: " + row["rule"])


def at_end(pack, campaigns, removals):
    """The same less what later readings of the systems proved gone."""
    for item in pack.rows("reviews/items.csv"):
        removal = removals.get((item["campaign"], item["item"]))
        if not removal or removal["state"] != "verified_gone":
            yield access(campaigns[item["campaign"]], item, "yes")
    for row in pack.rows("population/exclusions.csv"):
        yield access(campaigns[row["campaign"]], row, "no: " + row["rule"])


def scope(pack, campaigns):
    """What was under review at the launch, and who was asked."""
    for item in pack.rows("reviews/items.csv"):
        campaign = campaigns[item["campaign"]]
        yield [item["campaign"], campaign["name"], *who(item), item["reviewer"], item["reviewer_name"], campaign["opened_at"]]


def actions(pack, campaigns, removals):
    """What was decided about each access right, and what became of it."""
    for item in pack.rows("reviews/items.csv"):
        removal = removals.get((item["campaign"], item["item"]))
        status = REMEDIATED.get(removal["state"], "OPEN") if removal else "NONE"
        decided = [OKTA_RESULT[item["outcome"]], item["rationale"], item["decided_by_name"], item["decided_at"]]
        yield [item["campaign"], campaigns[item["campaign"]]["name"], *who(item), *decided, status]


def okta(pack, folder):
    """Write the four reports into a folder, under their names."""
    campaigns, removals = pack.campaigns(), pack.removals()
    reports = {
        "Campaign scope": (SCOPE, scope(pack, campaigns)),
        "Resource access - Campaign launch": (ACCESS, at_launch(pack, campaigns)),
        "Resource access - Campaign complete": (ACCESS, at_end(pack, campaigns, removals)),
        "Campaign actions": (ACTIONS, actions(pack, campaigns, removals)),
    }
    os.makedirs(folder, exist_ok=True)
    for name, (columns, rows) in reports.items():
        with open(os.path.join(folder, name + ".csv"), "x", encoding="utf-8", newline="") as target:
            write(target, columns, rows)


def main(arguments=None):
    """Read the command line and run; exit status 2 when the pack cannot be read."""
    parser = argparse.ArgumentParser(description="Writes tables of an evidence pack in the columns of other products.")
    parser.add_argument("pack", help="the pack: a ZIP file, or the folder it was unpacked into")
    parser.add_argument("shape", choices=["entra", "okta"], help="whose columns")
    parser.add_argument("folder", nargs="?", help="okta: a new or empty folder for its four reports")
    options = parser.parse_args(arguments)
    if (options.shape == "okta") != bool(options.folder):
        parser.error("okta needs a folder for its reports; entra writes to the standard output and takes none")
    csv.field_size_limit(FIELD_LIMIT)
    try:
        pack = Pack(options.pack)
        if options.shape == "okta":
            okta(pack, options.folder)
        else:
            sys.stdout.reconfigure(encoding="utf-8", newline="")
            write(sys.stdout, ENTRA, entra(pack))
    except FileExistsError as error:
        print(f"{error.filename} is already there; name an empty folder.", file=sys.stderr)
        return 2
    except UNREADABLE as error:
        said = ascii(str(error))  # names are the pack's own, and a terminal acts on some signs
        print(
            f"The pack cannot be read ({type(error).__name__}: {said}). Run verify.py: it says what is wrong.", file=sys.stderr
        )
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
