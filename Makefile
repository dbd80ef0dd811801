# `make lab` opens the course, `make test` proves it; each does all the set-up by itself.
# ARGS is handed on: make lab ARGS="--port 9000", make test ARGS="tests/ground -x".

BIN    := .venv/bin
PYTEST := $(BIN)/python -m pytest
# More than two cores can feed: for a third of its time a test waits.
WORKERS := 3

.DEFAULT_GOAL := help
.PHONY: help lab test test-fast soak proof setup-lab setup-test setup-soak lock clean
.NOTPARALLEL:

help: ## Say what can be made
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12
	@echo
	@echo 'YES=1             install missing system programs without asking (as root, on Debian or Ubuntu)'
	@echo 'PYTHON=python3.12 build from this Python, also where there is a conda'
	@echo 'ARGS="..."        handed on to `cutaway lab` or pytest'

lab: setup-lab ## Set up and open JupyterLab on the course
	@$(BIN)/cutaway lab $(ARGS)

test: setup-test proof ## Set up and prove everything but what takes long
	$(PYTEST) -n $(WORKERS) --dist loadgroup -m "not soak" $(ARGS)

test-fast: setup-test proof ## The part of the proof that takes less than a minute: rooms that start little
	$(PYTEST) -n $(WORKERS) --dist loadgroup -m "not soak and not slow and not engine and not browser" \
	    tests/linux tests/images tests/hypervisor $(ARGS)

soak: setup-soak ## What takes long: hundreds of repetitions, a bare machine
	$(PYTEST) -m soak $(ARGS)

proof:
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

setup-lab setup-test setup-soak: setup-%:
	@command -v python3 >/dev/null || { echo 'cutaway: there is no python3 here; install it first (Debian: apt-get install python3)' >&2; exit 1; }
	@PYTHON='$(PYTHON)' YES='$(YES)' python3 tools/setup.py $*

lock: setup-test ## Pin what pyproject.toml asks for; ARGS=--upgrade takes the newest of everything
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	    $(ARGS) --extra test pyproject.toml --output-file requirements-test.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	    $(ARGS) pyproject.toml --output-file requirements.lock

clean: ## Undo what Cutaway left on this machine, then remove what make made here
	@if [ -x $(BIN)/cutaway ]; then $(BIN)/cutaway clean; fi
	rm -rf .venv .setup.json .artefacts .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
