"""Answers that no honest API server gives: too much of everything, and what isn't an object at all."""

import pytest
from aiohttp import web

from clusterstate.errors import IntegrityFailed, KeyNotFound, StoreRefused
from clusterstate.store.backends.kubernetes import files
from tests.kube.proxies import scripted
from tests.store.backends.kubernetes.stores import served_head, unretried

DIGESTS = [f"{number:040x}" for number in range(100)]


@pytest.mark.parametrize("names", [DIGESTS[:10], DIGESTS[:1] * 2], ids=["too many", "one twice"])
async def test_a_small_secret_has_nobody_read_parts_without_end(names: list[str]) -> None:
    """Each name in the annotation would be a request and a mebibyte, whatever size the head tells."""
    asked: list[str] = []
    head = served_head(**{files.PARTS: ",".join(names)})

    async def answer(request: web.Request) -> web.StreamResponse:
        asked.append(request.path)
        return web.json_response(head)

    async with scripted(answer) as url, unretried(url) as store:
        with pytest.raises(KeyNotFound):
            await store.read("file")
    assert len(asked) == 1


@pytest.mark.parametrize(("size", "reads"), [(1 << 20, 2), ((1 << 20) + 1, 1)], ids=["of all", "of one"])
async def test_parts_are_left_as_soon_as_they_are_too_much(size: int, reads: int) -> None:
    asked: list[str] = []
    head = served_head(**{files.PARTS: ",".join(DIGESTS[:9]), files.SIZE: "1048576"})
    head["data"] = {"file": ""}

    async def answer(request: web.Request) -> web.StreamResponse:
        name = request.path.rpartition("/")[2]
        if name == files.name_of("file"):
            return web.json_response(head)
        asked.append(name)
        part = files.make_part("n", "file", bytes(size), "x")
        return web.json_response({**part, "metadata": {**head["metadata"], "name": name}})

    async with scripted(answer) as url, unretried(url) as store:
        with pytest.raises(IntegrityFailed, match="file can't be used"):
            await store.read("file")
    assert len(asked) == reads


async def test_a_file_that_nobody_could_read_is_not_written() -> None:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(status=500)

    async with scripted(answer) as url, unretried(url) as store:
        with pytest.raises(StoreRefused, match="the most that is read"):
            await store.write("file", bytes(9 << 20))
