# The front door: `make help`. Everything is made from pinned inputs (3rdparty/) and lands in .venv, .jars and dist.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup demo test lint format types laws pex pants-test staged-rollback property-cases infra-check infra-tools security lock bench-classification bench-contract bench-batch bench-requests bench-compat bench-drift contracts cost budget clean

PYTHON ?= python3.11
BIN := .venv/bin
# Two Spark sessions side by side fill two cores and 4 GB.
TEST_WORKERS ?= 2

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-23s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Make .venv from the lock and fetch the jars (done by the targets that need it)
	@$(PYTHON) -c '' 2>/dev/null || { echo "make: no $(PYTHON) found. Install Python 3.11 (Debian: apt install python3.11-venv; macOS: brew install python@3.11; anywhere: pyenv install 3.11), or name it: make PYTHON=/path/to/python3.11 ..." >&2; exit 1; }
	@$(PYTHON) tools/set_up.py

demo: setup ## Simulate a fleet and run it through all five stages; ends with tables and a report
	@$(BIN)/driftlake demo

test: setup ## Run the whole test suite (PEX runs need `make pex` first, and are skipped without it)
	@$(BIN)/python -m pytest -n $(TEST_WORKERS) --dist loadfile --no-loadscope-reorder --durations 15

lint: setup ## Check style and format (ruff)
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

format: setup ## Mend style and format where ruff can
	@$(BIN)/ruff check --fix . && $(BIN)/ruff format .

types: setup ## Check types (mypy, strict)
	@$(BIN)/mypy

laws: setup ## Check that the build refuses one stage importing another
	@tools/check_build_laws

pex: setup ## Build dist/{bronze,silver,gold,drift,metrics}.pex, and what Glue's image has to run them under: a Python, AWS jars
	@./pants package ::
	@$(PYTHON) tools/set_up.py --glue-image

pants-test: setup ## Run the tests of the packages in Pants' sandboxes: those without Spark; ALL=1 runs each (make test runs each, too)
	@./pants test :: $(if $(ALL),,-- -m "not spark")

staged-rollback: setup ## Show stages of two releases side by side, deployed and rolled back while data flows; nothing is lost
	@PYTHONPATH=. $(BIN)/python -m tools.upgrade

property-cases: setup ## Hold compiled draft-07 schemas against the reference in 100,000 cases at random
	@DRIFTLAKE_PROPERTY_CASES=100000 $(BIN)/python -m pytest -q libs/common/tests/test_draft07_property.py

infra-check: ## Check infra/ without AWS: Terraform modules, Terragrunt units, tflint, checkov (what is not installed is skipped)
	@infra/check

infra-tools: ## Install the tools of mise.toml into .cache, for who has no `mise` (needs Go)
	@tools/install_infra_tools

security: ## Check our code (bandit) and the locked packages (pip-audit; skipped where no advisories can be reached)
	@tools/install_infra_tools bandit pip-audit
	@$(PYTHON) tools/check_security.py .cache/infra-tools/bin

lock: setup ## Resolve 3rdparty/python/requirements.txt anew and rewrite the lock
	@./pants generate-lockfiles

bench-classification: setup ## Measure what one record costs to classify, beside its peers
	@$(BIN)/python bench/classification.py

bench-contract: setup ## Measure the contract engine beside its peers on 512 MB of gzip NDJSON; writes docs/benchmark-contract.md
	@$(BIN)/python bench/contract.py

bench-batch: setup ## Measure each stage on one cold batch of 104 MB (15 minutes of 10 GB a day); driftlake cost takes the result
	@$(BIN)/python bench/batch.py

bench-requests: setup ## Count the requests of a tick on simulated S3 (`make pex` fetches its jars); driftlake cost takes the result
	@$(BIN)/python bench/aws_requests.py

bench-compat: setup ## Run contract diff over the published pairs of schema versions; writes docs/compatibility.md
	@$(BIN)/python bench/schema_compat.py

bench-drift: setup ## Measure drift detection on labelled fleets and real data beside its peers (40 minutes); writes docs/drift-benchmark.md
	@PYTHONPATH=. $(BIN)/python -m bench.drift

contracts: setup ## Write what the table contracts say: docs/contracts.md, tests/table_shapes.json, access.json of each stage
	@$(BIN)/driftlake contract docs
	@$(BIN)/python tools/write_stage_access.py
	@$(BIN)/python tools/write_table_shapes.py

cost: setup ## Write docs/cost.md; fails where the default profile costs more than $50 a month
	@$(BIN)/driftlake cost --budget 50 --page docs/cost.md

budget: setup ## Fail where the default profile costs more than $50 a month; writes nothing
	@$(BIN)/driftlake cost --budget 50

clean: ## Remove what was made here: .venv, .jars, .jars-aws, .cache, dist
	@rm -rf .venv .jars .jars-aws .cache dist
