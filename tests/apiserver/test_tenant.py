"""A hostile tenant beside one who isn't, before one operator: each trick is refused or bounded, and says why."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from clusterstate.sandbox.errors import RequestRefused
from tests.apiserver.tricks import REFUSED_AT_ONCE, TRICKS, Trick
from tests.support.operating import Body, apply, conditions, path_of
from tests.support.stores import kops_files
from tests.support.world import MINIMAL, World, manifest

pytestmark = [pytest.mark.apiserver, pytest.mark.objectstore, pytest.mark.timeout(300)]

GIANT = 100 * 2**20
"""Bytes."""
PATIENCE = 240.0
"""Seconds for all tricks together: a listing of a hundred pages takes most of them on a busy machine."""
MOST_MEMORY = 400 * 1024
"""KiB that the operator may ever take: it needs 220 MiB, and the giant would add more than once its own size."""
PAGE = """<?xml version="1.0"?><ListBucketResult><Name>b</Name><Prefix></Prefix><KeyCount>1000</KeyCount>
<MaxKeys>1000</MaxKeys><IsTruncated>true</IsTruncated><NextContinuationToken>{number}</NextContinuationToken>
{files}</ListBucketResult>"""
FILE = """<Contents><Key>{key}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>"1"</ETag>
<Size>1</Size><StorageClass>STANDARD</StorageClass></Contents>"""
Answer = Callable[[BaseHTTPRequestHandler], None]


@contextmanager
def served(answer: Answer, host: str = "127.0.0.1") -> Iterator[str]:
    """Answer every GET and HEAD so; give where."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            answer(self)

        do_HEAD = do_GET  # noqa: N815 (the same)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer((host, 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://{host}:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def endless() -> Answer:
    """Give an S3 bucket with a million files below one state's place, as far as anybody asks."""
    numbers = iter(range(1_000_000))
    place = "team-a/million.example.com/NUMBER"
    files = "".join(FILE.format(key=f"{place}/{file:03}-{'x' * 100}") for file in range(1000))
    page = PAGE.format(number="NUMBER", files=files).encode()

    def answer(request: BaseHTTPRequestHandler) -> None:
        body = page.replace(b"NUMBER", f"{next(numbers):06}".encode())
        request.send_response(200)
        request.send_header("Content-Type", "application/xml")
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    return answer


def turning(target: str) -> Answer:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(307)
        request.send_header("Location", f"{target}{request.path}")
        request.send_header("Content-Length", "0")
        request.end_headers()

    return answer


class Scene:
    """A tenant's namespace and prefix, a victim's beside them, and one operator for both."""

    def __init__(self, world: World, **servers: str) -> None:
        self.world, self.tenant, self.victim = world, world.namespace, f"{world.namespace}-victim"
        self._names = {"BUCKET": world.bucket, "TENANT": self.tenant, "VICTIM": self.victim, **servers}
        self._api = world.plane.api()
        self._api.request("POST", "/api/v1/namespaces", {"metadata": {"name": self.victim}})
        world.grant(self.victim)
        ambient = {"S3_ACCESS_KEY_ID": world.server.access_key, "S3_SECRET_ACCESS_KEY": world.server.secret_key}
        world.environ |= {**ambient, "S3_ENDPOINT": world.endpoint, "S3_REGION": world.server.region}
        self.give("team-a")

    def give(self, prefix: str) -> None:
        """Let the tenant have that prefix and no other."""
        own = [f"s3://{self.world.bucket}/{prefix}", "gs://acme", "k8s:///states"]
        self.world.set_policy(
            {"namespaces": [self.tenant], "stores": own},
            {"namespaces": [self.tenant], "stores": [f"s3://{self.world.bucket}/ambient"], "ambient": True},
            {"namespaces": [self.victim], "stores": [f"s3://{self.world.bucket}/team-b"]},
        )

    def end(self) -> None:
        self.world.stop_operator()
        self._api.request("DELETE", f"/api/v1/namespaces/{self.victim}")

    def filled(self, value: Any, name: str = "") -> Any:
        text = json.dumps(value)
        for word, meaning in {**self._names, "ITSELF": name}.items():
            text = text.replace(word, meaning)
        return json.loads(text)

    def load(self, prefix: str, name: str) -> None:
        """Put a state of kops below a prefix."""
        for key, data in kops_files(f"s3://{self.world.bucket}/{prefix}", MINIMAL, as_name=name).items():
            self.world.put(f"{prefix}/{key}", data)

    def set_up(self, name: str, trick: Trick) -> None:
        """Put what an object refers to where it refers to it."""
        if trick.secret is not None:
            secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": trick.secret}
            self.world.apply(self.filled(secret))
        prefix, cluster = trick.url.removeprefix("s3://BUCKET/"), f"{name}.example.com"
        if trick.config == "KOPS":
            self.load(prefix, cluster)
        elif trick.config:
            data = bytes(GIANT) if trick.config == "GIANT" else self.filled(trick.config).encode()
            self.world.put(f"{prefix}/{cluster}/config", data)

    def declare(self, name: str, trick: Trick) -> None:
        spec = {"clusterName": f"{name}.example.com", "sync": {"interval": "1h"}, **trick.spec}
        body = manifest(name, url=trick.url, store=dict(trick.store), **spec)
        del body["spec"]["store"]["credentialsSecretRef"]
        if trick.named is not None:
            body["spec"]["store"]["credentialsSecretRef"] = {"name": trick.named}
        self.world.apply(self.filled(body, name))

    def ask(self, token: str, *names: str) -> None:
        """Ask for a run of each object."""
        for name in names:
            body = {"metadata": {"annotations": {"clusterstate.dev/reconcile-requested-at": token}}}
            path = path_of(self.tenant, "clusterstate", name)
            self._api.request("PATCH", path, body, content_type="application/merge-patch+json")

    def outcomes(self, token: str) -> dict[str, tuple[str, str]]:
        """Give reason and message of `Ready` of each object that has run since it was asked to."""
        items = self._api.request("GET", path_of(self.tenant, "clusterstate"))["items"]
        done = [each for each in items if each.get("status", {}).get("lastHandledReconcileAt") == token]
        ready = {each["metadata"]["name"]: conditions(each)["Ready"] for each in done}
        return {name: (each["reason"], each["message"]) for name, each in ready.items()}

    def load_victim(self) -> None:
        """Give the victim a state and an object that mirrors it."""
        self.load("team-b", MINIMAL)
        secret = self.world.get("secret", "store")
        body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "victims"}, "data": secret["data"]}
        url, store = f"s3://{self.world.bucket}/team-b", {"credentialsSecretRef": {"name": "victims"}}
        state = manifest("state", url=url, store=store, clusterName=MINIMAL, mirror={"keysets": [{"include": ["*"]}]})
        for each in (body, state):
            apply(self.world.plane, self.victim, each)

    def files(self) -> dict[str, bytes | None]:
        """Give every name of the bucket, and of the victim's files what they hold."""
        names = self.world.names()
        return {name: self.world.read(name) if name.startswith("team-b/") else None for name in names}

    def mirror(self) -> Body | None:
        return self._api.find(path_of(self.victim, "secret", "state-keyset-kubernetes-ca"))

    def forge(self, mirror: Body) -> None:
        """Have the tenant give a Secret everything by which the operator knows the victim's mirror."""
        named = {key: mirror["metadata"][key] for key in ("name", "labels", "annotations")}
        body = {"apiVersion": "v1", "kind": "Secret", "metadata": named, "stringData": {"ca.crt": "forged"}}
        self._api.request("POST", path_of(self.tenant, "secret"), body)

    def peak_memory(self) -> int:
        """Give the most KiB that the operator has ever taken."""
        assert self.world.operator is not None
        status = Path(f"/proc/{self.world.operator.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0])


@pytest.fixture
def hits() -> list[str]:
    """Requests that reached what only the operator may reach."""
    return []


@pytest.fixture
def scene(world: World, hits: list[str]) -> Iterator[Scene]:
    def note(request: BaseHTTPRequestHandler) -> None:
        hits.append(request.path)
        request.send_error(500)

    with served(note, "127.0.0.2") as inside, served(turning(inside)) as turn, served(endless()) as endless_one:
        made = Scene(world, TURNING=turn, ENDLESS=endless_one)
        yield made
        made.end()


def play(scene: Scene, token: str) -> None:
    """Have every trick run once more, and compare what comes of each."""
    scene.ask(token, *TRICKS)
    wanted = {name: (trick.reason, scene.filled(trick.words, name)) for name, trick in TRICKS.items()}

    def different() -> dict[str, object]:
        found = scene.outcomes(token)
        fine = {name for name in wanted.keys() & found.keys() if is_as_wanted(wanted[name], found[name])}
        return {name: (wanted[name], found.get(name)) for name in wanted.keys() - fine}

    scene.world.until(lambda: not different(), different, patience=PATIENCE)


def is_as_wanted(wanted: tuple[str, str], found: tuple[str, str]) -> bool:
    return wanted[0] == found[0] and wanted[1] in found[1]


@pytest.mark.parametrize("times", [1, pytest.param(20, marks=[pytest.mark.soak, pytest.mark.timeout(3600)])])
def test_every_trick_is_refused_or_bounded(scene: Scene, hits: list[str], times: int) -> None:
    scene.load_victim()
    for name, trick in TRICKS.items():
        scene.set_up(name, trick)
        scene.declare(name, trick)
    for number in range(times):
        scene.world.start_operator("-n", scene.victim)
        mirror = scene.world.until(scene.mirror)
        if number == 0:
            scene.forge(mirror)
        files = scene.files()
        play(scene, f"round-{number}")
        assert scene.mirror() == mirror
        assert scene.files() == files
        forged = scene.world.get("secret", mirror["metadata"]["name"])
        assert forged["metadata"]["labels"] == mirror["metadata"]["labels"]
        assert scene.peak_memory() < MOST_MEMORY
        scene.world.stop_operator()
    assert hits == []
    assert "canary" not in scene.world.log.read_text()


def test_a_state_moves_only_between_places_that_are_given(scene: Scene) -> None:
    """A new place that isn't, and an old one that isn't any more."""
    scene.load_victim()
    moves = Trick("", "", config="KOPS", spec={"cluster": {"kubernetesVersion": "v1.33.1"}})
    scene.set_up("moves", moves)
    scene.declare("moves", moves)
    with scene.world.running():
        scene.world.settled("moves")
        files = scene.world.files()
        to(scene, "team-b")
        told = scene.world.settled("moves", "Stalled", status="True", reason="StoreNotAllowed")
        assert f"s3://{scene.world.bucket}/team-b/moves" in conditions(told)["Ready"]["message"]
    scene.give("team-z")
    to(scene, "team-z")
    with scene.world.running():
        told = scene.world.settled("moves", "Stalled", status="True", reason="StoreNotAllowed")
        assert f"s3://{scene.world.bucket}/team-a/moves" in conditions(told)["Ready"]["message"]
    assert scene.world.files() == files


def to(scene: Scene, prefix: str) -> None:
    patch = {"spec": {"store": {"url": f"s3://{scene.world.bucket}/{prefix}"}}}
    scene.world.kubectl("patch", "clusterstate/moves", "--type=merge", "-p", json.dumps(patch))


def test_the_api_server_takes_no_trick_that_it_can_see(world: World) -> None:
    assert {title: status_of(world, given) for title, given in REFUSED_AT_ONCE.items()} == dict.fromkeys(
        REFUSED_AT_ONCE, 422
    )


def status_of(world: World, given: Body) -> int:
    """Give the status by which the API server refuses a spec."""
    body = manifest(url=world.url, **{key: value for key, value in given.items() if key != "store"})
    body["spec"]["store"] = {"url": world.url, **given.get("store", {})}
    with pytest.raises(RequestRefused) as caught:
        world.apply(body)
    return caught.value.status
