"""One set of servers for a whole test run, whichever of its processes asks first.

The process that the user started holds the servers: it starts each when it is first asked for, and stops all at
the end. Workers of pytest-xdist ask it through a socket and get a copy that they can use and not stop. If the
holder dies, even by kill -9, the kernel kills the servers (see `clusterstate.sandbox.process`).
"""

import secrets
import shutil
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from typing import Any, Protocol, Self

from clusterstate.sandbox.binaries import find
from clusterstate.sandbox.controlplane import PROGRAMS, ControlPlane
from clusterstate.sandbox.errors import SandboxError
from clusterstate.sandbox.s3server import S3Server
from tests.support.gcs.server import GcsServer
from tests.support.helm import helm
from tests.support.moto import MotoServer
from tests.support.openstack import server as openstack
from tests.support.oss.server import OssServer

Say = Callable[[str], None]


class Server(Protocol):
    """What every server of a run can do."""

    def stop(self) -> None: ...

    def shared(self) -> Self: ...


@dataclass(frozen=True)
class Kind:
    """How a server is started, and which programs it needs."""

    start: Callable[[Path], Server]
    programs: tuple[str, ...] = ()
    prepare: Callable[[Say], object] | None = None
    """Makes sure that whatever else it needs is there."""


KINDS = {
    "control_plane": Kind(ControlPlane.start, PROGRAMS, prepare=lambda _: helm()),
    "s3_server": Kind(S3Server.start, ("versitygw",)),
    "moto_server": Kind(MotoServer.start),
    "gcs_server": Kind(GcsServer.start),
    "oss_server": Kind(OssServer.start),
    "swift_server": Kind(openstack.SwiftServer.start, prepare=openstack.prepare),
}
"""By the name of the fixture that gives it."""


class Holder:
    """Starts servers on demand, once each, and stops them; safe to use from several threads."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._directory = Path(tempfile.mkdtemp(prefix="clusterstate-"))
        self._slots = {name: _Slot() for name in KINDS}
        self._listener: Listener | None = None
        self._key = secrets.token_bytes(16)

    def prepare(self, name: str) -> None:
        """Make sure that what a server needs is there; making it takes minutes the first time."""
        slot, kind = self._slots[name], KINDS[name]
        with slot.lock:
            for program in () if slot.prepared else kind.programs:
                find(program, self._say)
            if kind.prepare is not None and not slot.prepared:
                kind.prepare(self._say)
            slot.prepared = True

    def get(self, name: str) -> Any:
        """Give a running server. Raises SandboxError, the same again for everybody who asks, if it can't start."""
        slot = self._slots[name]
        with slot.lock:
            if slot.error is not None:
                raise SandboxError(slot.error)
            if slot.server is None:
                try:
                    slot.server = KINDS[name].start(self._directory / name)
                except Exception as error:
                    slot.error = f"{name} can't be started: {error}"
                    raise SandboxError(slot.error) from error
            return slot.server.shared()

    def listen(self) -> tuple[str, bytes]:
        """Begin to answer other processes of this run; gives what `Asker` needs."""
        if self._listener is None:
            self._listener = Listener(str(self._directory / "socket"), "AF_UNIX", backlog=64, authkey=self._key)
            threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()
        return str(self._directory / "socket"), self._key

    def stop(self) -> None:
        """Stop what was started and remove its files."""
        for slot in self._slots.values():
            with slot.lock:
                if slot.server is not None:
                    slot.server.stop()
                slot.error = "the run is over"
        if self._listener is not None:
            self._listener.close()
        shutil.rmtree(self._directory, ignore_errors=True)

    def _accept(self, listener: Listener) -> None:
        with suppress(OSError):  # closed: the run is over
            while True:
                connection = listener.accept()
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: Connection) -> None:
        with connection:
            verb, name = connection.recv()
            try:
                connection.send((True, {"prepare": self.prepare, "get": self.get}[verb](name)))
            except SandboxError as error:
                connection.send((False, str(error)))


@dataclass
class _Slot:
    lock: threading.Lock = field(default_factory=threading.Lock)
    prepared: bool = False
    server: Server | None = None
    error: str | None = None


class Asker:
    """The holder's face in another process of the run."""

    def __init__(self, address: str, key: bytes) -> None:
        self._address, self._key = address, key

    def prepare(self, name: str) -> None:
        """Do as Holder.prepare does."""
        self._ask("prepare", name)

    def get(self, name: str) -> Any:
        """Do as Holder.get does."""
        return self._ask("get", name)

    def stop(self) -> None:
        """Leave the servers to their holder."""

    def _ask(self, verb: str, name: str) -> Any:
        with Client(self._address, "AF_UNIX", authkey=self._key) as connection:
            connection.send((verb, name))
            done, answer = connection.recv()
        if not done:
            raise SandboxError(answer)
        return answer
