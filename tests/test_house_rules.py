"""The rules of this house, as far as a program can check them; docs/contributing.md has their reasons.

Each rule looks at one file and yields what is wrong. `PLANTED` holds a breach of every rule, so that a rule that has gone
blind is noticed.
"""

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

ROOT = Path(__file__).resolve().parent.parent
APPS = ("ledger", "people", "inventory", "campaigns", "remediation", "evidence")
OURS = (*APPS, "certify")
BANNED_NAMES = {"utils.py", "helpers.py", "misc.py", "services.py", "common.py", "manager.py", "common"}
#: Handed to auditors as one file that needs nothing but Python, so it cannot be split.
ONE_FILE = "evidence/verifier/verify.py"
#: The sequencer signs only what is committed already, so it commits in steps of its own.
OWN_TRANSACTIONS = {"sequencing.sequence", "packs.build"}
#: Layers whose functions say what they mean and what they take: everything above trusts them.
DOCUMENTED = {
    "actions",
    "queries",
    "rules",
    "permissions",
    "states",
    "readers",
    "exports",
    "lib",
    "staging",
    "population",
    "pack",
}
TYPED = DOCUMENTED - {"lib", "permissions"}


@dataclass(frozen=True)
class File:
    """A source file: its path below the root, and what it says."""

    path: Path
    source: str

    @cached_property
    def tree(self) -> ast.Module:
        """The syntax tree."""
        return ast.parse(self.source)

    @property
    def names(self) -> set[str]:
        """Its folders, and its own name without the suffix: `campaigns/actions/items.py` → campaigns, actions, items."""
        return {*self.path.parts[:-1], self.path.stem}

    def is_in(self, *layers: str) -> bool:
        """Whether it belongs to one of these layers of an app."""
        return self.path.parts[0] in OURS and bool(self.names & set(layers))

    def functions(self) -> Iterator[ast.FunctionDef]:
        """Every function and method."""
        return (node for node in ast.walk(self.tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))

    def public_functions(self) -> Iterator[ast.FunctionDef]:
        """The functions of the module that other modules may call."""
        return (node for node in self.tree.body if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"))

    def calls(self) -> Iterator[tuple[ast.Call, str]]:
        """Every call with the text of what is called."""
        return ((node, ast.unparse(node.func)) for node in ast.walk(self.tree) if isinstance(node, ast.Call))


def length(node: ast.AST) -> int:
    """Lines from the first to the last."""
    return node.end_lineno - node.lineno + 1


def is_python(file: File) -> bool:
    return file.path.suffix == ".py"


def is_product(file: File) -> bool:
    return is_python(file) and file.path.parts[0] in OURS and "migrations" not in file.names


def is_migration(file: File) -> bool:
    return is_python(file) and "migrations" in file.names


def is_template(file: File) -> bool:
    # The verifier's page is for auditors' disks: one file, which no server renders or sends.
    return file.path.suffix == ".html" and file.path.parts[0] != "evidence"


def is_text(file: File) -> bool:
    return file.path != Path(__file__).relative_to(ROOT)  # this file names what it forbids


# ---- rules ----


def no_vague_names(file: File) -> Iterator[str]:
    yield from (f"the name {part} says nothing" for part in file.path.parts if part in BANNED_NAMES)


def small_modules(file: File) -> Iterator[str]:
    limit = 450 if file.path.name == "settings.py" else 500
    if (lines := file.source.count("\n")) > limit and file.path.as_posix() != ONE_FILE:
        yield f"{lines} lines; {limit} are the limit"


def small_functions(file: File) -> Iterator[str]:
    for node in file.functions():
        is_test = file.path.parts[0] == "tests" and node.name.startswith("test_")
        limit = 40 if is_test else 30 if file.is_in("views") else 60
        if length(node) > limit:
            yield f"{node.name}() has {length(node)} lines; {limit} are the limit"


def small_models(file: File) -> Iterator[str]:
    for node in ast.walk(file.tree):
        if isinstance(node, ast.ClassDef) and file.is_in("models") and length(node) > 250:
            yield f"{node.name} has {length(node)} lines; 250 are the limit"


def honest_actions(file: File) -> Iterator[str]:
    """An action takes keywords only, says who acts, and is one transaction."""
    if not file.is_in("actions"):
        return
    for node in file.public_functions():
        keywords = [argument.arg for argument in node.args.kwonlyargs]
        if node.args.args or node.args.posonlyargs:
            yield f"{node.name}() has positional parameters"
        if "by" not in keywords:
            yield f"{node.name}() does not say by whom"
        if len(keywords) > 8:
            yield f"{node.name}() has {len(keywords)} parameters; 8 are the limit"
        if "atomic" not in ast.unparse(node) and f"{file.path.stem}.{node.name}" not in OWN_TRANSACTIONS:
            yield f"{node.name}() is not atomic"


def documented(file: File) -> Iterator[str]:
    if file.is_in(*DOCUMENTED):
        yield from (f"{node.name}() has no docstring" for node in file.public_functions() if not ast.get_docstring(node))


def typed(file: File) -> Iterator[str]:
    """Everything is annotated but `by`, `to` and `owner`: whoever can act."""
    if not file.is_in(*TYPED):
        return
    for node in file.public_functions():
        every = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        bare = [one.arg for one in every if one.annotation is None and one.arg not in {"by", "to", "owner", "user"}]
        if bare or node.returns is None:
            yield f"{node.name}() lacks the types of {', '.join([*bare, *(['its result'] if node.returns is None else [])])}"


def weak_locks(file: File) -> Iterator[str]:
    for node, name in file.calls():
        if name.endswith(".select_for_update") and not {"no_key", "of"} <= {keyword.arg for keyword in node.keywords}:
            yield f"line {node.lineno}: select_for_update() without of= and no_key=True"


def views_write_nothing(file: File) -> Iterator[str]:
    writes = (".save", ".delete", ".bulk_create", ".objects.create", ".get_or_create", ".update_or_create")
    for node, name in file.calls():
        if file.is_in("views", "api", "forms") and name.endswith(writes) and "session" not in name:
            yield f"line {node.lineno}: {name}(); an action writes"


def one_clock(file: File) -> Iterator[str]:
    others = ("timezone.now", "datetime.now", "datetime.utcnow", "date.today", "time.time", "localdate")
    if file.path.as_posix() != ONE_FILE:
        yield from (
            f"line {node.lineno}: {name}(); ask certify.lib.clock" for node, name in file.calls() if name.endswith(others)
        )


def no_hidden_effects(file: File) -> Iterator[str]:
    """What happens is called by its name: no receivers, no effects in save() or delete()."""
    for node in file.functions():
        if any(ast.unparse(decorator).startswith("receiver") for decorator in node.decorator_list):
            yield f"{node.name}() is a receiver of signals"
        if file.is_in("models") and node.name in {"save", "delete"}:
            yield f"line {node.lineno}: a model overrides {node.name}()"


def no_unsafe_text(file: File) -> Iterator[str]:
    yield from (f"line {node.lineno}: {name}()" for node, name in file.calls() if name.endswith(("mark_safe", "eval", "exec")))


def no_swallowed_errors(file: File) -> Iterator[str]:
    # The verifier reads what an attacker wrote: whatever is wrong with a row becomes a line that says so, never a traceback.
    if file.path.as_posix() == ONE_FILE:
        return
    for node in ast.walk(file.tree):
        if isinstance(node, ast.ExceptHandler):
            broad = node.type is None or ast.unparse(node.type) in {"Exception", "BaseException"}
            if broad and not any(isinstance(inner, ast.Raise) for inner in ast.walk(node)):
                yield f"line {node.lineno}: swallows every error"


def independent_migrations(file: File) -> Iterator[str]:
    """A migration stays true to its day, so it imports nothing that may change. `Together` knows of no table."""
    for node in ast.walk(file.tree):
        modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        yield from (
            f"imports {name}"
            for name in modules
            if name.split(".")[0] in OURS and not name.endswith((".states", "lib.together"))
        )


def named_migrations(file: File) -> Iterator[str]:
    if file.path.stem != "__init__" and re.search(r"_auto_|^\d{4}$", file.path.stem):
        yield "has no name of its own"


def small_templates(file: File) -> Iterator[str]:
    if (lines := file.source.count("\n")) > 200:
        yield f"{lines} lines; 200 are the limit"


def strict_templates(file: File) -> Iterator[str]:
    """Nothing inline that the content security policy would refuse, and nothing unescaped."""
    unsafe = r"\|\s*safe\b|autoescape off|\son(click|change|submit|load|input|error|focus|blur|toggle|(key|mouse|pointer)\w+)=|<script(?![^>]*\bsrc=)[^>]*>|\sstyle=|<style|javascript:|https?://"
    for found in re.finditer(unsafe, file.source):
        line = file.source.count("\n", 0, found.start()) + 1
        yield f"line {line}: {found.group().strip()}"


def nothing_unfinished(file: File) -> Iterator[str]:
    """Words that promise later work belong in the issue tracker."""
    for number, line in enumerate(file.source.splitlines(), 1):
        if re.search(r"\b(TODO|FIXME|XXX|HACK)\b", line):
            yield f"line {number}: {line.strip()[:60]}"


def no_places_of_one_machine(file: File) -> Iterator[str]:
    """Requirements and files that mention a registry or a home work in one place only."""
    for number, line in enumerate(file.source.splitlines(), 1):
        if re.search(r"/home/\w|/root/|/work/|--(extra-)?index-url|file:///(?!tmp)\w|pypi\.org|pythonhosted", line):
            yield f"line {number}: {line.strip()[:80]}"


Rule = Callable[[File], Iterator[str]]
RULES: dict[Rule, Callable[[File], bool]] = {
    no_vague_names: is_text,
    small_modules: is_python,
    small_functions: is_python,
    small_models: is_product,
    honest_actions: is_product,
    documented: is_product,
    typed: is_product,
    weak_locks: is_product,
    views_write_nothing: is_product,
    one_clock: is_product,
    no_hidden_effects: is_product,
    no_unsafe_text: is_product,
    no_swallowed_errors: is_product,
    independent_migrations: is_migration,
    named_migrations: is_migration,
    small_templates: is_template,
    strict_templates: is_template,
    nothing_unfinished: is_text,
    no_places_of_one_machine: is_text,
}


def repository() -> list[File]:
    """Every text file of the repository: what git would commit."""
    folders = [ROOT / name for name in (*OURS, "tests", "templates", "static", "docs", "bench", "requirements", ".ci")]
    paths = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    paths += [path for path in ROOT.iterdir() if path.is_file() and not path.is_symlink()]
    readable = {".py", ".html", ".txt", ".in", ".md", ".js", ".css", ".toml", ".yml", ".sh", ".sql", "", ".json"}
    return [
        File(path.relative_to(ROOT), path.read_text())
        for path in sorted(paths)
        if path.suffix in readable and "__pycache__" not in path.parts
    ]


@pytest.fixture(scope="module")
def files() -> list[File]:
    """The repository, read once."""
    return repository()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_house_rule(rule, files):
    breaches = [f"{file.path}: {problem}" for file in files if RULES[rule](file) for problem in rule(file)]
    assert not breaches, "\n" + "\n".join(breaches)


LONG = "def test_long():\n" + "    assert 1\n" * 41
SWALLOW = "try:\n    go()\nexcept Exception:\n    pass\n"
PLANTED = [
    (no_vague_names, "people/utils.py", ""),
    (no_vague_names, "people/common/dates.py", ""),
    (small_modules, "people/rules.py", "x = 1\n" * 501),
    (small_modules, "certify/settings.py", "x = 1\n" * 451),
    (small_functions, "tests/test_x.py", LONG),
    (small_functions, "people/rules.py", "def f():\n" + "    go()\n" * 60),
    (small_functions, "people/views/people.py", "def f():\n" + "    go()\n" * 30),
    (small_models, "people/models.py", "class A:\n" + "    x = 1\n" * 250),
    (honest_actions, "people/actions/users.py", "@atomic\ndef create(name, *, by): ..."),
    (honest_actions, "people/actions/users.py", "@atomic\ndef create(*, name): ..."),
    (honest_actions, "people/actions/users.py", "def create(*, name, by): ..."),
    (honest_actions, "people/actions/users.py", "@atomic\ndef create(*, a, b, c, d, e, f, g, h, by): ..."),
    (documented, "people/queries.py", "def everybody(): ..."),
    (typed, "people/queries.py", "def everybody(day): ..."),
    (weak_locks, "people/actions/users.py", "rows.select_for_update(of=('self',))"),
    (weak_locks, "people/actions/users.py", "rows.select_for_update(no_key=True)"),
    (views_write_nothing, "people/views/people.py", "form.save()"),
    (views_write_nothing, "people/forms.py", "User.objects.create(name=1)"),
    (one_clock, "people/rules.py", "timezone.now()"),
    (no_hidden_effects, "people/apps.py", "@receiver(saved)\ndef react(): ..."),
    (no_hidden_effects, "people/models.py", "class A:\n    def save(self): ..."),
    (no_unsafe_text, "people/rules.py", "mark_safe(name)"),
    (no_swallowed_errors, "people/rules.py", SWALLOW),
    (independent_migrations, "people/migrations/0003_x.py", "from people.models import User"),
    (independent_migrations, "people/migrations/0003_x.py", "import certify.lib.clock"),
    (named_migrations, "people/migrations/0003_auto_20260101.py", ""),
    (small_templates, "templates/x.html", "<p>\n" * 201),
    (strict_templates, "templates/x.html", "{{ name|safe }}"),
    (strict_templates, "templates/x.html", '<p style="color:red">'),
    (strict_templates, "templates/x.html", '<button onclick="go()">'),
    (strict_templates, "templates/x.html", "<script>go()</script>"),
    (nothing_unfinished, "people/rules.py", "# TODO later"),
    (no_places_of_one_machine, "requirements/base.txt", "--index-url x"),
    (no_places_of_one_machine, "docs/x.md", "cd /home/somebody/certify"),
]


@pytest.mark.parametrize(("rule", "path", "source"), PLANTED)
def test_house_rule_sees_a_breach(rule, path, source):
    file = File(Path(path), source)
    assert RULES[rule](file)
    assert list(rule(file))


def test_every_house_rule_has_a_planted_breach():
    assert {rule for rule, _, _ in PLANTED} == set(RULES)


def views(resolver: URLResolver, above: str = "") -> Iterator[tuple[str, Callable]]:
    """Every address pattern with its view."""
    for entry in resolver.url_patterns:
        where = f"{above}{entry.pattern}"
        if isinstance(entry, URLPattern):
            yield where, entry.callback
        else:
            yield from views(entry, where)


def test_every_view_declares_who_may_open_it():
    found = dict(views(get_resolver()))
    assert {"", "health/"} <= set(found)
    assert [where for where, view in found.items() if not hasattr(view, "access_rule")] == []


def test_only_these_views_are_public():
    """A list to think about before it grows."""
    public = {where for where, view in views(get_resolver()) if view.access_rule == "public"}
    assert public == {
        "health/",
        "sign-in/",
        "password/forgotten/",
        "password/set/<uidb64>/<token>/",
        "removals/object/<str:token>/",
    }
