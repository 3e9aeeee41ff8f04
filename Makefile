# Works from a clean clone: the first target that needs it makes .venv and installs into it, once.
.DEFAULT_GOAL := help
.PHONY: help play test check style types rooms format bench soak faults wheel figures clean
VENV := .venv
BIN := $(VENV)/bin
# Say PYTHON=/path/to/python3.12 to choose another one.
PYTHON :=
ARGS :=

help: ## what there is to make
	@echo "rvae: a rhythm space learned from your own MIDI drum clips, played live"
	@echo
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1	\2/p' Makefile | expand -t 16
	@echo
	@echo "Give options with ARGS, as in: make play ARGS=\"--help\""

play: $(VENV)/.play ## the instrument (with no screen: a MIDI file, a WAV file and a picture)
	@$(BIN)/rvae play $(ARGS)

# Two at a time: see DEVICES in tests/conftest.py.
test: $(VENV)/.test ## all tests; what needs a program that is not here is skipped, with the reason
	@$(BIN)/python -m pytest -n 2 $(ARGS)

check: style types rooms ## style, types, and which room may import which

style: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.test
	$(BIN)/mypy

rooms: $(VENV)/.test
	$(BIN)/lint-imports --no-cache --no-logo

format: $(VENV)/.test ## put the code into its usual form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.play ## figures of this machine: timing, sync, sound, frames, memory
	@$(BIN)/rvae bench $(ARGS)

soak: $(VENV)/.test ## an hour of random hands on the whole instrument, and what was lost
	@$(BIN)/python tests/soak.py --folder /tmp/rvae-soak $(ARGS)

faults: $(VENV)/.test ## three minutes of faults done to the whole instrument, and what was lost
	@$(BIN)/python tests/faults.py $(ARGS)

figures: $(VENV)/.play ## docs/learning-figures.md: ours beside the published network; half an hour
	@OMP_NUM_THREADS=1 $(BIN)/rvae bench --learning -o docs/learning-figures.md $(ARGS)

wheel: $(VENV)/.test ## dist/rvae-*.whl, the file that pip installs
	@$(BIN)/python -m build --wheel --no-isolation

clean: ## remove the virtual environment and everything that was built
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/.test: pyproject.toml constraints.txt | $(VENV)/.made
	@echo "Installing rvae and what its tests need into $(VENV); this takes some minutes, once."
	@$(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt -e '.[test]'
	@touch $(VENV)/.play $@

$(VENV)/.play: pyproject.toml constraints.txt | $(VENV)/.made
	@echo "Installing rvae into $(VENV); this takes some minutes, once."
	@$(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt -e .
	@touch $@

# The first Python that is new enough, tried by running it: a name on the PATH may be an empty shell. Those for which the
# MIDI library has working wheels come first.
$(VENV)/.made:
	@for python in $(or $(PYTHON),python3.11 python3.12 python3 python3.13 python3.14); do \
	  "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 || continue; \
	  "$$python" -c 'import venv, ensurepip' >/dev/null 2>&1 || { bare=$$python; continue; }; \
	  "$$python" -m venv --clear $(VENV) && touch $@ && exit 0 || exit 1; \
	done; \
	if [ -n "$$bare" ]; then \
	  echo "$$bare has no venv module: install it (on Debian and Ubuntu: apt-get install python3-venv), then run make again." >&2; \
	else \
	  echo "No Python 3.11 or newer found (tried $(or $(PYTHON),python3 and python3.11 to python3.14)): install one, or name it as in: make $(or $(firstword $(MAKECMDGOALS)),play) PYTHON=/path/to/python3.12" >&2; \
	fi; exit 1
