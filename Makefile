# Two commands for a start: `make demo`, `make test`. Everything they need they set up themselves.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
TORCH  := $(VENV)/.installed-training

.PHONY: help demo setup test editors vscode quick lint schemas data bench clean

help:  ## Say what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: setup  ## Break a real crate, repair it with `rusta fix`, run its tests
	@$(BIN)/python -m rusta_eval.demo

setup: $(STAMP)  ## Virtual environment, the package, rust-analyzer
	@$(BIN)/rusta setup

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "error: $(PYTHON) is older than 3.11; try: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing Rusta and its tools into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

$(TORCH): $(STAMP)
	@echo "installing what training needs (PyTorch)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,training]'
	@touch $@

test: setup lint  ## Style, types, import directions, and all tests that need no editor
	@$(BIN)/python -m pytest -n 2 --dist loadgroup -m 'not editors'

test-editors: setup editors  ## The tests with real editors
	@$(BIN)/python -m pytest -n 2 --dist loadgroup -m editors

quick: lint  ## The tests that take seconds
	@$(BIN)/python -m pytest -n 2 --dist loadgroup -m 'not slow and not editors'

editors: $(STAMP)  ## Neovim, Helix, Emacs, lsp4j and VS Code for the tests, in a folder of their own
	@$(BIN)/python tests/editors/install.py
	@$(BIN)/python tests/vscode/install.py
	@$(BIN)/python tests/jetbrains/lsp4j.py

vscode: $(STAMP)  ## The extension for VS Code, as build/rusta.vsix
	@$(BIN)/python vscode-client/settings.py
	@cd vscode-client && (test -d node_modules || npm ci --ignore-scripts --loglevel=error) && npm run --silent package
	@mkdir -p build && cp vscode-client/out/rusta.vsix build/rusta.vsix
	@echo "build/rusta.vsix; to install it: code --install-extension build/rusta.vsix"

lint: $(TORCH)
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check --quiet
	@$(BIN)/mypy
	@$(BIN)/lint-imports

schemas: $(STAMP)  ## Write schemas/ anew from the types; a stale one fails the tests
	@$(BIN)/python -m rusta_server.contracts.writer schemas

data: $(STAMP)  ## Fetch the sources in the ledger; pack what the model learns from into build/data
	@$(BIN)/python -m rusta_training.data
	@$(BIN)/python -m rusta_training.triplets --jobs 2
	@$(BIN)/python -m rusta_training.samples

bench: setup  ## Measure side by side; prints tables and writes build/bench/*.json
	@mkdir -p build/bench
	@$(BIN)/python -m rusta_eval.bench_proxy --json build/bench/proxy.json
	@$(BIN)/python -m rusta_eval.bench_hover --json build/bench/hover.json
	@$(BIN)/python -m rusta_eval.bench_docs --json build/bench/docs.json
	@$(BIN)/python -m rusta_eval.bench_fix --json build/bench/fix.json
	@$(BIN)/python -m rusta_eval.bench_trace --json build/bench/trace.json
	@$(BIN)/python -m rusta_eval.bench_sandbox --json build/bench/sandbox.json
	@$(BIN)/python -m rusta_eval.bench_model --json build/bench/model.json

clean:  ## Remove what was made here (the cache in your home folder stays)
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
