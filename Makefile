# `make bench` and `make test` set up what they need; a second call starts at once.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.stamp
PRESET ?= quick
DATA ?= embedded
RUN ?= results/$(PRESET)-$(notdir $(subst :,/,$(DATA)))

# Without a GPU, a tenth of the download: TORCH_INDEX='--index-url https://download.pytorch.org/whl/cpu'
TORCH_INDEX ?=

# More extras for the tests of optional parts: make setup EXTRAS=dev,faces,people,text
EXTRAS ?= dev

# Tests run in as many processes, in groups and in the order of tests/conftest.py. One more than the
# cores of CI: for a third of their time tests wait for processes that they started.
JOBS ?= 3
PYTEST = OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses $(JOBS) --dist loadscope \
	--no-loadscope-reorder

# Tests of pages need a browser, and one of the paper TeX; they are left out where there is none.
WITHOUT = not gpu and not network$(if $(shell command -v chromium),, and not browser)$(if $(shell command -v pdflatex),, and not tex)

N ?= 4
PORT ?= 50051

.PHONY: setup test test-fast bench paper tables plots report shards chaos libraries proto lint clean

setup: $(STAMP)

$(STAMP): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	@echo "1/3: PyTorch, the largest download: minutes"
	@$(BIN)/python -m pip install $(TORCH_INDEX) torch torchvision
	@echo "2/3: pedbench and all other packages that it needs: minutes"
	@$(BIN)/python -m pip install --editable ".[$(EXTRAS)]"
	@echo "3/3: a check of the installation, and LPIPS's weights: a minute"
	@$(BIN)/pedbench doctor > $(VENV)/doctor.txt || { cat $(VENV)/doctor.txt; \
		echo "set-up failed: mend it as said above, then 'make setup' again" >&2; exit 1; }
	@$(BIN)/pedbench weights lpips || \
		echo "LPIPS is left out of runs until '$(BIN)/pedbench weights lpips' brings its weights"
	touch $@

bench: $(STAMP)
	$(BIN)/pedbench run --preset $(PRESET) --data $(DATA) --out $(RUN)

test: $(STAMP)
	$(PYTEST) -m "$(WITHOUT)"

# What a change is tried with between two edits: nothing slow.
test-fast: $(STAMP)
	$(PYTEST) -m "not slow and $(WITHOUT)"

# The browser's libraries that reports carry, as npm has them.
libraries:
	cd bench/report/render/libraries && while read -r package file name; do \
		tar -xzOf "$$(npm pack --silent --pack-destination /tmp "$$package" | sed s,^,/tmp/,)" \
			"package/$$file" > "$$name"; done < VERSIONS

tables plots report: $(STAMP)
	$(BIN)/pedbench $@ $(RUN)

# Everything for a paper: the run, latencies over links, and paper/paper.tex.
LATENCY ?= $(RUN)-latency
SAM = $(if $(MODEL),--model $(MODEL)) $(if $(CHECKPOINT),--checkpoint $(CHECKPOINT))
paper: $(STAMP)
	$(BIN)/pedbench run --preset $(PRESET) --data $(DATA) $(SAM) --out $(RUN)
	$(BIN)/pedbench run --preset latency $(SAM) --out $(LATENCY)
	$(BIN)/pedbench paper $(RUN) $(LATENCY) --out $(RUN)/paper

# Local servers for trying out; Ctrl-C stops all of them. Several hosts: docs/deployment.md.
shards: $(STAMP)
	$(BIN)/pedbench shard --count $(N) --bind 127.0.0.1:$(PORT) --threads 1 --insecure

chaos: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.chaos $(CHAOS)

proto: $(STAMP)
	$(BIN)/python -m grpc_tools.protoc -I. --python_out=. --pyi_out=. --grpc_python_out=. \
		framework/transport/grpc/protocol/proto/shard.proto

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache
