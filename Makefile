# figgo_ops: `make` alone lists the targets. Needs GNU make and a Python from 3.11 to 3.13, nothing else.
# Paths in recipes are relative or quoted: the checkout may lie in a folder whose name has spaces.
# Say `make test ARGS="-k plan"` to pass more arguments, `make test JOBS=4` on a bigger machine,
# `make demo PYTHON=/path/to/python3.12` to choose the Python, `make demo UV=` to do without uv.

SHELL := /bin/sh
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

JOBS ?= 2
ARGS ?=
VENV_PYTHON := .venv/bin/python
INSTALLED := .venv/.installed
LOCKED := .venv/.locked

# A version manager's shim can be on PATH and refuse to run, so each candidate is run and answers with its real path.
# The Python behind an existing .venv comes first: what was once chosen with PYTHON=... is kept.
in_range := import sys; (3, 11) <= sys.version_info[:2] < (3, 14) or sys.exit(1)
ifndef PYTHON
PYTHON := $(shell for candidate in $(VENV_PYTHON) python3.13 python3.12 python3.11 python3; do \
  "$$candidate" -c '$(in_range); print(sys._base_executable)' 2>/dev/null && break; done)
endif
UV ?= $(shell uv --version >/dev/null 2>&1 && echo uv)

PYTEST := $(VENV_PYTHON) -m pytest -q -n $(JOBS) --dist loadfile
NBSTRIPOUT := .venv/bin/nbstripout --keep-id --drop-tagged-cells injected-parameters \
  --extra-keys "metadata.papermill cell.metadata.papermill cell.metadata.execution metadata.language_info.version"
NOTEBOOKS := find notebooks -name '*.ipynb' -not -path '*/.*'

.PHONY: help demo test proof lab bench lint format lock wheel clean

help: ## list the targets
	@awk -F ' *## *' '/^[a-z]+:.* ## / { sub(/:.*/, "", $$1); printf "  make %-7s %s\n", $$1, $$2 }' Makefile

demo: $(INSTALLED) ## tell the whole journey on the rehearsal company; reports go to build/demo
	.venv/bin/figgo-ops demo --out build/demo $(ARGS)

test: $(INSTALLED) ## run the tests, long searches left out
	$(PYTEST) -m "not proof" $(ARGS)

proof: $(INSTALLED) ## run every test with long searches and all seeds
	HYPOTHESIS_PROFILE=proof $(PYTEST) $(ARGS)

lab: $(INSTALLED) ## open JupyterLab on the notebooks, against the rehearsal company
	.venv/bin/figgo-ops lab --rehearsal $(ARGS)

bench: $(INSTALLED) ## measure speed and scale, against their bars
	$(VENV_PYTHON) -m tests.benchmarks $(ARGS)

lint: $(INSTALLED) ## check style, types, stored notebooks and the lock
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	$(NOTEBOOKS) -exec $(NBSTRIPOUT) --verify {} +
	! grep -n '://' requirements.txt

format: $(INSTALLED) ## rewrite code in the one format and strip the notebooks
	.venv/bin/ruff check --fix-only .
	.venv/bin/ruff format .
	$(NOTEBOOKS) -exec $(NBSTRIPOUT) {} +

wheel: $(INSTALLED) ## build the wheel into dist/
	rm -rf dist
	$(VENV_PYTHON) -m hatchling build --target wheel --directory dist

# Pins stay where the ranges still allow them; `make lock ARGS=--upgrade` takes the newest of everything.
# The lock names no package index: it installs from whichever index the machine is set up for.
lock: ## resolve pyproject.toml into requirements.txt, pinned and hashed
	@uv=$(or $(UV),build/uv/bin/uv); \
	[ -x "$$(command -v "$$uv")" ] || { "$(PYTHON)" -m venv build/uv && build/uv/bin/pip install --quiet uv; }; \
	"$$uv" pip compile --quiet pyproject.toml --all-extras --universal --python-version 3.11 --generate-hashes \
	  --no-header --no-annotate --no-emit-index-url --no-emit-find-links --no-config $(ARGS) --output-file requirements.txt
	! grep -n '://' requirements.txt

clean: ## remove everything make has made
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find figgo_ops tests -name __pycache__ -type d -prune -exec rm -rf {} +

# Bytecode is compiled at once: where the image forbids writing it later, every start would take twice as long.
$(LOCKED): requirements.txt
	@"$(PYTHON)" -c '$(in_range)' 2>/dev/null || { \
	  echo "No Python 3.11, 3.12 or 3.13 that runs$(if $(PYTHON),: '$(PYTHON)' is not one, was found on PATH)." >&2; \
	  echo "Install one, or name yours: make $(or $(firstword $(MAKECMDGOALS)),demo) PYTHON=/path/to/python3.12" >&2; \
	  exit 2; }
	"$(PYTHON)" -m venv --clear .venv
ifneq ($(UV),)
	UV_COMPILE_BYTECODE=1 "$(UV)" pip install --quiet --python $(VENV_PYTHON) --no-deps --require-hashes -r requirements.txt
else
	$(VENV_PYTHON) -m pip install --quiet --no-deps --require-hashes --no-compile -r requirements.txt
	env -u PYTHONDONTWRITEBYTECODE PYTHONWARNINGS=ignore $(VENV_PYTHON) -m compileall -qq -j 0 .venv/lib
endif
	@touch $@

$(INSTALLED): $(LOCKED) pyproject.toml
ifneq ($(UV),)
	"$(UV)" pip install --quiet --python $(VENV_PYTHON) --no-deps --no-build-isolation --editable .
else
	$(VENV_PYTHON) -m pip install --quiet --no-deps --no-build-isolation --editable .
endif
	@touch $@
