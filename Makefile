# make demo   set up, and run the mortgage project
# make check  set up, and run ruff, mypy, the import contracts and the tests of pure modules
# make test   set up, and run ruff, mypy, the import contracts and all tests
# make bench  set up, measure against named peers, and simulate the gate's errors
# make soak   set up, and let 200 scheduled runs be disturbed: forty minutes
# make audit  ask the registry which pinned dependencies have known vulnerabilities
# make lock   resolve the pinned dependencies again

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PEERS := $(VENV)/.peers
COMPILE = $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header

.PHONY: demo lint check test bench soak audit lock clean

demo: $(READY)
	@$(BIN)/assayline run data/hmda_boston/project.yaml; status=$$?; \
	case $$status in 0|3|4|5) exit 0;; *) exit $$status;; esac

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo --cache-dir $(VENV)/import-linter
	$(BIN)/mypy

check: lint
	$(BIN)/pytest --dist worksteal $$($(BIN)/python tests/pure.py)

test: lint
	$(BIN)/pytest

bench: $(PEERS)
	$(BIN)/python tests/benchmarks/fingerprint_speed.py
	$(BIN)/python tests/benchmarks/run_cost.py
	$(BIN)/python tests/benchmarks/default_run_cost.py
	$(BIN)/python tests/benchmarks/up_cost.py
	$(BIN)/python tests/benchmarks/gate_error_rates.py
	$(BIN)/python tests/benchmarks/first_model_error_rates.py
	$(BIN)/python tests/benchmarks/nightly_judgements.py
	$(BIN)/python tests/benchmarks/gap_decisions.py
	$(BIN)/python tests/benchmarks/default_probabilities.py
	$(BIN)/python tests/benchmarks/leak_search.py
	$(BIN)/python tests/benchmarks/copies.py
	$(BIN)/python tests/benchmarks/labels_at_scale.py
	$(BIN)/python tests/benchmarks/label_issue_speed.py
	$(BIN)/python tests/benchmarks/label_conflicts_speed.py
	$(BIN)/python tests/benchmarks/label_agreement.py
	$(BIN)/python tests/benchmarks/label_review_gain.py
	$(BIN)/python tests/benchmarks/group_metrics_speed.py
	$(BIN)/python tests/benchmarks/slice_counting_speed.py
	$(BIN)/python tests/benchmarks/weak_slices.py
	$(BIN)/python tests/benchmarks/tag_intervals.py
	$(BIN)/python tests/benchmarks/importance_intervals.py
	@if [ -n "$$ASSAYLINE_DATASETS" ]; then \
	  $(BIN)/python tests/benchmarks/label_rankings.py && \
	  $(BIN)/python tests/benchmarks/consensus_accuracy.py && \
	  $(BIN)/python tests/benchmarks/audit_at_scale.py; \
	else echo "label_rankings.py, consensus_accuracy.py and audit_at_scale.py need ASSAYLINE_DATASETS"; fi

soak: $(READY)
	$(BIN)/python tests/soak.py --runs 200

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version.split()[0])'
	$(PYTHON) -m venv $(VENV)
	awk '/^[a-z]/ {on = /^uv==/} on' requirements.lock > $(VENV)/uv.lock
	$(BIN)/python -m pip install --quiet --require-hashes -r $(VENV)/uv.lock || true
	if [ -x $(BIN)/uv ]; then \
	  $(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode --require-hashes -r requirements.lock && \
	  $(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .; \
	else \
	  $(BIN)/python -m pip install --quiet --no-deps --require-hashes -r requirements.lock && \
	  $(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .; \
	fi
	$(BIN)/python -m compileall -q flows tasks
	$(BIN)/python -m flows.services.templates
	touch $@

$(PEERS): $(READY) tests/benchmarks/requirements.lock
	if [ -x $(BIN)/uv ]; then \
	  $(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r tests/benchmarks/requirements.lock; \
	else \
	  $(BIN)/python -m pip install --quiet --no-deps --require-hashes -r tests/benchmarks/requirements.lock; \
	fi
	touch $@

audit: $(READY)
	@rm -f $(VENV)/audit.json
	@$(BIN)/uv tool run --quiet --from pip-audit==2.10.1 pip-audit --strict --require-hashes --disable-pip \
	  --format json --output $(VENV)/audit.json -r requirements.lock; status=$$?; \
	if [ ! -s $(VENV)/audit.json ]; then \
	  echo "make audit: nothing was checked: it needs uv, and an index that answers for known vulnerabilities" >&2; exit 2; \
	fi; \
	$(BIN)/python -c 'import json, sys; [print(d["name"], d["version"], v["id"], "fixed in", *v["fix_versions"]) for d in json.load(open(sys.argv[1]))["dependencies"] for v in d["vulns"]]' $(VENV)/audit.json; \
	exit $$status

lock: $(READY)
	$(COMPILE) --extra dev --extra postgres --extra build pyproject.toml -o requirements.lock
	$(COMPILE) --extra bench -c requirements.lock pyproject.toml -o tests/benchmarks/requirements.lock

clean:
	rm -rf $(VENV) .assayline
