# `make demo` shows the app in a Bitrix24 portal on this machine; `make test` proves it.
SHELL := /bin/bash
.DEFAULT_GOAL := demo
.PHONY: setup demo demo-reset run test test-browser test-browser-tab test-browser-rest test-processes test-sqlite test-postgres check bench bench-jobs bench-echoes bench-peers bench-queue browser clean

PYTHON ?= $(shell command -v python3.11 || command -v python3)
PORT ?= 8000
PORTAL_PORT ?= 8070

BIN := .venv/bin
# Settings that only need to be readable: nothing is called with these, and .env is kept out.
PRETEND := B24_CLIENT_ID=none B24_CLIENT_SECRET=none DATABASE_URL= REDIS_URL= SECRET_KEY= TOKEN_KEYS= DEBUG=off

setup: var/.static

.venv/.done: requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; set PYTHON=…"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || tools/debian.sh python3-venv
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

node_modules/.done: package-lock.json .venv/.done
	tools/node.sh npm ci --no-audit --no-fund --loglevel=error
	@touch $@

static/dist/app.js: node_modules/.done static/build.mjs $(wildcard static/src/*/*)
	tools/node.sh node static/build.mjs
	@touch $@ static/dist/app.css

var/.locale: .venv/.done $(wildcard b24app/locale/*/LC_MESSAGES/*.po)
	@mkdir -p var
	$(BIN)/pybabel -q compile -D django -d b24app/locale
	@touch $@

var/.static: static/dist/app.js var/.locale
	$(PRETEND) $(BIN)/python manage.py collectstatic --noinput --clear -v 0
	@touch $@

demo: setup
	@$(BIN)/python -m demo --port $(PORT) --portal-port $(PORTAL_PORT)

demo-reset: setup
	@$(BIN)/python -m demo --port $(PORT) --portal-port $(PORTAL_PORT) --reset

run: setup
	@$(BIN)/python -m tools.run --port $(PORT)

browser:
	@command -v "$${CHROMIUM:-chromium}" >/dev/null || tools/debian.sh chromium

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(PRETEND) $(BIN)/mypy b24app demo tests tools bench
	$(BIN)/lint-imports
	$(BIN)/djade --target-version 5.2 --check $$(find templates -name '*.html')
	$(PRETEND) $(BIN)/python manage.py makemigrations --check --dry-run
	$(PRETEND) APP_URL=https://app.example.com $(BIN)/python manage.py check --deploy --fail-level WARNING
	$(BIN)/python tools/audit.py

test: setup browser
	@$(MAKE) --no-print-directory check
	@$(MAKE) --no-print-directory -j5 --output-sync=target test-processes test-sqlite test-postgres test-browser-tab test-browser-rest

test-browser: test-browser-tab test-browser-rest

# In two halves, since a browser waits more than it works.
TAB := changes dialogs grid picker

test-browser-tab: setup browser
	$(BIN)/python -m pytest -q $(TAB:%=tests/browser/test_%.py)

test-browser-rest: setup browser
	$(BIN)/python -m pytest -q -m browser $(TAB:%=--ignore=tests/browser/test_%.py)

# What starts the app as processes of its own, on both databases, and large jobs whose requests are counted.
test-processes: setup
	$(BIN)/python -m pytest -q -m "bare and not browser"

test-sqlite: setup
	$(BIN)/python -m pytest -q -m "not bare and not browser"

# What touches the database, once more on PostgreSQL.
test-postgres: setup
	$(BIN)/python tools/postgres.py $(BIN)/python -m pytest -q -m "django_db and not browser and not bare"

bench: setup
	@$(BIN)/python -m bench.screens
	@$(BIN)/python -m bench.budget

bench-jobs: setup
	@$(BIN)/python -m bench.jobs $(ARGS)

bench-echoes: setup
	@$(BIN)/python -m bench.echoes $(ARGS)

bench-peers: setup
	@$(BIN)/python -m bench.peers $(ARGS)

bench-queue: setup
	@$(BIN)/python -m bench.queue $(ARGS)

clean:
	rm -rf .venv node_modules static/dist var
