# Every target sets itself up: the first one to run makes .venv, and makes it again when what it stands on changes.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/ready
# Each test calls linear algebra in a thread of its own, or they would all be in each other's way. Many wait for a
# browser or another process, so there are more at a time than a small machine has cores; those of `make quick` never do.
PYTEST := OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 $(BIN)/python -m pytest

# Tests start dozens of processes, and each would read all sources again where no byte code is kept. What they write
# waits for its place, as it does for users.
unexport PYTHONDONTWRITEBYTECODE PYTHONUNBUFFERED

.DEFAULT_GOAL := book
.PHONY: help book quick test slow floor lab lint bench mutation wasm live vendor clean

help: ## say what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@echo 'Options: PYTHON=python3.12 makes the environment with that Python; LAB_OPTIONS="--port=9999" is for JupyterLab.'

book: $(READY) ## build the book
	@$(BIN)/jupyter-book build --warningiserror --keep-going --nitpick .
	@echo "The book is built. Open $(CURDIR)/_build/html/index.html"

quick: $(READY) ## run the quick tests, for daily work
	$(PYTEST) --numprocesses=2 --dist=worksteal -m "not slow and not process" tests/unit

test: $(READY) ## test everything, what is long in a short form
	$(PYTEST) --numprocesses=3 --dist=loadfile --no-loadscope-reorder -m "not slow"

slow: $(READY) ## run the tests that are long by nature
	$(PYTEST) --numprocesses=3 --dist=worksteal -m slow

floor: ## run the quick tests with the oldest versions that pyproject.toml allows, in an environment of their own
	PYTHON=$(PYTHON) .ci/floor

# As root, or on another machine: make lab LAB_OPTIONS="--allow-root --no-browser --ip=0.0.0.0"
lab: book ## open the chapters as notebooks in JupyterLab
	@$(BIN)/jupyter trust _build/notebooks/*.ipynb
	JUPYTER_CONFIG_PATH="$(CURDIR)/book/lab:$$JUPYTER_CONFIG_PATH" $(BIN)/jupyter lab --LabApp.default_url=/lab/tree/_build/notebooks/index.ipynb $(LAB_OPTIONS)

lint: $(READY) node_modules ## check style and types, of Python and of JavaScript (needs Node)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	npm run --silent lint

bench: $(READY) ## time the simulator beside its peers
	$(BIN)/python -m benchmarks
	$(BIN)/python -m benchmarks.calibration
	$(BIN)/python -m benchmarks.sampling
	$(BIN)/python -m benchmarks.wasm

mutation: $(READY) ## break the statistical core in small ways, and see whether its tests notice
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --group mutation
	$(BIN)/python -m benchmarks.mutation --share 0.02

wasm: $(READY) ## compile the browser's kernels again
	$(BIN)/python -m simsoftmax.kernels.wasm

live: node_modules $(READY) ## bundle the live figures again (needs Node)
	$(BIN)/python -m simsoftmax.live.look
	npm run --silent build

vendor: node_modules ## take the script that sets formulas from its package again (needs Node)
	cp node_modules/temml/dist/temml.min.js book/vendor/

node_modules: package-lock.json
	npm ci --ignore-scripts --no-audit --no-fund
	@touch $@

clean: ## remove what was built; the environment stays
	rm -rf _build build dist node_modules artefacts *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find simsoftmax tests book benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

$(READY): pyproject.toml requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "simsoftmax needs Python 3.11 or newer. Say which: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "Python cannot make a virtual environment here. Install it first; on Debian or Ubuntu:" >&2; \
	  echo "    sudo apt-get install python3-venv" >&2; exit 1; }
	@test -w . || { \
	  echo "$(CURDIR) cannot be written, and the environment and the book are made there. Copy it first:" >&2; \
	  echo "    cp -r '$(CURDIR)' ~/simsoftmax && cd ~/simsoftmax" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@# Groups of dependencies are known to pip since 25.1.
	$(BIN)/python -m pip install --disable-pip-version-check --quiet 'pip>=25.1'
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -r requirements.txt --group dev
	@# Every kernel of a chapter would warn that it talks over TCP, within this machine.
	@mkdir -p $(VENV)/etc/ipython && echo 'c.IPKernelApp.log_level = "ERROR"' > $(VENV)/etc/ipython/ipython_kernel_config.py
	@touch $@
