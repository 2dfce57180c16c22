"""Becoming the one process that writes, staying it, and giving that up: by a Lease, taken only as it was last seen.

Whoever holds it renews it each `retry` seconds. Each renewal keeps the fence open until `deadline` seconds after it
was *asked for*; then the holder writes no more and ends, and what it has begun to write has the rest of the Lease's
`duration` to come to its end. Others take the Lease when they have seen no renewal for `duration` seconds.
"""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from math import inf
from typing import NoReturn
from uuid import uuid4

from clusterstate.errors import KubeError, LeadershipLost, ObjectChanged, ObjectExists, ObjectNotFound
from clusterstate.fence import Fence, boot_time
from clusterstate.kube.client import Client
from clusterstate.kube.kinds import LEASES, JsonObject
from clusterstate.kube.lease import View
from clusterstate.settings import Election

log = logging.getLogger(__name__)


def make_identity() -> str:
    """Give a name that no other process has, and that tells a person where this one is."""
    return f"{socket.gethostname()[:63]}_{uuid4()}"


class Elector:
    """One candidate for one Lease."""

    def __init__(
        self,
        client: Client,
        election: Election,
        namespace: str,
        *,
        hold_back: Callable[[], float] = lambda: 0.0,
        clock: Callable[[], float] = boot_time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Take a client for these requests alone, and where the Lease is; `clock` gives seconds that only ever grow.

        `hold_back` gives the seconds for which a Lease that is nobody's is left to others.
        """
        self._client = client
        self._election = election
        self._namespace = namespace
        self._hold_back = hold_back
        self._clock = clock
        self._sleep = sleep
        self._view = View(make_identity(), election.duration)
        self._looked = -inf
        self._refused = False
        self._told = ""
        self._asks = False
        self.fence = Fence(clock)
        """Open as long as this process leads."""

    @property
    def sees_lease(self) -> bool:
        """Whether the Lease could be read lately, and written where it was free."""
        return self._clock() - self._looked < self._election.duration and not self._refused

    @property
    def is_led(self) -> bool:
        """Whether somebody holds the Lease, as far as this candidate can know."""
        return bool(self._view.holder) and (self._view.is_mine or self._left() > 0)

    @property
    def is_engaged(self) -> bool:
        """Whether this process leads, or is asking for that at this moment."""
        return self._asks or self._view.is_mine

    async def lead(self) -> None:
        """Wait until this process leads."""
        while not await self._take():
            left = self._left()
            await self._sleep(min(self._election.retry, left) if left > 0 else self._election.retry * self._haste)
        self._tell(f"leading, by Lease {self._where}, as {self._view.identity}")

    async def keep(self) -> NoReturn:
        """Lead until that can't be kept up; raise `LeadershipLost` then, when no write begins any more."""
        due = self._clock()
        while True:
            due = max(due + self._election.retry, self._clock())
            await self._sleep(max(0.0, min(due - self._clock(), self.fence.seconds)))
            self.fence.require_open()
            if not await self._take(self.fence.seconds) and not self._view.is_mine:
                self.fence.close()
                raise LeadershipLost(
                    f"{self._view.holder or 'Nobody'} holds Lease {self._where} now, so this process writes no more. "
                    "It ends; start it again."
                )
            self.fence.require_open()

    async def release(self) -> None:
        """Let go of the Lease, so that another process can lead at once; none of our writes may be under way."""
        left = self.fence.seconds
        self.fence.close()
        if left <= 0 or not self._view.is_mine:
            return
        body = self._view.release(self._election.name, self._namespace, datetime.now(UTC))
        try:
            async with asyncio.timeout(min(left, self._election.patience)):
                await self._client.replace(LEASES, body)
        except (KubeError, TimeoutError) as error:
            log.warning("Lease %s isn't released, and ends by itself: %s", self._where, error)

    async def _take(self, seconds: float = inf) -> bool:
        """Take or renew the Lease if it can be had, and open the fence; what can't be asked now is asked again."""
        patience = min(self._election.patience, seconds)
        try:
            async with asyncio.timeout(patience):
                return await self._try()
        except TimeoutError:
            self._tell(f"Lease {self._where}: no answer within {patience:.1f} s", logging.WARNING)
        except KubeError as error:
            self._tell(error.message, logging.WARNING)
        return False

    async def _try(self) -> bool:
        if not (self._view.is_mine and self._view.there):
            await self._look()
        if self._left() > 0:
            self._refused = False
            self._tell(f"standing by: {self._view.holder} leads, by Lease {self._where}")
            return False
        asked = self._clock()
        if self._view.seconds_left(asked, self._hold_back()) > 0 or not await self._claim():
            return False
        self.fence.open_until(asked + self._election.deadline)
        return True

    async def _claim(self) -> bool:
        """Write into the Lease that it is ours; False as `_write`."""
        self._asks = True
        try:
            written = await self._write(self._view.claim(self._election.name, self._namespace, datetime.now(UTC)))
        except KubeError:
            self._refused = True
            raise
        finally:
            self._asks = False
        self._refused = False
        return written

    async def _write(self, body: JsonObject) -> bool:
        """Write the Lease as it was last seen; False: somebody was faster, and what it says now is known."""
        try:
            self._take_in(await (self._client.replace if self._view.there else self._client.create)(LEASES, body))
        except (ObjectChanged, ObjectExists, ObjectNotFound) as error:
            if isinstance(error, ObjectNotFound) and not self._view.there:
                raise  # its namespace is missing
            await self._look()
            return False
        return True

    async def _look(self) -> None:
        try:
            self._take_in(await self._client.get(LEASES, self._namespace, self._election.name))
        except ObjectNotFound:
            self._take_in(None)

    def _take_in(self, body: JsonObject | None) -> None:
        self._looked = self._clock()
        self._view.take_in(body, self._looked)

    def _left(self) -> float:
        return self._view.seconds_left(self._clock())

    @property
    def _haste(self) -> float:
        """How soon a Lease is looked at again that is nobody's, as a share: somebody may want it who has none yet."""
        return 0.25 if self._hold_back() else 1.0

    @property
    def _where(self) -> str:
        return f"{self._namespace}/{self._election.name}"

    def _tell(self, text: str, level: int = logging.INFO) -> None:
        """Log what has changed."""
        if text != self._told:
            log.log(level, "%s", text)
        self._told = text
