#!/usr/bin/env bash
# fsspec 2026.9.0, http://: a server that answers 503 (overloaded, for a moment) or refuses the connection is told as a file that is not
# there: info() raises FileNotFoundError, exists() and isfile() are False. The same request by cat_file() or ls() raises the server's error.
# Code that skips what does not exist, or does not try again after FileNotFoundError, loses a shard for a moment's outage.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/pip" install -q fsspec==2026.9.0 aiohttp==3.14.5
"$work/env/bin/python" - <<'PYTHON'
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import fsspec

status = 200


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(status)
        self.send_header("Content-Length", "4" if status == 200 else "0")
        self.end_headers()
        if status == 200 and self.command == "GET":
            self.wfile.write(b"data")

    do_HEAD = do_GET

    def log_message(self, *told):
        pass


def outcome(work):
    try:
        return repr(work())
    except Exception as error:
        return type(error).__name__


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}/shard.tar"
system = fsspec.filesystem("http", skip_instance_cache=True)


def seen():
    calls = {"exists": system.exists, "isfile": system.isfile, "info": system.info, "cat_file": system.cat_file}
    return {name: outcome(lambda call=call: call(url)) for name, call in calls.items()}


print("fsspec", fsspec.__version__)
healthy = seen()
status = 503
overloaded = seen()
status = 200
again = seen()
server.shutdown()
server.server_close()
refused = seen()
print("200:    ", {**healthy, "info": healthy["info"][:20]})
print("503:    ", overloaded)
print("refused:", refused)
assert healthy["exists"] == again["exists"] == "True" and healthy["cat_file"] == "b'data'", "the server is not as described"
for outage in (overloaded, refused):
    expected = {"exists": "False", "isfile": "False", "info": "FileNotFoundError"}
    assert {name: outage[name] for name in expected} == expected, "changed"
    assert outage["cat_file"] not in ("FileNotFoundError", "b'data'"), "changed"
print("an outage is told as a missing file")
PYTHON
