#!/usr/bin/env bash
# tools/packages.sh FILE: installs what a requirements file names into .venv, made on first use.
# PYTHON names the interpreter. Pip may only take what the file's hashes allow.
set -euo pipefail
[ -x .venv/bin/python ] || "${PYTHON:-python3}" -m venv .venv
.venv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r "$1"
