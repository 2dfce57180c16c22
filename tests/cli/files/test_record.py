"""The record of a directory: what two commands at once have found out stays, whoever of them is the last."""

from pathlib import Path

from clusterstate.cli.files.folder import opened_folder
from clusterstate.cli.files.record import load_record

URL = "s3://state"


async def test_what_another_command_recorded_meanwhile_of_another_cluster_stays(tmp_path: Path) -> None:
    async with opened_folder(tmp_path) as folder:
        first, second = await load_record(folder.store), await load_record(folder.store)
        first.of(URL, "one").update({"config": "1", "secrets/a": "2"})
        second.of(URL, "two").update({"config": "3", "secrets/a": "4"})
        await first.save()
        await second.save()
        first.of(URL, "one")["config"] = "5"
        await first.save()
        found = await load_record(folder.store)
    assert found.of(URL, "one") == {"config": "5", "secrets/a": "2"}
    assert found.of(URL, "two") == {"config": "3", "secrets/a": "4"}
