"""Holds every connection of a process to one address, paces and counts them, and cuts slow ones.

sslyze opens its sockets itself, so the rule stands below it: in an audit hook (PEP 578), which no
code of the process can take away again.
"""

from __future__ import annotations

import socket
import sys
import threading
import time
import weakref
from ipaddress import ip_address

_LOOK_UPS = frozenset({"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"})
_DATAGRAMS = frozenset({"socket.sendto", "socket.sendmsg"})
_WATCHED = frozenset({"socket.connect"}) | _LOOK_UPS | _DATAGRAMS
_WATCH_INTERVAL = 0.1


class ForbiddenError(Exception):
    """Something tried to leave the permitted address."""


class TimeIsUpError(Exception):
    """A connection was about to be opened, or was still open, after its time."""


class Guard:
    """The permit of this process. ``install`` cannot be undone.

    One thread holds one connection at a time, and says ``begin`` before it puts a new question; a
    question of which a connection was cut gets no further one.
    """

    def __init__(
        self, address: str, port: int, *, per_second: float, patience: float, until: float
    ) -> None:
        self.connections = 0
        self._address, self._port = ip_address(address), port
        self._interval = 1.0 / per_second
        self._patience, self._until = patience, until
        self._next_start = 0.0
        self._lock = threading.Lock()
        self._open: dict[int, tuple[weakref.ref[socket.socket], float]] = {}
        self._cut: set[int] = set()

    def install(self) -> None:
        """Begin to watch every socket of this process."""
        sys.addaudithook(self._hook)
        threading.Thread(target=self._cut_slow_ones, daemon=True).start()

    def begin(self) -> None:
        """This thread starts anew: what was said of its last connection is forgotten."""
        self._open.pop(threading.get_ident(), None)
        self._cut.discard(threading.get_ident())

    def was_cut(self) -> bool:
        """Whether this thread's connection lived longer than the patience allowed."""
        return threading.get_ident() in self._cut

    def _hook(self, event: str, args: tuple[object, ...]) -> None:
        if event not in _WATCHED:
            return
        if event in _DATAGRAMS:
            raise ForbiddenError(f"{event} is not permitted")
        if event in _LOOK_UPS:
            self._check_host(args[0])
            return
        sock, target = args[0], args[1]
        if not isinstance(target, tuple) or target[1] != self._port:
            raise ForbiddenError(f"a connection to {target!r} is not permitted")
        self._check_host(target[0])
        if self.was_cut():
            raise TimeIsUpError("the server was too slow")
        self._wait_for_turn()
        if isinstance(sock, socket.socket):
            self._open[threading.get_ident()] = (weakref.ref(sock), time.monotonic())

    def _check_host(self, host: object) -> None:
        try:
            permitted = ip_address(str(host)) == self._address
        except ValueError:
            permitted = False
        if not permitted:
            raise ForbiddenError(f"{host!r} is not the permitted address {self._address}")

    def _wait_for_turn(self) -> None:
        with self._lock:
            now = time.monotonic()
            start = max(now, self._next_start)
            if start >= self._until:
                raise TimeIsUpError("the time allowed was over")
            self._next_start = start + self._interval
            self.connections += 1
        time.sleep(start - now)

    def _cut_slow_ones(self) -> None:
        while True:
            time.sleep(_WATCH_INTERVAL)
            oldest = time.monotonic() - self._patience
            for thread, (reference, opened) in list(self._open.items()):
                sock = reference()
                if opened > oldest or sock is None or thread in self._cut:
                    continue
                self._cut.add(thread)
                try:
                    sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue  # closed in the meantime
