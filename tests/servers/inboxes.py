"""A mail server and a web hook on loopback that keep what they are sent."""

from __future__ import annotations

import asyncio
import email
import email.policy
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session


@dataclass
class Mailbox:
    """A mail server's port, and the letters that it took."""

    port: int = 0
    letters: list[EmailMessage] = field(default_factory=list)

    async def handle_DATA(  # noqa: N802 - the name that the server calls
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        """Keep a letter."""
        content = envelope.content or b""
        raw = content if isinstance(content, bytes) else content.encode()
        letter = email.message_from_bytes(raw, policy=email.policy.default)
        assert isinstance(letter, EmailMessage)
        self.letters.append(letter)
        return "250 kept"


@contextmanager
def mail_server() -> Iterator[Mailbox]:
    """A mail server for the length of the block."""
    box = Mailbox()
    loop = asyncio.new_event_loop()

    async def listen() -> asyncio.Server:
        return await asyncio.get_running_loop().create_server(
            lambda: SMTP(box, hostname="mail.test"), "127.0.0.1", 0
        )

    server = loop.run_until_complete(listen())
    box.port = server.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield box
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0.05))
        loop.close()


@dataclass
class Hook:
    """A web hook's port, and what was posted; ``refusals`` are answered with 503 first."""

    port: int = 0
    refusals: int = 0
    posts: list[dict[str, Any]] = field(default_factory=list)
    requests: int = 0


@contextmanager
def web_hook(*, refusals: int = 0) -> Iterator[Hook]:
    """A web hook for the length of the block."""
    hook = Hook(refusals=refusals)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            hook.requests += 1
            if hook.requests <= hook.refusals:
                self.send_error(503)
                return
            hook.posts.append(json.loads(body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its own name
            pass

    with running(Handler) as port:
        hook.port = port
        yield hook


@contextmanager
def running(handler: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    """An HTTP server with this handler on a free port, which it gives."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@dataclass
class Site:
    """A web site's port, and the texts that it shows by path; all other paths are missing."""

    port: int = 0
    texts: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}/"


@contextmanager
def web_site() -> Iterator[Site]:
    """A small site for the length of the block, with a front page."""
    site = Site(texts={"/": "<!doctype html><title>Portal</title><p>Layanan</p>"})

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            text = site.texts.get(self.path)
            body = (text or "tidak ada").encode()
            self.send_response(404 if text is None else 200)
            self.send_header("Content-Type", "text/html" if self.path == "/" else "text/plain")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815 - the name that the server calls

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its own name
            pass

    with running(Handler) as port:
        site.port = port
        yield site
