#!/bin/sh
# Makes the virtual environment from the locked requirements: install.sh PYTHON DIRECTORY. Called by `make setup`, under a lock
# where the system has one: a second call waits and then finds everything done.
set -eu
python=$1 venv=$2
for lock in requirements/dev.txt requirements/installer.txt; do
    [ -e "$venv/.installed" ] && [ "$venv/.installed" -nt "$lock" ] || missing=yes
done
[ "${missing:-}" ] || exit 0
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Certify needs Python 3.11 or newer: make PYTHON=… names it.")'
echo "Installing the locked requirements into $venv …"
"$python" -m venv "$venv"
# uv comes first, from its own hash: it installs the rest in a tenth of pip's time.
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements/installer.txt
"$venv/bin/uv" pip install --quiet --python "$venv/bin/python" --compile-bytecode --require-hashes -r requirements/dev.txt
touch "$venv/.installed"
