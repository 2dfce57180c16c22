"""The agent keeps what it has whatever happens to its source, and forgets no reload."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest

from clusterstate.errors import FilesNotWritten
from clusterstate.node.agent import Agent
from clusterstate.node.choice import Found, Gone, Knowledge, Unknown
from clusterstate.node.config import Configuration
from tests.node.sets import put, seen, stamps, versions

CANARY = b"canary-in-the-coal-mine-7391"


class Known:
    """A source that knows what a test says."""

    def __init__(self, **mirrors: Knowledge) -> None:
        self.on_change: Callable[[], None] = lambda: None
        self._mirrors = mirrors

    def tell(self, **mirrors: Knowledge) -> None:
        self._mirrors |= mirrors
        self.on_change()

    async def run(self) -> None:
        self.on_change()
        await asyncio.Event().wait()

    async def read(self, name: str) -> Knowledge:
        return self._mirrors[name]


def configuration(directory: Path, **fields: Any) -> Configuration:
    names = {"ca.crt": "ca", "tls.key": "pair"}
    files = [{"path": key, "secret": secret, "key": key} for key, secret in names.items()]
    return msgspec.convert({"sets": [{"directory": str(directory), "files": files, **fields}]}, Configuration)


def pair(text: bytes) -> dict[str, Found]:
    return {"ca": Found({"ca.crt": b"ca " + text}), "pair": Found({"tls.key": text})}


def wanted(text: bytes) -> dict[str, bytes]:
    return {"ca.crt": b"ca " + text, "tls.key": text}


@asynccontextmanager
async def running(agent: Agent) -> AsyncIterator[None]:
    work = asyncio.create_task(agent.run())
    try:
        yield
    finally:
        work.cancel()
        with suppress(asyncio.CancelledError):
            await work


async def until(look: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not look():  # noqa: ASYNC110 - the disk tells nobody
            await asyncio.sleep(0.02)


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


async def test_it_follows_and_keeps_the_last_good_set(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    directory = tmp_path / "pki"
    source = Known(**pair(CANARY))
    caplog.set_level(logging.DEBUG)
    async with running(Agent(configuration(directory), source)):
        await until(lambda: directory.exists() and len(versions(directory)) == 1 and seen(directory) == wanted(CANARY))
        source.tell(pair=Unknown("nobody knows"))
        await until(lambda: "nobody knows" in caplog.text)
        source.tell(pair=Found({"tls.crt": CANARY}))
        await until(lambda: "has no tls.key" in caplog.text)
        source.tell(pair=Gone())
        await until(lambda: "Secret pair isn't there" in caplog.text)
        assert seen(directory) == wanted(CANARY)
        source.tell(**pair(b"two"))
        await until(lambda: seen(directory) == wanted(b"two") and len(versions(directory)) == 1)
        before = stamps(directory)
        source.tell(**pair(b"two"))
        (directory / "tls.key").unlink()
        source.on_change()
        await until(lambda: seen(directory) == wanted(b"two"))
        assert len(before) == len(stamps(directory))
    assert CANARY.decode() not in caplog.text


async def test_files_go_with_their_mirror_where_asked(tmp_path: Path) -> None:
    directory, log = tmp_path / "pki", tmp_path / "log"
    source = Known(**pair(b"one"))
    reload = ["sh", "-c", f'echo "$CLUSTERSTATE_DIRECTORY" >> {log}']
    async with running(Agent(configuration(directory, removeMissing=True, reload=reload), source)):
        await until(lambda: lines(log))
        source.tell(pair=Gone())
        await until(lambda: lines(log)[1:])
        assert seen(directory) == {"ca.crt": b"ca one"}
        source.tell(ca=Gone())
        await until(lambda: lines(log)[2:])
        assert seen(directory) == {}
    assert lines(log) == [str(directory)] * 3


async def test_a_reload_is_repeated_until_it_succeeds_after_a_restart_too(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    directory, log, ready = tmp_path / "pki", tmp_path / "log", tmp_path / "ready"
    told = configuration(directory, reload=["sh", "-c", f"echo >> {log}; echo {CANARY.decode()}; test -e {ready}"])
    async with running(Agent(told, Known(**pair(b"one")))):
        await until(lambda: lines(log)[1:])
    assert seen(directory) == wanted(b"one")
    assert "sh ended with code 1. It is run again" in caplog.text
    log.unlink()
    ready.touch()
    away = Known(ca=Unknown("away"), pair=Unknown("away"))
    async with running(Agent(told, away)):
        await until((directory / "..reloaded").is_symlink)
        assert lines(log) == [""]
        away.on_change()
        away.tell(**pair(b"one"))
    await Agent(told, Known(**pair(b"one"))).once(30)
    assert lines(log) == [""]
    assert CANARY.decode() not in caplog.text


@pytest.mark.parametrize(
    ("reload", "said"),
    [
        (["/nowhere/at/all"], "can't be started: No such file or directory"),
        (["sh", "-c", "kill -9 $$"], "was ended by signal 9"),
        (["sh", "-c", "sleep 1000 & sleep 1000"], "took longer than 100ms"),
    ],
)
async def test_a_reload_that_fails_is_told_and_costs_no_file(tmp_path: Path, reload: list[str], said: str) -> None:
    told = configuration(tmp_path / "pki", reload=reload, reloadTimeout="100ms")
    with pytest.raises(FilesNotWritten, match=said):
        await Agent(told, Known(**pair(b"one"))).once(4)
    assert seen(tmp_path / "pki") == wanted(b"one")


async def test_a_reload_gets_nothing_of_the_agents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", CANARY.decode())
    log = tmp_path / "log"
    told = configuration(tmp_path / "pki", reload=["sh", "-c", f"env > {log}; pwd >> {log}"])
    await Agent(told, Known(**pair(b"one"))).once(30)
    assert {line.partition("=")[0] for line in lines(log)} <= {
        "PATH",
        "CLUSTERSTATE_DIRECTORY",
        "PWD",
        "SHLVL",
        "_",
        "/",
    }


class Dead(Known):
    """A source with a bug."""

    async def run(self) -> None:
        raise ValueError(CANARY)


async def test_a_bug_ends_it_at_once_without_what_was_read(tmp_path: Path) -> None:
    for work in (Agent.run, lambda agent: agent.once(3600)):
        with pytest.raises(FilesNotWritten, match="this is a bug: ValueError") as caught:
            await work(Agent(configuration(tmp_path / "pki"), Dead(**pair(b"one"))))
        assert CANARY.decode() not in caught.value.message


async def test_a_reload_is_not_held_up_by_a_write_that_fails(tmp_path: Path) -> None:
    directory, log = tmp_path / "pki", tmp_path / "log"
    put(directory, wanted(b"one"))
    (directory / "new").write_text("theirs")
    files = [{"path": "new", "secret": "ca", "key": "ca.crt"}]
    told = configuration(directory, files=files, reload=["sh", "-c", f"echo >> {log}; exit 3"])
    with pytest.raises(FilesNotWritten, match=r"new is there and isn't the agent's.*sh ended with code 3"):
        await Agent(told, Known(**pair(b"two"))).once(4)
    assert lines(log)
    assert seen(directory) == {**wanted(b"one"), "new": b"theirs"}


async def test_it_is_behind_until_each_set_is_what_it_should_be(tmp_path: Path) -> None:
    source = Known(**pair(b"one"))
    agent = Agent(configuration(tmp_path / "pki"), source)
    assert agent.behind == 1
    async with running(agent):
        await until(lambda: not agent.behind)
        assert seen(tmp_path / "pki") == wanted(b"one")
        source.tell(pair=Unknown("nobody knows"))
        await until(lambda: agent.behind == 1)
        source.tell(**pair(b"two"))
        await until(lambda: not agent.behind)


async def test_one_set_that_fails_does_not_hold_up_another(tmp_path: Path) -> None:
    good, bad = (msgspec.to_builtins(configuration(tmp_path / name).sets[0]) for name in ("good", "bad"))
    bad["files"][0]["owner"] = "nobody-of-that-name"
    agent = Agent(msgspec.convert({"sets": [bad, good]}, Configuration), Known(**pair(b"one")))
    with pytest.raises(FilesNotWritten, match="There is no user or group nobody-of-that-name") as caught:
        await agent.once(3)
    assert "good" not in caught.value.message
    assert seen(tmp_path / "good") == wanted(b"one")
    assert not (tmp_path / "bad").exists()


@pytest.mark.parametrize("owner", [os.geteuid(), str(os.geteuid())])
async def test_owners_are_numbers_or_names(tmp_path: Path, owner: int | str) -> None:
    told = configuration(tmp_path / "pki", files=[{"path": "a", "secret": "ca", "key": "ca.crt", "owner": owner}])
    await Agent(told, Known(**pair(b"one"))).once(30)
    assert (tmp_path / "pki" / "a").stat().st_uid == os.geteuid()
