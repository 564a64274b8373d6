# Every target makes the environment that it needs. VENV and PYTHON choose where and with what:
#   make test VENV=/tmp/environment PYTHON=python3.12
VENV ?= .venv
PYTHON ?= python3

BIN := $(VENV)/bin
RUN := $(BIN)/python
LANGUAGES := $(notdir $(patsubst %/index.md,%,$(wildcard docs/source/*/index.md)))
DEVELOPMENT := $(VENV)/.installed-torch,dev

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test quality docs bench fuzz build clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s  %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.installed-torch  ## convert a BERT checkpoint, load it, compare it with what the original code computed
	@$(RUN) utils/demo.py

test: $(DEVELOPMENT)  ## run the tests
	@$(RUN) -m pytest --numprocesses=auto

quality: $(DEVELOPMENT)  ## lint, check formatting and types, and the repository's own rules
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	@for check in utils/check_*.py; do echo $$check; $(RUN) $$check || exit 1; done

docs: $(VENV)/.installed-docs  ## build the documentation into docs/_build
	@for language in $(LANGUAGES); do \
		$(RUN) -m sphinx --conf-dir docs/source --define language=$$language --fail-on-warning --quiet \
			docs/source/$$language docs/_build/$$language && echo docs/_build/$$language/index.html || exit 1; done

bench: $(DEVELOPMENT)  ## measure time and memory; writes benchmarks/results
	@$(RUN) benchmarks/run.py

fuzz: $(DEVELOPMENT)  ## feed 200,000 damaged checkpoints to the readers
	@$(RUN) utils/fuzz_checkpoints.py --mutations 200000

build:  ## build the wheel into dist
	$(PYTHON) -m pip wheel --quiet --no-deps --wheel-dir dist .

clean:  ## remove what the other targets made, but for the environment
	rm -rf build dist docs/_build demo_output benchmarks/work .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache

# Installs the package with the extras that the stamp's name lists, and again only when these files change.
$(VENV)/.installed-%: pyproject.toml constraints.txt | $(RUN)
	$(RUN) -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[$*]'
	@touch '$@'

$(RUN):
	$(PYTHON) -m venv $(VENV)
