# Each chore is one word. `make demo` and `make test` need nothing but Python and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
OLDEST := .venv-oldest
PIP := pip install --quiet --disable-pip-version-check
JOBS ?= auto
GENERATED := demo_pb2.py demo_pb2.pyi demo_pb2_grpc.py
export PIP_ROOT_USER_ACTION := ignore

.PHONY: help setup demo test check oldest gen sim chaos bench format clean

help:  ## show these words
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

setup: $(VENV)/dev  ## make the virtual environment, tools included

demo: $(VENV)/run  ## the scripted demo, a node that stops and returns, a cluster in parts
	@$(BIN)/python -m kvcluster.terminal.tour

test: $(VENV)/dev  ## every test; under five minutes
	$(BIN)/python -m pytest --numprocesses $(JOBS) --dist worksteal

check: $(VENV)/dev oldest  ## style, types, generated code, tree rules, the oldest versions
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/test_tree.py tests/test_generated.py
	@rm -rf build/gen && mkdir -p build/gen
	@$(OLDEST)/bin/python -m grpc_tools.protoc -I. --python_out=build/gen --pyi_out=build/gen --grpc_python_out=build/gen demo.proto
	@for file in $(GENERATED); do cmp $$file build/gen/$$file || { echo "$$file is stale: run 'make gen'"; exit 1; }; done
	@echo "generated code is fresh"

oldest: $(OLDEST)/done  ## the walk on the oldest versions that we claim
	$(OLDEST)/bin/python -m pytest tests/test_generated.py tests/processes/test_walk.py

gen: $(OLDEST)/done  ## make the generated files from demo.proto
	$(OLDEST)/bin/python -m grpc_tools.protoc -I. --python_out=. --pyi_out=. --grpc_python_out=. demo.proto

sim: $(VENV)/dev  ## random histories in virtual time; SEEDS=10000 FIRST=, or SEED=, or PLANTED=all
	$(BIN)/python -m tests.sim $(if $(SEEDS),--seeds $(SEEDS)) $(if $(FIRST),--first $(FIRST)) \
	    $(if $(SEED),--seed $(SEED)) $(if $(PLANTED),--planted "$(PLANTED)")

chaos: $(VENV)/dev  ## five real servers under load, and every fault there is; DURATION=5m SEED=
	$(BIN)/python -m tests.chaos $(or $(DURATION),5m) $(SEED)

bench: $(VENV)/run  ## what a Put costs, how many clients may write, batches, catching up
	$(BIN)/python -m bench

format: $(VENV)/dev  ## mend the style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:  ## remove what these words made
	rm -rf $(VENV) $(OLDEST) build .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
	find . -name __pycache__ -prune -exec rm -rf {} +

$(VENV)/run: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/$(PIP) -e .
	@touch $@

$(VENV)/dev: $(VENV)/run
	$(BIN)/$(PIP) -e '.[dev]'
	@touch $@

$(OLDEST)/done: requirements-oldest.txt
	$(PYTHON) -m venv $(OLDEST)
	$(OLDEST)/bin/$(PIP) -r requirements-oldest.txt
	@touch $@
