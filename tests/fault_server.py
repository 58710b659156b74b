"""A provider on the loopback that fails as it is told: the name of the model is the fault."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

STALL_S = 5.0
"""How long silence lasts; whoever waits for less sees it, and the test ends it by closing the server."""
USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}


def event(data: Any) -> bytes:
    """Return one server-sent event."""
    return f"data: {data if isinstance(data, str) else json.dumps(data)}\n\n".encode()


def part(text: str | None, finish: str | None = None) -> bytes:
    """Return an event with a part of an answer."""
    return event({"model": "m-1", "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": finish}]})


END = part(None, "stop") + event({"choices": [], "usage": USAGE}) + event("[DONE]")


class Handler(BaseHTTPRequestHandler):
    """Speaks enough of the protocol."""

    protocol_version = "HTTP/1.1"
    server: Any

    def log_message(self, *args: Any) -> None:
        pass

    def do_POST(self) -> None:
        text = self.rfile.read(int(self.headers["Content-Length"]))
        if not text:  # whoever asked has given up
            return
        body = json.loads(text)
        name = body["model"]
        with self.server.lock:
            self.server.requests.append((self.path, self.headers, body))
            self.server.seen[name] += 1
            self.server.clients[name].add(self.client_address)
            count = self.server.seen[name]
        self.close_connection = True
        with contextlib.suppress(ConnectionError):
            getattr(self, f"be_{name.replace('-', '_')}", self.be_fine)(body, count)

    def send(self, status: int, data: Any, **headers: str) -> None:
        headers.setdefault("Connection", "close")
        text = data if isinstance(data, bytes) else json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        for header, value in headers.items():
            self.send_header(header.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def refuse(self, status: int, code: str | None = None, **headers: str) -> None:
        self.send(status, {"error": {"message": f"refused: {code or status}", "code": code}}, **headers)

    def begin(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
        self.wfile.flush()

    def silence(self, seconds: float = STALL_S) -> None:
        self.server.over.wait(seconds)

    def be_fine(self, body: dict[str, Any], count: int) -> None:
        if body.get("stream"):
            self.begin()
            for text in ("Hel", "lo"):
                self.chunk(part(text))
            self.chunk(END)
            self.chunk(b"")
        elif "input" in body:
            texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
            vectors = [{"index": i, "embedding": [float(len(text)), 0.5]} for i, text in enumerate(texts)]
            self.send(200, {"data": vectors[::-1], "model": "e-1", "usage": USAGE})
        else:
            message = {"role": "assistant", "content": "Hello"}
            choice = {"index": 0, "finish_reason": "stop", "message": message}
            self.send(
                200,
                {"model": "m-1", "choices": [choice], "usage": USAGE},
                x_ratelimit_remaining_requests="7",
            )

    def be_lasting(self, body: dict[str, Any], count: int) -> None:
        self.close_connection = False  # as providers do: the next request comes over the same connection
        message = {"role": "assistant", "content": "Hello"}
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        self.send(200, {"choices": [choice], "usage": USAGE}, Connection="keep-alive")

    def be_limited(self, body: Any, count: int) -> None:
        self.refuse(429, "rate_limit_exceeded")

    def be_limited_for_2_s(self, body: Any, count: int) -> None:
        self.refuse(429, "rate_limit_exceeded", Retry_After="2")

    def be_broken_once(self, body: Any, count: int) -> None:
        self.refuse(500) if count == 1 else self.be_fine(body, count)

    def be_down(self, body: Any, count: int) -> None:
        self.refuse(503)

    def be_flapping(self, body: dict[str, Any], count: int) -> None:
        self.refuse(503) if self.server.is_down else self.be_fine(body, count)

    def be_keyless(self, body: Any, count: int) -> None:
        self.refuse(401, "invalid_api_key")

    def be_unknown(self, body: Any, count: int) -> None:
        self.refuse(404, "model_not_found")

    def be_too_long(self, body: Any, count: int) -> None:
        self.refuse(400, "context_length_exceeded")

    def be_filtered(self, body: Any, count: int) -> None:
        self.refuse(400, "content_filter")

    def be_filtered_late(self, body: Any, count: int) -> None:
        message = {"role": "assistant", "content": ""}
        self.send(200, {"choices": [{"index": 0, "finish_reason": "content_filter", "message": message}]})

    def be_reset(self, body: Any, count: int) -> None:
        linger = struct.pack("ii", 1, 0)  # closing then sends a reset
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.connection.close()

    def be_silent(self, body: Any, count: int) -> None:
        self.silence()

    def be_no_json(self, body: Any, count: int) -> None:
        self.send(200, b"<html>")

    def be_empty(self, body: Any, count: int) -> None:
        self.send(200, {"choices": []})

    def be_error_in_200(self, body: Any, count: int) -> None:
        self.send(200, {"error": {"message": "upstream", "code": 429}})

    def be_slow_to_start(self, body: Any, count: int) -> None:
        self.begin()
        self.chunk(b": still here\n\n")
        self.silence()

    def be_cut(self, body: Any, count: int) -> None:
        self.begin()
        self.chunk(part("Hel"))

    def be_stalled(self, body: Any, count: int) -> None:
        self.begin()
        self.chunk(part("Hel"))
        self.silence()

    def be_malformed(self, body: Any, count: int) -> None:
        self.begin()
        self.chunk(part("Hel") + event("{half"))
        self.chunk(b"")

    def be_endless(self, body: Any, count: int) -> None:
        self.begin()
        self.chunk(part("Hel"))
        self.chunk(b"")

    def be_pausing(self, body: Any, count: int) -> None:
        self.begin()
        self.chunk(part("Hel"))
        self.silence(2)
        self.chunk(part("lo") + END)
        self.chunk(b"")


@contextlib.contextmanager
def fault_server() -> Iterator[Any]:
    """Run the server; ``url`` is where, ``requests`` what it was sent, ``seen`` how often, ``clients`` from where."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        httpd.daemon_threads, httpd.is_down = True, False  # type: ignore[attr-defined]
        httpd.lock, httpd.over = threading.Lock(), threading.Event()  # type: ignore[attr-defined]
        httpd.requests, httpd.seen, httpd.clients = [], Counter(), defaultdict(set)  # type: ignore[attr-defined]
        httpd.url = f"http://127.0.0.1:{httpd.server_port}/v1"  # type: ignore[attr-defined]
        thread = threading.Thread(target=httpd.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield httpd
        finally:
            httpd.over.set()  # type: ignore[attr-defined]
            httpd.shutdown()
            thread.join()
