#!/usr/bin/env bash
# tools/step.sh TEXT COMMAND…: says what is being done, adds a dot every few seconds, and how long it took.
# What the command prints is shown only when it fails.
set -uo pipefail
text=$1; shift
log=$(mktemp)
printf '%s ' "$text"
(while sleep 3; do printf .; done) & dots=$!
trap 'kill "$dots" 2>/dev/null; rm -f "$log"' EXIT
began=$SECONDS
"$@" >"$log" 2>&1; code=$?
kill "$dots" 2>/dev/null; wait "$dots" 2>/dev/null
if [ "$code" != 0 ]; then
  printf ' failed:\n'; cat "$log" >&2
  exit "$code"
fi
printf ' %d s\n' $((SECONDS - began))
