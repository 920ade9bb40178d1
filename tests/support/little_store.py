"""A store of files behind http://, on this machine, that fails where it is told to."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


class Store:
    """Files by their name; `failing` decides by a file's name and the number of its reads so far whether one fails."""

    def __init__(self, files: dict[str, bytes]):
        self.files, self.url = files, ""
        self.reads: dict[str, int] = {}
        self.sent = 0
        self.failing: Any = lambda name, reads: False

    def answer(self, name: str, span: str | None) -> tuple[int, bytes, str]:
        """Status, bytes and the range they are."""
        if not name:
            links = "".join(f'<a href="{self.url}/{one}">{one}</a>' for one in self.files)
            return 200, f"<html>{links}</html>".encode(), ""
        if name not in self.files:
            return 404, b"", ""
        content = self.files[name]
        if span is None:
            return 200, content, ""
        self.reads[name] = self.reads.get(name, 0) + 1
        if self.failing(name, self.reads[name]):
            return 503, b"", ""
        first, _, last = span.removeprefix("bytes=").partition("-")
        part = content[int(first) : int(last) + 1 if last else None]
        self.sent += len(part)
        return 206, part, f"bytes {first}-{int(first) + len(part) - 1}/{len(content)}"


@contextmanager
def served(files: dict[str, bytes]) -> Iterator[Store]:
    """A store of files, at its url while the block lasts."""
    store = Store(files)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self, body: bool = True) -> None:
            status, content, span = store.answer(self.path.strip("/"), self.headers.get("Range"))
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Accept-Ranges", "bytes")
            if span:
                self.send_header("Content-Range", span)
            self.end_headers()
            self.wfile.write(content if body else b"")

        def do_HEAD(self) -> None:
            self.do_GET(body=False)

        def log_message(self, format: str, *told: Any) -> None:  # noqa: A002  # as its base names it
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda request, address: None  # type: ignore[method-assign]  # workers end with connections open
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    store.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield store
    finally:
        server.shutdown()
        server.server_close()
