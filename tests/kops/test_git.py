"""The workflow that docs/workflows/git.md tells, run as it stands there, with the real kops beside it."""

from pathlib import Path

import pytest

from tests.cli.files.places import files
from tests.kops.asking import documents, edit
from tests.support.kops import Kops
from tests.support.pages import CLUSTER, NODES, Desk, blocks, load

pytestmark = [pytest.mark.kops, pytest.mark.objectstore]


def test_the_page_can_be_followed(kops: Kops, tmp_path: Path) -> None:
    stored = load(kops)
    desk = Desk(kops, tmp_path / "desk")
    into, again, branch, merged, adopt = blocks("workflows/git.md")
    desk.run(into)
    tracked = {path: data for path, data in files(desk.folder / "clusters").items() if path.startswith(CLUSTER)}
    assert tracked == {path: data for path, data in stored.items() if "/secrets/" not in path and "private" not in path}
    edit(kops, {CLUSTER: lambda spec: spec.update(channel="alpha")}, CLUSTER)
    assert "+  channel: alpha" in desk.run(again)
    assert f"~ {CLUSTER}/instancegroup/{NODES}" in desk.run(branch)
    assert documents(kops, cluster=CLUSTER)[NODES]["spec"]["maxSize"] != 5
    desk.run(f"cd clusters\n{merged}")
    shown = documents(kops, cluster=CLUSTER)
    assert (shown[NODES]["spec"]["maxSize"], shown[CLUSTER]["spec"]["channel"]) == (5, "alpha")
    desk.run(adopt)
    assert "maxSize: 5" in (desk.folder / "manifests" / f"{CLUSTER}.yaml").read_text()
