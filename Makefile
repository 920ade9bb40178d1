# Everything runs in .venv. Each target does the setup that it needs, once; only Python >= 3.11 and make have to be there.
PYTHON ?= python3
BIN := .venv/bin
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
MADE_FROM := pyproject.toml constraints.txt

# pyright would tell of newer versions of itself, and mkdocs-material of MkDocs 2; constraints.txt decides both.
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1
export NO_MKDOCS_2_WARNING := 1
# Tests drive the chromium of the system; playwright's own download of browsers stays off.
export PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD := 1

.PHONY: help setup demo test test-browser test-all check bench numbers docs

help:                 ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(firstword $(MAKEFILE_LIST)) | expand -t 18

setup: .venv/.dev     ## make .venv with holdfast and its tools (minutes, about 6 GB: torch brings CUDA)

demo: .venv/.dev      ## train SimCLR and SDCLR on long-tailed curves, audit both, write the report (3 minutes)
	$(BIN)/holdfast demo

# Tests start many processes: what one has compiled is kept for the next, also where Python is told not to.
test: .venv/.dev      ## the fast tests
	OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE= $(BIN)/pytest -m "not slow and not browser" -n 2 --dist loadfile

test-browser: .venv/.dev  ## the report in chromium (Debian: apt-get install chromium); skipped where there is none
	$(BIN)/pytest -m browser

test-all: .venv/.dev  ## every test, slow ones and those in a browser too
	$(BIN)/pytest

check: .venv/.dev     ## format, lint, types, import directions, sizes
	$(BIN)/ruff format --check && $(BIN)/ruff check && $(BIN)/pyright && $(BIN)/lint-imports --no-logo && $(BIN)/pytest -q tests/test_repository.py

bench: .venv/.bench   ## measure speed and memory as ratios (20 minutes), go on where it was; ONLY=name for one
	$(BIN)/python benchmarks/run.py $(ONLY)

numbers: .venv/.dev   ## write the numbers of results/*.json into README and docs
	$(BIN)/python experiments/page_numbers.py
	$(BIN)/python experiments/result_plots.py

docs: .venv/.docs     ## build the documentation into site/
	$(BIN)/mkdocs build --strict

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/.dev: $(MADE_FROM) | .venv/bin/python
	$(INSTALL) -e '.[dev]' && touch $@

.venv/.bench .venv/.docs: .venv/.%: .venv/.dev
	$(INSTALL) -e '.[$*]' && touch $@
