# What a fresh clone needs: git, make, Python 3.11 or newer. Everything else goes into .venv.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

.PHONY: demo test test-all check test-trust test-local local-model bench lock clean

demo: $(VENV)/ready  ## an offline converge with the live view
	@FOLKMOOT_HOME=$${FOLKMOOT_HOME:-.cache/demo} $(BIN)/folkmoot converge \
	  "The car wash is only 100m away from my house, should I walk or drive?" \
	  --models sim/careful,sim/hasty,sim/contrarian

test: $(VENV)/ready  ## lint, types and the quick tests; none of them needs another program
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest -n auto

test-all: test  ## the same, then the slow sweeps
	$(BIN)/pytest -n auto -m slow

test-trust: $(VENV)/ready  ## what docs/trust.md promises, under loads and faults; prints a line of figures per item
	$(BIN)/python -m tests.trust

check: test

test-local: $(VENV)/ready  ## every protocol with a small real model, offline
	tests/local/install
	$(BIN)/pytest -m local -n 0 tests/local

local-model:  ## serve that model on 127.0.0.1:8080 until Ctrl-C, for seats called llamacpp/smollm2
	tests/local/install
	.cache/local/env/bin/python tests/local/serve.py

bench: $(VENV)/ready  ## the numbers in benchmarks/README.md, measured again
	$(BIN)/python -m benchmarks

lock:  ## resolve requirements.lock anew
	uv pip compile --universal --generate-hashes --no-emit-index-url --group dev pyproject.toml --extra all \
	  -o requirements.lock --upgrade

$(VENV)/ready: requirements.lock requirements.uv.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Folkmoot needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.uv.lock
	$(BIN)/uv pip sync -q --system-certs --compile-bytecode -p $(BIN)/python --require-hashes requirements.lock requirements.uv.lock \
	  || $(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	$(BIN)/python -m compileall -q src
	@touch $@

clean:
	rm -rf $(VENV) .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis dist
