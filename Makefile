# Each chore is one word. `make demo` and `make test` need nothing but Python and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
OLDEST := .venv-oldest
JOBS ?= auto
PYTEST := -m pytest --numprocesses $(JOBS) --dist worksteal
PYTHONS ?= 3.10 3.11 3.12 3.13 3.14
ETCD := kvcluster/engines/etcd/etcd_rpc
GENERATED := demo_pb2.py demo_pb2.pyi demo_pb2_grpc.py $(ETCD)_pb2.py $(ETCD)_pb2.pyi
export PIP_ROOT_USER_ACTION := ignore

.PHONY: asked help setup demo test pythons ends style check oldest gen certs sim chaos package bench format clean

help:  ## show these words
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10
	@echo
	@echo "PYTHON=python3.13 behind a word that sets up makes it with that Python, 3.10 or newer."

setup: $(VENV)/dev  ## make the virtual environment, tools included

demo: $(VENV)/run  ## the scripted demo, a node that stops and returns, a cluster in parts
	@$(BIN)/python -m kvcluster.commands.demo.tour

test: $(VENV)/dev  ## every test: six minutes on two cores, seven with all engines
	$(BIN)/python $(PYTEST)

pythons:  ## every test, on each Python that is here of 3.10 to 3.14; PYTHONS="3.10 3.14"
	@failed=; for version in $(PYTHONS); do \
	    if ! .ci/find-python $$version >/dev/null; then echo "Python $$version is not here: skipped"; \
	    elif ! $(MAKE) --no-print-directory test-on-$$version; then failed="$$failed $$version"; fi; \
	done; if [ "$$failed" ]; then echo "failed on Python$$failed"; exit 1; fi

# What is left out looks at the same thing on every Python: the commands of the documents, faults
# that befall real servers, and how soon planted bugs are found, for which a search takes minutes
# where the seeds mean other histories than on the Python on which they were found.
ends:  ## the tests that may hang on the Python, on the oldest and the newest that are here
	@here=$$(for version in $(PYTHONS); do .ci/find-python $$version >/dev/null && echo $$version; done); \
	own=$$($(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
	ends=$$(echo "$$here" | grep -vxF "$$own" | sed -n '1p;$$p' | uniq | xargs); \
	$(MAKE) --no-print-directory pythons PYTHONS="$$ends" \
	    LEAVE_OUT="--ignore=tests/docs --ignore=tests/chaos --ignore=tests/sim/test_planted.py"

test-on-%: .venv-%/dev
	@echo "Python $*"
	@.venv-$*/bin/python $(PYTEST) $(LEAVE_OUT)

style: $(VENV)/dev  ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

check: style oldest  ## style, types, generated code, tree rules, the oldest versions
	$(BIN)/python -m pytest tests/test_tree.py tests/test_generated.py
	@rm -rf build/gen && mkdir -p build/gen
	@$(OLDEST)/bin/python -m grpc_tools.protoc -I. --python_out=build/gen --pyi_out=build/gen --grpc_python_out=build/gen demo.proto
	@$(OLDEST)/bin/python -m grpc_tools.protoc -I. --python_out=build/gen --pyi_out=build/gen $(ETCD).proto
	@for file in $(GENERATED); do cmp $$file build/gen/$$file || { echo "$$file is stale: run 'make gen'"; exit 1; }; done
	@echo "generated code is fresh"

oldest: $(OLDEST)/done  ## the walk on the oldest versions that we claim
	$(OLDEST)/bin/python -m pytest tests/test_generated.py tests/processes/test_walk.py

gen: $(OLDEST)/done  ## make what is generated: what comes from the protos, docs/architecture.md
	$(OLDEST)/bin/python -m grpc_tools.protoc -I. --python_out=. --pyi_out=. --grpc_python_out=. demo.proto
	$(OLDEST)/bin/python -m grpc_tools.protoc -I. --python_out=. --pyi_out=. $(ETCD).proto
	$(OLDEST)/bin/python -m tests.docs.architecture

certs: $(VENV)/dev  ## certificates to try out TLS, in certs/; NAMES="node-a node-b"
	$(BIN)/python client.py certs $(or $(NAMES),localhost) --client ops --dir certs

sim: $(VENV)/dev  ## random histories in virtual time; SEEDS=10000 FIRST=, or SEED=, or PLANTED=all
	$(BIN)/python -m tests.sim $(if $(SEEDS),--seeds $(SEEDS)) $(if $(FIRST),--first $(FIRST)) \
	    $(if $(SEED),--seed $(SEED)) $(if $(PLANTED),--planted "$(PLANTED)")

chaos: $(VENV)/dev  ## five real servers under load, and every fault there is; DURATION=5m SEED=
	$(BIN)/python -m tests.chaos $(or $(DURATION),5m) $(SEED)

package: $(VENV)/dev  ## build what is published, and try it: in build/dist
	@.ci/package $(BIN)/python

bench: $(VENV)/bench  ## beside etcd, Redis and others, into docs/; QUICK=1: three minutes, not into docs/
	$(BIN)/python -m bench $(if $(QUICK),--quick,--write-docs) $(OPTIONS)

format: $(VENV)/dev  ## mend the style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:  ## remove what these words made
	rm -rf $(VENV) .venv-* build .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
	find . -name __pycache__ -prune -exec rm -rf {} +

# `make demo` is content with what the programs need; the tools come when a word wants them. Who says
# PYTHON= gets that one, also where another one has been before.
given := $(if $(filter file,$(origin PYTHON)),,$(PYTHON))
$(VENV)/run: pyproject.toml $(if $(given),asked)
	@.ci/set-up "$(given)" $(VENV) run -e .

$(VENV)/dev: pyproject.toml $(if $(given),asked)
	@.ci/set-up "$(given)" $(VENV) dev -e '.[dev]'

$(VENV)/bench: pyproject.toml $(if $(given),asked)
	@.ci/set-up "$(given)" $(VENV) bench -e '.[bench]'

asked:

.PRECIOUS: .venv-3.%/dev
.venv-3.%/dev: pyproject.toml
	@.ci/set-up "$$(.ci/find-python 3.$*)" .venv-3.$* dev -e '.[dev]'

$(OLDEST)/done: requirements-oldest.txt
	@.ci/set-up "$(given)" $(OLDEST) done -r requirements-oldest.txt
