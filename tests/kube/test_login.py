"""Where credentials come from, how they are renewed, and that none of them gets into a message."""

import base64
import json
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec

from clusterstate.errors import KubeForbidden, KubeRefused
from clusterstate.kube import login
from clusterstate.kube.client import Client, connect
from clusterstate.kube.doors import OwnDoor
from clusterstate.kube.kinds import CONFIG_MAPS, NAMESPACES
from clusterstate.kube.login import Login, ServiceAccount, home_namespace
from clusterstate.kube.transport import Limits, Transport
from clusterstate.sandbox.controlplane import ControlPlane
from tests.kube.proxies import scripted, write_kubeconfig
from tests.support.keypairs import certificate, pem

OBJECT = {"metadata": {"namespace": "n", "name": "a"}}


def accept(tokens: set[str], seen: list[str]) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def answer(request: web.Request) -> web.StreamResponse:
        token = request.headers.get("Authorization", "").lower().removeprefix("bearer ")
        seen.append(token)
        if token in tokens:
            return web.json_response(OBJECT)
        return web.json_response({"kind": "Status", "code": 401, "reason": "Unauthorized"}, status=401)

    return answer


def plugin(folder: Path, lifetime: timedelta | None) -> dict[str, object]:
    """Give a kubeconfig user whose plugin answers token-1, token-2 and so on."""
    counter = folder / "counter"
    expiry = {"expirationTimestamp": (datetime.now(UTC) + lifetime).isoformat()} if lifetime else {}
    script = folder / "plugin.py"
    script.write_text(
        f"import json, pathlib\n"
        f"counter = pathlib.Path({str(counter)!r})\n"
        f"number = int(counter.read_text()) + 1 if counter.exists() else 1\n"
        f"counter.write_text(str(number))\n"
        f"status = {{'token': f'token-{{number}}', **{expiry!r}}}\n"
        f"print(json.dumps({{'apiVersion': 'client.authentication.k8s.io/v1', 'kind': 'ExecCredential',"
        f" 'status': status}}))\n"
    )
    command = {"apiVersion": "client.authentication.k8s.io/v1", "command": sys.executable, "args": [str(script)]}
    return {"exec": command | {"interactiveMode": "Never"}}


@asynccontextmanager
async def served(folder: Path, user: dict[str, object], accepted: set[str]) -> AsyncIterator[tuple[Client, list[str]]]:
    """Give a client of a server that accepts these tokens, and the list of the tokens that the server sees."""
    seen: list[str] = []
    async with (
        scripted(accept(accepted, seen)) as url,
        await connect(write_kubeconfig(folder / "k", url, user=user)) as it,
    ):
        yield it, seen


async def test_an_exec_plugin_is_asked_once_while_its_token_lasts(tmp_path: Path) -> None:
    async with served(tmp_path, plugin(tmp_path, timedelta(hours=1)), {"token-1"}) as (client, seen):
        for _ in range(3):
            await client.get(CONFIG_MAPS, "n", "a")
    assert seen == ["token-1"] * 3


async def test_a_token_that_ends_is_replaced_before_it_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(login, "BETWEEN_RENEWALS", 0.0)
    async with served(tmp_path, plugin(tmp_path, timedelta(seconds=30)), {"token-2"}) as (client, seen):
        await client.get(CONFIG_MAPS, "n", "a")
    assert seen == ["token-2"]


async def test_a_token_that_is_turned_down_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(login, "BETWEEN_RENEWALS", 0.0)
    async with served(tmp_path, plugin(tmp_path, None), {"token-2"}) as (client, seen):
        await client.get(CONFIG_MAPS, "n", "a")
    assert seen == ["token-1", "token-2"]


async def test_credentials_are_not_read_again_for_every_request_that_is_turned_down(tmp_path: Path) -> None:
    async with served(tmp_path, plugin(tmp_path, None), set()) as (client, seen):
        for _ in range(3):
            with pytest.raises(KubeForbidden):
                await client.get(CONFIG_MAPS, "n", "a")
    assert set(seen) == {"token-1"}


@pytest.mark.parametrize(
    "damage",
    [
        lambda config: config["contexts"][0]["context"].pop("cluster"),
        lambda config: config["contexts"].append(config["contexts"][0]["context"]),
        lambda config: config["clusters"][0]["cluster"].update({"certificate-authority": "/nowhere"}),
        lambda config: config["users"][0].update({"user": "CANARY"}),
        lambda config: config["users"][0].pop("name"),
        lambda config: config["users"].__setitem__(0, "CANARY"),
    ],
)
async def test_a_broken_kubeconfig_is_refused_without_its_token(
    tmp_path: Path, damage: Callable[[dict[str, Any]], object]
) -> None:
    path = write_kubeconfig(tmp_path / "k", "https://127.0.0.1:1", user={"token": "CANARY"})
    config = yaml.safe_load(path.read_text())
    damage(config)
    path.write_text(json.dumps(config))
    with pytest.raises(KubeRefused) as refused:
        await connect(path)
    assert str(path) in refused.value.message
    assert "CANARY" not in refused.value.message
    assert refused.value.__suppress_context__


async def test_no_kubeconfig_and_an_unknown_context(tmp_path: Path) -> None:
    with pytest.raises(KubeRefused, match="nowhere"):
        await connect(tmp_path / "nowhere")
    with pytest.raises(KubeRefused, match="object with name other"):
        await connect(write_kubeconfig(tmp_path / "k", "http://127.0.0.1:1"), "other")


async def test_a_broken_kubeconfig_is_looked_for_where_it_was_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "k").write_text("CANARY")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "k"))
    with pytest.raises(KubeRefused, match="The kubeconfig of KUBECONFIG can't be used"):
        await connect()


@pytest.mark.parametrize("named", ["", "missing:", None])
async def test_nothing_where_kubectl_looks(named: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    if named is not None:
        monkeypatch.setenv("KUBECONFIG", named)
    with pytest.raises(KubeRefused, match="There is no kubeconfig, by KUBECONFIG or at"):
        await connect()


@pytest.mark.apiserver
async def test_the_service_account_of_a_pod(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(control_plane.service_account_token(namespace, "pod"))
    host, port = control_plane.url.removeprefix("https://").split(":")
    environ = {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port}
    login = await Login.read(ServiceAccount(token, control_plane.ca_file, environ))
    async with Client(Transport(OwnDoor(login), Limits(patience=10, parallel=1))) as client:
        with pytest.raises(KubeForbidden, match=f"system:serviceaccount:{namespace}:pod"):
            await client.get(CONFIG_MAPS, namespace, "a")


async def test_a_pod_without_a_token(tmp_path: Path) -> None:
    environ = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": "1"}
    with pytest.raises(KubeRefused, match="service account"):
        await Login.read(ServiceAccount(tmp_path / "token", tmp_path / "ca.crt", environ))


def test_the_namespace_is_that_of_the_context_as_for_kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    contexts = {"here": {"cluster": "c", "user": "u", "namespace": "clusters"}, "there": {"cluster": "c", "user": "u"}}
    config = {
        "current-context": "here",
        "contexts": [{"name": name, "context": context} for name, context in contexts.items()],
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{"name": "u", "user": {}}],
    }
    path = tmp_path / "config"
    path.write_text(yaml.safe_dump(config))
    assert home_namespace(path, None) == "clusters"
    assert home_namespace(path, "here") == "clusters"
    assert home_namespace(path, "there") == "default"
    assert home_namespace(path, "nowhere") == "default"
    assert home_namespace(tmp_path / "missing", None) == "default"


def held_in_memory() -> list[bytes]:
    """Give what this process holds of kubeconfigs in files without a name."""
    files = [each for each in Path("/proc/self/fd").iterdir() if each.is_symlink()]
    return sorted(each.read_bytes() for each in files if "memfd:kubeconfig" in str(each.readlink()))


async def test_what_a_kubeconfig_holds_inline_is_on_no_disk(
    control_plane: ControlPlane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And goes with the next kubeconfig: nobody runs out of descriptors by certificates that are renewed."""
    folder = tmp_path / "temporary"
    folder.mkdir(mode=0o500)
    before = folder.stat().st_mtime_ns
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    for _ in range(3):
        key = ec.generate_private_key(ec.SECP256R1())
        inline = {"client-certificate-data": certificate(key), "client-key-data": pem(key)}
        user = {name: base64.b64encode(data).decode() for name, data in inline.items()}
        path = write_kubeconfig(
            tmp_path / "k",
            control_plane.url,
            user=user | {"token": control_plane.admin_token},
            ca_file=control_plane.ca_file,
        )
        source = login.Kubeconfig(path)
        first, again = await source.read(), await source.read()
        assert again.configuration.key_file == first.configuration.key_file
        assert held_in_memory() == sorted(inline.values())
        async with await connect(path) as client:
            assert await client.get(NAMESPACES, None, "default")
        assert folder.stat().st_mtime_ns == before, "a file was there for a moment"
