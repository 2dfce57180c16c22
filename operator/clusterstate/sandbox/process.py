"""Child processes that log to a file, are waited for, and never outlive their parent.

A child is started through `leash`, in a session of its own: Ctrl-C in a terminal reaches the parent only,
which then stops its children in order, and the kernel kills them if the parent dies without doing so.
That kernel feature watches the *thread* that started the child, so that one thread of this module, which
lives as long as the interpreter, starts them all.
"""

import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from clusterstate.sandbox.errors import NotReady, ProcessDied

LEASH = Path(__file__).with_name("leash.py")
PORTS = range(20_000, 32_000)
"""Below the range from which Linux picks ports for outgoing connections: what is free now stays free longer."""
PORT_ATTEMPTS = 3

_spawner = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sandbox-spawner")
Server = TypeVar("Server")


class Child:
    """A running program with its output in a file."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], log: Path) -> None:
        self.name = name
        self.log = log
        self._process = process

    @classmethod
    def start(
        cls,
        argv: Sequence[str | Path],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> "Child":
        """Start a program whose output goes to the end of `log`; it isn't ready yet."""
        leashed = [sys.executable, "-I", "-S", str(LEASH), str(os.getpid()), *map(str, argv)]

        def spawn() -> subprocess.Popen[bytes]:
            with log.open("ab") as output:
                return subprocess.Popen(
                    leashed,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env=None if env is None else dict(env),
                    cwd=cwd,
                    start_new_session=True,
                )

        return cls(Path(argv[0]).name, _spawner.submit(spawn).result(), log)

    @property
    def pid(self) -> int:
        """Its process id; the leash becomes the program, so that there is only one."""
        return self._process.pid

    def wait_ready(self, probe: Callable[[], bool], *, timeout: float, pause: float = 0.05) -> None:
        """Return as soon as the probe says True.

        Raises ProcessDied if the child ends first, and NotReady after `timeout` seconds.
        """
        deadline = time.monotonic() + timeout
        while not probe():
            code = self._process.poll()
            if code is not None:
                raise ProcessDied(f"{self.name} ended with code {code} before it was ready.\n{self.tail()}")
            if time.monotonic() > deadline:
                raise NotReady(f"{self.name} isn't ready after {timeout:.0f} seconds.\n{self.tail()}")
            time.sleep(pause)

    def wait(self, timeout: float | None = None) -> int | None:
        """Give its exit code, or None if it still runs after `timeout` seconds."""
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None

    def terminate(self) -> None:
        """Ask it to end, without waiting for it."""
        self._process.terminate()

    def stop(self, grace: float = 5) -> None:
        """Ask it to end, and kill it after `grace` seconds; nothing of it is left when this returns."""
        if self._process.poll() is None:
            self.terminate()
            if self.wait(grace) is None:
                self._process.kill()
        self._process.wait()

    def kill(self) -> None:
        """End it as a crash would, with signal 9."""
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def tail(self, lines: int = 20) -> str:
        """Give the last lines of its log."""
        return tail(self.log, lines)


def tail(log: Path, lines: int = 20) -> str:
    """Give the last lines of a file, under its name; for messages."""
    text = log.read_text(errors="replace") if log.exists() else ""
    return "\n".join([f"{log}:", *text.splitlines()[-lines:]])


def free_port() -> int:
    """Give a TCP port of the loopback interface that nobody listens on at this moment."""
    for port in random.sample(PORTS, k=len(PORTS)):
        with socket.socket() as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                trial.bind(("127.0.0.1", port))
                return port
    raise NotReady(f"no port of {PORTS.start}-{PORTS.stop} is free")


def on_free_ports(start: Callable[[], Server]) -> Server:
    """Call `start`, again with other ports if somebody else took one between choosing and listening."""
    for _ in range(PORT_ATTEMPTS - 1):
        with suppress(PortTaken):
            return _port_taken_as_such(start)
    return start()


class PortTaken(ProcessDied):
    """A server ended because another program listens on its port."""


def _port_taken_as_such(start: Callable[[], Server]) -> Server:
    try:
        return start()
    except ProcessDied as error:
        if "address already in use" in str(error).lower():
            raise PortTaken(str(error)) from error
        raise
