# `make demo` shows the app in a Bitrix24 portal on this machine; `make test` proves it.
SHELL := /bin/bash
.DEFAULT_GOAL := demo
.PHONY: quick lint types units-protocol units-values setup setup-production setup-tests demo demo-reset run test test-browser test-browser-tab test-browser-rest test-processes test-sqlite-pages test-sqlite-rest test-postgres check checks declared bench bench-jobs bench-echoes bench-peers bench-queue clean

export PYTHON ?= $(shell command -v python3.11 || command -v python3)
PORT ?= 8000
PORTAL_PORT ?= 8070
# What the demo listens at, and what browsers call it: `make demo HOST=0.0.0.0` in a container,
# `make demo HOST=0.0.0.0 NAME=192.168.56.10` in a virtual machine.
# Shells and WSL have variables of these names, so only the command line counts.
ifneq ($(origin HOST),command line)
HOST := 127.0.0.1
endif
ifneq ($(origin NAME),command line)
NAME :=
endif

BIN := .venv/bin
DEMO = $(BIN)/python -m demo --port $(PORT) --portal-port $(PORTAL_PORT) --host $(HOST) $(NAME:%=--name %)
# Settings that only need to be readable: nothing is called with these, and .env is kept out.
PRETEND := B24_CLIENT_ID=none B24_CLIENT_SECRET=none DATABASE_URL= REDIS_URL= SECRET_KEY= TOKEN_KEYS= DEBUG=off
# The packages that are there before texts are compiled: each set holds the one before it.
PACKAGES ?= .venv/.demo
TESTS := .venv/.done var/.static
SUBMAKE := $(MAKE) --no-print-directory
# The make of macOS (3.81) mixes the lines of what runs at the same time.
GROUPED := $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)

# What the demo and `make run` need; looks at the machine first.
setup:
	@tools/preflight.sh demo
	@tools/packages.sh --check
	@$(SUBMAKE) var/.static

# What a server needs: no demo portal, no Redis of its own.
setup-production:
	@tools/preflight.sh production
	@tools/packages.sh --check
	@$(SUBMAKE) PACKAGES=.venv/.production var/.static

# What tests, lint and types need besides.
setup-tests:
	@tools/preflight.sh test
	@tools/packages.sh --check
	@$(SUBMAKE) PACKAGES=.venv/.done $(TESTS)

.venv/.production: requirements.txt
	@tools/step.sh "Packages of the app into .venv" tools/packages.sh $<
	@touch $@

.venv/.demo: requirements-demo.txt requirements.txt
	@tools/step.sh "Packages of app and demo into .venv" tools/packages.sh $<
	@touch .venv/.production $@

.venv/.done: requirements-dev.txt requirements-demo.txt requirements.txt
	@tools/step.sh "Packages of app, demo and tests into .venv" tools/packages.sh $<
	@touch .venv/.production .venv/.demo $@

node_modules/.done: package-lock.json | $(PACKAGES)
	@tools/step.sh "Packages of the front end (and Node.js, where there is none)" tools/node.sh npm ci --no-audit --no-fund --loglevel=error
	@touch $@

static/dist/app.js: node_modules/.done static/build.mjs $(wildcard static/src/*/*)
	@tools/step.sh "Front end" tools/node.sh node static/build.mjs
	@touch $@ static/dist/app.css

var/.locale: $(wildcard b24app/locale/*/LC_MESSAGES/*.po) | $(PACKAGES)
	@mkdir -p var
	@tools/step.sh "Texts in Russian and German" $(BIN)/pybabel -q compile -D django -d b24app/locale
	@touch $@

var/.static: static/dist/app.js var/.locale
	@$(PRETEND) tools/step.sh "Static files" $(BIN)/python manage.py collectstatic --noinput --clear -v 0
	@touch $@

demo: setup
	@$(DEMO)

demo-reset: setup
	@$(DEMO) --reset

run: setup
	@$(BIN)/python -m tools.run --port $(PORT) --host $(HOST)

check: setup-tests
	@$(SUBMAKE) checks

# The loop while you write: no browser, no processes, and not the tests of the budget, which flood the portal.
quick: setup-tests
	@$(SUBMAKE) -j2 $(GROUPED) units-protocol types units-values lint

lint:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types:
	$(PRETEND) $(BIN)/mypy b24app demo testing tests tools bench

UNITS := HYPOTHESIS_PROFILE=quick $(BIN)/python -m pytest -q -m "not django_db and not bare and not browser"
units-protocol:
	$(UNITS) tests/bitrix24 --ignore-glob='*/test_budget_*'

units-values:
	$(UNITS) tests/orders tests/changes tests/imports tests/test_cache.py tests/test_tables.py

checks: lint types declared

# Templates, migrations, deployment settings, packages.
declared:
	$(BIN)/djade --target-version 5.2 --check $$(find templates -name '*.html')
	$(PRETEND) $(BIN)/python manage.py makemigrations --check --dry-run
	$(PRETEND) APP_URL=https://app.example.com $(BIN)/python manage.py check --deploy --fail-level WARNING
	$(BIN)/python tools/audit.py

test: setup-tests
	@$(SUBMAKE) lint declared
	@$(SUBMAKE) -j3 $(GROUPED) test-processes test-sqlite-pages test-sqlite-rest test-browser-tab test-postgres test-browser-rest types
	@echo "make test passed; $$(cat var/audit.txt)"

test-browser: test-browser-tab test-browser-rest

# In two halves, since a browser waits more than it works.
TAB := changes dialogs grid picker

test-browser-tab: $(TESTS)
	$(BIN)/python -m pytest -q $(TAB:%=tests/browser/test_%.py)

test-browser-rest: $(TESTS)
	$(BIN)/python -m pytest -q tests/browser $(TAB:%=--ignore=tests/browser/test_%.py)

# What starts the app as processes of its own, on both databases, and large jobs whose requests are counted.
test-processes: $(TESTS)
	$(BIN)/python -m pytest -q --ignore=tests/browser -m bare

# In two halves of about the same length: pages and the protocol, and all the rest.
PAGES := tab bitrix24 orders changes events journal web

test-sqlite-pages: $(TESTS)
	$(BIN)/python -m pytest -q -m "not bare" $(PAGES:%=tests/%)

test-sqlite-rest: $(TESTS)
	$(BIN)/python -m pytest -q -m "not bare" tests --ignore=tests/browser $(PAGES:%=--ignore=tests/%)

# What the two databases do differently, once more on PostgreSQL: tests/on_postgres.py has the rule.
test-postgres: $(TESTS)
	$(BIN)/python tools/postgres.py $(BIN)/python -m pytest -q --ignore=tests/browser -p tests.on_postgres -m postgres

bench: $(TESTS)
	@$(BIN)/python -m bench.screens
	@$(BIN)/python -m bench.budget

bench-jobs: $(TESTS)
	@$(BIN)/python -m bench.jobs $(ARGS)

bench-echoes: $(TESTS)
	@$(BIN)/python -m bench.echoes $(ARGS)

bench-peers: $(TESTS)
	@PYTHONPATH=. $(BIN)/python bench/peers/compare.py $(ARGS)

bench-queue: $(TESTS)
	@$(BIN)/python -m bench.queue $(ARGS)

clean:
	rm -rf .venv node_modules static/dist var
