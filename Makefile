# paddle_ann: `make demo` shows it, `make test` proves it. Both make .venv first when it is missing.
VENV   ?= .venv
PYTHON_IN_VENV := $(VENV)/bin/python
SHELL  := bash

.DEFAULT_GOAL := help
.PHONY: help venv browser demo lint types test test-slow test-matrix benchmark clean

help:  ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1	\2/p' Makefile | expand -t 20

venv:  ## Make .venv with the pinned CPU stack (PYTHON=/path/to/python chooses the interpreter)
	@tools/venv.sh $(VENV) -r requirements-cpu.txt -r requirements-dev.txt -e .

browser:  ## Install what the browser tests need: Chromium (Debian, as root), playwright-core (npm)
	@tests/browser/install.sh

demo: venv  ## Generate toy data, train, evaluate, predict, and say where the results are
	@$(PYTHON_IN_VENV) tools/demo.py

lint: venv
	@$(PYTHON_IN_VENV) -m ruff check --quiet . && echo "lint: fine"

types: venv
	@$(PYTHON_IN_VENV) -m mypy

test: lint types  ## Lint, types and the fast tests; pytest's summary comes last
	@$(PYTHON_IN_VENV) -m pytest -q -rfEs -m "not slow"

test-slow: lint types  ## The same with the slow tests
	@$(PYTHON_IN_VENV) -m pytest -q -rfEs

test-matrix: venv  ## Fast tests on Paddle 3.3.1 and 2.6.2; six iterations on paddlepaddle-gpu
	@$(PYTHON_IN_VENV) tools/matrix.py

benchmark: venv  ## Time and memory side by side with PaddleSeg's; table and CSV in output/benchmark
	@$(PYTHON_IN_VENV) tools/benchmark.py

clean:  ## Remove the environments and caches (data/ and output/ stay)
	rm -rf $(VENV) .matrix .pytest_cache .mypy_cache .ruff_cache .hypothesis build *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
