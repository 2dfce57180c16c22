"""Parts of a state that lie elsewhere, and stores that aren't buckets."""

import shutil
from pathlib import Path

import pytest

from tests.support.operating import conditions
from tests.support.world import COMPLEX, DATA, World, manifest

pytestmark = [pytest.mark.apiserver, pytest.mark.objectstore]


def test_keys_and_secrets_elsewhere_cost_one_list_each(world: World) -> None:
    world.load_store()
    moved = {"pki": "keys/complex", "secrets": "secrets/complex"}
    for key, data in world.files().items():
        folder, _, rest = key.removeprefix(f"{COMPLEX}/").partition("/")
        if folder in moved:
            world.put(f"{moved[folder]}/{rest}", data)
            world.s3.delete_object(Bucket=world.bucket, Key=key)
    config = world.read(f"{COMPLEX}/config").decode()
    places = f"  keyStore: {world.url}/keys/complex\n  secretStore: {world.url}/secrets/complex\n"
    world.put(f"{COMPLEX}/config", config.replace("  kubelet:\n", f"{places}  kubelet:\n").encode())
    rules = {"keysets": [{"include": ["*"]}], "secrets": {"include": ["*"]}, "sshPublicKeys": {"include": ["*"]}}
    world.apply(manifest(url=world.url, mirror=rules, sync={"interval": "10s"}))
    with world.running():
        body = world.settled()
        assert len(body["status"]["mirrors"]) == 4 + 2 + 1
        seen = world.server.mark()
        world.until(lambda: len(world.server.requests(seen, bucket=world.bucket)) >= 3, patience=60)
        requests = [each.operation for each in world.server.requests(seen, bucket=world.bucket)]
    assert requests == ["ListObjectsV2"] * 3


def test_a_folder_is_for_review(world: World) -> None:
    root = world.directory / "stores"
    shutil.copytree(DATA / "kops-store", root)
    world.environ["CLUSTERSTATE_FILE_ROOTS"] = str(root)
    config = root / COMPLEX / "config"
    config.write_bytes(config.read_bytes().replace(b"s3://state/", f"file://{root}/".encode()))
    before = contents(root)
    body = manifest(
        url=f"file://{root}", cluster={"kubernetesVersion": "v1.40.0"}, mirror={"secrets": {"include": ["*"]}}
    )
    del body["spec"]["store"]["credentialsSecretRef"]
    world.apply(body)
    with world.running():
        state = world.settled(status="False", reason="FileStoreIsForReview")
        assert conditions(state)["Stalled"]["status"] == "True"
        assert state["status"]["plan"]["update"] == 1
        assert len(state["status"]["mirrors"]) == 2
        body["spec"]["sync"] = {"dryRun": True}
        world.apply(body)
        world.settled()
    assert contents(root) == before


def contents(root: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file() and not path.name.startswith(".")}
