# One door for people and for CI. `make` alone shows what there is.
PYTHON ?= python3
BIN := .venv/bin
PORT ?= 4200
MLFLOW_PORT ?= 5000
REQUIREMENTS := infra/requirements
TESTS ?= tests/cloud tests/contract tests/flows
INSTALL := $(BIN)/uv pip install --quiet --no-deps --require-hashes --compile-bytecode --python $(BIN)/python
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --overrides ../../infra/requirements/overrides.txt --custom-compile-command "make lock"

.DEFAULT_GOAL := help
.PHONY: help run test check audit endurance image worker image-test cloud cloud-test spark-test format lock ui mlflow stop clean docs

help: ## Show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  python -m flows --help    the same from Python (after . $(BIN)/activate)"

run: .venv/app ## From images to a served model: install, then release the bundled sample
	$(BIN)/python -m flows

test: .venv/dev ## Run the tests; SLOW=1: the slow ones too; REPORTS=folder gets results (JUnit) and coverage (Cobertura)
	$(BIN)/python -m pytest -n 2 --dist loadfile $(if $(SLOW),-m "not endurance and not image and not cloud and not spark") \
	  $(if $(REPORTS),--junitxml="$(REPORTS)/tests.xml" --cov --cov-report=term:skip-covered --cov-report=xml:"$(REPORTS)/coverage.xml")

check: .venv/dev ## All that a change must pass: format, lint, types, layers, tests, documents, known holes; REPORTS as above
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/mypy infra/audit
	$(BIN)/lint-imports
	@$(MAKE) --no-print-directory test SLOW=1
	@$(MAKE) --no-print-directory audit

audit: .venv/dev ## Known holes in the locked packages; AUDIT=--required fails where none can be looked up
	$(BIN)/python infra/audit $(AUDIT)

image: .venv/image ## Build the container image: make image MODEL=<model folder> BASE=<slim Python>@sha256:…
	@infra/build-image "$(MODEL)" "$(BASE)"

worker: ## Build the image of the Prefect worker: make worker BASE=<slim Python>@sha256:… [REGISTRY=<name>]
	@REGISTRY="$(REGISTRY)" infra/build-worker "$(BASE)"

image-test: .venv/dev ## Build the image on a base made here, run it, ask it; the worker's as well (as root; 10 minutes)
	$(BIN)/python -m pytest -m image --timeout 900 tests/infra

cloud: .venv/dev .venv/azurite ## A shell in which --backend azure works, on this machine alone (needs npm)
	$(BIN)/python -m tests.cloud

cloud-test: .venv/dev .venv/azurite .venv/spark $(if $(AZURE_REST_API_SPECS),.venv/oav) ## Release to the stand-in cloud, and let it fail (needs npm and Java 17; some 40 minutes)
	@[ -n "$(AZURE_REST_API_SPECS)" ] || echo "NOT JUDGED by Azure's OpenAPI: AZURE_REST_API_SPECS names no clone of it"
	@[ -n "$(ARM_SCHEMAS)" ] || echo "NOT JUDGED by Azure's schemas of templates: ARM_SCHEMAS names no folder of them"
	$(BIN)/python -m pytest -m "cloud and not endurance $(if $(AZURE_REST_API_SPECS),,and not specs) \
	  $(if $(ARM_SCHEMAS),,and not schemas)" \
	  -n 2 --dist loadfile --timeout 900 $(TESTS)

spark-test: .venv/dev .venv/spark ## Facts, training and scoring on Spark, on this machine (needs Java 17)
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "spark and not endurance and not cloud" --timeout 900 tests

endurance: .venv/dev .venv/spark ## Kill, load, flood and fuzz what runs (three quarters of an hour; needs Java 17)
	$(BIN)/python -m pytest -m "endurance and not cloud" -s --tb=short tests/endurance tests/flows

format: .venv/dev ## Format the code and mend what can be mended
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

ui: .venv/app ## Start the Prefect server, a worker and the deployments; print the URL
	$(BIN)/python -m flows ui --port $(PORT)

mlflow: .venv/app ## Open the runs, curves and versions in MLflow's own pages
	$(BIN)/mlflow ui --host 127.0.0.1 --port $(MLFLOW_PORT) \
		--backend-store-uri "sqlite:///$${MLOPS_HOME:-.mlops}/mlflow.db"

stop: ## Stop the endpoint
	$(BIN)/python -m flows stop

docs: .venv/dev ## Write what the code says of itself (help, settings, …), then build the documents as a site
	@$(BIN)/python -m infra.documents

lock: .venv/uv ## Resolve the requirements again, with hashes
	cd $(REQUIREMENTS) && for part in uv dev; do ../../$(LOCK) $$part.in -o $$part.txt; done
	cd $(REQUIREMENTS) && ../../$(LOCK) build.in -o build.txt
	cd $(REQUIREMENTS) && for part in serve train image docs app azure pipeline spark; do \
		../../$(LOCK) -c dev.txt $$part.in -o $$part.txt; done
	cd benchmarks/requirements && for part in $$(basename -s .in *.in); do \
		../../$(LOCK) $$part.in -o $$part.txt; done

clean: ## Remove the environment and all caches; the state in .mlops stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/uv: $(REQUIREMENTS)/uv.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
		{ echo "Python 3.11, 3.12 or 3.13 is needed: make PYTHON=python3.12 run"; exit 2; }
	@echo "making .venv"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

.venv/app: $(REQUIREMENTS)/app.txt .venv/uv
	@echo "installing what the flows need (some 2 GB; a minute or two)"
	@$(INSTALL) -r $<
	@touch $@

.venv/image: $(REQUIREMENTS)/image.txt .venv/uv
	@$(INSTALL) -r $<
	@touch $@

.venv/pipeline: $(REQUIREMENTS)/pipeline.txt .venv/uv
	@$(INSTALL) -r $<
	@touch $@

.venv/azure: $(REQUIREMENTS)/azure.txt .venv/uv
	@$(INSTALL) -r $<
	@touch $@

.venv/spark: $(REQUIREMENTS)/spark.txt $(REQUIREMENTS)/build.txt .venv/app
	@echo "installing Spark (600 MB; it needs Java 17)"
	@$(INSTALL) --build-constraints $(REQUIREMENTS)/build.txt -r $<
	@$(BIN)/python -m infra.spark_classes
	@touch $@

.venv/azurite .venv/oav: .venv/%: infra/%/package-lock.json .venv/uv
	@command -v npm >/dev/null || { echo "the stand-in cloud needs node and npm (Debian: apt install npm)"; exit 2; }
	@mkdir -p $@ && cp infra/$*/package.json infra/$*/package-lock.json $@
	@npm ci --prefix $@ --no-audit --no-fund --silent
	@touch $@

.venv/dev: $(REQUIREMENTS)/dev.txt .venv/uv
	@echo "installing what flows and tests need (some 2 GB; a minute or two)"
	@$(INSTALL) -r $<
	@touch $@ .venv/app .venv/image .venv/azure .venv/pipeline
