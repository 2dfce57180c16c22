"""Broken sources: each says its own reason and file, and holds up no other mirror."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from msgspec.structs import replace

from clusterstate.mirror.objects import MirrorProblem, Mirrors
from clusterstate.mirror.shapes import make_mirrors
from clusterstate.state.tree import Tree, Wanted, read_state
from clusterstate.store.backends.memory import MemoryStore
from tests.mirror.breaks import BREAKS
from tests.mirror.making import EVERYTHING, OWNER, pair

CA = "pki/private/kubernetes-ca/keyset.yaml"
SOUND = (Path(__file__).parents[1] / "data/kops-store/complex.example.com" / CA).read_bytes()
SPEC = replace(EVERYTHING, keysets=(pair("*", "kubernetes-ca", *BREAKS),))


def file_of(name: str) -> str:
    return f"pki/private/{name}/keyset.yaml"


async def mirrored(bucket: str, files: Mapping[str, bytes]) -> Mirrors:
    tree = Tree(MemoryStore(bucket))
    for key, data in files.items():
        await tree.trunk.write(key, data)
    read = await read_state(tree, await tree.list_files(), Wanted(secrets=lambda _: True))
    return make_mirrors(SPEC, read.state, OWNER, read.broken)


def check(problem: MirrorProblem, name: str) -> None:
    assert (problem.source, problem.reason) == (f"keyset/{name}", BREAKS[name].reason)
    assert BREAKS[name].says in problem.message
    assert (file_of(name) if BREAKS[name].reason != "MirrorRefused" else f"keyset/{name}") in problem.message


@pytest.mark.parametrize("name", BREAKS)
async def test_one_says_what_is_wrong_with_it(request: pytest.FixtureRequest, name: str) -> None:
    files = {CA: SOUND, file_of(name): BREAKS[name].broken(SOUND)}
    mirrors = await mirrored(request.node.nodeid, files)
    (problem,) = mirrors.problems
    check(problem, name)
    assert [each.source for each in mirrors.wanted] == ["keyset/kubernetes-ca"]


async def test_all_of_them_say_so_at_once(request: pytest.FixtureRequest) -> None:
    giants = {"secrets/giant": 2 * 1024**2 + 1, file_of("giant"): 1024**2 + 1}
    files = {CA: SOUND} | {file_of(name): each.broken(SOUND) for name, each in BREAKS.items()}
    mirrors = await mirrored(request.node.nodeid, files | {key: b"#" * size for key, size in giants.items()})
    found = {each.source: each for each in mirrors.problems}
    assert found.keys() == {"secret/giant", "keyset/giant", *(f"keyset/{name}" for name in BREAKS)}
    for name in BREAKS:
        check(found[f"keyset/{name}"], name)
    assert f"{file_of('giant')} has 1048577 bytes" in found["keyset/giant"].message
    assert "secrets/giant has 2097153 bytes" in found["secret/giant"].message
    assert [each.source for each in mirrors.wanted] == ["keyset/kubernetes-ca"]
