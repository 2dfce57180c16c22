"""The workflow that docs/workflows/git.md tells, run as it stands there, with the real kops beside it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from clusterstate.sandbox.s3server import S3Server
from tests.cli.files.places import COMPLEX, DATA, files
from tests.kops.asking import documents, edit
from tests.kops.test_adopt import environment
from tests.support.kops import Kops

pytestmark = [pytest.mark.kops, pytest.mark.objectstore]

PAGE = Path(__file__).parents[2] / "docs" / "workflows" / "git.md"
CLUSTER = "prod.example.com"
NODES = "nodes-us-east-1a"


def test_the_page_can_be_followed(kops: Kops, s3_server: S3Server, tmp_path: Path) -> None:
    stored = load(s3_server, kops.bucket)
    into, again, branch, merged, adopt = re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    follow(into, kops, tmp_path)
    clusters = tmp_path / "clusters"
    tracked = {path: data for path, data in files(clusters).items() if path.startswith(CLUSTER)}
    assert tracked == {path: data for path, data in stored.items() if "/secrets/" not in path and "private" not in path}
    edit(kops, {CLUSTER: lambda spec: spec.update(channel="alpha")}, CLUSTER)
    assert "+  channel: alpha" in follow(again, kops, tmp_path)
    assert f"~ {CLUSTER}/instancegroup/{NODES}" in follow(branch, kops, tmp_path)
    assert documents(kops, cluster=CLUSTER)[NODES]["spec"]["maxSize"] != 5
    follow(merged, kops, clusters)
    shown = documents(kops, cluster=CLUSTER)
    assert (shown[NODES]["spec"]["maxSize"], shown[CLUSTER]["spec"]["channel"]) == (5, "alpha")
    follow(adopt, kops, tmp_path)
    assert "maxSize: 5" in (tmp_path / "manifests" / f"{CLUSTER}.yaml").read_text()


def load(server: S3Server, bucket: str) -> dict[str, bytes]:
    """Put a store that kops wrote into the bucket."""
    root = DATA / "kops-store" / COMPLEX
    replaced = {b"s3://state/": f"s3://{bucket}/".encode(), COMPLEX.encode(): CLUSTER.encode()}
    stored = {}
    for path, data in files(root).items():
        text = data
        for old, new in replaced.items():
            text = text.replace(old, new)
        stored[f"{CLUSTER}/{path}"] = text
        server.client().put_object(Bucket=bucket, Key=f"{CLUSTER}/{path}", Body=text)
    return stored


def follow(commands: str, kops: Kops, folder: Path) -> str:
    """Type what the page says; give what that prints."""
    programs = folder.parent / f"{folder.name}-programs"
    programs.mkdir(exist_ok=True)
    (programs / "clusterstate").write_text(f'#!/bin/sh\nexec {sys.executable} -m clusterstate "$@"\n')
    (programs / "clusterstate").chmod(0o755)
    typed = commands.replace("s3://acme-state-store", f"s3://{kops.bucket}")
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", typed],
        cwd=folder,
        env={
            "PATH": f"{programs}:{os.environ['PATH']}",
            "HOME": str(folder.parent),
            "KOPS_STATE_STORE": kops.store,
            "GIT_CONFIG_GLOBAL": os.devnull,
            **{f"GIT_{who}_{what}": "a@b" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
            **environment(kops),
        },
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
