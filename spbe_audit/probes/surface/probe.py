"""Asks a web server for a page that is not there, for well-known paths, and for its methods."""

from __future__ import annotations

import asyncio
import posixpath
import re
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime

import httpx

from spbe_audit.evidence import (
    Attempt,
    CorsAnswer,
    Endpoint,
    Exchange,
    Failure,
    FailureKind,
    HttpEvidence,
    PathAnswer,
    Probe,
    SurfaceEvidence,
)
from spbe_audit.evidence.surface import BLOCKED, MISSING, NOT_ASKED
from spbe_audit.network import Door
from spbe_audit.probes.http import kept_exchange
from spbe_audit.probes.http_transport import TOOL, Reply
from spbe_audit.probes.surface.paths import (
    BODY_LIMIT,
    TEXT_LIMIT,
    Missing,
    ask_missing,
    ask_paths,
    missing_answer,
    same_answer,
)
from spbe_audit.probes.surface.visit import Answer, NoAnswer, Visit
from spbe_audit.probes.surface.well_known_paths import paths_for
from spbe_audit.targets import Intensity, Service

MISSING_PAGE_LIMIT = 256 * 1024
TRACE_LIMIT = 16 * 1024
SECURITY_TXT_LIMIT = 64 * 1024
SECURITY_TXT_PATHS = ("/.well-known/security.txt", "/security.txt")
BLOCKED_BY_SITE = NoAnswer(BLOCKED, "three requests in a row had failed, so no more were sent")

_OK = 200
_FAILURES_IN_A_ROW = 3
_TRACE_HEADER = "X-Trace-Marker"
_METHOD = re.compile(r"[A-Za-z][A-Za-z-]{0,30}")
_METHODS_LIMIT = 40
_PAGE_BEGINS = re.compile(r"\s*<(?:!doctype|html|head|body|\?xml)", re.IGNORECASE)


def random_name() -> str:
    """A name that no site has."""
    return secrets.token_hex(8)


async def probe_surface(
    service: Service,
    *,
    http: HttpEvidence,
    door: Door,
    secret: bytes,
    intensity: Intensity,
    name: Callable[[], str] = random_name,
) -> Attempt:
    """Collect what a web server shows beside its pages; ``secret`` keys digests of cookie values.

    Only GET, OPTIONS and TRACE are sent. What the network does is evidence or a Failure, never an
    exception. ``name`` gives random names.
    """
    loop = asyncio.get_running_loop()
    started, begun = door.clock(), loop.time()
    page = httpx.URL(http.front.url if http.front else service.url)
    visit = Visit(door, begun + door.deadlines.http)
    survey = _Survey(visit, page, _folder(service), secret, name)
    await survey.run(intensity)
    endpoint = Endpoint(
        key=f"surface {service.url}",
        host=service.host,
        port=service.port,
        address=visit.address or None,
        url=service.url,
    )
    return Attempt(
        probe=Probe.SURFACE,
        endpoint=endpoint,
        started=started,
        duration=round(loop.time() - begun, 6),
        tool=TOOL,
        result=survey.failure or survey.evidence(started),
        connections=visit.opened,
    )


def _folder(service: Service) -> str:
    """The folder of the service's own URL, with a slash at its end."""
    folder = posixpath.dirname(httpx.URL(service.url).path)
    return folder if folder.endswith("/") else folder + "/"


_Part = tuple[str, Callable[[], Awaitable[NoAnswer | None]]]


@dataclass(slots=True)
class _Survey:
    """What has been learnt of one site so far. Each part gives None, or why it got no answer."""

    visit: Visit
    page: httpx.URL
    folder: str
    secret: bytes
    name: Callable[[], str]
    missing: list[Missing] = field(default_factory=list)
    paths: list[PathAnswer] = field(default_factory=list)
    methods: tuple[str, ...] | None = None
    trace: bool | None = None
    cors: list[CorsAnswer] = field(default_factory=list)
    security_txt: Answer | None = None
    failures: list[tuple[str, NoAnswer]] = field(default_factory=list)

    @property
    def root(self) -> httpx.URL:
        """The URL of the origin."""
        return self.page.copy_with(raw_path=b"/", fragment=None)

    @property
    def failure(self) -> Failure | None:
        """Why there is no evidence; None where something was answered."""
        if self.visit.answered:
            return None
        _, first = self.failures[0]
        return Failure(FailureKind(first.kind), first.text)

    async def run(self, intensity: Intensity) -> None:
        """Ask what the intensity allows; after three failures in a row nothing more is sent."""
        light: tuple[_Part, ...] = (
            ("missing", self._ask_missing),
            ("options", self._ask_options),
            ("security_txt", self._ask_security_txt),
        )
        standard: tuple[_Part, ...] = (("trace", self._ask_trace), ("cors", self._ask_cors))
        await self._ask_in_turn(light)
        if intensity is Intensity.LIGHT:
            left_out = NoAnswer(NOT_ASKED, "left out at this intensity")
            self.failures += [(part, left_out) for part, _ in standard]
            return
        await self._ask_in_turn(standard)
        await self._ask_paths()

    async def _ask_in_turn(self, parts: tuple[_Part, ...]) -> None:
        for part, ask in parts:
            failed = BLOCKED_BY_SITE if self._refused_to_talk() else await ask()
            if failed:
                self.failures.append((part, failed))

    def _refused_to_talk(self) -> bool:
        return self.visit.failed_in_a_row >= _FAILURES_IN_A_ROW

    async def _ask_missing(self) -> NoAnswer | None:
        return await self._ask_random(self.folder + self.name(), MISSING_PAGE_LIMIT)

    async def _ask_random(self, path: str, limit: int) -> NoAnswer | None:
        answer = await ask_missing(self.visit, self.root, path, limit)
        if isinstance(answer, NoAnswer):
            self.paths.append(PathAnswer(path, MISSING, failure=answer.kind))
            return answer
        self.missing.append(answer)
        self.paths.append(missing_answer(answer))
        return None

    async def _ask_options(self) -> NoAnswer | None:
        answer = await self.visit.ask(self.page, method="OPTIONS")
        if isinstance(answer, NoAnswer):
            return answer
        self.methods = _methods(answer.reply)
        return None

    async def _ask_trace(self) -> NoAnswer | None:
        marker = self.name()
        answer = await self.visit.ask(
            self.page, method="TRACE", headers={_TRACE_HEADER: marker}, body_limit=TRACE_LIMIT
        )
        if isinstance(answer, NoAnswer):
            return answer
        media_type = answer.reply.header("content-type").partition(";")[0].strip().lower()
        echoed = marker.encode("ascii") in answer.reply.body
        self.trace = answer.reply.status == _OK and media_type == "message/http" and echoed
        return None

    async def _ask_cors(self) -> NoAnswer | None:
        for origin in (f"https://{self.name()}.example", "null", _like_origin(self.page)):
            answer = await self.visit.ask(self.page, headers={"Origin": origin})
            if isinstance(answer, NoAnswer):
                return answer
            allow = answer.reply.header("access-control-allow-origin")
            credentials = answer.reply.header("access-control-allow-credentials")
            answered = CorsAnswer(origin, allow[:TEXT_LIMIT], credentials.lower() == "true")
            self.cors.append(answered)
        return None

    async def _ask_security_txt(self) -> NoAnswer | None:
        for path in SECURITY_TXT_PATHS:
            first = await self.visit.ask(self.root.join(path), body_limit=SECURITY_TXT_LIMIT)
            if isinstance(first, NoAnswer):
                return first
            answer = await self.visit.follow(first, body_limit=SECURITY_TXT_LIMIT)
            if self._is_text_file(answer, path):
                self.security_txt = answer
                return None
        return None

    def _is_text_file(self, answer: Answer, path: str) -> bool:
        """Whether a file is there, and not a page that a site shows for everything."""
        text = answer.text(SECURITY_TXT_LIMIT)
        return (
            answer.reply.status == _OK
            and bool(text.strip())
            and not _PAGE_BEGINS.match(text)
            and not any(same_answer(answer, path, one) for one in self.missing)
        )

    async def _ask_paths(self) -> None:
        wanted = paths_for(self.page.host, self.folder)
        if not self._refused_to_talk():
            await self._ask_random(f"/{self.name()}.php", BODY_LIMIT)
        if self.folder != "/" and not self._refused_to_talk():
            await self._ask_random(f"/{self.name()}", BODY_LIMIT)
        if self.missing and not self._refused_to_talk():
            self.paths += await ask_paths(self.visit, self.root, wanted, self.missing)
            return
        # Without the site's word for what it does not have, no answer could be told from it.
        kind = BLOCKED if self._refused_to_talk() else self.failures[0][1].kind
        self.paths += [PathAnswer(path, one.purpose, failure=kind) for path, one in wanted]

    def evidence(self, collected_at: datetime) -> SurfaceEvidence:
        """All of it, as it is stored."""
        found = self.security_txt
        return SurfaceEvidence(
            origin=str(self.root).rstrip("/"),
            collected_at=collected_at,
            missing=self._missing_exchange(),
            paths=tuple(self.paths),
            methods=self.methods,
            trace=self.trace,
            cors=tuple(self.cors),
            security_txt=found.text(SECURITY_TXT_LIMIT) if found else "",
            security_txt_type=found.reply.header("content-type")[:TEXT_LIMIT] if found else "",
            security_txt_url=str(found.url)[:TEXT_LIMIT] if found else "",
            failures=tuple((part, failed.kind) for part, failed in self.failures),
        )

    def _missing_exchange(self) -> Exchange | None:
        if not self.missing:
            return None
        last = self.missing[0].last
        return kept_exchange(last.url, last.reply, last.wire, self.secret)


def _methods(reply: Reply) -> tuple[str, ...] | None:
    """The methods of Allow (RFC 9110 10.2.1) and Public (RFC 2068), in upper case, each once."""
    names = {b"allow", b"public"}
    values = [value.decode("latin-1") for key, value in reply.headers if key.lower() in names]
    if not values:
        return None
    words = (word.strip().upper() for value in values for word in value.split(","))
    return tuple(dict.fromkeys(word for word in words if _METHOD.fullmatch(word)))[:_METHODS_LIMIT]


def _like_origin(page: httpx.URL) -> str:
    """A foreign origin that begins like the site's own: a test by the beginning lets it in."""
    return f"https://{page.raw_host.decode('ascii').strip('[]').replace(':', '-')}.example"
