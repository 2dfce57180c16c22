"""The way of the node agent: each set has a keeper, which has its mirrors read, its files chosen, written, reloaded.

A keeper looks when something may have changed, and at an interval; a look that failed is repeated at a growing
distance. What is on the disk says what is left to do, so that a restart, with -9 too, forgets nothing: not even a
reload that failed.
"""

import asyncio
import grp
import logging
import os
import pwd
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

from clusterstate.api.durations import parse_duration
from clusterstate.errors import ClusterStateError, FilesNotWritten, describe_bug
from clusterstate.node.choice import choose_files
from clusterstate.node.config import Account, Configuration, FileSet, NodeFile
from clusterstate.node.files import SetOnDisk
from clusterstate.node.folder import Content
from clusterstate.node.reload import reload
from clusterstate.node.sources import FIRST_DELAY, LONGEST_DELAY, Source

log = logging.getLogger(__name__)

GRACE: Final = 1.0
"""Seconds for readers that are on their way to a file of the set before."""
PATIENCE: Final = 5.0
"""Seconds in which a source may say what it knows before the first look; what is left to reload waits no longer."""


class Agent:
    """All sets of a configuration."""

    def __init__(self, configuration: Configuration, source: Source) -> None:
        interval = parse_duration(configuration.interval).total_seconds()
        self._source = source
        self._keepers = [_Keeper(each, source, interval) for each in configuration.sets]
        source.on_change = self._wake

    @property
    def behind(self) -> int:
        """How many sets aren't what their mirrors say, as far as is known, or weren't looked at yet."""
        return sum(bool(each.problem) for each in self._keepers)

    async def run(self) -> None:
        """Keep all sets until cancelled; raise `FilesNotWritten` where a bug ends that."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._source.run())
                for each in self._keepers:
                    group.create_task(each.run())
        except ExceptionGroup as bugs:
            raise FilesNotWritten(f"The files stay as they are; this is a bug: {describe_bug(bugs)}") from None

    async def once(self, seconds: float) -> None:
        """Return once each set was what its mirrors say; raise `FilesNotWritten` where that takes longer."""
        work, settling = asyncio.create_task(self.run()), asyncio.create_task(self._settle())
        try:
            await asyncio.wait({work, settling}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                await work
            if not settling.done():
                problems = [each.problem for each in self._keepers if not each.settled.is_set()]
                raise FilesNotWritten(f"Not done after {seconds:g} seconds. {' '.join(dict.fromkeys(problems))}")
        finally:
            for each in (work, settling):
                each.cancel()
            await asyncio.gather(work, settling, return_exceptions=True)

    async def _settle(self) -> None:
        for each in self._keepers:
            await each.settled.wait()

    def _wake(self) -> None:
        for each in self._keepers:
            each.wake.set()


class _Keeper:
    """One set."""

    def __init__(self, files: FileSet, source: Source, interval: float) -> None:
        self.wake = asyncio.Event()
        self.settled = asyncio.Event()
        """Set once the set was what its mirrors say, reloaded after too; stays set."""
        self.problem = f"{files.directory} hasn't been looked at yet."
        self._files = files
        self._source = source
        self._interval = interval
        self._delay = FIRST_DELAY
        self._disk = SetOnDisk(files.directory, files.permissions, trusted=files.trusted)

    async def run(self) -> None:
        await self._rest(PATIENCE)
        while True:
            self.wake.clear()
            await self._rest(await self._attempt())

    async def _rest(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.wake.wait()

    async def _attempt(self) -> float:
        """Look once, and say how many seconds later again."""
        try:
            await self._keep()
        except ClusterStateError as error:
            return self._failed(error.message)
        except Exception as bug:  # noqa: BLE001 - one set's bug must not stop the others
            return self._failed(f"{self._files.directory} stays as it is; this is a bug: {describe_bug(bug)}")
        self.problem, self._delay = "", FIRST_DELAY
        self.settled.set()
        return self._interval

    def _failed(self, problem: str) -> float:
        if problem != self.problem:
            log.warning("%s", problem)
        self.problem = problem
        wait, self._delay = self._delay, min(self._delay * 2, LONGEST_DELAY)
        return min(wait, self._interval)

    async def _keep(self) -> None:
        present = await asyncio.to_thread(self._disk.is_there)
        try:
            await self._write(present=present)
        except FilesNotWritten as error:
            if present:  # the last good set may still wait for its reload
                await self._reload_besides(error)
            raise
        await self._reload()

    async def _write(self, *, present: bool) -> None:
        known = {name: await self._source.read(name) for name in self._files.secrets}
        chosen = choose_files(self._files, known, present=present)
        if await asyncio.to_thread(self._put, chosen):
            log.info("wrote %s: %d of %d files", self._files.directory, len(chosen), len(self._files.files))
            await asyncio.sleep(GRACE)
            await asyncio.to_thread(self._disk.clean)

    def _put(self, chosen: Mapping[NodeFile, bytes]) -> bool:
        wanted = {each.path: _content(each, data) for each, data in chosen.items()}
        return self._disk.put(wanted, datetime.now(UTC))

    async def _reload_besides(self, problem: FilesNotWritten) -> None:
        try:
            await self._reload()
        except FilesNotWritten as another:
            raise FilesNotWritten(" ".join(dict.fromkeys((problem.message, another.message)))) from None

    async def _reload(self) -> None:
        if not self._files.reload:
            return
        due = await asyncio.to_thread(self._disk.reload_due)
        if due is None:
            return
        await reload(self._files)
        await asyncio.to_thread(self._disk.note_reload, due)
        log.info("reloaded after %s", self._files.directory)


def _content(each: NodeFile, data: bytes) -> Content:
    uid = _number(each.owner, os.geteuid(), lambda name: pwd.getpwnam(name).pw_uid)
    gid = _number(each.group, os.getegid(), lambda name: grp.getgrnam(name).gr_gid)
    return Content(data, each.permissions, uid, gid)


def _number(account: Account | None, own: int, find: Callable[[str], int]) -> int:
    if account is None:
        return own
    if isinstance(account, int) or account.isdecimal():
        return int(account)
    try:
        return find(account)
    except KeyError:
        raise FilesNotWritten(f"There is no user or group {account} here. Give the node's number for it.") from None
