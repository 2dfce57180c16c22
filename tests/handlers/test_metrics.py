"""What Prometheus reads: a series for each certificate as long as there is one, and nothing that it would refuse."""

import asyncio
from collections.abc import Mapping
from typing import Any

import aiohttp
import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from clusterstate.errors import SpecInvalid
from clusterstate.handlers.metrics import CERTIFICATE, Objects, expose
from clusterstate.handlers.queue import Queue
from clusterstate.handlers.web import render, serving
from clusterstate.settings import Address
from tests.handlers.objects import KEY, Body, body, make_controller

LOOPBACK = Address("127.0.0.1", 0)


def registry_of(objects: Objects) -> CollectorRegistry:
    registry = CollectorRegistry()
    expose(registry, objects, Queue(str, workers=1), lambda: True)
    return registry


def row(keyset: str, not_after: str = "2026-03-03T03:04:05Z", **more: Any) -> Body:
    return {"keyset": keyset, "primaryId": "7", "notAfter": not_after, "phase": "Valid", **more}


def with_rows(version: int, *rows: Any, **more: Any) -> Body:
    return body(version, **more) | {"status": {"certificates": list(rows)}}


def read(text: bytes) -> dict[tuple[str, ...], float]:
    """Give the series as Prometheus's own parser reads them."""
    families = text_string_to_metric_families(text.decode())
    samples = [each for family in families for each in family.samples if each.name == CERTIFICATE]
    found = {
        tuple(each.labels[name] for name in ("namespace", "clusterstate", "keyset")): each.value for each in samples
    }
    assert len(found) == len(samples), "no series comes twice"
    return found


def test_series_come_and_go_with_keysets_and_objects() -> None:
    async def story() -> None:
        controller = make_controller()
        registry = registry_of(controller.bodies)
        assert read(render(registry)) == {}
        controller.observe(with_rows(1, row("kubernetes-ca"), row('odd\n"name\\')), deleted=False)
        assert read(render(registry)) == {(*KEY, "kubernetes-ca"): 1772507045, (*KEY, 'odd\n"name\\'): 1772507045}
        controller.observe(with_rows(2, row("kubernetes-ca", "2027-01-01T00:00:00Z")), deleted=False)
        assert read(render(registry)) == {(*KEY, "kubernetes-ca"): 1798761600}
        controller.observe(with_rows(3), deleted=True)
        assert read(render(registry)) == {}

    asyncio.run(story())


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (None, []),
        ({}, []),
        ({"certificates": [row("a"), row("a", "2027-01-01T00:00:00Z")]}, [1772507045]),
        ({"certificates": [row("a", "never")]}, []),
        ({"certificates": [{"keyset": "a"}]}, []),
        ({"certificates": "none"}, []),
        ({"certificates": [row("a", future="field")]}, [1772507045]),
    ],
)
def test_what_others_write_into_a_status_breaks_nothing(
    status: Mapping[str, Any] | None, expected: list[float]
) -> None:
    objects = [body(1) | {"status": status}, with_rows(1, row("fine"), metadata={"name": "other"})]
    found = read(render(registry_of(lambda: objects)))
    assert found.pop(("clusters", "other", "fine"))
    assert list(found.values()) == expected


async def get(url: str) -> tuple[int, str, bytes]:
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status, answer.headers["Content-Type"], await answer.read()


def address_in(caplog: pytest.LogCaptureFixture) -> str:
    return caplog.messages[-1].removeprefix("metrics are at ")


async def test_they_are_answered_at_one_path_and_many_may_ask(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    registry = registry_of(lambda: [with_rows(1, row("kubernetes-ca"))])
    async with serving(LOOPBACK, registry):
        url = f"http://{address_in(caplog)}"
        for status, kind, text in await asyncio.gather(*(get(f"{url}/metrics") for _ in range(20))):
            assert (status, kind) == (200, "text/plain; version=0.0.4; charset=utf-8")
            assert read(text) == {(*KEY, "kubernetes-ca"): 1772507045}
        assert (await get(f"{url}/"))[0] == 404
    with pytest.raises(aiohttp.ClientConnectionError):
        await get(f"{url}/metrics")


async def test_who_can_say_so_is_asked_whether_it_is_ready(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    ready = [False]
    async with serving(LOOPBACK, registry_of(list), lambda: ready[0]):
        url = f"http://{address_in(caplog)}/readyz"
        assert (await get(url))[0] == 503
        assert (await get(url.replace("/readyz", "/healthz")))[0] == 200
        ready[0] = True
        assert (await get(url))[0] == 200


async def test_where_nothing_can_listen_it_says_so(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    registry = registry_of(list)
    async with serving(LOOPBACK, registry):
        taken = Address("127.0.0.1", int(address_in(caplog).rpartition(":")[2]))
        with pytest.raises(SpecInvalid, match=f"CLUSTERSTATE_METRICS_ADDRESS is {taken}, where nothing can listen"):
            async with serving(taken, registry):
                raise AssertionError
    async with serving(None, registry):
        assert len(caplog.messages) == 1


async def test_the_loop_goes_on_while_many_series_are_written(caplog: pytest.LogCaptureFixture) -> None:
    """Written in the loop, one answer would take as long as all beats together."""
    caplog.set_level("INFO")
    rows = [row(f"keyset-{number}") for number in range(100)]
    objects = [with_rows(1, *rows, metadata={"name": f"prod-{number}"}) for number in range(200)]
    async with serving(LOOPBACK, registry_of(lambda: objects)):
        asked = asyncio.create_task(get(f"http://{address_in(caplog)}/metrics"))
        beats = 0
        while not asked.done():
            await asyncio.sleep(0)
            beats += 1
        assert len(read((await asked)[2])) == 20_000
    assert beats > 20


def with_ready(name: str, status: str, reason: str, **more: Any) -> Body:
    ready = {"type": "Ready", "status": status, "reason": reason}
    conditions = [{"type": "InSync", "status": "False", "reason": "Drifted"}, ready]
    return body(1, metadata={"name": name}) | {"status": {"conditions": conditions, **more}}


def test_what_statuses_tell_is_measured() -> None:
    objects = [
        with_ready("fine", "True", "Succeeded", mirrors=[{"secret": "a"}, {"secret": "b"}]),
        with_ready("drifted", "True", "Succeeded", drift=[{"path": "config"}]),
        with_ready("away", "False", "StoreUnavailable"),
        with_ready("idle", "False", "Suspended"),
        with_ready("odd", "False", "Written by somebody else", drift=7, mirrors={}),
        body(1, metadata={"name": "new"}),
        body(1, metadata={"name": "junk"}) | {"status": {"conditions": [3]}},
    ]
    registry = registry_of(lambda: objects)

    def by_name(metric: str) -> dict[str, float]:
        (family,) = (each for each in registry.collect() if each.name == metric)
        return {each.labels["clusterstate"]: each.value for each in family.samples}

    assert by_name("clusterstate_ready") == {"fine": 1, "drifted": 1, "away": 0, "odd": 0, "new": 0, "junk": 0}
    assert {name: count for name, count in by_name("clusterstate_drifted_fields").items() if count} == {"drifted": 1}
    assert {name: count for name, count in by_name("clusterstate_mirrors").items() if count} == {"fine": 2}
    reasons = {"Succeeded": 2, "StoreUnavailable": 1, "Suspended": 1, "Unknown": 3}
    found = {reason: registry.get_sample_value("clusterstate_objects", {"reason": reason}) for reason in reasons}
    assert found == reasons
