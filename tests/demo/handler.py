"""An app's event handler that really listens."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qsl

from demo.server import DemoPortal
from tests.demo.calls import caller


class Listening(HTTPServer):
    """A burst arrives side by side."""

    request_queue_size = 128


class Handler:
    """An app's event handler that writes down what it is posted."""

    def __init__(self) -> None:
        forms: list[dict[str, str]] = []

        class Answering(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                forms.append(dict(parse_qsl(body, keep_blank_values=True)))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Stay quiet."""

        self.forms = forms
        self.server = Listening(("127.0.0.1", 0), Answering)
        self.url = f"http://127.0.0.1:{self.server.server_port}/events/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def bound(portal: DemoPortal, handler: Handler, *events: str) -> None:
    ask = caller(portal)
    for event in events:
        assert ask("event.bind", {"EVENT": event, "HANDLER": handler.url}).result is True
