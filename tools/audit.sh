#!/usr/bin/env bash
# Known vulnerabilities in what we depend on. Fails on findings; says so when the service is away.
set -uo pipefail
out=$(timeout 90 .venv/bin/pip-audit --disable-pip --require-hashes -r requirements.txt 2>&1)
code=$?
if [ $code = 0 ]; then
  echo "dependency audit: nothing known"
elif grep -qE 'Found [0-9]+ known vulnerabilit' <<<"$out"; then
  echo "$out"
  exit 1
elif [ $code = 124 ] || grep -qE 'ConnectionError|ServiceError|Timeout|Max retries|NameResolution|ProxyError|Failed to (resolve|establish)' <<<"$out"; then
  echo "dependency audit: NOT DONE, the vulnerability service cannot be reached from here"
else
  echo "$out"
  exit "$code"
fi
