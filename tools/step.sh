#!/usr/bin/env bash
# tools/step.sh TEXT COMMAND…: says what is being done, adds a dot every few seconds, and how long it took.
# What the command prints is shown only when it fails, and after it what usually is the reason.
set -uo pipefail
text=$1; shift
log=$(mktemp) || exit 1
reason() { ! grep -qE "$1" "$log" || printf '%s\n' "$2" >&2; }
printf '%s ' "$text"
(while sleep 3; do printf .; done) & dots=$!
trap 'kill "$dots" 2>/dev/null; rm -f "$log"' EXIT
began=$SECONDS
"$@" >"$log" 2>&1; code=$?
kill "$dots" 2>/dev/null; wait "$dots" 2>/dev/null
if [ "$code" != 0 ]; then
  printf ' failed:\n'; cat "$log" >&2
  reason "No space left on device|ENOSPC" "The disk is full."
  reason "Read-only file system|Permission denied|EROFS|EACCES" "A folder cannot be written to, see above."
  reason "CERTIFICATE_VERIFY_FAILED|CERT_NOT_YET_VALID|CERT_HAS_EXPIRED" "A certificate is refused: is this machine's clock right ($(date))?"
  reason "NewConnectionError|name resolution|ConnectTimeoutError|ProxyError|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|Could not resolve" \
    "Packages cannot be fetched from here. HTTPS_PROXY names a proxy where one is needed."
  exit "$code"
fi
printf ' %d s\n' $((SECONDS - began))
