"""What the reference services answer over HTTP: a page, a security.txt, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from spbe_audit.reference_services.catalogue import ReferenceService

HEAD_LIMIT = 16_384
Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

_HTML, _TEXT = "text/html; charset=utf-8", "text/plain; charset=utf-8"
_PAGE = """<!DOCTYPE html>
<html lang="id">
<title>Layanan acuan</title>
<p>Layanan acuan spbe-audit.</p>
<p><a href="/kebijakan-privasi">Kebijakan privasi</a></p>
</html>
"""
_NOT_FOUND = '<!DOCTYPE html>\n<html lang="id">\n<title>Tidak ditemukan</title>\n</html>\n'
_METHODS = "GET, HEAD, OPTIONS"


def answers_for(service: ReferenceService) -> Answer:
    """Answer each request by its method and path, with the service's headers."""

    def response(method: str, path: str) -> bytes:
        fields = [("Server", service.server), *service.headers]
        if method == "OPTIONS":
            return _response("204 No Content", [*fields, ("Allow", _METHODS)])
        if method not in {"GET", "HEAD"}:
            return _response("405 Method Not Allowed", [*fields, ("Allow", _METHODS)])
        if path == "/":
            cookies = [("Set-Cookie", cookie) for cookie in service.cookies]
            return _response("200 OK", [*fields, *cookies], _HTML, _PAGE)
        if path == "/.well-known/security.txt":
            return _response("200 OK", fields, _TEXT, _security_txt())
        return _response("404 Not Found", fields, _HTML, _NOT_FOUND)

    return _answering(response)


def redirects_to(origin: str) -> Answer:
    """Send every request on to https."""

    def response(_method: str, path: str) -> bytes:
        fields = [("Server", "reference"), ("Location", f"{origin}{path}")]
        return _response("301 Moved Permanently", fields)

    return _answering(response)


def _answering(response: Callable[[str, str], bytes]) -> Answer:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        words = head.split(b"\r\n", 1)[0].decode("latin-1").split()
        method, path = (*words, "", "")[:2]
        writer.write(response(method, path if path.startswith("/") else "/"))
        await writer.drain()

    return answer


def _response(
    status: str, fields: Iterable[tuple[str, str]], content_type: str = "", body: str = ""
) -> bytes:
    content = body.encode()
    lines = [
        f"HTTP/1.1 {status}",
        f"Date: {format_datetime(datetime.now(UTC), usegmt=True)}",
        *(f"{name}: {value}" for name, value in fields),
        *([f"Content-Type: {content_type}"] if content_type else []),
        *([] if status.startswith("204") else [f"Content-Length: {len(content)}"]),
        "Connection: close",
    ]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + content


def _security_txt() -> str:
    expires = datetime.now(UTC) + timedelta(days=180)
    return (
        "Contact: mailto:demo@spbe-audit.example\n"
        f"Expires: {expires.isoformat(timespec='seconds')}\n"
        "Preferred-Languages: id, en\n"
    )
