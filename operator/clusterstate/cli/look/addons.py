"""Addons of a cluster: those that people gave it, as kops get shows them, and those that kops manages. Pure."""

import re
from collections.abc import Iterable
from typing import Final

from clusterstate.cli.look.documents import objects, part, text
from clusterstate.cli.look.sheet import Item
from clusterstate.errors import MalformedFile
from clusterstate.state import yaml
from clusterstate.state.objects import JsonObject

ADDONS: Final = ("NAME", "KIND", "VERSION")
MORE_OF_ADDONS: Final = ("FROM", "MANIFEST")
CHANNEL: Final = "addons/bootstrap-channel.yaml"
"""Where kops lists what it manages."""
MANAGED: Final = "Addon"
"""How the kind of those is told: they are many objects each."""
_BETWEEN: Final = re.compile(rb"^---[^\n]*\n", re.MULTILINE)


def decode_objects(data: bytes, key: str) -> list[JsonObject]:
    """Read a file of several documents, as kops cuts them apart. Raises `MalformedFile`, which names the file."""
    parts = (each for each in _BETWEEN.split(data) if _says_something(each))
    return [yaml.load(each, key) for each in parts]


def _says_something(document: bytes) -> bool:
    return any(line.strip() and not line.lstrip().startswith(b"#") for line in document.splitlines())


def decode_channel(data: bytes, key: str) -> list[JsonObject]:
    """Read kops's own list. Raises `MalformedFile`, which names the file."""
    content = yaml.load(data, key)
    if content.get("kind") != "Addons":
        raise MalformedFile(f"{key} must be of kind Addons. Let kops write it again: kops update cluster.")
    return [*objects(part(content, "spec").get("addons"))]


def cluster_addon_items(found: Iterable[JsonObject], key: str) -> list[Item]:
    """Give a row for each object of a file."""
    return [
        _item(text(part(each, "metadata"), "name"), text(each, "kind"), part(each, "spec"), key, each) for each in found
    ]


def managed_addon_items(found: Iterable[JsonObject]) -> list[Item]:
    """Give a row for each addon of kops's own list."""
    return [_item(text(each, "name"), MANAGED, each, CHANNEL, each) for each in found]


def _item(name: str, kind: str, spec: JsonObject, key: str, whole: JsonObject) -> Item:
    version = text(spec, "version")
    content: JsonObject = {"name": name, "kind": kind, "version": version, "from": key, "object": whole}
    return Item(name, (name, kind, version), (key, text(spec, "manifest")), content)
