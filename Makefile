# Certify. `make help` lists what there is.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
.DEFAULT_GOAL := help
unexport PYTHONDONTWRITEBYTECODE
export XDG_RUNTIME_DIR ?= /tmp

help:  ## This list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 16

setup: $(STAMP)  ## Virtual environment with the locked requirements

$(STAMP): requirements/dev.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes --no-deps -r requirements/installer.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode --require-hashes -r requirements/dev.txt
	@touch $@

demo: setup  ## Certify with a sample company; FRESH=1 starts over, PORT=8000
	$(BIN)/python -W ignore manage.py up --port $(or $(PORT),8000) $(if $(FRESH),--fresh)

lint: setup  ## Style, layers, templates, migrations
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache
	$(BIN)/djade --check --target-version 5.2 $$(find templates -name '*.html')
	$(BIN)/python -m pip check

test: setup lint  ## Every check and every test
	tests/install_browser.sh
	$(BIN)/python -m pytest

bench: setup  ## Measure; prints a line per figure and writes bench/results.json
	$(BIN)/python -m bench

lock: setup  ## Resolve requirements/*.in again
	$(BIN)/uv pip compile -q --upgrade --universal --generate-hashes --no-annotate --no-header requirements/base.in -o requirements/base.txt
	$(BIN)/uv pip compile -q --upgrade --universal --generate-hashes --no-annotate --no-header requirements/dev.in -o requirements/dev.txt
	$(BIN)/uv pip compile -q --upgrade --universal --generate-hashes --no-annotate --no-header requirements/installer.in -o requirements/installer.txt

.PHONY: help setup demo lint test bench lock
