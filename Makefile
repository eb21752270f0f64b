# make setup           everything a fresh machine needs; leaves .venv/bin/zcprobe working
# make bench ARGS=...  the benchmark: zcprobe compare
# make test ARGS=...   pytest, as root
# make browser         chromium, in which the tests open the report
# make notebook        the notebooks in JupyterLab, which is installed into .venv the first time
# make test-kernels    the tests meant for it on each distribution kernel, in guests; KERNEL=6.12 for one alone
# make torture         attacks on zcprobe as root, each with a line; ARGS=--short for five minutes, ARGS="--only KIND" for one
# make lint            ruff, mypy, import-linter
# make dist            the source distribution and the wheel in dist/, with manual pages and completion
# make clean           removes what set-up, builds and checks made; results stay
# V=1 shows the installers' own output.

VENV := .venv/bin

.PHONY: setup bench browser notebook test test-kernels torture lint dist clean

setup:
	@tools/setup.sh

bench: setup
	@$(VENV)/zcprobe compare $(ARGS)

browser:
	@tools/browser.sh

# Those of pure code keep every processor busy; those with the kernel wait for most of their time, and one at a time.
test: setup browser
	@tools/setup.sh fuzzer
ifdef ARGS
	@$(VENV)/pytest $(ARGS)
else
	@failed=0; $(VENV)/pytest -n auto --dist loadfile tests/unit tests/browser || failed=1; \
		$(VENV)/pytest tests/kernel || failed=1; exit $$failed
endif

# JupyterLab refuses to run as root unless told; the notebooks need no root, but who has just run the benchmark has it
notebook: setup
	@$(VENV)/python -I -c 'import jupyterlab' 2>/dev/null || \
		$(VENV)/python -I -m pip install --quiet --no-build-isolation -e '.[notebook]'
	@$(VENV)/jupyter lab $$([ "$$(id -u)" != 0 ] || echo --allow-root) --notebook-dir=. $(ARGS) notebooks/01_first_run.ipynb

test-kernels:
	@tools/setup.sh guests
	@$(VENV)/python -m tests.guests.matrix $(KERNEL)

torture: setup
	@$(VENV)/python -m tests.torture $(ARGS)

lint: setup
	$(VENV)/ruff check
	$(VENV)/ruff format --check
	$(VENV)/mypy
	$(VENV)/lint-imports

dist: setup
	@rm -rf dist share
	@$(VENV)/python -m tools.command_pages share
	@$(VENV)/python -m build --quiet --no-isolation
	@ls dist

clean:
	rm -rf .venv build dist share *.egg-info zcprobe/native/_core.c zcprobe/native/_core.*.so
	rm -rf notebooks/.ipynb_checkpoints .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find bpf tests zcprobe -name __pycache__ -type d -prune -exec rm -rf {} +
