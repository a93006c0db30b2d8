# Every target does its own set-up in .venv; Python 3.11+, make and git are all it needs.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
export OMP_NUM_THREADS ?= 1

.PHONY: demo test check fast docs soak results evidence clean

demo: $(VENV)/.installed
	$(BIN)/iale demo --out demo

test: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -n 2 --dist worksteal

check: test

fast: $(VENV)/.installed
	$(BIN)/pytest -n 2 --dist worksteal -m "not slow and not statistical"

# The documentation as a site, in site/. A broken link or a missing reference fails.
docs: $(VENV)/.installed
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

# Kills label, train and run at random moments and compares what is left; ends with one line of counts. A quarter of an hour.
soak: $(VENV)/.installed
	$(BIN)/python scripts/soak.py

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet -c constraints.txt -e ".[dev]"
	touch $@

# Everything that tells results, from the records in results/ and benchmarks/results/: docs/results.md and its figures, what the
# README found, docs/performance.md, and the cards of the shipped policies. A minute.
results: $(VENV)/.installed
	$(BIN)/python scripts/make_results.py

# The records again, on the real data sets: a few hours on two cores; stop and start it at will.
evidence: $(VENV)/.installed
	$(BIN)/iale bench all --size standard --workers 2 --out runs/bench

clean:
	rm -rf $(VENV) demo site .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
