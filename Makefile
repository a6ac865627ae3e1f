# make demo   set up, and run the mortgage project
# make test   set up, and run ruff, mypy and pytest
# make bench  set up, and measure against named peers
# make lock   resolve the pinned dependencies again

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test bench lock clean

demo: $(READY)
	@$(BIN)/assayline run data/hmda_boston/project.yaml; status=$$?; \
	case $$status in 0|3|4|5) exit 0;; *) exit $$status;; esac

test: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest

bench: $(READY)
	$(BIN)/python tests/benchmarks/fingerprint_speed.py
	$(BIN)/python tests/benchmarks/run_cost.py

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version.split()[0])'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet uv==0.13.9 || true
	if [ -x $(BIN)/uv ]; then \
	  $(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode -r requirements.lock && \
	  $(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps -e .; \
	else \
	  $(BIN)/python -m pip install --quiet -r requirements.lock && \
	  $(BIN)/python -m pip install --quiet --no-deps -e .; \
	fi
	$(BIN)/python -m compileall -q flows tasks
	$(BIN)/python -m flows.templates
	touch $@

lock: $(READY)
	$(BIN)/uv pip compile --quiet --universal --no-emit-index-url --no-header --extra dev pyproject.toml -o requirements.lock

clean:
	rm -rf $(VENV) .assayline
