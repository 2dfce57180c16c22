"""What `set`, `unset` and `edit` write is, byte for byte, what kops writes when it is told the same."""

import re
import stat
from pathlib import Path

import boto3
import pytest

from tests.support.kops import Kops
from tests.support.shelf import Shelf
from tests.support.world import MINIMAL

pytestmark = [pytest.mark.kops, pytest.mark.objectstore]

NODES = "nodes-us-east-1a"
SETTINGS = {
    "numbers, texts and quantities": [
        "spec.kubernetesVersion=1.33.1",
        "cluster.spec.etcdClusters[*].version=3.5.21",
        "spec.etcdClusters[0].cpuRequest=1000m",
        "spec.etcdClusters[1].memoryRequest=1024Mi",
        "spec.etcdClusters[0].manager.backupInterval=90m",
        "spec.etcdClusters[0].manager.backupRetentionDays=30",
        "spec.etcdClusters[0].manager.env=A=b",
        "spec.etcdClusters[0].etcdMembers[0].volumeSize=30",
        "spec.kubelet.maxPods=60",
        "spec.kubelet.anonymousAuth=T",
        "spec.kubelet.featureGates=A=true",
        "spec.kubelet.kubeReserved=cpu=1000m",
        "spec.kubeControllerManager.nodeMonitorGracePeriod=60s",
        "spec.rollingUpdate.maxSurge=25%",
        "spec.rollingUpdate.maxUnavailable=2",
    ],
    "lists and maps": [
        "spec.sshAccess=10.0.0.0/8",
        "spec.nodePortAccess=10.0.0.0/8,192.168.0.0/16",
        "spec.cloudLabels=a=b",
        "spec.cloudLabels=c=d=e",
        "spec.additionalPolicies=node=[]",
        "spec.kubeAPIServer.disableAdmissionPlugins=A,B",
    ],
    "names of kops's newer API": [
        "spec.networking.networkCIDR=172.20.0.0/15",
        "spec.networking.cilium.disableCNPStatusUpdates=true",
        "spec.api.publicName=api.example.com",
        "spec.api.access=10.0.0.0/8",
        "spec.controlPlaneKubelet.maxPods=20",
        "spec.cloudProvider.aws.nodeTerminationHandler.enabled=true",
        "spec.externalDNS.watchIngress=false",
        "spec.etcdClusters[0].etcdMembers[0].volumeIOPS=4000",
        "spec.networking.subnets[0].zone=us-east-1a",
    ],
    "nothing new": ["spec.kubernetesVersion=v1.32.0", "spec.kubelet.anonymousAuth=0", "spec.dnsZone="],
}
UNSETS = ["spec.kubelet", "spec.sshAccess", "spec.etcdClusters[0].cpuRequest", "spec.cloudLabels", "spec.channel"]
GROUP = [
    "instancegroup.spec.maxSize=7",
    "spec.nodeLabels=example.com/a=b",
    "spec.maxInstanceLifetime=36h",
    "spec.taints=a=b:NoSchedule,c=d:NoSchedule",
    "spec.rootVolume.size=64",
    "spec.associatePublicIP=true",
]


@pytest.fixture
def shelf(kops: Kops, tmp_path: Path) -> Shelf:
    """kops's bucket with a cluster in it, whose machines have an image that Amazon has."""
    shelf = Shelf(kops.s3, kops.bucket, tmp_path)
    shelf.load_store(MINIMAL)
    ec2 = boto3.client(
        "ec2",
        endpoint_url=kops.aws.endpoint,
        region_name=kops.aws.region,
        aws_access_key_id=kops.aws.access_key,
        aws_secret_access_key=kops.aws.secret_key,
    )
    image = ec2.describe_images(Filters=[{"Name": "root-device-type", "Values": ["ebs"]}])["Images"][0]["ImageId"]
    for name in (NODES, "control-plane-us-east-1a"):
        key = f"{MINIMAL}/instancegroup/{name}"
        shelf.put(key, re.sub(rb"image: .*", f"image: {image}".encode(), shelf.read(key)))
    return shelf


def both(shelf: Shelf, kops: Kops, key: str, theirs: list[str], ours: list[str]) -> tuple[str, str]:
    """Let kops and our command change the same file, each as it was, and give what they make of it."""
    before = shelf.read(key)
    kops.run("edit", *theirs)
    made = shelf.read(key)
    shelf.put(key, before)
    done = shelf.run(*ours, "--yes")
    assert done.returncode == 0, done.stderr
    return shelf.read(key).decode(), made.decode()


def told(option: str, settings: list[str]) -> list[str]:
    """Give options for kops, which takes a comma for the end of one."""
    return [word for each in settings for word in (option, f'"{each}"' if "," in each else each)]


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_set_writes_what_kops_writes(shelf: Shelf, kops: Kops, settings: list[str]) -> None:
    key, before = f"{MINIMAL}/config", shelf.read(f"{MINIMAL}/config").decode()
    theirs = ["cluster", MINIMAL, *told("--set", settings)]
    ours, made = both(shelf, kops, key, theirs, ["set", *settings, "--name", MINIMAL])
    assert ours == made
    assert (ours == before) is (settings == SETTINGS["nothing new"])


def test_unset_comes_first_and_writes_what_kops_writes(shelf: Shelf, kops: Kops) -> None:
    setting = "spec.sshAccess=10.0.0.0/8"
    theirs = ["cluster", MINIMAL, *told("--unset", UNSETS), "--set", setting]
    ours = ["set", setting, *told("--unset", UNSETS), "--name", MINIMAL]
    written, made = both(shelf, kops, f"{MINIMAL}/config", theirs, ours)
    assert written == made
    assert "sshAccess:\n  - 10.0.0.0/8\n  subnets" in written


def test_groups_are_set_as_kops_sets_them(shelf: Shelf, kops: Kops) -> None:
    theirs = ["ig", NODES, "--name", MINIMAL, *told("--set", GROUP)]
    ours, made = both(
        shelf, kops, f"{MINIMAL}/instancegroup/{NODES}", theirs, ["set", *GROUP, "--name", MINIMAL, "--ig", NODES]
    )
    assert ours == made


def test_a_network_that_kops_refuses_is_refused(shelf: Shelf, kops: Kops) -> None:
    before, setting = shelf.read(f"{MINIMAL}/config"), "spec.sshAccess=10.0.0.1/8"
    done = shelf.run("set", setting, "--name", MINIMAL, "--yes")
    assert (done.returncode, "holds '10.0.0.1/8', which is no network" in done.stderr) == (1, True)
    assert (
        "Network contains bits outside prefix"
        in kops.run("edit", "cluster", MINIMAL, "--set", setting, check=False).stderr
    )
    assert shelf.read(f"{MINIMAL}/config") == before


@pytest.mark.parametrize("words", [["cluster", MINIMAL], ["ig", NODES, "--name", MINIMAL]], ids=["cluster", "group"])
def test_the_editor_shows_what_kops_shows(shelf: Shelf, kops: Kops, words: list[str]) -> None:
    editor = shelf.home / "editor"
    editor.write_text(f"#!/bin/sh\ncat $1 > {shelf.home}/shown\n")
    editor.chmod(editor.stat().st_mode | stat.S_IXUSR)
    assert shelf.run("edit", *words, "--yes", EDITOR=str(editor)).returncode == 0
    ours = (shelf.home / "shown").read_text()
    asking = Kops(kops.program, kops.bucket, kops.s3, kops.aws, kops.home, more={"EDITOR": str(editor)})
    asking.run("edit", *words)
    theirs = (shelf.home / "shown").read_text()
    assert without_comments(ours) == without_comments(theirs)


def without_comments(text: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("#"))
