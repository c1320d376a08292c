#!/usr/bin/env bash
# tools/packages.sh FILE: installs what a requirements file names into .venv, made on first use.
# tools/packages.sh --check: only removes a .venv that does not work, so that make builds it again.
# PYTHON names the interpreter. Pip may only take what the file's hashes allow.
set -euo pipefail
# Programs in it begin with its path, so a folder that was moved or copied runs another one's, or none.
works() { .venv/bin/pip --version 2>/dev/null | grep -qF " $(cd .venv && pwd -P)/"; }
if [ "$1" = --check ]; then
  # A link leads to somebody else's.
  if [ -d .venv ] && [ ! -L .venv ] && ! works; then
    echo "The packages in .venv do not work here (half installed, moved, or their Python is gone); they are installed anew."
    rm -rf .venv
  fi
  exit
fi
[ -x .venv/bin/python ] || "${PYTHON:-python3}" -m venv .venv
.venv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r "$1"
