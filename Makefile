# Every target makes its environment, .venv, at the versions of constraints.txt. PYTHON=... names another interpreter.
bin := .venv/bin
ready := .venv/ready$(if $(PYTHON),-$(notdir $(PYTHON)))
playwright := .ci/uv pip install --quiet --python $(bin)/python --group browser --constraints constraints.txt
postgresql := .ci/uv pip install --quiet --python $(bin)/python --group postgresql --constraints constraints.txt
pin := .ci/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --no-header --no-annotate
# Those that constraints.txt pins.
groups := dev bench browser cluster mutation package

# Tests share nothing, so each processor takes its part of them.
parallel := --numprocesses auto --dist worksteal

.DEFAULT_GOAL := help
unexport PYTHONHOME PYTHONPATH VIRTUAL_ENV
# Without compiled files, each process of pytest takes seconds to compile the tests and its plugins.
unexport PYTHONDONTWRITEBYTECODE
.PHONY: help demo ui test test-matrix unit integration harness coverage mutants fuzz system chaos ledger-kills browser screenshots cluster package bench check types-js format docs constraints clean

help: ## show this list
	@grep -E '^[a-z-]+:.*## ' Makefile | sed 's/:.*## /\t/' | expand -t 15

demo: $(ready) ## run the example DAG in a real Airflow against the emulator, and report
	@$(bin)/python -m demo

ui: $(ready) ## the same, but Airflow stays up for you to look around
	@$(bin)/python -m demo --stay

test: $(ready) ## all tests of the provider but the system tests
	$(bin)/pytest $(parallel)

test-matrix: $(ready) ## the same on every Airflow and Python; CELLS="3.1-py3.12 lowest" for some
	$(bin)/python -m tests.matrix $(CELLS)

unit: $(ready) ## the tests that start no Airflow
	$(bin)/pytest $(parallel) tests/unit

integration: $(ready) ## the tests that run DAGs in their own process
	$(bin)/pytest $(parallel) tests/integration

harness: $(ready) ## the tests of what tests and measures: demo, benchmarks, matrix, cluster
	$(bin)/pytest $(parallel) tests/harness

coverage: $(ready) ## what of the package the tests of `make test` reach, branches too
	$(bin)/pytest $(parallel) --cov

mutants: $(ready) ## change the code that money depends on in thousands of ways, and see which ways no test notices, in twenty minutes
	.ci/uv pip install --quiet --python $(bin)/python --group mutation --constraints constraints.txt
	PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 $(bin)/mutmut run $(MUTANTS)
	$(bin)/mutmut results

fuzz: $(ready) ## ten thousand examples for each test that makes up its input, in ten minutes
	$(bin)/pytest $(parallel) tests/unit -m hypothesis --hypothesis-profile=long --hypothesis-show-statistics

system: $(ready) ## the slow tests, in a real Airflow on PostgreSQL
	$(postgresql)
	$(bin)/pytest tests/system --ignore=tests/system/cluster --ignore=tests/system/test_ledger_kills.py

chaos: $(ready) ## kill what can be killed, and see what was paid; CHAOS_STORMS=10 for more storms
	$(postgresql)
	$(bin)/pytest tests/system/test_chaos.py

ledger-kills: $(ready) ## the kills of `make chaos` with a ledger in files and on S3; CELLS="3.1-py3.12 3.2-py3.13" on these too
	.ci/uv pip install --quiet --python $(bin)/python --group ledger --constraints constraints.txt
	CELLS="$(CELLS)" $(bin)/pytest tests/system/test_ledger_kills.py

browser: $(ready) node_modules/.ready ## test the user interface of a real Airflow; needs Chromium, and Node.js with npm
	$(playwright)
	$(bin)/pytest tests/browser

screenshots: $(ready) ## take the pictures of the documentation anew
	$(playwright)
	$(bin)/pytest tests/browser/screenshots.py

cluster: $(ready) ## 300 generations on PostgreSQL, Redis, Celery, two triggerers, and what dies among them
	.ci/uv pip install --quiet --python $(bin)/python --group cluster --constraints constraints.txt
	$(bin)/pytest tests/system/cluster

package: $(ready) ## build what is published, install it alone, and look at it
	.ci/uv pip install --quiet --python $(bin)/python --group package --constraints constraints.txt
	$(bin)/pytest tests/package

bench: $(ready) ## measure what waiting costs beside other ways to wait, in an hour and three quarters; BENCH="--repeats 1" is faster
	.ci/uv pip install --quiet --python $(bin)/python --group bench --constraints constraints.txt
	$(bin)/python -m benchmarks $(BENCH)

check: $(ready) ## linter, formatter, types, imports, spelling and workflows
	$(bin)/ruff check
	$(bin)/ruff format --check
	$(bin)/mypy
	$(bin)/lint-imports
	$(bin)/codespell
	$(bin)/actionlint
	$(bin)/zizmor --offline --quiet --strict-collection --persona pedantic .
	@! grep -n '://' constraints.txt tests/matrix/*.txt package-lock.json || { echo "pins name a host"; exit 1; }
	@if command -v node >/dev/null && command -v npm >/dev/null; then $(MAKE) --no-print-directory types-js; \
		else echo "types-js: skipped, because Node.js with npm is not installed"; fi

types-js: node_modules/.ready ## check the types of the pages' JavaScript; needs Node.js with npm
	node_modules/.bin/tsc

format: $(ready) ## format the code and mend what the linter can
	$(bin)/ruff format
	$(bin)/ruff check --fix

docs: $(ready) ## write docs/models.md from the catalogue
	$(bin)/python -m tests.models_page

constraints: $(ready) ## pin what pyproject.toml asks for; UPGRADE=--upgrade takes the newest versions
	$(pin) $(UPGRADE) --all-extras $(addprefix --group ,$(groups)) --output-file constraints.txt
	for each in tests/matrix/airflow-*.in; do \
		$(pin) $(UPGRADE) --extra emulator --group test --constraints $$each --output-file $${each%.in}.txt || exit 1; done
	$(pin) --extra emulator --group test --constraints tests/matrix/lowest.in --output-file tests/matrix/lowest.txt \
		--resolution lowest-direct

clean: ## remove everything that can be made again
	rm -rf .venv .demo .matrix node_modules .npm_cache .mypy_cache .pytest_cache .ruff_cache .hypothesis mutants .coverage* build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(ready): pyproject.toml constraints.txt .ci/environment .ci/uv
	@.ci/environment $(PYTHON)
	@touch $@

node_modules/.ready: package-lock.json
	@npm ci --silent
	@touch $@
