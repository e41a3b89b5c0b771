"""`manage.py up`: the whole stack, as a stranger starts and stops it."""

import os
import re
import signal
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from contextlib import closing

import psutil
import psycopg2
import pyotp
import pytest

from certify.stack.supervisor import MANAGE
from tests.conftest import eventually
from tests.stack.conftest import RunningStack, clean_environment

pytestmark = pytest.mark.slow


def gone(processes: list[psutil.Process], within: float = 30) -> None:
    """Wait until every process has ended."""
    _, alive = psutil.wait_procs(processes, timeout=within)
    assert not [(one.pid, one.cmdline()) for one in alive]


def shell_environment(stack: RunningStack) -> dict[str, str]:
    """What `. var/environment` gives a shell."""
    script = f". {stack.data}/environment && env -0"
    text = subprocess.run(["/bin/sh", "-c", script], env=clean_environment(), capture_output=True, text=True, check=True).stdout
    return dict(line.split("=", 1) for line in text.split("\0") if line)


def test_says_where_it_is_ready_when_it_is(running_stack, taken):
    assert running_stack.health() == {"database": "ok", "broker": "ok", "ledger": "ok"}
    assert running_stack.address() != f"http://127.0.0.1:{taken}"
    assert f"Port {taken} is taken; this is another one." in running_stack.lines
    processes = running_stack.processes()
    programs = {part for process in processes for part in process.cmdline()[:4]}
    assert {"gunicorn", "celery"} <= programs


def sign_in(address: str, username: str, password: str) -> str:
    """The page that somebody sees after signing in at the form."""
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    form = browser.open(f"{address}/sign-in/").read().decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', form).group(1)
    fields = {"username": username, "password": password, "csrfmiddlewaretoken": token}
    with browser.open(f"{address}/sign-in/", data=urllib.parse.urlencode(fields).encode()) as answer:
        return answer.read().decode()


@pytest.mark.parametrize("role", ["Reviewer", "Control owner", "System owner", "Auditor", "Administrator"])
def test_prints_a_sign_in_for_every_role_that_works(running_stack, role):
    eventually(lambda: "Ctrl-C stops everything." in running_stack.lines)
    username, password = next(line for line in running_stack.lines if line.startswith(f"  {role} ")).split()[-2:]
    address = running_stack.address()
    assert "Sign out" in sign_in(address, username, password)
    with pytest.raises(urllib.error.HTTPError, match="422"):
        sign_in(address, username, "guessed")


def test_says_how_to_get_the_code_of_the_sample_auditor(running_stack):
    told = next(line for line in running_stack.lines if "second factor as well" in line)
    command = [sys.executable, MANAGE, "demo_code", "--data", running_stack.data]
    shown = subprocess.run(command, env=clean_environment(), capture_output=True, text=True, check=True).stdout.split()
    assert told.startswith(shown[0])
    secret = next(line for line in running_stack.lines if "given the secret" in line).split()[-1].rstrip(".")
    assert shown[1] in {pyotp.TOTP(secret).at(int(time.time()) - ago) for ago in (0, 30)}


def test_the_worker_and_the_beat_bring_the_log_up_to_date(running_stack):
    with (
        closing(psycopg2.connect(shell_environment(running_stack)["DATABASE_URL"])) as connection,
        connection.cursor() as cursor,
    ):
        connection.autocommit = True

        def done() -> bool:
            cursor.execute("SELECT (SELECT count(*) FROM ledger_entry), (SELECT max(size) FROM ledger_checkpoint)")
            entries, sequenced = cursor.fetchone()
            return entries == sequenced > 100

        eventually(done, within=30)


def test_a_second_start_says_where_the_first_one_runs_and_disturbs_nothing(running_stack):
    for options in ([], ["--fresh"]):
        second = RunningStack(running_stack.data)
        assert second.run(*options) == 1
        where = f"Certify already runs on {running_stack.data}, at {running_stack.address()}."
        assert second.lines == [f"CommandError: {where} Nothing was changed; Ctrl-C stops it where it runs."]
    assert running_stack.health()["database"] == "ok"


def test_nobody_else_on_the_machine_reads_the_data(running_stack):
    modes = {entry.name: stat.S_IMODE(entry.stat().st_mode) for entry in running_stack.data.iterdir()}
    assert {"secrets.json", "environment", "demo-sign-ins.json", "ledger-key.json", "log", "mail", "postgres"} <= set(modes)
    assert not {name: oct(mode) for name, mode in modes.items() if mode & 0o077}


def test_the_product_needs_its_password_and_owns_nothing(running_stack):
    url = shell_environment(running_stack)["DATABASE_URL"]
    password = url.split(":")[2].split("@")[0]
    with pytest.raises(psycopg2.OperationalError, match="password"):
        psycopg2.connect(url.replace(password, "guessed"))
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        for command in ("UPDATE ledger_entry SET kind = 'x'", "TRUNCATE ledger_entry", "DROP TABLE ledger_entry CASCADE"):
            with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                cursor.execute(command)


def test_keeps_postgresqls_safe_defaults(running_stack):
    with (
        closing(psycopg2.connect(shell_environment(running_stack)["DATABASE_URL"])) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT setting FROM pg_settings WHERE name IN ('fsync', 'synchronous_commit', 'full_page_writes')")
        assert cursor.fetchall() == [("on",)] * 3


def test_stops_cleanly_keeps_its_data_and_starts_over_only_when_told(stack):
    def sessions(command: str = "SELECT session_key FROM django_session") -> list[tuple]:
        with closing(psycopg2.connect(shell_environment(stack)["DATABASE_URL"])) as connection, connection.cursor() as cursor:
            connection.autocommit = True
            cursor.execute(command)
            return cursor.fetchall()

    stack.start("--port", "0")
    stack.address()
    sessions("INSERT INTO django_session VALUES ('kept', '', now()) RETURNING 1")
    key, processes = (stack.data / "ledger-key.json").read_bytes(), stack.processes()
    assert stack.signal(signal.SIGINT) == 0
    gone(processes, within=1)
    assert stack.lines[-1] == "Certify has stopped; nothing of it runs any more."
    assert not (stack.data / "environment").exists()
    stack.start("--port", "0")
    stack.address()
    assert sessions() == [("kept",)]
    assert (stack.data / "ledger-key.json").read_bytes() == key
    stack.signal(signal.SIGTERM)
    stack.start("--port", "0", "--fresh")
    stack.address()
    assert sessions() == []
    assert (stack.data / "ledger-key.json").read_bytes() != key


def test_a_killed_supervisor_leaves_no_orphan_and_the_next_start_works(stack):
    stack.start("--port", "0")
    stack.address()
    processes = stack.processes()
    stack.signal(signal.SIGKILL)
    stack.start("--port", "0")
    assert stack.health()["database"] == "ok"
    gone(processes)


def test_says_which_process_died_with_the_end_of_its_log(stack):
    stack.start("--port", "0")
    stack.address()
    processes = stack.processes()
    beat = next(one for one in processes if "beat" in one.cmdline())
    log = stack.data / "log" / "beat.log"
    # The address is said before beat has said all that it says at its start.
    eventually(lambda: "DatabaseScheduler" in log.read_text(), within=60, otherwise=log.read_text)
    beat.kill()
    assert stack.process.wait(60) == 1
    gone(processes, within=5)
    stack.reader.join(10)
    assert "beat ended unexpectedly." in stack.output
    assert "DatabaseScheduler" in stack.output


def test_stops_in_the_middle_of_a_start(stack):
    stack.start("--port", "0")
    eventually(lambda: "Preparing the database …" in stack.output, within=60)
    time.sleep(0.5)
    processes = stack.processes()
    assert len(processes) > 1
    assert stack.signal(signal.SIGINT) == 0
    gone(processes, within=1)


def test_uses_servers_of_ones_own(stack):
    given = {name: os.environ[name] for name in ("DATABASE_URL", "REDIS_URL")}
    database = f"own_{os.getpid()}"
    connection = psycopg2.connect(given["DATABASE_URL"])
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {database}")
        given["DATABASE_URL"] = given["DATABASE_URL"].rsplit("/", 1)[0] + f"/{database}"
        stack.start("--port", "0", **given)
        assert stack.health()["database"] == "ok"
        assert not (stack.data / "postgres").exists()
        assert not (stack.data / "valkey").exists()
        stack.signal(signal.SIGTERM)
        cursor.execute(f"DROP DATABASE {database} WITH (FORCE)")
    connection.close()


def test_does_not_start_over_on_somebody_elses_database_or_directory(stack):
    assert stack.run("--fresh", DATABASE_URL="postgres://somebody@127.0.0.1:1/theirs") == 1
    assert "empty it yourself" in stack.output
    stack.data.mkdir()
    (stack.data / "thesis.txt").write_text("years of work")
    assert stack.run("--fresh") == 1
    assert "files that Certify did not make" in stack.output
    assert (stack.data / "thesis.txt").read_text() == "years of work"
