"""`make bench`: every bench on a throwaway PostgreSQL with the product's own settings; prints a line per figure.

`python -m bench desk` runs those that are named, and leaves the figures of the others in `results.json` as they were.
"""

import importlib
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import django
from django.core.management import call_command

from certify.stack.servers import PostgresServer, ValkeyServer

MODULES = ("ledger", "ledger_cost", "verify", "load", "campaigns", "desk", "pack", "sod", "stages", "removals")
RESULTS = Path(__file__).with_name("results.json")


def environment(folder: Path, postgres: PostgresServer, valkey: ValkeyServer) -> dict[str, str]:
    """Settings for the benches: a real database, a real broker, nothing of the machine's own configuration."""
    return {
        "CERTIFY_ENV": "test",
        "CERTIFY_INSECURE_HTTP": "true",
        "CERTIFY_DATA_DIR": str(folder / "data"),
        "CERTIFY_BASE_URL": "http://testserver",
        "SECRET_KEY": "only-for-benches",
        "ALLOWED_HOSTS": "testserver",
        "DATABASE_URL": postgres.url("postgres", database="bench"),
        "REDIS_URL": valkey.url,
        "EMAIL_URL": "memorymail://",
        "DJANGO_SETTINGS_MODULE": "certify.settings",
    }


def held(figure: dict) -> bool:
    """Whether a figure keeps to its limit."""
    return figure["value"] <= figure["limit"] if figure["sense"] == "max" else figure["value"] >= figure["limit"]


def measure(names: list[str]) -> list[dict]:
    """Run the named benches in order and print each figure as it comes."""
    figures = []
    for name in names:
        begun = time.monotonic()
        for figure in importlib.import_module(f"bench.{name}").run():
            sense = "at most" if figure["sense"] == "max" else "at least"
            mark = "ok " if held(figure) else "OVER"
            print(
                f"{mark} {figure['name']}: {figure['value']:g} {figure['unit']} ({sense} {figure['limit']:g}; {figure['baseline']})",
                flush=True,
            )
            figures.append(figure)
        print(f"    {name}: {time.monotonic() - begun:.0f} s", flush=True)
    return figures


def main() -> int:
    """Exit status 1 when a figure is over its limit."""
    names = sys.argv[1:] or list(MODULES)
    with tempfile.TemporaryDirectory(prefix="certify-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o711)
        postgres, valkey = PostgresServer(folder / "postgres"), ValkeyServer(folder / "valkey")
        postgres.start()
        valkey.start()
        try:
            connection = postgres.connect("postgres")
            connection.cursor().execute("CREATE DATABASE bench")
            connection.close()
            os.environ.update(environment(folder, postgres, valkey))
            django.setup()
            call_command("migrate", verbosity=0)
            figures = measure(names)
        finally:
            valkey.stop()
            postgres.stop()
    kept = json.loads(RESULTS.read_text()) if sys.argv[1:] and RESULTS.exists() else {}
    RESULTS.write_text(json.dumps(kept | {figure["name"]: figure for figure in figures}, indent=1) + "\n")
    return 0 if all(map(held, figures)) else 1


if __name__ == "__main__":
    sys.exit(main())
