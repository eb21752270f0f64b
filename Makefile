# SPDX-License-Identifier: GPL-2.0-only
# Each target's line in `make help` is the text behind its ##.

VENV := .venv/bin

# Images of containers set it. The tests start hundreds of Pythons, each of which would compile all that it imports anew.
unexport PYTHONDONTWRITEBYTECODE

# The unit tests that `make check` leaves out for their time; each marker is explained in pyproject.toml.
SLOW := bulk or notebook or picture or command or fuzz or network

.DEFAULT_GOAL := help
.PHONY: help setup bench notebook check quick lint test pure kernel beside alone test-kernels test-senders torture browser dist clean

help: ## this list
	@echo 'make TARGET [ARGS=...]; V=1 shows the output of the installers'
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

setup: ## everything a fresh machine needs; leaves .venv/bin/zcprobe working
	@tools/setup.sh

bench: setup ## the benchmark: zcprobe compare ARGS
	@$(VENV)/zcprobe compare $(ARGS)

# JupyterLab refuses to run as root unless told; the notebooks need no root, but who has just run the benchmark has it
notebook: setup ## the notebooks in JupyterLab, which is installed into .venv the first time
	@$(VENV)/python -I -c 'import jupyterlab' 2>/dev/null || \
		$(VENV)/python -I -m pip install --quiet --no-build-isolation -e '.[notebook]'
	@$(VENV)/jupyter lab $$([ "$$(id -u)" != 0 ] || echo --allow-root) --notebook-dir=. $(ARGS) notebooks/01_first_run.ipynb

# mypy works on one processor for as long as the tests need the other
check: setup ## within a minute: lint, and the quick unit tests, which need neither root, a compiler nor a network
	@$(MAKE) --no-print-directory -j2 --output-sync lint quick

quick: setup
	@$(VENV)/pytest -q -n auto -m "not ($(SLOW))" tests/unit

lint: setup ## formatting, lint, types and imports of Python; warnings of C and shell; licences
	@tools/setup.sh check
	@$(VENV)/ruff check --quiet
	@$(VENV)/ruff format --quiet --check
	@shellcheck tools/*.sh .ci/run
	@tools/check_c.sh
	@find bench bpf tests zcprobe -name '*.[ch]' ! -name _core.c | xargs $(VENV)/clang-format --dry-run -Werror
	@! git rev-parse --git-dir >/dev/null 2>&1 || $(VENV)/reuse lint --quiet # without git it reads .venv, too
	@$(VENV)/lint-imports --no-cache >/dev/null || $(VENV)/lint-imports --no-cache
	@$(VENV)/mypy

test: setup browser ## all tests, as root; or pytest ARGS
	@tools/setup.sh fuzzer
ifdef ARGS
	@$(VENV)/pytest $(ARGS)
else
	@$(MAKE) --no-print-directory -j2 pure kernel
endif

# Tests of pure code have the processors whenever no test with the kernel wants them (SCHED_IDLE): those wait for much of
# their time, and are not delayed. What is printed here comes at the end, because the others print meanwhile.
pure:
	@mkdir -p build
	@chrt --idle 0 $(VENV)/pytest -n auto --dist loadfile tests/unit tests/browser >build/pure.txt 2>&1; \
		code=$$?; cat build/pure.txt; exit $$code

kernel:
	@failed=0; $(MAKE) --no-print-directory beside || failed=1; \
		$(MAKE) --no-print-directory alone || failed=1; exit $$failed

# Tests with the kernel: several at a time where none minds the others (tests/kernel/conftest.py), and the rest one at a time.
beside:
	@$(VENV)/pytest -n 4 --dist loadfile --no-loadscope-reorder -m beside tests/kernel

alone:
	@$(VENV)/pytest -m "not beside" tests/kernel

test-kernels: ## the tests meant for it on each distribution kernel, in guests; KERNEL=6.12 for one alone
	@tools/setup.sh guests
	@$(VENV)/python -m tests.guests.matrix $(KERNEL)

# One at a time, in the order of their names: each has the machine for itself, and the last one compares docs/qemu.md with
# what the others measured.
test-senders: setup ## the tests with real senders, as root: QEMU, io_uring, Python; or pytest ARGS
	@tools/setup.sh senders
	@$(VENV)/pytest $(if $(ARGS),$(ARGS),tests/senders)

torture: setup ## attacks on zcprobe as root; ARGS=--short for five minutes, ARGS="--only KIND" for one
	@$(VENV)/python -m tests.torture $(ARGS)

browser: ## chromium, in which the tests open the report
	@tools/browser.sh

dist: setup ## the source distribution and the wheel in dist/, with manual pages and completion
	@rm -rf dist share
	@$(VENV)/python -m tools.command_pages share
	@$(VENV)/python -m build --quiet --no-isolation
	@ls dist

clean: ## removes what set-up, builds and checks made; results stay
	rm -rf .venv build dist share *.egg-info zcprobe/native/_core.c zcprobe/native/_core.*.so
	rm -rf notebooks/.ipynb_checkpoints .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find bpf tests zcprobe -name __pycache__ -type d -prune -exec rm -rf {} +
