"""The container files, as far as they can be run without a container engine: the commands they name, on real servers."""

import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest
import yaml
from psycopg2 import sql

from certify.stack.ports import free_port
from certify.stack.programs import postgres_programs
from certify.stack.supervisor import MANAGE
from tests.conftest import eventually
from tests.stack.conftest import clean_environment

ROOT = MANAGE.parent
BIN = Path(sys.executable).parent
COMPOSE = ROOT / "docker-compose.yml"
DOCKERFILE = ROOT / "Dockerfile"


def services() -> dict[str, dict]:
    """The services of the compose file, with its anchors resolved."""
    return yaml.safe_load(COMPOSE.read_text())["services"]


def check(*command: str) -> str:
    """The output of a checking program; fails with it."""
    done = subprocess.run([str(BIN / command[0]), *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_compose_file_fits_the_compose_specification(tmp_path):
    check("check-jsonschema", "--builtin-schema", "vendor.compose-spec", "docker-compose.yml")
    broken = tmp_path / "broken.yml"
    broken.write_text(COMPOSE.read_text().replace("healthcheck:", "healthchek:", 1))
    with pytest.raises(AssertionError, match="healthchek"):
        check("check-jsonschema", "--builtin-schema", "vendor.compose-spec", str(broken))


def test_the_compose_file_passes_the_security_linter():
    check("compose-lint", "--fail-on", "high", "docker-compose.yml")


def test_the_dockerfile_passes_its_linter():
    check("hadolint", "Dockerfile")


def test_every_container_is_checked_hardened_and_free_of_secrets():
    for name, service in services().items():
        assert "healthcheck" in service or service["restart"] == "no", name
        assert service["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in service["security_opt"], name
        secrets = {key: value for key, value in service["environment"].items() if re.search("PASSWORD|SECRET|_URL$", key)}
        # Every one is a reference that compose refuses to leave empty.
        assert not {key: value for key, value in secrets.items() if not re.search(r"\$\{\w+:\?", value)}, name


def test_only_the_migration_is_the_owner():
    users = {
        name: re.search(r"//(\w+):", service["environment"]["DATABASE_URL"]).group(1)
        for name, service in services().items()
        if "DATABASE_URL" in service["environment"]
    }
    assert users == {"migrate": "certify_owner", "web": "certify_app", "worker": "certify_app", "beat": "certify_app"}


def test_only_the_web_server_is_published_and_on_loopback_unless_told():
    assert {name: service["ports"] for name, service in services().items() if "ports" in service} == {
        "web": ["${CERTIFY_LISTEN:-127.0.0.1:8000}:8000"]
    }


@pytest.fixture
def image(tmp_path):
    """What the Dockerfile copies into the image, and nothing else."""
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    for source, target in re.findall(r"^COPY (?!--from)(\S+) (\S+)$", DOCKERFILE.read_text(), re.M):
        assert f"!{source}" in ignored, f"{source} does not reach the builder"
        if target.startswith("/"):  # for the first stage
            continue
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, tmp_path / target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / source, tmp_path)
    return tmp_path


@pytest.fixture
def own_server():
    """Somebody's own PostgreSQL after `create_roles.sh`: the addresses of the owner and of the application.

    The names are those of the containers; in a parallel run one test has them at a time.
    """
    given = os.environ["DATABASE_URL"]
    port = re.search(r":(\d+)/", given).group(1)
    turn = psycopg2.connect(given)
    with turn.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(1)")
    env = clean_environment() | {
        "PATH": f"{postgres_programs()}:{os.environ['PATH']}",
        "PGHOST": "127.0.0.1",
        "PGPORT": port,
        "OWNER_DB_PASSWORD": "owner-secret",
        "APP_DB_PASSWORD": "it's secret",
    }
    subprocess.run([ROOT / "certify/stack/create_roles.sh"], env=env, check=True, capture_output=True)
    yield (
        f"postgres://certify_owner:owner-secret@127.0.0.1:{port}/certify",
        f"postgres://certify_app:it%27s%20secret@127.0.0.1:{port}/certify",
    )
    with closing(psycopg2.connect(given)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute("DROP DATABASE certify WITH (FORCE)")
        for role in ("certify_app", "certify_owner"):
            cursor.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))
    turn.close()


class Container:
    """The image's files with the environment of a service, without the container."""

    def __init__(self, image: Path, owner: str, app: str):
        self.image, self.owner, self.app = image, owner, app
        self.processes = []
        self.env = clean_environment() | {
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "SECRET_KEY": "k" * 50,
            "ALLOWED_HOSTS": "certify.example,other.example",
            "DATABASE_URL": app,
            "REDIS_URL": os.environ["REDIS_URL"].replace("/0", "/5"),
            "CERTIFY_DATA_DIR": str(image / "data"),
            "CERTIFY_STATIC_ROOT": str(image / "static-root"),
            "CERTIFY_PROXY_COUNT": "1",
        }

    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess:
        """Run to the end."""
        return subprocess.run(
            command, cwd=self.image, env=self.env | environment, capture_output=True, text=True, check=False, timeout=120
        )

    def start(self, *command: str) -> None:
        """Leave running."""
        log = (self.image / f"{command[0]}.log").open("ab")
        with log:
            self.processes.append(
                subprocess.Popen(command, cwd=self.image, env=self.env, stdout=log, stderr=log, start_new_session=True)
            )

    def stop(self) -> None:
        """End everything."""
        for process in self.processes:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture
def container(image, own_server):
    """A migrated production installation from the image's files."""
    (image / "data").mkdir()
    running = Container(image, *own_server)
    collected = running.run("python", "manage.py", "collectstatic", "--noinput", "--verbosity=0")
    assert collected.returncode == 0, collected.stderr
    upgraded = running.run(*services()["migrate"]["command"], DATABASE_URL=running.owner)
    assert upgraded.returncode == 0, upgraded.stderr
    yield running
    running.stop()


def opened(url: str, **headers: str):
    """The answer, redirects not followed."""

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *args):
            return None

    try:
        return urllib.request.build_opener(Stay).open(urllib.request.Request(url, headers=headers), timeout=20)
    except urllib.error.HTTPError as error:
        return error


@pytest.mark.slow
def test_the_commands_of_the_containers_run_in_production(container):
    port = free_port()
    command = re.search(r"^CMD \[(.*?)\]$", DOCKERFILE.read_text(), re.M | re.S).group(1)
    web = [part.replace("0.0.0.0:8000", f"127.0.0.1:{port}") for part in re.findall(r'"([^"]*)"', command)]
    container.start(*web)
    container.start(*services()["beat"]["command"])
    asked = ["python", "manage.py", "check_health"]
    eventually(lambda: container.run(*asked, "--port", str(port)).returncode == 0, within=60)
    eventually(lambda: container.run(*asked, "--beat").returncode == 0, within=60)
    container.stop()
    container.processes.clear()
    assert container.run(*asked, "--port", str(port)).returncode == 1


@pytest.mark.slow
def test_production_answers_strictly(container):
    port = free_port()
    container.start("gunicorn", "certify.wsgi", "--bind", f"127.0.0.1:{port}", "--no-control-socket")
    url, host = f"http://127.0.0.1:{port}", {"Host": "certify.example"}
    secure = host | {"X-Forwarded-Proto": "https"}
    eventually(lambda: container.run("python", "manage.py", "check_health", "--port", str(port)).returncode == 0, within=60)
    assert opened(f"{url}/sign-in/", **host).headers["Location"] == "https://certify.example/sign-in/"
    assert opened(f"{url}/sign-in/", **(secure | {"Host": "evil.example"})).status == 400
    answer = opened(f"{url}/sign-in/", **secure)
    assert answer.status == 200
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    policy = dict(part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == policy["form-action"] == "'self'"
    cookies = "; ".join(answer.headers.get_all("Set-Cookie"))
    assert "Secure" in cookies
    assert "HttpOnly" in cookies
    style = re.search(r'href="(/static/css/certify\.[0-9a-f]+\.css)"', answer.read().decode()).group(1)
    assert opened(f"{url}{style}", **secure).headers["Cache-Control"] == "max-age=315360000, public, immutable"


@pytest.mark.slow
def test_a_restored_backup_is_complete_and_keeps_its_rights(container):
    """The commands of docs/deploy.md on a database with something in it."""
    made = ["python", "manage.py", "create_administrator", "ada", "--name", "Ada", "--password-stdin"]
    done = subprocess.run(
        made, cwd=container.image, env=container.env, input="seven green lamps on a hill", text=True, check=False
    )
    assert done.returncode == 0
    superuser = os.environ["DATABASE_URL"].rsplit("/", 1)[0]
    tool = postgres_programs()
    dump = str(container.image / "certify.dump")
    assert container.run(f"{tool}/pg_dump", "--format=custom", "--file", dump, f"{superuser}/certify").returncode == 0
    with closing(psycopg2.connect(f"{superuser}/postgres")) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute("DROP DATABASE certify WITH (FORCE)")
        cursor.execute("CREATE DATABASE certify OWNER certify_owner")
    restored = container.run(f"{tool}/pg_restore", "--dbname", f"{superuser}/certify", "--exit-on-error", dump)
    assert restored.returncode == 0, restored.stderr
    assert container.run(*services()["migrate"]["command"], DATABASE_URL=container.owner).returncode == 0
    verified = container.run("python", "manage.py", "verify_ledger")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    with closing(psycopg2.connect(container.app)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT kind FROM ledger_entry WHERE kind = 'user:created'")
        assert cursor.fetchall() == [("user:created",)]
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            cursor.execute("DELETE FROM ledger_entry")


def test_djangos_own_deployment_check_has_nothing_to_say(image):
    env = clean_environment() | {"SECRET_KEY": "k3" * 30 + "?!xyzabcdefgh", "ALLOWED_HOSTS": "certify.example"}
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    done = subprocess.run(command, cwd=image, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
