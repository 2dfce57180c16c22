"""What is away for a moment isn't gone."""

import asyncio

from clusterstate.node.absences import Absences


async def test_an_absence_counts_once_it_has_lasted() -> None:
    over = asyncio.Event()
    absences = Absences(over.set, settling=0.1)
    assert not absences.has_lasted("ca")
    for _ in range(2):
        absences.begin("ca")
        assert not absences.has_lasted("ca")
    absences.begin("pair")
    absences.end("pair")
    async with asyncio.timeout(30):
        await over.wait()
    assert absences.has_lasted("ca")
    assert not absences.has_lasted("pair")
    absences.end("ca")
    absences.begin("ca")
    assert not absences.has_lasted("ca")
