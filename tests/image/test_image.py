"""The image: built without a registry, small, and doing a real push as the Pod of the chart would have it run."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

import clusterstate
from clusterstate.sandbox.controlplane import ControlPlane
from clusterstate.sandbox.process import Child
from clusterstate.sandbox.s3server import S3Server
from tests.support.image import Image, locked, pod_command, run
from tests.support.operating import install_crd
from tests.support.release import Release
from tests.support.valuesets import IMAGE
from tests.support.world import COMPLEX, World, manifest

pytestmark = [pytest.mark.image, pytest.mark.timeout(1800)]  # the first run makes the base, and helm
LIMIT = 250_000_000
"""Bytes over the base."""
SDKS = """
import boto3, google.cloud.storage, openstack, oss2, swiftclient
for name in ("s3", "sts"):
    boto3.client(name, region_name="us-east-1")
"""
LISTED = """
import json
from importlib.metadata import distributions
print(json.dumps({each.name: each.version for each in distributions()}))
"""


@dataclass
class InImage(World, Release):
    """A release whose operator runs from the root file system of an image."""

    image: Image = field(kw_only=True)
    root: Path = field(kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.account = self.directory / "account"
        self.account.mkdir()

    def start_operator(self) -> None:
        (self.account / "ca.crt").write_bytes(self.plane.ca_file.read_bytes())
        (self.account / "namespace").write_text(self.namespace)
        (self.account / "token").write_text(self.token())
        host, port = self.plane.url.removeprefix("https://").split(":")
        server = {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port}
        (container,) = self.pod["containers"]
        command = [*self.image.config["Entrypoint"], *container["args"]]
        self.operator = Child.start(self.in_pod(*command, **server, **self.variables()), log=self.log)

    def in_pod(self, *command: str, **environ: str) -> list[str]:
        own = dict(each.split("=", 1) for each in self.image.config["Env"])
        return pod_command(self.root, self.account, command, {**own, **environ})


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    built = Image(tmp_path_factory.mktemp("image"))
    built.build()
    yield built
    built.remove()


@pytest.fixture
def world(
    image: Image, control_plane: ControlPlane, s3_server: S3Server, namespace: str, bucket: str, tmp_path: Path
) -> Iterator[InImage]:
    install_crd(control_plane)
    with image.mounted() as root:
        made = InImage(control_plane, namespace, tmp_path, s3_server, bucket, image=image, root=root)
        alone = {"userRoles": {"create": False}, "deletionProtection": {"enabled": False}}
        made.install({"image": IMAGE, **alone, "operator": {"allowedEndpoints": ["127.0.0.1"]}})
        yield made


def test_it_is_small_and_says_what_it_is(image: Image) -> None:
    *_, own = image.layers
    assert own["size"] < LIMIT
    assert image.config["User"] == "65532:65532"
    assert (image.config["Entrypoint"], image.config["Cmd"]) == (["clusterstate"], ["run"])
    assert image.config["Labels"]["org.opencontainers.image.version"] == clusterstate.__version__


def test_as_a_pod_it_pushes_and_has_just_what_is_locked(world: InImage) -> None:
    world.load_store()
    mirror = {"keysets": [{"include": ["*"]}]}
    world.apply(manifest(url=world.url, cluster={"kubernetesVersion": "v1.33.1"}, mirror=mirror))
    with world.running():
        world.settled()
    assert b"v1.33.1" in world.read(f"{COMPLEX}/config")
    assert world.find("secret", "state-keyset-kubernetes-ca")
    run(*world.in_pod("python", "-c", SDKS))
    found = json.loads(run(*world.in_pod("python", "-c", LISTED)))
    installed = {canonicalize_name(name): version for name, version in found.items() if name != "clusterstate"}
    assert installed == locked()


@pytest.mark.soak
def test_the_same_inputs_give_the_same_image(image: Image, tmp_path: Path) -> None:
    again = Image(tmp_path / "image")
    again.build()
    assert again.layers == image.layers
    assert again.config == image.config
    again.remove()
