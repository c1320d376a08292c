"""Run a command with a private PostgreSQL: ``tools/postgres.py COMMAND…`` sets TEST_DATABASE_URL for it.

The machine's server binaries, a fresh cluster in a temporary folder, loopback only, gone afterwards.
"""

import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from testing.postgres import server


def main() -> int:
    with server() as address:
        environment = {**os.environ, "TEST_DATABASE_URL": address}
        return subprocess.run(sys.argv[1:], env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
