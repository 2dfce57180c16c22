"""What a store tells of mirrors is what its operator would have made of them."""

import asyncio
import logging
import shutil
from contextlib import suppress
from pathlib import Path

import pytest

from clusterstate.api.spec import KeysetParts, KeysetRule, MirrorSpec, MissingPolicy, NameRule
from clusterstate.api.store import StoreSpec
from clusterstate.errors import MalformedFile
from clusterstate.gather import own_access
from clusterstate.kube.owner import Owner
from clusterstate.node.choice import Found, Gone, Knowledge, Unknown
from clusterstate.node.sources import StoreSource, make_store_source
from tests.support.world import COMPLEX, DATA

HIDDEN = "secret bytes"
OWNER = Owner("clusters", "prod", "")
PAIR = KeysetRule(include=("kubernetes-ca",), parts=KeysetParts.KEY_PAIR)
MIRROR = MirrorSpec(keysets=(KeysetRule(include=("*",)), PAIR), secrets=NameRule(include=("dockerconfig",)))


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A folder with a state that kops wrote."""
    shutil.copytree(DATA / "kops-store" / COMPLEX, tmp_path / COMPLEX)
    config = tmp_path / COMPLEX / "config"
    config.write_bytes(config.read_bytes().replace(b"s3://state", f"file://{tmp_path}".encode()))
    return tmp_path


def source_of(store: Path, mirror: MirrorSpec = MIRROR) -> StoreSource:
    return make_store_source(
        None, own_access(StoreSpec(url=f"file://{store}"), "default", COMPLEX, {}), OWNER, mirror, 3600
    )


async def told(source: StoreSource, *names: str) -> list[Knowledge]:
    """What is known after the first reading."""
    read = asyncio.Event()
    source.on_change = read.set
    work = asyncio.create_task(source.run())
    try:
        async with asyncio.timeout(30):
            await read.wait()
        return [await source.read(name) for name in names]
    finally:
        work.cancel()
        with suppress(asyncio.CancelledError):
            await work


async def test_mirrors_are_made_as_the_rules_say(store: Path) -> None:
    names = ("prod-keyset-kubernetes-ca", "prod-keyset-apiserver-aggregator-ca", "prod-secret-dockerconfig")
    found = await told(source_of(store), *names)
    keys = [sorted(each.data) if isinstance(each, Found) else each for each in found]
    assert keys == [["ca.crt", "tls.crt", "tls.key"], ["ca.crt"], [".dockerconfigjson"]]


async def test_nothing_is_known_before_it_is_read(store: Path) -> None:
    assert isinstance(await source_of(store).read("prod-keyset-kubernetes-ca"), Unknown)


@pytest.mark.parametrize(("policy", "known"), [(MissingPolicy.RETAIN, Unknown), (MissingPolicy.DELETE, Gone)])
async def test_what_is_missing_is_gone_where_its_mirror_would_be(
    store: Path, policy: MissingPolicy, known: type[Knowledge]
) -> None:
    mirror = MirrorSpec(keysets=MIRROR.keysets, on_missing=policy)
    (missing,) = await told(source_of(store, mirror), "prod-secret-encryptionconfig")
    assert isinstance(missing, known)


async def test_what_cannot_be_a_mirror_is_told(store: Path) -> None:
    rule = KeysetRule(include=("apiserver-aggregator-ca",), parts=KeysetParts.KEY_PAIR)
    path = store / COMPLEX / "pki/private/apiserver-aggregator-ca/keyset.yaml"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if "privateMaterial" not in line))
    (known,) = await told(source_of(store, MirrorSpec(keysets=(rule,))), "prod-keyset-apiserver-aggregator-ca")
    assert isinstance(known, Unknown)
    assert "no private key" in known.message


BROKEN = {
    "is not YAML": lambda _: "kind: [",
    "it holds no key pair": lambda text: f"{text.partition('spec:')[0]}spec:\n  keys: []\n  type: Keypair\n",
    "all of its key pairs are distrusted": lambda text: text.replace(
        "  - id:", "  - distrustTimestamp: '2026-01-01T00:00:00Z'\n    id:"
    ),
}


@pytest.mark.parametrize("policy", MissingPolicy)
@pytest.mark.parametrize("said", BROKEN)
async def test_a_keyset_that_is_broken_is_not_gone(store: Path, said: str, policy: MissingPolicy) -> None:
    path = store / COMPLEX / "pki/private/apiserver-aggregator-ca/keyset.yaml"
    path.write_text(BROKEN[said](path.read_text()))
    mirror = MirrorSpec(keysets=MIRROR.keysets, on_missing=policy)
    names = ("prod-keyset-apiserver-aggregator-ca", "prod-keyset-kubernetes-ca")
    broken, sound = await told(source_of(store, mirror), *names)
    assert isinstance(broken, Unknown)
    assert said in broken.message
    assert isinstance(sound, Found)


@pytest.mark.parametrize("policy", MissingPolicy)
async def test_where_no_state_is_nothing_is_gone(store: Path, policy: MissingPolicy) -> None:
    shutil.rmtree(store / COMPLEX)
    (store / COMPLEX).mkdir()
    (store / COMPLEX / "foreign").write_text("")
    (known,) = await told(source_of(store, MirrorSpec(on_missing=policy)), "prod-keyset-kubernetes-ca")
    assert isinstance(known, Unknown)
    assert "There is no config of kops's at " in known.message


@pytest.mark.parametrize("policy", MissingPolicy)
async def test_a_state_that_has_lost_its_config_is_not_gone(store: Path, policy: MissingPolicy) -> None:
    """It says where keys and secrets lie, and goes first where a whole state is being removed."""
    (store / COMPLEX / "config").unlink()
    shutil.rmtree(store / COMPLEX / "pki")
    (known,) = await told(
        source_of(store, MirrorSpec(keysets=MIRROR.keysets, on_missing=policy)), "prod-keyset-kubernetes-ca"
    )
    assert isinstance(known, Unknown)
    assert "restore the state" in known.message


async def test_what_is_not_mirrored_may_be_damaged(store: Path) -> None:
    for path in (
        "cluster-completed.spec",
        "instancegroup/nodes-us-east-1a",
        "pki/private/apiserver-aggregator-ca/keyset.yaml",
    ):
        (store / COMPLEX / path).write_text("kind: [")
    mirror = MirrorSpec(keysets=(KeysetRule(include=("kubernetes-ca",)),))
    (known,) = await told(source_of(store, mirror), "prod-keyset-kubernetes-ca")
    assert isinstance(known, Found)


def test_a_part_of_the_state_may_lie_in_another_bucket() -> None:
    access = own_access(StoreSpec(url="s3://one"), "default", COMPLEX, {})
    assert access.elsewhere("s3://other/keys").bucket == "other"
    with pytest.raises(MalformedFile, match="stores of its own scheme"):
        access.elsewhere("gs://other/keys")


async def test_a_store_that_fails_is_told_and_asked_again(store: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    (store / COMPLEX / "config").write_text("kind: [")
    (known,) = await told(source_of(store), "prod-keyset-kubernetes-ca")
    assert isinstance(known, Unknown)
    assert "config is not YAML" in known.message
    assert known.message in caplog.text


async def test_a_bug_is_told_without_what_was_read(caplog: pytest.LogCaptureFixture) -> None:
    async def fail() -> dict[str, Knowledge]:
        raise ValueError(HIDDEN)

    (known,) = await told(StoreSource(fail, Gone(), 3600), "any")
    assert isinstance(known, Unknown)
    assert "this is a bug: ValueError" in known.message
    assert HIDDEN not in caplog.text + known.message
