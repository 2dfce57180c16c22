"""The page on reviews, run as it stands, with the real kops: the production bucket is read, and never written to."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.kops import Kops
from tests.support.pages import CLUSTER, DOCS, NODES, Desk, blocks, load

pytestmark = [pytest.mark.kops, pytest.mark.objectstore]

PAGE = "workflows/review.md"
PIP = '#!/bin/sh\ntest "$1" = install && exec grep -q \'^name = "clusterstate"$\' "$2/pyproject.toml"\n'
"""In place of pip, which would ask an index."""
GH = '#!/bin/sh\necho "$@" > told\n'
"""In place of GitHub's own command."""


@pytest.fixture
def desk(kops: Kops, tmp_path: Path) -> Desk:
    stored = load(kops)
    desk = Desk(kops, tmp_path / "desk")
    desk.program("gh", GH)
    desk.program("pip", PIP)
    (desk.folder / "clusterstate").symlink_to(DOCS.parent)
    proposed = yaml.safe_load(stored[f"{CLUSTER}/instancegroup/{NODES}"])
    proposed["spec"]["maxSize"] = 6
    (desk.folder / "proposed.yaml").write_text(yaml.safe_dump(proposed))
    return desk


def bucket(kops: Kops) -> dict[str, Any]:
    """Everything that a write would change: names, contents, times."""
    entries = kops.s3.client().list_objects_v2(Bucket=kops.bucket)["Contents"]
    return {entry["Key"]: (entry["ETag"], entry["LastModified"]) for entry in entries}


def test_the_page_is_so(desk: Desk) -> None:
    before = bucket(desk.kops)
    told = f"~ instancegroup/{NODES}\n    ~ /spec/maxSize: 4 -> 6\n"
    by_kops, by_apply, directly, in_git = blocks(PAGE)
    assert told in desk.run(by_kops)
    assert "1 to change in" in desk.run(by_apply)
    assert told in desk.run(directly)
    desk.run("git init -q -b main; git add state; git commit -q -m state")
    desk.run(f"sed -i 's/maxSize: 6/maxSize: 7/' state/{CLUSTER}/instancegroup/{NODES}")
    assert f"~ instancegroup/{NODES}\n    ~ /spec/maxSize: 6 -> 7\n" in desk.run(in_git)
    assert (desk.folder / "comment.md").read_text().startswith("**1 of 8 files differ: 1 changed.**")
    assert bucket(desk.kops) == before


def test_the_job_of_the_page_comments_on_a_pull_request(desk: Desk) -> None:
    before = bucket(desk.kops)
    (job,) = yaml.safe_load(blocks(PAGE, "yaml")[0])["jobs"].values()
    for step in job["steps"]:
        if "run" in step:
            environ = {"RUNNER_TEMP": str(desk.folder), **dict.fromkeys(step.get("env", {}), "7")}
            desk.run(step["run"], environ)
    assert (desk.folder / "told").read_text() == "pr comment 7 --body-file comment.md\n"
    comment = (desk.folder / "comment.md").read_text()
    assert comment.startswith("**1 of 8 files differ: 1 changed.**")
    assert "- /spec/maxSize: 4\n+ /spec/maxSize: 6\n" in comment
    assert bucket(desk.kops) == before
