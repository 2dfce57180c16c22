"""Whatever a file spells oddly, kops shows it as it is written here: a differential test over kops's own types."""

import json
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from clusterstate.state import codec
from clusterstate.state.canonical import canonical
from clusterstate.state.complete import complete
from clusterstate.state.objects import Document, Json
from clusterstate.state.schema import Kind, List, Map, Object, Type, load_schema
from tests.kops.asking import differences
from tests.support.kops import Kops

pytestmark = [pytest.mark.kops, pytest.mark.objectstore]

CLUSTER = "minimal.example.com"
TEXTS = (
    "", "a", "1e3", "true", "no", "~", "null", "0x1f", "0o7", "1_000", "+1", ".5", "12:30:00", "2020-01-01", "=", "<<",
    "a: b", "a # b", "#c", "- a", "-", "?", "|", "@x", "%x", "!t", "&a", "*a", "it's", '"q"', " lead", "trail ", "é",
    "\N{GRINNING FACE}", "a\tb", "\n", "a\n\nb", "x: y\nz\n", "long " * 40,
)  # fmt: skip
POOLS: dict[str, tuple[Json, ...]] = {
    "bool": (True, False),
    "string": TEXTS,
    "duration": ("60s", "1h", "0s", "1.5h", "90m", "500ms", "1h0m0s", "36h"),
    "quantity": ("1024Mi", "1000m", "0.5", "1e3", "1500Mi", 2, "0", "100m", "1Gi", "2000Ki", "1.5Gi"),
    "intOrString": (0, 1, "25%", "0", "a", ""),
    "int": (0, 1, -1, 30000),
    "uint": (0, 1, 200),
}
KEYS = ("a", "b.c/d", "on", "1", "a_1", "a-1", "a10", "a9")
AMAZON = {"cloudProvider": "aws", "configBase": "s3://somewhere/else"}
"""kops reads some fields of a cluster on this cloud only, and adds a configBase to a cluster that has none."""


class Maker:
    """Makes up specs, and stores them as a person might."""

    def __init__(self, kops: Kops, seed: int) -> None:
        self.kops = kops
        self.s3 = kops.s3.client()
        self.random = Random(seed)

    def value(self, kind: Type, depth: int) -> Json:
        match kind:
            case Object(name):
                return self.object(name, depth)
            case Map(inner):
                return {self.random.choice(KEYS): self.value(inner, depth - 1) for _ in range(self.random.randrange(3))}
            case List(inner):
                return [self.value(inner, depth - 1) for _ in range(self.random.randrange(3))]
            case str():
                return self.random.choice(POOLS[kind.rstrip("0123456789")])

    def object(self, name: str, depth: int) -> dict[str, Json]:
        fields = load_schema().types[name]
        often = 0.12 if len(fields) > 20 else 0.5
        drawn = [key for key in fields if depth and self.random.random() < often]
        return {key: self.value(fields[key].type, depth - 1) for key in drawn}

    def put(self, key: str, kind: Kind, metadata: dict[str, Any], spec: dict[str, Json]) -> str:
        """Give the object as it would be written here."""
        whole = Document(codec.API_VERSION, kind, metadata, complete(kind, canonical(kind, spec).spec))
        raw = {"apiVersion": codec.API_VERSION, "kind": kind, "metadata": metadata, "spec": spec}
        self.s3.put_object(Bucket=self.kops.bucket, Key=key, Body=json.dumps(raw).encode())
        return codec.encode_document(whole).decode().strip()


def shown(kops: Kops, *arguments: str) -> dict[str, str]:
    texts = kops.run("get", *arguments, "-o", "yaml").stdout.split("\n---\n\n")
    return {codec.decode_document(text.encode(), "shown").name: text.strip() for text in texts}


def put_groups(maker: Maker) -> tuple[dict[str, str], dict[str, str]]:
    maker.put(f"{CLUSTER}/config", "Cluster", {"name": CLUSTER}, dict(AMAZON))
    ours = {}
    for number in range(100):
        metadata = {"labels": {"kops.k8s.io/cluster": CLUSTER}, "name": (name := f"group-{number}")}
        role: Json = maker.random.choice(("Node", "Master", "ControlPlane", "Bastion"))
        spec = maker.object(load_schema().specs["InstanceGroup"], 5) | {"role": role}
        ours[name] = maker.put(f"{CLUSTER}/instancegroup/{name}", "InstanceGroup", metadata, spec)
    return ours, shown(maker.kops, "ig", "--name", CLUSTER)


def put_clusters(maker: Maker) -> tuple[dict[str, str], dict[str, str]]:
    ours = {}
    for number in range(60):
        spec = maker.object(load_schema().specs["Cluster"], 6) | AMAZON
        if "oidcRequiredClaim" in (server := spec.get("kubeAPIServer") or {}):
            server["oidcRequiredClaim"] = ["b=1", "a=2"]  # kops crashes on one without "="
        name = f"c{number}.example.com"
        ours[name] = maker.put(f"{name}/config", "Cluster", {"name": name}, spec)
    theirs = shown(maker.kops, "clusters")
    # kops leaves out, with a warning, what it can't make sense of
    return {name: ours[name] for name in theirs}, theirs


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
@pytest.mark.parametrize(("many", "enough"), [(put_groups, 100), (put_clusters, 30)], ids=["groups", "clusters"])
def test_kops_shows_what_would_be_written(
    kops: Kops, many: Callable[[Maker], tuple[dict[str, str], dict[str, str]]], enough: int, seed: int
) -> None:
    ours, theirs = many(Maker(kops, seed))
    assert differences(ours, theirs) == ""
    assert len(theirs) >= enough
