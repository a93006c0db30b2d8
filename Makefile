# Every target does its own set-up in .venv; Python 3.11+, make and git are all it needs.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
export OMP_NUM_THREADS ?= 1

.PHONY: demo test check fast soak evidence clean

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

# Kills label, train and run at random moments and compares what is left; ends with one line of counts. A quarter of an hour.
soak: $(VENV)/.installed
	$(BIN)/python scripts/soak.py

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet -c constraints.txt -e ".[dev]"
	touch $@

# The table of README and docs/results.md again: about an hour and a half on two cores; stop and start it at will.
SIZES      := --classifier cnn --labeling-budget 200 --epochs 20 --device cpu
STRATEGIES := runs/mnist-cnn/policy,random,confidence,margin,entropy,mc-dropout,ensemble,coreset,badge

evidence: $(VENV)/.installed
	$(BIN)/iale train --dataset mnist $(SIZES) --episodes 12 --round-size 2 --scoring-size 500 --workers 2 --out runs/mnist-cnn
	$(BIN)/iale run --dataset fashion-mnist $(SIZES) --strategies $(STRATEGIES) --seeds 10 --test-size 1000 --workers 2 --out runs/fashion-mnist
	$(BIN)/iale run --dataset kmnist-10k $(SIZES) --strategies $(STRATEGIES) --seeds 10 --test-size 1000 --workers 2 --out runs/kmnist-10k
	$(BIN)/iale report runs/fashion-mnist runs/kmnist-10k --out runs/report

clean:
	rm -rf $(VENV) demo .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
