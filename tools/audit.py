"""Known vulnerabilities in what the app runs on: fails on findings, says plainly when it could not look.

Arguments are passed to pip-audit. The result is kept in var/audit.txt too, for the last line of
``make test``; AUDIT_RESULT names another file.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PIP_AUDIT = Path(sys.executable).parent / "pip-audit"
SECONDS = 90
RESULT = Path(os.environ.get("AUDIT_RESULT") or ROOT / "var" / "audit.txt")
AWAY = re.compile(r"ConnectionError|ServiceError|Timeout|Max retries|NameResolution|ProxyError")


def main(arguments: list[str]) -> int:
    command = [
        str(PIP_AUDIT), "--disable-pip", "--require-hashes", "-r", "requirements.txt",
        "--format", "json", "--progress-spinner", "off", *arguments,
    ]  # fmt: skip
    try:
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=SECONDS
        )
    except subprocess.TimeoutExpired:
        return _not_done("the vulnerability service did not answer in time")
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except ValueError:
        if AWAY.search(done.stderr):
            return _not_done("the vulnerability service cannot be reached from here")
        print(done.stderr, file=sys.stderr)
        return 1
    for package in packages:
        for found in package.get("vulns", ()):
            fixed = ", ".join(found["fix_versions"]) or "nothing yet"
            print(
                f"{package['name']} {package['version']}: {found['id']}, fixed in {fixed}",
                file=sys.stderr,
            )
    if any(package.get("vulns") for package in packages):
        return 1
    # pip-audit itself is content with a service that answers "not found" to everything.
    unknown = [package["name"] for package in packages if "skip_reason" in package]
    if unknown:
        count = f"{len(unknown)} of {len(packages)} packages"
        return _not_done(f"the vulnerability service has no answer for {count}")
    return _said(f"dependency audit: nothing known about {len(packages)} packages")


def _not_done(reason: str) -> int:
    return _said(f"dependency audit: NOT DONE, {reason}")


def _said(line: str) -> int:
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(f"{line}\n", "utf-8")
    print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
