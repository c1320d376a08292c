#!/usr/bin/env bash
# tools/preflight.sh demo|test|production: what `make demo`, `make test` or `make setup-production` needs of the
# machine, checked before anything else.
# Names everything that is missing at once, with the one command that installs it. As root, or with sudo that
# asks no password, it runs that command on Debian and its relatives, says so first, and looks again afterwards.
# PYTHON names the interpreter, CHROMIUM the browser. NO_INSTALL=1 only reports.
set -euo pipefail
what=${1:-demo}
# Servers are kept where an ordinary user's path does not lead.
PATH=$PATH:/usr/sbin:/usr/local/sbin
python=${PYTHON:-$(command -v python3.11 || command -v python3 || true)}

# Bash 3.2 of macOS takes an empty list for an unset one.
missing=() debian=() fedora=() brew=()
# lacks WHAT DEBIAN FEDORA BREW: the packages that bring it, "-" where there is nothing to install.
lacks() {
  missing+=("$1")
  [ "$2" = - ] || debian+=("$2")
  [ "$3" = - ] || fedora+=("$3")
  [ "$4" = - ] || brew+=("$4")
}
has() { command -v "$1" >/dev/null 2>&1; }
# As tests/browser/versions.py looks for it.
has_browser() { if [ -n "${CHROMIUM:-}" ]; then has "$CHROMIUM"; else has chromium || has chromium-browser; fi; }
holds() { "$python" -c "import sys, platform; $1" >/dev/null 2>&1; }
# PostgreSQL's own programs are in a folder of their version on Debian and with Homebrew.
has_initdb() { has initdb || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || compgen -G '/opt/homebrew/opt/postgresql*/bin/initdb' >/dev/null; }
has_libatomic() { [ "$(uname)" != Linux ] || compgen -G '/lib*/libatomic.so.1' >/dev/null || compgen -G '/lib/*/libatomic.so.1' >/dev/null || compgen -G '/usr/lib*/libatomic.so.1' >/dev/null || compgen -G '/usr/lib/*/libatomic.so.1' >/dev/null; }

# Redis comes as a Python package for these; keep in step with requirements-demo.in.
bundles_redis='sys.exit(not (sys.version_info < (3, 13) and sys.platform == "linux" and platform.machine() == "x86_64"))'

if [ -z "$python" ] || ! holds 'sys.exit(sys.version_info < (3, 11))'; then
  lacks "Python 3.11 or newer (Debian 12 and newer have it; PYTHON names another)" python3-venv python3 python
elif ! holds 'import ensurepip, venv'; then
  lacks "python3-venv (makes the environment in .venv)" python3-venv python3 python
fi
if [ "$what" != production ] && [ -n "$python" ] && ! holds "$bundles_redis" && ! has redis-server; then
  lacks "redis-server (its Python package has nothing for this Python or machine)" redis-server valkey-compat-redis redis
fi
if [ "$what" = test ]; then
  has_browser || lacks "chromium (the browser tests; CHROMIUM names another, such as the program in Google Chrome.app)" chromium chromium google-chrome
  has_libatomic || lacks "libatomic.so.1 (Playwright's driver)" libatomic1 libatomic -
  has_initdb || lacks "PostgreSQL's server (the tests start one of their own)" postgresql postgresql-server postgresql@17
  has pgbouncer || lacks "pgbouncer (the test of pooled connections)" pgbouncer pgbouncer pgbouncer
  has ps || lacks "ps (the tests of how processes end)" procps procps-ng -
fi

[ ${#missing[@]} -gt 0 ] || exit 0
{
  [ -z "${INSTALLED:-}" ] || echo "The installation has ended, and did not bring everything."
  echo "These are needed for \`make $what\` and missing on this machine:"
  printf '  %s\n' "${missing[@]}"
} >&2

if has apt-get; then
  command="apt-get update && apt-get install -y --no-install-recommends ${debian[*]}"
elif has dnf; then
  command="dnf install ${fedora[*]:-}"
elif has brew; then
  # Homebrew takes an application (a "cask") by a command of its own.
  command="" cask=""
  for name in ${brew[@]+"${brew[@]}"}; do
    if [ "$name" = google-chrome ]; then cask="brew install --cask $name"; else command="${command:-brew install} $name"; fi
  done
  command="$command${command:+${cask:+ && }}$cask"
else
  echo "Please install them and try again. On Debian the packages are called: ${debian[*]:-}" >&2
  exit 1
fi

if [ -n "${NO_INSTALL:-}" ] || ! has apt-get || { [ "$(id -u)" != 0 ] && ! sudo -n true 2>/dev/null; }; then
  if has brew; then
    printf 'Please install them:\n  %s\n' "$command" >&2
  else
    printf 'Please install them, as root:\n  %s\n' "$command" >&2
  fi
  exit 1
fi
as=()
[ "$(id -u)" = 0 ] || as=(sudo)
# Nobody is there to answer questions.
"$(dirname "$0")/step.sh" "Installing them: $command" ${as[@]+"${as[@]}"} sh -c "export DEBIAN_FRONTEND=noninteractive; $command"
INSTALLED=yes NO_INSTALL=1 exec "$0" "$what"
