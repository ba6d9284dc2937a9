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
PEERS := build/bench/.installed
PINNED := requirements.txt tests/benchmarks/requirements.txt

# A version manager's shim can be on PATH and refuse to run, so each candidate is run and answers with its real path.
# The Python behind an existing .venv comes first: what was once chosen with PYTHON=... is kept.
in_range := import sys; (3, 11) <= sys.version_info[:2] < (3, 14) or sys.exit(1)
ifndef PYTHON
PYTHON := $(shell for candidate in $(VENV_PYTHON) python3.13 python3.12 python3.11 python3; do \
  "$$candidate" -c '$(in_range); print(sys._base_executable)' 2>/dev/null && break; done)
endif
UV ?= $(shell uv --version >/dev/null 2>&1 && echo uv)

# In the order of the folders: the long files come first, so that no core ends up waiting for the other.
PYTEST := $(VENV_PYTHON) -m pytest -q -n $(JOBS) --dist loadfile --no-loadscope-reorder
NBSTRIPOUT := .venv/bin/nbstripout --keep-id --drop-tagged-cells injected-parameters \
  --extra-keys "metadata.papermill cell.metadata.papermill cell.metadata.execution metadata.language_info.version"
NOTEBOOKS := find notebooks -name '*.ipynb' -not -path '*/.*'

.PHONY: help demo test defects proof lab bench lint format lock wheel clean

help: ## list the targets
	@awk -F ' *## *' '/^[a-z]+:.* ## / { sub(/:.*/, "", $$1); printf "  make %-8s %s\n", $$1, $$2 }' Makefile

demo: $(INSTALLED) ## tell the whole journey on the rehearsal company; reports go to build/demo
	.venv/bin/figgo-ops demo --out build/demo $(ARGS)

test: $(INSTALLED) ## run the tests, long searches left out
	$(PYTEST) -m "not proof" $(ARGS)

defects: $(INSTALLED) ## plant known defects one at a time; a test must catch each
	$(VENV_PYTHON) -m tests.defects $(ARGS)

proof: $(INSTALLED) ## run every test with long searches and all seeds, the kills, every planted defect
	HYPOTHESIS_PROFILE=proof $(PYTEST) $(ARGS)
	$(VENV_PYTHON) -m tests.defects

lab: $(INSTALLED) ## open JupyterLab on the notebooks, against the rehearsal company
	.venv/bin/figgo-ops lab --rehearsal $(ARGS)

bench: $(INSTALLED) $(PEERS) ## measure speed and scale, against their bars
	$(VENV_PYTHON) -m tests.benchmarks $(ARGS)

lint: $(INSTALLED) ## check style, types, stored notebooks and the lock
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	$(NOTEBOOKS) -exec $(NBSTRIPOUT) --verify {} +
	! grep -n '://' $(PINNED)

format: $(INSTALLED) ## rewrite code in the one format and strip the notebooks
	.venv/bin/ruff check --fix-only .
	.venv/bin/ruff format .
	$(NOTEBOOKS) -exec $(NBSTRIPOUT) {} +

wheel: $(INSTALLED) ## build the wheel into dist/
	rm -rf dist
	$(VENV_PYTHON) -m hatchling build --target wheel --directory dist

# Pins stay where the ranges still allow them; `make lock ARGS=--upgrade` takes the newest of everything.
# The lock names no package index: it installs from whichever index the machine is set up for.
lock: ## resolve what is needed into requirements.txt, pinned and hashed; the benchmarks' peers too
	@uv=$(or $(UV),build/uv/bin/uv); \
	[ -x "$$(command -v "$$uv")" ] || { "$(PYTHON)" -m venv build/uv && build/uv/bin/pip install --quiet uv; }; \
	pin() { "$$uv" pip compile --quiet "$$@" --universal --python-version 3.11 --generate-hashes \
	  --no-header --no-annotate --no-emit-index-url --no-emit-find-links --no-config $(ARGS); }; \
	pin pyproject.toml --all-extras --output-file requirements.txt && \
	pin tests/benchmarks/requirements.in --output-file tests/benchmarks/requirements.txt
	! grep -n '://' $(PINNED)

clean: ## remove everything make has made
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find figgo_ops tests -name __pycache__ -type d -prune -exec rm -rf {} +

# A fresh environment in folder $(1) that holds what the file $(2) pins and nothing else.
# Bytecode is compiled at once: where the image forbids writing it later, every start would take twice as long.
ifneq ($(UV),)
fill = "$(PYTHON)" -m venv --clear $(1) && \
  UV_COMPILE_BYTECODE=1 "$(UV)" pip install --quiet --python $(1)/bin/python --no-deps --require-hashes -r $(2)
else
fill = "$(PYTHON)" -m venv --clear $(1) && \
  $(1)/bin/python -m pip install --quiet --no-deps --require-hashes --no-compile -r $(2) && \
  env -u PYTHONDONTWRITEBYTECODE PYTHONWARNINGS=ignore $(1)/bin/python -m compileall -qq -j 0 $(1)/lib
endif

$(LOCKED): requirements.txt
	@"$(PYTHON)" -c '$(in_range)' 2>/dev/null || { \
	  echo "No Python 3.11, 3.12 or 3.13 that runs$(if $(PYTHON),: '$(PYTHON)' is not one, was found on PATH)." >&2; \
	  echo "Install one, or name yours: make $(or $(firstword $(MAKECMDGOALS)),demo) PYTHON=/path/to/python3.12" >&2; \
	  exit 2; }
	$(call fill,.venv,requirements.txt)
	@touch $@

# The peers that the benchmarks compare with are installed only there.
$(PEERS): tests/benchmarks/requirements.txt
	$(call fill,build/bench,tests/benchmarks/requirements.txt)
	@touch $@

$(INSTALLED): $(LOCKED) pyproject.toml
ifneq ($(UV),)
	"$(UV)" pip install --quiet --python $(VENV_PYTHON) --no-deps --no-build-isolation --editable .
else
	$(VENV_PYTHON) -m pip install --quiet --no-deps --no-build-isolation --editable .
endif
	@touch $@
