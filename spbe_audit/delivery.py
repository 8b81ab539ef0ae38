"""Delivers messages to where an operator wants them, by mail, chat or web hook, through apprise.

These are not targets of a scan: nothing of a target list leads here, and what is sent goes to
places that the operator named, past the engagement and its budget. A message that cannot be
delivered never costs the run. Addresses hold secrets: none is ever printed, logged or kept.
"""

from __future__ import annotations

import logging
import re
import threading
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from spbe_audit.errors import NotificationError
from spbe_audit.messages import Message

TIME_LIMIT = 60.0
"""Seconds for all messages to all targets together."""
PAUSES = (2.0, 5.0)
"""Seconds before a message is tried again; after the last it is given up."""

_PLACEHOLDER = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,30}):")
_SECRET_KEYS = frozenset({"pass", "password", "token", "key", "apikey", "secret"})
_HOST_FIRST = frozenset(
    {"mailto", "mailtos", "json", "jsons", "xml", "xmls", "form", "forms", "syslog"}
)
"""Kinds of target whose address begins with a host; in others a token stands there."""

Try = Callable[[Message], bool]


@dataclass(frozen=True, slots=True)
class Target:
    """Where messages go: its place among those given, from 1, its kind, and how one is sent."""

    place: int
    kind: str
    send: Try = field(repr=False)

    @property
    def name(self) -> str:
        """How it is called without giving anything away."""
        return f"notification target {self.place} ({self.kind})"


@dataclass(frozen=True, slots=True)
class Undelivered:
    """A target that did not get all messages: how many of how many it lacks."""

    target: Target
    missing: int
    of: int


def read_targets(given: Sequence[str], environment: Mapping[str, str]) -> tuple[Target, ...]:
    """Targets as apprise writes them, with each ${NAME} filled from the environment.

    Raises NotificationError where apprise is not installed, a name is not set, or a target cannot
    be understood. Nothing is sent.
    """
    if not given:
        return ()
    with warnings.catch_warnings():  # of what apprise itself imports
        warnings.simplefilter("ignore")
        apprise = _load_apprise()
        return tuple(
            _target(apprise, place, text, environment) for place, text in enumerate(given, 1)
        )


def holds_secret(target: str) -> bool:
    """Whether a target, as it was written, seems to hold a secret and no ${NAME} in its place."""
    if "${" in target:
        return False
    try:
        parts = urlsplit(target)
        if parts.password or any(key.lower() in _SECRET_KEYS for key, _ in parse_qsl(parts.query)):
            return True
    except ValueError:
        return True
    return parts.scheme.lower() not in _HOST_FIRST


def deliver(
    targets: Sequence[Target],
    messages: Sequence[Message],
    *,
    limit: float = TIME_LIMIT,
    pauses: Sequence[float] = PAUSES,
) -> tuple[Undelivered, ...]:
    """Send every message to every target, side by side; gives what was not delivered in time.

    ``limit`` is in seconds. A target that missed a message is tried only once with each after it.
    """
    ends = time.monotonic() + limit
    errands = [_Errand(target, messages, pauses, ends) for target in targets]
    for errand in errands:
        errand.start()
    for errand in errands:
        errand.join(max(0.0, ends - time.monotonic()))
    return tuple(
        Undelivered(errand.target, len(messages) - errand.delivered, len(messages))
        for errand in errands
        if errand.delivered < len(messages)
    )


class _Errand(threading.Thread):
    """All messages to one target. A daemon: what hangs past the limit dies with the process."""

    def __init__(
        self, target: Target, messages: Sequence[Message], pauses: Sequence[float], ends: float
    ) -> None:
        super().__init__(name=target.name, daemon=True)
        self.target = target
        self.delivered = 0
        self._messages = messages
        self._pauses = pauses
        self._ends = ends

    def run(self) -> None:
        pauses = tuple(self._pauses)
        for message in self._messages:
            if self._brought(message, pauses):
                self.delivered += 1
            else:
                pauses = ()

    def _brought(self, message: Message, pauses: Sequence[float]) -> bool:
        for pause in (*pauses, None):
            if time.monotonic() >= self._ends:
                return False
            if self.target.send(message):
                return True
            if pause is not None:
                time.sleep(min(pause, max(0.0, self._ends - time.monotonic())))
        return False


def _load_apprise() -> ModuleType:
    try:
        import apprise  # noqa: PLC0415 - slow to load, and only messages need it
    except ImportError as problem:
        error = NotificationError("--notify needs apprise, which is not installed")
        error.advice = "Install it with: pip install 'spbe-audit[notify]'"
        raise error from problem
    # It tells of failures with parts of addresses; what matters of them is told here.
    logger = logging.getLogger("apprise")
    logger.propagate = False
    logger.setLevel(logging.CRITICAL + 1)
    module: ModuleType = apprise
    return module


def _target(apprise: Any, place: int, text: str, environment: Mapping[str, str]) -> Target:
    scheme = _SCHEME.match(text)
    kind = scheme[1].lower() if scheme else "from the environment"
    asset = apprise.AppriseAsset(app_id="spbe-audit", http_redirects=False)
    url = _filled(text, place, environment)
    try:
        plugin = apprise.Apprise.instantiate(url, asset=asset, suppress_exceptions=True)
    except Exception:  # noqa: BLE001 - it may say the address, so it is neither shown nor chained
        plugin = None
    if plugin is None:
        error = NotificationError(f"notification target {place} ({kind}) cannot be used")
        error.advice = (
            "Write it as apprise does: mailtos://USER:${PASSWORD}@HOST?from=ADDRESS&to=ADDRESS,"
            " tgram://${TOKEN}/CHAT, jsons://HOST/PATH"
        )
        raise error
    service = apprise.Apprise(asset=asset)
    service.add(plugin)
    return Target(place, kind, _sender(service, apprise))


def _sender(service: Any, apprise: Any) -> Try:
    def send(message: Message) -> bool:
        try:
            return bool(
                service.notify(
                    title=message.title, body=message.body, body_format=apprise.NotifyFormat.TEXT
                )
            )
        except Exception:  # noqa: BLE001 - a message never costs the run
            return False

    return send


def _filled(text: str, place: int, environment: Mapping[str, str]) -> str:
    """The target with its placeholders filled; within an address values are percent-encoded."""
    whole = _PLACEHOLDER.fullmatch(text)

    def value(found: re.Match[str]) -> str:
        name = found[1]
        if not environment.get(name):
            error = NotificationError(
                f"notification target {place} wants ${{{name}}}, which is not set"
            )
            error.advice = f"Set {name} in the environment, for cron in a file that it reads first"
            raise error
        return environment[name] if whole else quote(environment[name], safe="")

    return _PLACEHOLDER.sub(value, text)


__all__ = ["Target", "Undelivered", "deliver", "holds_secret", "read_targets"]
