"""The sample company: invented people, systems and rights, the same for the same seed and day.

Nothing here is real. The three files of each system are written in the format that `docs/loading.md` describes, so that the
sample company goes through the same door as everybody's data.
"""

import csv
import random
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

SEED = 20
COMPANY = "Halden & Moss"

IDENTITY_COLUMNS = (
    "identity_id", "name", "email", "kind", "status", "department", "title", "location", "manager_id", "owner_id", "supplier",
    "start_date", "end_date",
)  # fmt: skip
ENTITLEMENT_COLUMNS = ("source", "entitlement_id", "name", "kind", "description", "privileged", "owner_id", "tags")
GRANT_COLUMNS = (
    "source", "account_id", "account_name", "identity_id", "entitlement_id", "granted_at", "granted_by", "last_used_at",
    "expires_at", "path", "credential_kind", "credential_created_at", "credential_rotated_at",
)  # fmt: skip

GIVEN = [
    "Ana",
    "Bruno",
    "Chloe",
    "David",
    "Elif",
    "Farid",
    "Greta",
    "Hugo",
    "Ines",
    "Jonas",
    "Kira",
    "Liam",
    "Maya",
    "Nils",
    "Olga",
    "Pablo",
    "Quinn",
    "Rosa",
    "Samir",
    "Tara",
    "Umar",
    "Vera",
    "Wanda",
    "Xavier",
    "Yara",
    "Zoe",
    "Amir",
    "Bea",
    "Carl",
    "Dana",
    "Emil",
    "Fay",
    "Gus",
    "Hana",
    "Igor",
    "June",
    "Kofi",
    "Lena",
    "Milo",
    "Nora",
]
FAMILY = [
    "Abel",
    "Berg",
    "Costa",
    "Dahl",
    "Ekman",
    "Fischer",
    "Garcia",
    "Haas",
    "Ito",
    "Jansen",
    "Klein",
    "Larsen",
    "Moreau",
    "Novak",
    "Okafor",
    "Petrov",
    "Quist",
    "Rossi",
    "Silva",
    "Tanaka",
    "Ueda",
    "Vogel",
    "Weber",
    "Xu",
    "Young",
    "Zhang",
]
PLACES = ("Oslo", "Lisbon", "Leeds", "Vienna")

#: Department → (head's title, titles of its members, number of members).
DEPARTMENTS = {
    "Finance": ("Head of Finance", ("Accountant", "Payroll Clerk", "Financial Analyst"), 14),
    "Sales": ("Head of Sales", ("Account Executive", "Sales Assistant"), 18),
    "Engineering": ("Head of Engineering", ("Software Engineer", "Site Reliability Engineer", "QA Engineer"), 26),
    "People": ("Head of People", ("HR Partner", "Recruiter"), 8),
    "Support": ("Head of Support", ("Support Agent", "Support Lead"), 16),
    "IT": ("Head of IT", ("System Administrator", "Service Desk Agent"), 9),
}


@dataclass(frozen=True)
class Right:
    """One entitlement of a system, and how likely the people of each department hold it."""

    key: str
    name: str
    description: str
    kind: str = "role"
    privileged: str = "no"
    held: dict[str, float] = field(default_factory=dict)
    tags: str = ""


@dataclass(frozen=True)
class System:
    """One system of the company with its rights."""

    key: str
    name: str
    description: str
    rights: tuple[Right, ...]


SYSTEMS = (
    System("crm", "Customer records (CRM)", "Customers, offers and contracts.", (
        Right("crm-read", "Read customers", "See customer records and contact history.", held={"Sales": 1, "Support": 1, "Finance": 0.3}),
        Right("crm-edit", "Edit customers", "Change customer records.", held={"Sales": 0.9, "Support": 0.4}),
        Right("crm-export", "Export customers", "Download the whole customer list as a file.", privileged="yes", held={"Sales": 0.2, "IT": 0.1}),
        Right("crm-admin", "CRM administrator", "Change settings, users and roles of the CRM.", privileged="yes", held={"IT": 0.3, "Sales": 0.05}),
    )),
    System("erp", "Finance and payroll (ERP)", "Ledgers, invoices, payments and salaries.", (
        Right("erp-invoice-create", "Create invoices", "Enter supplier invoices.", held={"Finance": 0.8, "Sales": 0.1}),
        Right("erp-invoice-approve", "Approve payments", "Release payments to suppliers.", privileged="yes", held={"Finance": 0.35}, tags="payments; sox"),
        Right("erp-payroll", "Run payroll", "See and pay salaries.", privileged="yes", held={"Finance": 0.25, "People": 0.25}, tags="payments; sox"),
        Right("erp-report", "Read reports", "See financial reports.", held={"Finance": 1, "Sales": 0.15, "Engineering": 0.04}),
        Right("erp-z17", "Z_FI_17", "", kind="permission", privileged="unknown", held={"Finance": 0.4, "IT": 0.2}),
    )),
    System("code", "Source code", "Repositories and releases.", (
        Right("code-read", "Read code", "Read all repositories.", kind="group", held={"Engineering": 1, "IT": 0.6, "Support": 0.1}),
        Right("code-write", "Write code", "Push to repositories.", kind="group", held={"Engineering": 0.95, "Sales": 0.02}),
        Right("code-release", "Release to production", "Put software into production.", privileged="yes", held={"Engineering": 0.3}),
        Right("code-owner", "Organisation owner", "Full control of every repository and its members.", privileged="yes", held={"Engineering": 0.08, "IT": 0.15}),
    )),
    System("cloud", "Cloud platform", "Servers, storage and databases.", (
        Right("cloud-view", "Viewer", "See servers and their settings.", held={"Engineering": 0.7, "IT": 0.9}),
        Right("cloud-db", "Production database", "Read and change customers' data directly.", privileged="yes", held={"Engineering": 0.15, "IT": 0.2}, tags="production"),
        Right("cloud-admin", "Cloud administrator", "Full control of the cloud account.", privileged="yes", held={"IT": 0.25, "Engineering": 0.05}, tags="production"),
    )),
)  # fmt: skip

#: Duties that must be apart: (key, name, duty, its rights, other duty, its rights, severity, compensating control).
DUTIES = (
    ("invoice-pay", "Enter invoices and pay them", "enter supplier invoices", ("erp/erp-invoice-create",), "release payments",
     ("erp/erp-invoice-approve",), "critical", "Two people release every payment above 500."),
    ("code-production", "Write code and run production", "change the product’s code", ("code/code-write", "code/code-owner"),
     "change production directly", ("tag:production",), "high", "Every act in production is recorded and looked through each week."),
    ("payroll-reports", "Run payroll and administer users", "pay salaries", ("erp/erp-payroll",), "administer the CRM",
     ("crm/crm-admin",), "medium", ""),
)  # fmt: skip

#: Non-human identities: (key, name, kind, owner's department, [(system, right)]).
MACHINES = (
    ("svc-backup", "Nightly backup", "service", "IT", (("cloud", "cloud-db"),)),
    ("svc-invoices", "Invoice import", "service", "Finance", (("erp", "erp-invoice-create"),)),
    ("wl-deploy", "Deployment pipeline", "workload", "Engineering", (("code", "code-release"), ("cloud", "cloud-admin"))),
    ("agent-triage", "Support triage agent", "agent", "Support", (("crm", "crm-read"), ("crm", "crm-edit"))),
)


#: What machines and shared logins sign in with: (kind, days since it was made, days since it was rotated).
CREDENTIALS = {
    "svc-backup": ("key", 1180, None),
    "svc-invoices": ("password", 900, 520),
    "wl-deploy": ("federated", None, None),
    "agent-triage": ("token", 200, 40),
    "": ("password", 1400, None),
}


@dataclass
class Company:
    """The generated rows: `identities`, and per system key its `entitlements` and `grants`."""

    identities: list[dict]
    entitlements: dict[str, list[dict]]
    grants: dict[str, list[dict]]

    def without(self, system: str, gone: set[tuple[str, str]]) -> list[dict]:
        """The grants of a system less these (account_id, entitlement_id) pairs."""
        return [row for row in self.grants[system] if (row["account_id"], row["entitlement_id"]) not in gone]

    def heads(self) -> dict[str, dict]:
        """The head of each department."""
        return {row["department"]: row for row in self.identities if row["title"].startswith("Head of ")}


def generate(today: date) -> Company:
    """The company as it stands on `today`; times of use and grant are counted back from that day."""
    rng = random.Random(SEED)  # noqa: S311 - invented data, not secrets
    identities = _people(rng, today)
    company = Company(identities, {}, {})
    for system in SYSTEMS:
        company.entitlements[system.key] = [_entitlement(system, right, company.heads()) for right in system.rights]
        company.grants[system.key] = _grants(rng, system, identities, today)
    return company


def _people(rng: random.Random, today: date) -> list[dict]:
    names = rng.sample([f"{given} {family}" for given in GIVEN for family in FAMILY], 120)
    chief = _person(rng, "P001", names.pop(), "Management", "Chief Executive", "", today)
    people = [chief]
    for department, (head_title, titles, size) in DEPARTMENTS.items():
        head = _person(rng, f"P{len(people) + 1:03}", names.pop(), department, head_title, chief["identity_id"], today)
        people.append(head)
        for _ in range(size):
            key = f"P{len(people) + 1:03}"
            people.append(_person(rng, key, names.pop(), department, rng.choice(titles), head["identity_id"], today))
    _leavers_and_externals(rng, people, today)
    heads = {row["department"]: row["identity_id"] for row in people if row["title"].startswith("Head of ")}
    for key, name, kind, department, _ in MACHINES:
        people.append(_blank(IDENTITY_COLUMNS, identity_id=key, name=name, kind=kind, status="active", department=department,
                             owner_id=heads[department], manager_id=heads[department]))  # fmt: skip
    return people


def _blank(columns: tuple[str, ...], **values: str) -> dict:
    return dict.fromkeys(columns, "") | values


def _person(rng: random.Random, key: str, name: str, department: str, title: str, manager: str, today: date) -> dict:
    return _blank(
        IDENTITY_COLUMNS,
        identity_id=key,
        name=name,
        email=f"{name.lower().replace(' ', '.')}@halden-moss.example",
        kind="employee",
        status="active",
        department=department,
        title=title,
        location=rng.choice(PLACES),
        manager_id=manager,
        start_date=(today - timedelta(days=rng.randint(200, 3000))).isoformat(),
    )


def _leavers_and_externals(rng: random.Random, people: list[dict], today: date) -> None:
    members = [row for row in people if not row["title"].startswith(("Head of ", "Chief"))]
    picked = rng.sample(members, 11)
    for row in picked[:4]:
        row.update(status="inactive", end_date=(today - timedelta(days=rng.randint(5, 60))).isoformat())
    for row in picked[4:9]:
        row.update(kind="contractor", end_date=(today + timedelta(days=rng.randint(-20, 200))).isoformat())
    for row in picked[9:]:
        row.update(kind="supplier", supplier="Tallow Services")


def _entitlement(system: System, right: Right, heads: dict[str, dict]) -> dict:
    owner = max(right.held, key=right.held.get)
    return _blank(
        ENTITLEMENT_COLUMNS,
        source=system.key,
        entitlement_id=right.key,
        name=right.name,
        kind=right.kind,
        description=right.description,
        privileged=right.privileged,
        owner_id=heads[owner]["identity_id"],
        tags=right.tags,
    )


def _grants(rng: random.Random, system: System, identities: list[dict], today: date) -> list[dict]:
    rows = []
    for person in identities:
        for right in system.rights:
            if rng.random() < right.held.get(person["department"], 0.01) and "@" in person["email"]:
                rows.append(_grant(rng, system, person, right.key, today))
    machines = {row["identity_id"]: row for row in identities if "@" not in row["email"]}
    for key, _, _, _, rights in MACHINES:
        rows += [_grant(rng, system, machines[key], right, today) for of, right in rights if of == system.key]
    for number in range(1, 3):
        orphan = _blank(IDENTITY_COLUMNS, identity_id="", name=f"Shared login {number}")
        rows.append(_grant(rng, system, orphan, system.rights[0].key, today) | {"account_id": f"{system.key}-shared{number}"})
    return rows


def _grant(rng: random.Random, system: System, holder: dict, right: str, today: date) -> dict:
    login = holder["email"].partition("@")[0] or holder["identity_id"]
    used = rng.random()
    last_used = "" if used < 0.12 else (today - timedelta(days=rng.randint(100, 500) if used < 0.3 else rng.randint(0, 60)))
    return _blank(
        GRANT_COLUMNS,
        source=system.key,
        account_id=login,
        account_name=holder["name"],
        identity_id=holder["identity_id"],
        entitlement_id=right,
        granted_at=f"{today - timedelta(days=rng.randint(20, 1500))}T09:00:00Z",
        granted_by=rng.choice(("Service desk", "Onboarding", "")),
        last_used_at=f"{last_used}T08:30:00Z" if last_used else "",
        path=rng.choice(("", "", f"{holder['department']} team")) if holder["department"] else "",
        **_credential(holder["identity_id"], today),
    )


def _credential(identity: str, today: date) -> dict:
    kind, made, rotated = CREDENTIALS.get(identity, ("", None, None))
    ago = {"credential_created_at": made, "credential_rotated_at": rotated}
    times = {name: (today - timedelta(days=days)).isoformat() for name, days in ago.items() if days is not None}
    return {"credential_kind": kind} | times


def write_csv(path: Path, columns: tuple[str, ...], rows: list[dict]) -> Path:
    """One file in the format of `docs/loading.md`."""
    with path.open("w", newline="", encoding="utf-8") as target:
        writer = csv.DictWriter(target, columns, lineterminator="\r\n")
        writer.writeheader()
        writer.writerows(rows)
    return path
