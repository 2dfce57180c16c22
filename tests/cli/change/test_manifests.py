"""Manifests are taken apart whatever they come in, and whatever is none is refused in words, by its place."""

import io
import json
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clusterstate.cli.manifests import LARGEST, read_manifests
from clusterstate.cli.words import Files
from clusterstate.errors import ClusterStateError, CommandInvalid, MalformedFile


def body(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Thing", "metadata": {"name": name}}


def write(folder: Path, name: str, *bodies: Any) -> str:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("---\n".join(map(yaml.safe_dump, bodies)))
    return str(path)


def names(*paths: str, recursive: bool = False) -> list[str]:
    return [each.name for each in read_manifests(Files(paths, recursive))]


def test_a_folder_gives_its_manifests_in_the_order_of_their_names(tmp_path: Path) -> None:
    write(tmp_path, "b.yml", body("two"), body("three"))
    write(tmp_path, "a.yaml", body("one"))
    (tmp_path / "c.json").write_text(json.dumps(body("four")))
    write(tmp_path, "README.md", "no manifest")
    write(tmp_path, "below/d.yaml", body("deep"))
    assert names(str(tmp_path)) == ["one", "two", "three", "four"]
    assert names(str(tmp_path), recursive=True) == ["one", "two", "three", "deep", "four"]


def test_each_object_tells_where_it_stands(tmp_path: Path) -> None:
    path = write(tmp_path, "a.yaml", body("one"), None, {"kind": "List", "items": [body("two"), body("three")]})
    assert [each.place for each in read_manifests(Files((path,)))] == [
        f"{path}, document 1",
        f"{path}, document 3, item 1",
        f"{path}, document 3, item 2",
    ]
    single = write(tmp_path, "b.yaml", body("one"))
    (found,) = read_manifests(Files((single,)))
    assert (found.place, found.api_version, found.kind, found.name) == (single, "v1", "Thing", "one")


@pytest.mark.parametrize(
    "lists",
    [
        {"apiVersion": "v1", "kind": "List", "items": [body("a"), body("b")]},
        {"apiVersion": "config.kubernetes.io/v1", "kind": "ResourceList", "items": [body("a"), body("b")]},
        {
            "apiVersion": "kops.k8s.io/v1alpha2",
            "kind": "ClusterList",
            "items": [{"kind": "List", "items": [body("a"), body("b")]}],
        },
        [body("a"), body("b")],
    ],
    ids=["kubectl", "kustomize", "lists in lists", "kops get -o json"],
)
def test_lists_are_opened(tmp_path: Path, lists: Any) -> None:
    assert names(write(tmp_path, "list.yaml", lists)) == ["a", "b"]


def test_anchors_count_within_their_document(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("metadata: &m {name: a}\nother: *m\n---\nmetadata: {name: b}\n")
    assert [each.content.get("other") for each in read_manifests(Files((str(path),)))] == [{"name": "a"}, None]
    path.write_text("metadata: &m {name: a}\n---\nmetadata: *m\n")
    with pytest.raises(MalformedFile, match="an alias has no anchor before it"):
        names(str(path))


def test_stdin_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(b"metadata: {name: a}")))
    with pytest.raises(CommandInvalid, match="given twice"):
        names("-", "-")
    assert names("-") == ["a"]


BOMB = "a0: &a0 [x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{number}: &a{number} [{', '.join([f'*a{number - 1}'] * 8)}]\n" for number in range(1, 9)
)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "there is no object in it"),
        (b"---\n---\n# nothing\n", "there is no object in it"),
        (b"kind: List\nitems: []\n", "there is no object in it"),
        (bytes(range(256)), "isn't UTF-8 text"),
        (b"\x7fELF\0\0\0", "control characters are not allowed"),
        (b"just words", "is no object"),
        (b"[1, 2]", "item 1 is no object"),
        (b"a: [", "is not YAML"),
        (b"a: &a [*a]", "an alias has no anchor before it"),
        (b"[" * 100_000, "levels of nesting"),
        (b'{"a":' * 5_000, "levels of nesting"),
        (BOMB.encode(), "aliases add more than"),
        (b"[[[[[[[x]]]]]]]", "list of lists"),
        (b"a: x\n" * (LARGEST // 5 + 1), f"more than {LARGEST} bytes"),
    ],
    ids=lambda each: each[:12] if isinstance(each, str) else "",
)
def test_what_is_no_manifest_is_refused_by_name(tmp_path: Path, data: bytes, told: str) -> None:
    path = tmp_path / "odd.yaml"
    path.write_bytes(data)
    with pytest.raises(ClusterStateError) as caught:
        names(str(path))
    assert told in caught.value.message
    assert caught.value.message.startswith(str(path))
    assert "\n" not in caught.value.message


def test_what_isn_t_there_or_holds_nothing_is_told(tmp_path: Path) -> None:
    with pytest.raises(CommandInvalid, match="No such file"):
        names(str(tmp_path / "missing.yaml"))
    with pytest.raises(CommandInvalid, match=r"has no file that ends in .*-R looks"):
        names(str(tmp_path))
    with pytest.raises(CommandInvalid, match=r"has no file that ends in [^;]*$"):
        names(str(tmp_path), recursive=True)
    with pytest.raises(CommandInvalid, match="can't be the name of a file"):
        names("a\0b")


def test_links_lead_round_in_no_circles(tmp_path: Path) -> None:
    write(tmp_path, "a/a.yaml", body("one"))
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    assert names(str(tmp_path), recursive=True) == ["one"]


def test_nothing_given_shows_in_a_representation(tmp_path: Path) -> None:
    (found,) = read_manifests(Files((write(tmp_path, "a.yaml", {"data": "canary"}),)))
    assert "canary" not in repr(found)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=60) | st.text(alphabet="a: -[]{}&*\n\"'|>#,", max_size=60).map(str.encode))
def test_whatever_a_file_holds_it_is_read_or_refused_in_words(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "any.yaml"
    path.write_bytes(data)
    with suppress(ClusterStateError):
        assert all(isinstance(each.content, dict) for each in read_manifests(Files((str(path),))))
