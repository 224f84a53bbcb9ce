# Every target sets up what it needs: on a new machine only Python >= 3.11 must be there.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed-$(shell cat requirements.lock pyproject.toml | cksum | tr -d ' ')
CODE := scaler cache_agent runtime simulations tests

.DEFAULT_GOAL := help
CLUSTER := $(BIN)/python -m tests.e2e.cluster
PACKAGES := containerd runc containernetworking-plugins iproute2 nftables debootstrap util-linux gcc binutils prometheus

.PHONY: help setup deps cluster-deps fmt lint type test e2e demo bench prove verify lock clean
.PHONY: cluster-up cluster-down cluster-status cluster-build vllm

help:  ## what each target does
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: $(STAMP)  ## make .venv with locked dependencies

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Hearth needs Python >= 3.11; set PYTHON=/path/to/python3.11"; exit 2; }
	@rm -rf $(VENV)
	@PYTHON="$(PYTHON)" VENV="$(VENV)" sh .ci/make-venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

deps:  ## install outside programs (Chromium, for the report's browser tests); Debian, as root
	@command -v chromium >/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null; }
	@command -v chromium

cluster-deps:  ## install what a test cluster runs on (containerd and friends); Debian, as root
	@dpkg-query -W $(PACKAGES) >/dev/null 2>&1 || { apt-get update -qq && apt-get install -y -qq --no-install-recommends $(PACKAGES) >/dev/null; }

cluster-build: setup cluster-deps  ## build Kubernetes, etcd, KEDA, CoreDNS (20 min cold; kept in ~/.cache/hearth)
	@$(CLUSTER) build

cluster-up: setup cluster-deps  ## a real Kubernetes with two nodes and KEDA on this machine, in namespaces of its own
	@$(CLUSTER) up

cluster-down: setup  ## stop every test cluster, and remove whatever is left of one
	@$(CLUSTER) down --all

cluster-status: setup  ## which test clusters run, and which of their programs do not
	@$(CLUSTER) status

vllm: setup  ## install real vLLM on CPU into an environment of its own (0.9 GB; kept in ~/.cache/hearth)
	@$(BIN)/python -m tests.vllm install

fmt: setup  ## format the code
	@$(BIN)/ruff format --quiet $(CODE)
	@$(BIN)/ruff check --quiet --fix $(CODE)

lint: setup  ## style, import rules
	@$(BIN)/ruff check --quiet $(CODE)
	@$(BIN)/ruff format --quiet --check $(CODE)
	@$(BIN)/lint-imports --no-logo

type: setup  ## static types, strict
	@$(BIN)/mypy

test: setup  ## the fast lane: every test that needs no cluster (<= 5 min warm)
	@$(BIN)/pytest -q -n 2 --dist worksteal

# Where the machine cannot run them these tests fail; HEARTH_E2E_MAY_SKIP=1 turns that into skips with a reason.
e2e: cluster-build vllm  ## tests on a real cluster and on real vLLM (<= 60 min cold, 20 warm)
	@$(if $(HEARTH_E2E_MAY_SKIP),,HEARTH_REQUIRE_CLUSTER=1 HEARTH_REQUIRE_VLLM=1) $(BIN)/pytest -q -m "cluster or vllm" --durations=10

demo: setup  ## Hearth and its rivals on the Azure 2023 traces: a table and an HTML report
	@$(BIN)/hearth demo

bench: setup  ## speed and fidelity, as ratios in one run
	@$(BIN)/python -m tests.bench

prove: setup  ## finish the long grids behind the tables (hours; resumes where it stopped), the tables, the kill loop
	@$(BIN)/python -m tests.prove run
	@$(BIN)/python -m tests.prove tables
	@$(BIN)/python -m tests.e2e.kill_loop --cycles 20 --seed 1 --out results/kill-loop.jsonl

verify: setup  ## regenerate, check, test; fails when the tree is not what the generators write
	@$(BIN)/python -m scaler.decision.schemas
	@$(BIN)/python -m simulations.scenario_reference
	@$(MAKE) --no-print-directory lint type test
	@git diff --exit-code
	@test -z "$$(git status --porcelain)" || { git status --short; echo "untracked or changed files: commit or remove them"; exit 1; }

lock:  ## write requirements.lock anew (needs uv)
	@uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --no-emit-index-url --all-extras --group dev pyproject.toml -o requirements.lock

clean:  ## remove what setup and the tools made
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist *.egg-info out
