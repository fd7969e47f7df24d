# `make demo` and `make test` do all their own set-up; they need Python 3.11 or newer, make and git.
.PHONY: help demo test coverage lint format bench clean

help:
	@echo "make demo    lock, emit, sync, verify, tamper, repair: the main job in two minutes"
	@echo "make test    the quick suite;  make test SLOW=1  also real wheels and real tools"
	@echo "make coverage   of branches, in every process;  SLOW=1  with the slow tests"
	@echo "make lint    ruff and mypy;    make bench  speed beside the peers;  make clean"

# Where it is set, each of some thousand processes that the tests start compiles all it imports anew.
unexport PYTHONDONTWRITEBYTECODE

VENV := .venv
PY := $(VENV)/bin/python
READY := $(VENV)/.ready

$(READY): pyproject.toml scripts/setup.sh
	@sh scripts/setup.sh $(VENV)
	@touch $@

demo: $(READY)
	@$(PY) scripts/demo.py

test: $(READY) lint
	@$(PY) -m pytest -n 2 --dist worksteal $(if $(SLOW),--slow) $(ARGS)

coverage: $(READY)
	@rm -rf .coverage
	-@$(PY) -m coverage run -m pytest -n 2 --dist worksteal $(if $(SLOW),--slow) $(ARGS)
	@$(PY) -m tests.support.measuring && $(PY) -m coverage combine -q && $(PY) -m coverage report --sort=cover
	@$(PY) -m coverage json -q -o .coverage/report.json && $(PY) scripts/coverage_rooms.py .coverage/report.json

lint: $(READY)
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy

format: $(READY)
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .

bench: $(READY)
	@$(PY) -m benchmarks $(ARGS)

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
