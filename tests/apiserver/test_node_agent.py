"""The node agent on a real API server, with a Role for its Secrets alone, and on a real store without any server."""

import asyncio
import base64
import json
import os
import resource
import signal
import stat
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from clusterstate.cli.node import BEHIND
from clusterstate.sandbox.audit import READS
from clusterstate.sandbox.controlplane import ControlPlane
from clusterstate.sandbox.process import Child
from tests.apiserver.test_canary import CANARY, shapes
from tests.kube.proxies import TcpProxy
from tests.node.sets import OWN, current, put, seen, stamps, versions
from tests.support.backings import load_store
from tests.support.backings.k8s import SecretsBacking
from tests.support.keypairs import secret
from tests.support.nodeagent import NodeAgent, file_of, let_in, mirror_of
from tests.support.operating import Operating
from tests.support.world import COMPLEX, World, manifest

pytestmark = [pytest.mark.apiserver]

CA, DOCKER = "state-keyset-kubernetes-ca", "state-secret-dockerconfig"
WEB = {"CLUSTERSTATE_METRICS_ADDRESS": "127.0.0.1:0"}
MIRROR = {
    "keysets": [{"include": ["*"]}, {"include": ["kubernetes-ca"], "parts": "KeyPair"}],
    "secrets": {"include": ["*"]},
}


def whole(directory: Path, **more: object) -> dict[str, Any]:
    files = [
        file_of(CA, "ca.crt", mode="0644"),
        file_of(CA, "tls.key", "private/ca.key"),
        file_of(DOCKER, ".dockerconfigjson", "config.json"),
    ]
    sets = [{"directory": str(directory), "directoryMode": "0711", "files": files}]
    return {"sets": sets, "clusterState": "state", "clusterName": COMPLEX, "mirror": MIRROR, **more}


def modes(directory: Path) -> dict[str, int]:
    return {path: stat.S_IMODE((directory / path).stat().st_mode) for path in seen(directory)}


@pytest.mark.objectstore
def test_files_follow_the_store_with_and_without_an_api_server(world: World, tmp_path: Path) -> None:
    world.load_store()
    world.apply(manifest(url=world.url, mirror=MIRROR))
    mirrored, direct = tmp_path / "mirrored", tmp_path / "direct"
    way = let_in(world.plane, world.namespace, [CA, DOCKER])
    agent = NodeAgent(world.directory, whole(mirrored), WEB, way)
    since = world.plane.audit_mark()
    with world.running(), agent.running():
        world.until(lambda: mirrored.exists() and len(seen(mirrored)) == 3, agent.log.read_text)
        data = {name: world.get("secret", name)["data"] for name in (CA, DOCKER)}
        encoded = {
            "ca.crt": data[CA]["ca.crt"],
            "private/ca.key": data[CA]["tls.key"],
            "config.json": data[DOCKER][".dockerconfigjson"],
        }
        assert seen(mirrored) == {path: base64.b64decode(text) for path, text in encoded.items()}
        assert modes(mirrored) == {"ca.crt": 0o644, "private/ca.key": 0o600, "config.json": 0o600}

        world.put(f"{COMPLEX}/secrets/dockerconfig", b'{"Data":"' + base64.b64encode(b'{"auths":{}}') + b'"}')
        world.kubectl("annotate", "clusterstate", "state", "clusterstate.dev/reconcile-requested-at=now")
        world.until(lambda: seen(mirrored)["config.json"] == b'{"auths":{}}', agent.log.read_text)
        world.until(lambda: len(versions(mirrored)) == 1)
        world.until(lambda: asyncio.run(health(agent)) == (200, 0))
    calls = world.plane.calls(since, user=f"system:serviceaccount:{world.namespace}:node-agent")
    assert {call.verb for call in calls} == READS
    assert {call.status for call in calls} == {200}
    assert all(call.name in {CA, DOCKER} for call in calls)

    environ = {
        "S3_ENDPOINT": world.endpoint,
        "S3_REGION": world.server.region,
        "S3_ACCESS_KEY_ID": world.server.access_key,
        "S3_SECRET_ACCESS_KEY": world.server.secret_key,
    }
    node = NodeAgent(tmp_path, whole(direct), environ=environ, arguments=["--from", world.url])
    done = node.once("--timeout", "50s")
    assert done.returncode == 0, done.stderr
    assert (seen(direct), modes(direct)) == (seen(mirrored), modes(mirrored))
    before = stamps(direct)
    assert node.once().returncode == 0
    assert stamps(direct) == before
    move_keys(world)
    again = NodeAgent(tmp_path, whole(tmp_path / "again"), environ=environ, arguments=node.arguments).once()
    assert again.returncode == 0, again.stderr
    assert seen(tmp_path / "again") == seen(direct)
    assert not (tmp_path / ".kube").exists()


def move_keys(world: World) -> None:
    """Have another bucket for the keys of a state."""
    client, keys = world.s3, world.server.create_bucket(f"{world.bucket}-keys")
    for key in world.names():
        _, found, path = key.partition(f"{COMPLEX}/pki/")
        if found:
            client.put_object(Bucket=keys, Key=f"pki/{path}", Body=world.read(key))
            client.delete_object(Bucket=world.bucket, Key=key)
    world.edit(f"{COMPLEX}/config", lambda config: config["spec"].update(keyStore=f"s3://{keys}/pki"))


def test_a_state_in_secrets_is_read_with_kubernetes_alone(
    control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    states, directory = SecretsBacking(control_plane.api(), namespace), tmp_path / "pki"
    load_store(states, COMPLEX)
    arguments = ["--kubeconfig", str(control_plane.kubeconfig), "--from", states.url]
    agent = NodeAgent(tmp_path, whole(directory), arguments=arguments)
    done = agent.once("--timeout", "50s")
    assert done.returncode == 0, done.stderr
    found, kept = seen(directory), json.loads(states.read(f"{COMPLEX}/secrets/dockerconfig"))
    assert found["config.json"] == base64.b64decode(kept["Data"])
    assert b"BEGIN CERTIFICATE" in found["ca.crt"]


async def test_it_lives_through_everything(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> None:
    """Without operator: the Secrets change as a person wants, and the API server comes and goes."""
    scene, directory = Operating(control_plane, namespace, tmp_path), tmp_path / "pki"
    files = [file_of("ca", "ca.crt"), file_of("pair", "tls.key")]
    sets = [{"directory": str(directory), "files": files, "removeMissing": True}]
    put(directory, {"ca.crt": b"last good", "tls.key": b"last good"})
    async with TcpProxy.before(control_plane.url) as proxy:
        await proxy.refuse()
        way = await asyncio.to_thread(
            let_in, control_plane, namespace, ["ca", "pair"], url=f"https://127.0.0.1:{proxy.port}"
        )
        agent = NodeAgent(tmp_path, {"sets": sets}, arguments=way)

        def set_secret(name: str, **data: bytes) -> None:
            scene.apply(mirror_of(name, {key.replace("_", "."): value for key, value in data.items()}))

        async def until_told(text: str) -> None:
            await asyncio.to_thread(scene.until, lambda: text in agent.log.read_text(), agent.log.read_text)

        async def until_seen(**data: bytes) -> None:
            wanted = {key.replace("_", "."): value for key, value in data.items()}
            await asyncio.to_thread(scene.until, lambda: seen(directory) == wanted, agent.log.read_text)

        child = agent.start()
        try:
            await until_told("stays as it is: the API server hasn't told")
            assert seen(directory) == {"ca.crt": b"last good", "tls.key": b"last good"}
            await asyncio.to_thread(set_secret, "ca", ca_crt=b"one")
            await asyncio.to_thread(set_secret, "pair", tls_key=b"one")
            proxy.accept()
            await until_seen(ca_crt=b"one", tls_key=b"one")

            await asyncio.to_thread(set_secret, "pair", tls_key=b"two")
            await until_seen(ca_crt=b"one", tls_key=b"two")
            child.kill()
            await asyncio.to_thread(set_secret, "pair", other=b"")
            await asyncio.to_thread(scene.kubectl, "delete", "secret", "pair")
            await asyncio.to_thread(set_secret, "pair", tls_crt=b"half")
            (directory / "..20200101T000000.0123456789abcdef").mkdir(mode=OWN)
            child = agent.start()
            await until_told("has no tls.key")
            assert seen(directory) == {"ca.crt": b"one", "tls.key": b"two"}

            await proxy.refuse()
            await asyncio.to_thread(set_secret, "pair", tls_key=b"three")
            proxy.accept()
            await until_seen(ca_crt=b"one", tls_key=b"three")
            await asyncio.to_thread(scene.until, lambda: versions(directory) == [current(directory)])
            await asyncio.to_thread(scene.kubectl, "delete", "secret", "pair")
            await until_told(f"Secret {namespace}/pair isn't there")
            await asyncio.to_thread(scene.apply, secret("pair", {"tls.key": b"foreign"}))
            await until_told("pair isn't a mirror")
            assert seen(directory) == {"ca.crt": b"one", "tls.key": b"three"}
            await asyncio.to_thread(scene.kubectl, "delete", "secret", "pair")
            await until_seen(ca_crt=b"one")
        finally:
            child.stop()
    assert child.wait() == 0


async def health(agent: NodeAgent) -> tuple[int, int]:
    """Whether it is ready, by HTTP, and how many sets it says to be behind."""
    address = agent.log.read_text().partition("metrics are at ")[2].split()[0]
    async with ClientSession(f"http://{address}") as session:
        ready, metrics = await session.get("/readyz"), await session.get("/metrics")
        line = next(line for line in (await metrics.text()).splitlines() if line.startswith(BEHIND))
        return ready.status, int(float(line.split()[1]))


def test_once_says_what_is_missing(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> None:
    scene = Operating(control_plane, namespace, tmp_path)
    way = let_in(control_plane, namespace, ["there"])
    scene.apply(mirror_of("there", {"a": b"1"}))
    sets = [
        {"directory": str(tmp_path / "good"), "files": [file_of("there", "a")]},
        {"directory": str(tmp_path / "bad"), "files": [file_of("there", "a"), file_of("forbidden", "b")]},
    ]
    agent = NodeAgent(tmp_path, {"sets": sets}, arguments=way)
    done = agent.once("--timeout", "4s")
    assert done.returncode == 1
    (*_, last) = done.stderr.splitlines()
    assert last.startswith(f"clusterstate: Not done after 4 seconds. {tmp_path}/bad stays as it is: the API server")
    assert f"{namespace}/forbidden" in last
    assert seen(tmp_path / "good") == {"a": b"1"}
    assert not (tmp_path / "bad").exists()
    agent.configuration = {"sets": sets[:1]}
    assert agent.once().returncode == 0


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGABRT, signal.SIGTERM])
def test_no_byte_is_left_or_told(
    control_plane: ControlPlane, namespace: str, tmp_path: Path, end: signal.Signals
) -> None:
    """Neither by its log, nor by its files and what a crash leaves, though it is started with umask 0 and may dump."""
    scene, directory = Operating(control_plane, namespace, tmp_path), tmp_path / "pki"
    way = let_in(control_plane, namespace, ["pair"])
    scene.apply(mirror_of("pair", {"tls.key": CANARY.encode(), "ca.crt": b"public"}))
    files = [file_of("pair", "tls.key", "deep/tls.key"), file_of("pair", "ca.crt", mode="0644")]
    reload = ["sh", "-c", f"cat {directory}/deep/tls.key; cat {directory}/deep/tls.key >&2; exit 1"]
    told = {"sets": [{"directory": str(directory), "directoryMode": "0755", "files": files, "reload": reload}]}
    agent = NodeAgent(tmp_path, told, environ={"CLUSTERSTATE_LOG_LEVEL": "DEBUG", **WEB}, arguments=way)
    before = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (before[1], before[1]))
    try:
        child = agent.start()
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, before)
    try:
        scene.until(lambda: "It is run again" in agent.log.read_text(), agent.log.read_text)
        assert asyncio.run(health(agent)) == (503, 1)
        limits = Path(f"/proc/{child.pid}/limits").read_text()
        assert next(line.split()[4:6] for line in limits.splitlines() if "core file" in line) == ["0", "0"]
        if end is not signal.SIGTERM:
            scene.apply(mirror_of("pair", {"tls.key": CANARY.encode() * 2, "ca.crt": b"public"}))
        os.kill(child.pid, end)
        assert child.wait(30) == (0 if end is signal.SIGTERM else -end)
    finally:
        child.stop()
    assert_kept(tmp_path, directory, child)
    for shape in shapes(CANARY):
        assert shape not in agent.log.read_text()


def assert_kept(node: Path, directory: Path, child: Child) -> None:
    """Nothing but the set's own files holds the canary, and nobody else may read those."""
    holding = [path for path in node.rglob("*") if path.is_file() and CANARY.encode() in path.read_bytes()]
    assert holding
    assert all(directory in path.parents and stat.S_IMODE(path.stat().st_mode) == 0o600 for path in holding)
    assert stat.S_IMODE((directory / "ca.crt").stat().st_mode) == 0o644
    assert not [path for path in node.rglob("*core*") if str(child.pid) in path.name or path.name == "core"]
