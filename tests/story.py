"""A small company in the database, made with the product's own actions: what most tests begin from."""

import csv
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from campaigns import worklist
from campaigns.actions import definitions, items, launching, reviews
from campaigns.models import Assignment, Campaign, CampaignDefinition, RemovalHold, ReviewItem, SilenceApproval
from campaigns.rules import statement
from certify.lib import clock
from inventory.actions import snapshots, sources
from inventory.models import Snapshot, Source
from inventory.readers.rows import FileToRead
from ledger.actors import SYSTEM
from people.actions import users
from people.models import User

IDENTITIES = """\
identity_id,name,email,kind,status,department,title,manager_id,owner_id
p1,Ana Berg,ana@x.example,employee,active,Finance,Head of Finance,,
p2,Bruno Costa,bruno@x.example,employee,active,Finance,Accountant,p1,
p3,Chloe Dahl,chloe@x.example,employee,inactive,Finance,Accountant,p1,
p4,David Ekman,david@x.example,contractor,active,Sales,Seller,p1,
svc,Nightly job,,service,active,IT,,,p1
"""
ENTITLEMENTS = """\
source,entitlement_id,name,kind,description,privileged,owner_id
crm,read,Read customers,role,See customers,no,
crm,admin,Administrator,role,Everything,yes,
"""
GRANTS = """\
source,account_id,account_name,identity_id,entitlement_id,granted_at,last_used_at,path
crm,ana,Ana Berg,p1,read,2026-01-05,2026-11-01,
crm,bruno,Bruno Costa,p2,read,2026-01-05,2026-11-01,
crm,bruno,Bruno Costa,p2,admin,2026-01-05,2026-11-01,
crm,chloe,Chloe Dahl,p3,read,2026-01-05,2026-01-06,
crm,david,David Ekman,p4,read,2026-01-05,,
crm,job,Nightly job,svc,read,2026-01-05,2026-11-01,
crm,shared,Shared login,,read,2026-01-05,,
"""
#: Due on the last day of every quarter.
QUARTERLY = {
    "repeat": "months",
    "every": 3,
    "on": "day",
    "number": 31,
    "month": 3,
    "starts_on": "2027-01-01",
    "time_zone": "Europe/Berlin",
    "draft_days": 5,
    "max_age_days": 7,
    "max_drift": 20,
}


@dataclass
class Story:
    """The people and things of the small company."""

    folder: Path
    admin: User
    owner: User
    system_owner: User
    auditor: User
    fallback: User
    source: Source
    texts: dict = field(default_factory=lambda: {"identities": IDENTITIES, "entitlements": ENTITLEMENTS, "grants": GRANTS})

    def user(self, email: str) -> User:
        """The user with this mail address."""
        return User.objects.get(email=email)

    def load(self, completeness: str = "full", **texts: str) -> Snapshot:
        """Load the files as they stand, after replacing some."""
        self.texts |= texts
        files = []
        for kind, text in self.texts.items():
            path = self.folder / f"{kind}.csv"
            path.write_text(text)
            files.append(FileToRead(kind, path, path.name))
        origin = snapshots.Origin("Exported by the test, from nowhere", completeness)
        return snapshots.load(source_id=self.source.pk, files=files, origin=origin, by=self.admin, accept_large_drop=True)

    def load_without(self, *pairs: tuple[str, str], completeness: str = "full") -> Snapshot:
        """Load the grants again without these (account_id, entitlement_id) pairs."""
        rows = list(csv.DictReader(self.texts["grants"].splitlines()))
        kept = [row for row in rows if (row["account_id"], row["entitlement_id"]) not in pairs]
        lines = [",".join(rows[0]), *(",".join(row.values()) for row in kept)]
        return self.load(completeness, grants="\n".join(lines) + "\n")

    def define(self, name: str = "Quarterly review", **changes) -> CampaignDefinition:
        """A definition over the source. So small a company is emptied by few removals: none waits unless a test wants that."""
        terms = definitions.Terms(
            name=name,
            sources=[self.source.pk],
            fallback_reviewer=self.fallback,
            owner=self.owner,
            controls=["soc2:CC6.3"],
            **{"removal_limit": None, "last_holder_waits": False} | changes,
        )
        return definitions.create(terms=terms, by=self.owner)

    def launch(self, name: str = "Q4", **changes) -> Campaign:
        """Define and launch."""
        definition = self.define(f"Definition of {name}", **changes)
        campaign = launching.request(definition_id=definition.pk, name=name, by=self.owner)
        return launching.launch(campaign_id=campaign.pk, by=self.owner)

    def item(self, campaign: Campaign, account: str, entitlement: str = "read") -> ReviewItem:
        """One item of a campaign."""
        return ReviewItem.objects.get(campaign=campaign, account_key=account, entitlement_key=entitlement)

    def row(self, campaign: Campaign, account: str, entitlement: str = "read", reviewer: User | None = None) -> Assignment:
        """The active assignment of an item in the campaign's stage: the only one, or that of the reviewer."""
        rows = Assignment.objects.filter(item=self.item(campaign, account, entitlement), is_active=True)
        rows = rows.filter(stage=Campaign.objects.get(pk=campaign.pk).stage)
        return (rows.filter(reviewer=reviewer) if reviewer else rows).select_related("item").get()

    def decide(
        self, campaign: Campaign, account: str, code: str, by: User, *, entitlement: str = "read", **answer
    ) -> Assignment:
        """Decide an item with a reason that is always good enough."""
        found = Assignment.objects.filter(item=self.item(campaign, account, entitlement), is_active=True)
        stage = Campaign.objects.get(pk=campaign.pk).stage
        row = found.filter(stage=stage, reviewer=by).first() or found.filter(stage=stage).get()
        given = items.Answer(code, "Seen and checked with the team", **answer)
        return items.decide(assignment_id=row.pk, answer=given, by=by)

    def submit(self, campaign: Campaign, by: User):
        """Submit every draft of a reviewer."""
        count = worklist.my_drafts(by, campaign.pk).count()
        return reviews.submit(campaign_id=campaign.pk, statement=statement(count, campaign.name), by=by)

    def hold_removals(self, campaign: Campaign) -> RemovalHold:
        """A hold that waits for a second person, whatever the terms of the closed campaign say."""
        facts = {"source": self.source, "kind": "share", "label": self.source.name, "removals": 1, "held": 1, "limit": 20}
        return RemovalHold.objects.create(campaign=campaign, at=clock.now(), entry_uid=uuid4(), **facts)

    def approve_silence(self, campaign: Campaign) -> SilenceApproval:
        """Removals for silence that wait for a second person, whatever the terms of the closed campaign say."""
        facts = {"approved_by": self.owner, "approved_by_name": self.owner.name, "reason": "Nobody needs it", "count": 1}
        facts |= {"needs_second": True, "limits": {"sources": [], "last_holders": []}, "at": clock.now(), "entry_uid": uuid4()}
        return SilenceApproval.objects.create(campaign=campaign, **facts)


def tell(folder: Path) -> Story:
    """The company, loaded once."""
    admin = users.create(username="admin", name="Ada Admin", email="admin@x.example", roles=["administrator"], by=SYSTEM)
    people = {
        role: users.create(username=role, name=role.title(), email=f"{role}@x.example", roles=[role], by=admin)
        for role in ("control_owner", "system_owner", "auditor", "reviewer")
    }
    source = sources.create(key="crm", name="Customer records", owner=people["system_owner"], by=admin)
    story = Story(folder, admin, people["control_owner"], people["system_owner"], people["auditor"], people["reviewer"], source)
    story.load()
    return story
