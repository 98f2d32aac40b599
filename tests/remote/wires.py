"""Wires between servers: ports of loopback that carry bytes to another port, until they are cut."""

from __future__ import annotations

import socket
from contextlib import suppress
from threading import Lock, Thread

HOST = "127.0.0.1"


class Wire:
    """Carries what comes to its own port to another, and back. Cut, it breaks that and takes nothing new."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._whole = self._open = True
        self._lock = Lock()
        self._carrying: set[socket.socket] = set()
        self._listener = socket.create_server((HOST, 0))
        self._listener.settimeout(0.1)
        self.port: int = self._listener.getsockname()[1]
        self._threads = [Thread(target=self._listen, daemon=True)]
        self._threads[0].start()

    @property
    def ends(self) -> set[int]:
        """The ports under which servers see it: its own, and those from which it connected to the target."""
        with self._lock:
            return {self.port, *(end.getsockname()[1] for end in self._carrying)}

    def cut(self) -> None:
        """Breaks what it carries and takes nothing new."""
        with self._lock:
            self._whole = False
            for end in self._carrying:
                with suppress(OSError):  # it may have broken by itself
                    end.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        """Carries again what comes from now on."""
        self._whole = True

    def close(self) -> None:
        """Ends for good; returns when none of its threads is left."""
        self._open = False
        self.cut()
        # The first one makes the others, so it is the first to be waited for.
        for thread in self._threads:
            thread.join()

    def _listen(self) -> None:
        with self._listener:
            while self._open:
                with suppress(TimeoutError):
                    here, _ = self._listener.accept()
                    here.settimeout(None)
                    if self._whole:
                        self._connect(here)
                    else:
                        here.close()

    def _connect(self, here: socket.socket) -> None:
        """Joins a connection that came with one to the target, or closes it."""
        try:
            there = socket.create_connection((HOST, self._target))
        except OSError:
            here.close()
            return
        with self._lock:
            self._carrying |= {here, there}
        if not self._whole:  # it was cut just now
            self.cut()
        back = Thread(target=self._carry, args=(there, here, None), daemon=True)
        forth = Thread(target=self._carry, args=(here, there, back), daemon=True)
        self._threads += [forth]
        back.start()
        forth.start()

    def _carry(self, source: socket.socket, target: socket.socket, back: Thread | None) -> None:
        """Carries one way until either end is gone; who knows the way back waits for it and closes both."""
        with suppress(OSError):
            while data := source.recv(65_536):
                target.sendall(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        if back is not None:
            back.join()
            with self._lock:
                self._carrying -= {source, target}
                source.close()
                target.close()
