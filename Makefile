# The local commands are exactly the CI commands. Needs only Python 3.11 with pip and venv.
VENV ?= .venv
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := $(VENV)/bin
SERVING := $(VENV)/.serving
INSTALLED := $(VENV)/.installed
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
DEMO_HOME := $(CURDIR)/build/demo
SAMPLE := $(DEMO_HOME)/.ingested
HF_HUB_OFFLINE ?= 1
export HF_HUB_OFFLINE

.PHONY: help setup demo serve test test-slow check format bench docs clean

help: ## Show the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

setup: $(INSTALLED) ## Make the virtual environment and install everything that constraints.txt pins

# What answering and ingesting need, without torch: enough for the demo and the service.
$(SERVING): pyproject.toml requirements-serving.txt
	@echo "Installing what the service needs into $(VENV) (about a minute)"
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) --no-deps -r requirements-serving.txt
	$(PIP) --no-deps -e .
	touch $@

$(INSTALLED): $(SERVING) constraints.txt
	@echo "Installing what tests, checks and benchmarks need into $(VENV)"
	$(PIP) -c constraints.txt -e '.[models,dev]'
	touch $@

demo: $(SAMPLE) ## Ingest the sample data into build/demo and ask it questions of every kind
	ANSWERABLE_HOME=$(DEMO_HOME) $(BIN)/python -m data.sample.demo

$(SAMPLE): $(SERVING) $(shell find data/sample -type f -not -name '*.py' -not -name '*.pyc' 2>/dev/null)
	rm -rf $(DEMO_HOME)/store
	ANSWERABLE_HOME=$(DEMO_HOME) $(BIN)/answerable ingest add data/sample/help-centre --name help-centre --public
	ANSWERABLE_HOME=$(DEMO_HOME) $(BIN)/answerable ingest add data/sample/shop --name shop --describe data/sample/shop/describe.yaml
	touch $@

ifdef ANSWERABLE_HOME
serve: $(SERVING) ## Serve ANSWERABLE_HOME, or the sample data if it is not set
	$(BIN)/answerable serve
else
serve: $(SAMPLE)
	ANSWERABLE_HOME=$(DEMO_HOME) $(BIN)/answerable serve
endif

test: $(INSTALLED) ## Run the tests
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not slow"

test-slow: $(INSTALLED) ## Run the tests that take long and repeat, with more data or more cases, what others show
	$(BIN)/python -m pytest -m slow

check: $(INSTALLED) ## Lint, format check, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(INSTALLED) ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(INSTALLED) ## Measure speed, memory and quality; one table
	$(BIN)/python -m bench

docs: $(SAMPLE) ## Refresh the generated parts of the README and of docs/
	ANSWERABLE_HOME=$(DEMO_HOME) $(BIN)/python docs/refresh.py

clean: ## Remove what was built, but not the virtual environment
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage
	find app ingest connectors tests data bench -name __pycache__ -type d -prune -exec rm -rf {} +
