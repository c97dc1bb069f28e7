# `make bench` and `make test` set up what they need; a second call starts at once.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.stamp
PRESET ?= quick
DATA ?= embedded
RUN ?= results/$(PRESET)-$(notdir $(subst :,/,$(DATA)))

.PHONY: setup test bench paper tables plots report lint clean

setup: $(STAMP)

$(STAMP): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet torch torchvision
	$(BIN)/python -m pip install --quiet --editable ".[dev]"
	-$(BIN)/pedbench weights lpips
	touch $(STAMP)

bench: $(STAMP)
	$(BIN)/pedbench run --preset $(PRESET) --data $(DATA) --out $(RUN)

test: $(STAMP)
	$(BIN)/python -m pytest

paper tables plots report: $(STAMP)
	$(BIN)/pedbench $@ $(RUN)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache
