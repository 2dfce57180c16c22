"""The other pages that a person follows, typed as they stand, with the real kops as the judge of what comes of it."""

from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from tests.cli.files.places import files
from tests.kops.asking import documents, rows
from tests.support.kops import Kops
from tests.support.pages import CLUSTER, NODES, Desk, blocks, load

pytestmark = [pytest.mark.kops, pytest.mark.objectstore]

PROD: Final = f"""\
apiVersion: kops.k8s.io/v1alpha2
kind: Cluster
metadata: {{name: {CLUSTER}}}
spec: {{kubernetesVersion: v1.33.1}}
---
apiVersion: kops.k8s.io/v1alpha2
kind: InstanceGroup
metadata: {{name: batch, labels: {{kops.k8s.io/cluster: {CLUSTER}}}}}
spec: {{maxSize: 10, role: Node}}
"""
VI: Final = "#!/bin/sh\nsed -i 's/channel: stable/channel: alpha/; s/maxSize: 7/maxSize: 8/' \"$1\"\n"
CODE: Final = '#!/bin/sh\n[ "$1" = --wait ] && sed -i "s/channel: alpha/channel: beta/" "$2"\n'
SOPS: Final = "#!/bin/sh\necho 'kind: EncryptionConfiguration'\n"
BUILDER: Final = '#!/bin/sh\necho "$@" >> built\n'
"""In place of a kops that would build the cluster."""


def test_looking(kops: Kops, tmp_path: Path) -> None:
    load(kops)
    (commands,) = blocks("looking.md")
    printed = Desk(kops, tmp_path / "desk").run(commands)
    assert printed.splitlines()[1].split() == rows(kops, "clusters")[0]
    cells = printed.split()
    for pair in rows(kops, "keypairs", cluster=CLUSTER):
        assert cells.count(pair[1]) == 2, "on the one screen, and in the table"
    for group in rows(kops, "instancegroups", cluster=CLUSTER):
        assert cells.count(group[0]) >= 2, "on the one screen, and in the tree"


@pytest.mark.timeout(300)  # some thirty commands
def test_changing(kops: Kops, tmp_path: Path) -> None:
    load(kops, {NODES.encode(): b"nodes"})
    desk = Desk(kops, tmp_path / "desk")
    for file in (desk.folder / "prod.yaml", desk.folder / "clusters" / "prod.yaml"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(PROD)
    desk.program("vi", VI)
    desk.program("code", CODE)
    apply, validate, pipeline, fields, edit, delete = blocks("workflows/change.md")
    shown = desk.run(apply, typed="y\n").replace(kops.store, "s3://acme-state-store")
    assert shown == blocks("workflows/change.md", "")[0].partition("Write this")[0]
    assert "2 objects are as they must be" in desk.run(f"exec 2>&1\n{validate}")
    desk.run(pipeline)
    desk.run(fields, typed="y\ny\ny\n")
    desk.run(edit, typed="y\ny\ny\n")
    found = documents(kops, cluster=CLUSTER)
    cluster, nodes, batch = (found[name]["spec"] for name in (CLUSTER, "nodes", "batch"))
    assert (cluster["kubernetesVersion"], cluster["channel"]) == ("1.33.1", "beta")
    assert {each["version"] for each in cluster["etcdClusters"]} == {"3.5.21"}
    assert (nodes["maxSize"], batch["maxSize"]) == (8, 10)
    desk.run(delete, typed=f"y\n{CLUSTER}\n")
    assert "Contents" not in kops.s3.client().list_objects_v2(Bucket=kops.bucket)


def test_moving(kops: Kops, tmp_path: Path) -> None:
    stored = load(kops)
    moved, mirror, other = (replace(kops, bucket=f"{kops.bucket}-{name}") for name in ("eu", "mirror", "other"))
    for each in (moved, mirror, other):
        kops.s3.create_bucket(each.bucket)
    places = {"s3://acme-state": kops.store, "gs://acme-state": kops.store, "swift://acme-state": other.store}
    folder = f"file://{tmp_path}/copy"
    places |= {"s3://acme-mirror": mirror.store, "file:///srv/review": folder, "file:///srv/backup": folder}
    desk = Desk(kops, tmp_path / "desk", places)
    migrate, copy, verify = blocks("workflows/move.md")
    told = blocks("workflows/move.md", "")[0].splitlines()[1:5]
    assert "\n".join(told).replace("s3://acme-state", kops.store) in desk.run(migrate, typed="y\n")
    assert documents(moved, cluster=CLUSTER)[CLUSTER]["spec"]["configBase"] == f"{moved.store}/{CLUSTER}"
    desk.run(copy)
    desk.run(verify)
    for each in (mirror, other):
        assert documents(each, cluster=CLUSTER) == documents(kops, cluster=CLUSTER)
    assert files(tmp_path / "copy") == stored


def test_keys(kops: Kops, tmp_path: Path) -> None:
    load(kops)
    before = rows(kops, "keypairs", cluster=CLUSTER)
    desk = Desk(kops, tmp_path / "desk")
    desk.program("kops", BUILDER)
    desk.program("sops", SOPS)
    rotate, secret = blocks("workflows/keys.md")
    desk.run(rotate, typed="y\ny\n")
    after = rows(kops, "keypairs", cluster=CLUSTER)
    assert [name for name, *_ in after] == [name for name, *_ in before]
    assert {serial for _, serial, *_ in after} & {serial for _, serial, *_ in before} == set()
    assert (desk.folder / "built").read_text().count("update cluster --yes\n") == 2 * 3, "kops follows each step"
    desk.run(secret, {"KOPS_CLUSTER_NAME": CLUSTER})
    assert ["encryptionconfig"] in rows(kops, "secrets", cluster=CLUSTER)
