"""Settings come from the environment, are documented, and are refused when they would make Certify unsafe."""

import ast
import re
import subprocess
import sys

import pytest

from certify.stack.supervisor import MANAGE
from tests.stack.conftest import clean_environment

ROOT = MANAGE.parent
SAFE = {"SECRET_KEY": "k" * 50, "ALLOWED_HOSTS": "certify.example"}


def started(**environment: str) -> subprocess.CompletedProcess:
    """Read the settings in a process of its own with this environment only, and print what cookies and redirects do."""
    script = "from certify import settings as s; print(s.ENVIRONMENT, s.SESSION_COOKIE_SECURE, s.SECURE_SSL_REDIRECT)"
    env = {name: value for name, value in clean_environment().items() if name not in {"DEBUG", "SECRET_KEY", "ALLOWED_HOSTS"}}
    return subprocess.run(
        [sys.executable, "-c", script], env=env | environment, cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_production_is_the_default_and_starts_when_it_is_safe():
    assert started(**SAFE).stdout.split() == ["production", "True", "True"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"DEBUG": "true"}, "Certify does not run with DEBUG in production"),
        ({"SECRET_KEY": ""}, "SECRET_KEY is not set"),
        ({"SECRET_KEY": "short"}, "SECRET_KEY is too short"),
        ({"ALLOWED_HOSTS": ""}, "ALLOWED_HOSTS is empty"),
        ({"ALLOWED_HOSTS": "*"}, "ALLOWED_HOSTS is *"),
        ({"CERTIFY_TIME_ZONE": "Mars/Olympus"}, "CERTIFY_TIME_ZONE is 'Mars/Olympus'; name a zone such as Europe/Berlin."),
        ({"CERTIFY_LANGUAGE": "tlh"}, "CERTIFY_LANGUAGE is 'tlh'; Certify speaks en and de."),
        ({"CERTIFY_ENV": "staging"}, "CERTIFY_ENV is 'staging'; it must be production, demo or test."),
        ({"CERTIFY_ENV": "demo", "SECRET_KEY": ""}, "SECRET_KEY is not set"),
    ],
)
def test_unsafe_settings_are_refused_in_words(change, words):
    refused = started(**(SAFE | change))
    assert refused.returncode == 1
    assert words in refused.stderr


def settings_in_code() -> dict[str, str]:
    """Setting → its default as it is written, without quotes; empty where it is computed. Every call of `env` is read."""
    source = (ROOT / "certify/settings.py").read_text()
    found = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[0] == "env":
            default = next((keyword.value for keyword in node.keywords if keyword.arg == "default"), None)
            text = ast.get_source_segment(source, default) if isinstance(default, ast.Constant) else ""
            found[node.args[0].value] = text.strip('"')
    return found


def test_the_table_in_the_docs_is_equal_to_the_settings():
    code = settings_in_code()
    first_table = (ROOT / "docs/settings.md").read_text().split("Read by commands only")[0]
    table = dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", first_table, re.M))
    assert sorted(table) == sorted(code)
    wrong = {name: (default, table[name]) for name, default in code.items() if default and f"`{default}`" != table[name]}
    assert not wrong
