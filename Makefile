# Certify. `make help` lists what there is.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
TEMPLATES = $(shell find templates -name '*.html')
PYTEST_ARGS ?=
# A process for each core; each has databases of its own, and Valkey has room for 15.
PARALLEL ?= --numprocesses logical --maxprocesses 8 --dist worksteal
.DEFAULT_GOAL := help
# Compiled modules halve the time of every start.
unexport PYTHONDONTWRITEBYTECODE
COMPILE := $(BIN)/uv pip compile -q --universal --generate-hashes --no-annotate --no-header $(if $(UPGRADE),--upgrade)

help:  ## This list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 16

setup: $(STAMP)  ## Virtual environment with the locked requirements

$(STAMP): requirements/dev.txt requirements/installer.txt
	@$(if $(shell command -v flock),flock .setup.lock) requirements/install.sh $(PYTHON) $(VENV)

demo: setup  ## Certify with a sample company; FRESH=1 starts over, PORT=8000
	@$(BIN)/python manage.py up --port $(or $(PORT),8000) $(if $(FRESH),--fresh)

code: setup  ## The code with which the auditor of the sample company signs in now
	@$(BIN)/python manage.py demo_code

lint: setup  ## Style, layers, templates, Dockerfile, packages
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache
	$(BIN)/djade --check --target-version 5.2 $(TEMPLATES)
	$(BIN)/hadolint Dockerfile
	$(BIN)/python -m pip check

test: setup lint  ## Every check and every test; PYTEST_ARGS="tests/ledger -x" for fewer
	tests/install_browser.sh
	tests/install_slapd.sh
	tests/install_go.sh
	$(BIN)/python -m pytest $(PARALLEL) $(PYTEST_ARGS)

bench: setup  ## Measure; prints a line per figure and writes bench/results.json
	$(BIN)/python -m bench

messages: setup  ## Bring the translations in locale/ up to date with the marked strings
	@$(BIN)/python -m tools.messages

recommend: setup  ## Score the recommendation on a history: make recommend FILES=requests.csv
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/bench.txt
	$(BIN)/python -m bench.recommend $(FILES)

lock: setup  ## Resolve requirements/*.in again; UPGRADE=1 takes newer versions
	$(COMPILE) requirements/base.in -o requirements/base.txt
	$(COMPILE) requirements/dev.in -o requirements/dev.txt
	$(COMPILE) requirements/bench.in -o requirements/bench.txt
	$(COMPILE) requirements/installer.in -o requirements/installer.txt

.PHONY: help setup demo code lint test bench recommend messages lock
