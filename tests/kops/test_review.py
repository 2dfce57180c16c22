"""The page on reviews, run as it stands, with the real kops: the production bucket is read, and never written to."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.cli import OPERATOR
from tests.support.kops import Kops
from tests.support.world import COMPLEX, DATA

pytestmark = [pytest.mark.kops, pytest.mark.objectstore]

PAGE = OPERATOR.parent / "docs/workflows/review.md"
GROUP = "nodes-us-east-1a"
SHIM = '#!/bin/sh\nexec {python} -m clusterstate "$@"\n'
GH = '#!/bin/sh\necho "$@" > told\n'
"""In place of GitHub's own command."""


class Shell:
    """A folder in which the page's commands run, with the bucket in place of the page's."""

    def __init__(self, kops: Kops, folder: Path) -> None:
        self.kops = kops
        self.folder = folder
        self.programs = folder / ".programs"
        self.programs.mkdir()
        self.program("clusterstate", SHIM.format(python=sys.executable))
        self.program("kops", f'#!/bin/sh\nexec {kops.program} "$@"\n')
        self.program("gh", GH)

    def program(self, name: str, text: str) -> None:
        file = self.programs / name
        file.write_text(text)
        file.chmod(0o700)

    def run(self, script: str, environ: Mapping[str, str] | None = None) -> str:
        """Run lines as a CI does, where the first that fails ends it; give what they print."""
        script = script.replace("s3://acme-state-store", self.kops.store).replace("prod.example.com", COMPLEX)
        path = f"{self.programs}:{os.environ['PATH']}"
        more = {"PATH": path, "PYTHONPATH": str(OPERATOR), "RUNNER_TEMP": str(self.folder), **(environ or {})}
        done = subprocess.run(
            ["bash", "-e", "-c", script],
            cwd=self.folder,
            env={**replace(self.kops, more=more).environment, "KOPS_STATE_STORE": self.kops.store},
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert done.returncode == 0, f"{script}: {done.stdout}{done.stderr}"
        return done.stdout

    def git(self, *arguments: str) -> None:
        names = ("-c", "user.name=n", "-c", "user.email=n@example.com")
        subprocess.run(["git", *names, *arguments], cwd=self.folder, check=True, capture_output=True)


@pytest.fixture
def shell(kops: Kops, tmp_path: Path) -> Shell:
    s3 = kops.s3.client()
    root = DATA / "kops-store"
    for path in (path for path in sorted((root / COMPLEX).rglob("*")) if path.is_file()):
        data = path.read_bytes().replace(b"s3://state/", f"{kops.store}/".encode())
        s3.put_object(Bucket=kops.bucket, Key=str(path.relative_to(root)), Body=data)
    folder = tmp_path / "desk"
    folder.mkdir()
    proposed = yaml.safe_load((root / COMPLEX / "instancegroup" / GROUP).read_text())
    proposed["spec"]["maxSize"] = 6
    (folder / "proposed.yaml").write_text(yaml.safe_dump(proposed))
    return Shell(kops, folder)


def bucket(kops: Kops) -> dict[str, Any]:
    """Everything that a write would change: names, contents, times."""
    entries = kops.s3.client().list_objects_v2(Bucket=kops.bucket)["Contents"]
    return {entry["Key"]: (entry["ETag"], entry["LastModified"]) for entry in entries}


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)


def test_the_page_is_so(shell: Shell) -> None:
    before = bucket(shell.kops)
    told = f"~ instancegroup/{GROUP}\n    ~ /spec/maxSize: 4 -> 6\n"
    by_kops, by_apply, directly, in_git = blocks("sh")
    assert told in shell.run(by_kops)
    assert "1 to change in" in shell.run(by_apply)
    assert told in shell.run(directly)
    shell.git("init", "-q", "-b", "main")
    shell.git("add", "state")
    shell.git("commit", "-q", "-m", "state")
    shell.run(f"sed -i 's/maxSize: 6/maxSize: 7/' state/prod.example.com/instancegroup/{GROUP}")
    assert f"~ instancegroup/{GROUP}\n    ~ /spec/maxSize: 6 -> 7\n" in shell.run(in_git)
    assert (shell.folder / "comment.md").read_text().startswith("**1 of 8 files differ: 1 changed.**")
    assert bucket(shell.kops) == before


def test_the_job_of_the_page_comments_on_a_pull_request(shell: Shell) -> None:
    before = bucket(shell.kops)
    (job,) = yaml.safe_load(blocks("yaml")[0])["jobs"].values()
    for step in job["steps"]:
        if "run" in step:
            shell.run(step["run"], dict.fromkeys(step.get("env", {}), "7"))
    assert (shell.folder / "told").read_text() == "pr comment 7 --body-file comment.md\n"
    comment = (shell.folder / "comment.md").read_text()
    assert comment.startswith("**1 of 8 files differ: 1 changed.**")
    assert "- /spec/maxSize: 4\n+ /spec/maxSize: 6\n" in comment
    assert bucket(shell.kops) == before
