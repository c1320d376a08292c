"""The dependency audit, with a vulnerability service of our own behind pip-audit."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from testing.ports import free_port
from testing.processes import ROOT

pytestmark = pytest.mark.bare


FLAW = {
    "id": "LO-2026-1",
    "modified": "2026-11-01T00:00:00Z",
    "summary": "invented",
    "affected": [
        {
            "package": {"name": "django", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "99"}]}],
        }
    ],
}


@contextmanager
def service(answer: Callable[[str], object]) -> Iterator[str]:
    """An OSV service that answers by the name of a package."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            body = json.dumps(answer(query["package"]["name"])).encode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1/query"
        server.shutdown()


@pytest.fixture
def result(tmp_path: Path) -> Path:
    return tmp_path / "audit.txt"


def audit(url: str, result: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "tools/audit.py", "-s", "osv", "--osv-url", url]
    environment = os.environ | {"AUDIT_RESULT": str(result)}
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def test_audit_without_findings_passes(result: Path) -> None:
    with service(lambda name: {}) as url:
        done = audit(url, result)
    assert done.returncode == 0
    assert "nothing known about" in done.stdout


def test_finding_fails_the_audit_and_is_named(result: Path) -> None:
    with service(lambda name: {"vulns": [FLAW]} if name == "django" else {}) as url:
        done = audit(url, result)
    assert done.returncode == 1
    assert "django 5." in done.stderr
    assert "LO-2026-1, fixed in 99" in done.stderr


def test_unreachable_audit_service_passes_and_is_reported_by_make_test(result: Path) -> None:
    done = audit(f"http://127.0.0.1:{free_port()}/v1/query", result)
    assert done.returncode == 0
    assert done.stdout.startswith("dependency audit: NOT DONE")
    assert result.read_text() == done.stdout
    recipe = (ROOT / "Makefile").read_text("utf-8").partition("\ntest: ")[2].partition("\n\n")[0]
    assert recipe.splitlines()[-1] == '\t@echo "make test passed; $$(cat var/audit.txt)"'
