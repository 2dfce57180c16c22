"""Templates: which mirrors the Pods of a workload use, and what is to be written so that they get the newest. Pure.

What the Pods were last started with stands in an annotation of the Pod template: keyed digests by source. A digest
that differs is written there, which makes the workload roll. The names of immutable mirrors go with their content,
so references to them, or to what stands for them, are led to the mirror of today in the same write.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, TypeAlias

import msgspec

from clusterstate.api.annotations import MIRRORS_IN_USE
from clusterstate.kube.kinds import JsonObject
from clusterstate.mirror.names import stamped, unstamped
from clusterstate.mirror.objects import Mirror

_LISTS = ("volumes", "initContainers", "containers", "imagePullSecrets")
"""Of a Pod's spec: where names of Secrets stand."""
_Place: TypeAlias = tuple[JsonObject, str]
"""An object and the key in it under which a Secret's name stands."""


@dataclass(frozen=True, slots=True)
class Roll:
    """What makes a workload use the newest mirrors."""

    patch: JsonObject
    """RFC 7396, for the workload as it was read."""
    sources: tuple[str, ...]
    """What its Pods hadn't been started with."""


def make_roll(workload: JsonObject, mirrors: Collection[Mirror], ours: Mapping[str, str]) -> Roll | None:
    """Give what is to be written into a workload for those mirrors, which are there; None: nothing.

    Of a mirror that isn't among them, since it can't be made now, stays what was noted. `ours` are the Secrets that are
    or were mirrors, with their sources: one of somebody else may be named like an immutable mirror.
    """
    template = workload["spec"]["template"]
    spec, noted = deepcopy(template.get("spec") or {}), _noted(template)
    by_name, by_base = _by_name(mirrors), {_base(each): each for each in mirrors}
    used = {}
    for place, key in _places(spec):
        name = place[key]
        mirror = by_name.get(name) or by_base.get(unstamped(name))
        if mirror is not None and (name in by_name or _was(mirror, name, ours, noted)):
            used[mirror.source] = mirror.digest
            place[key] = mirror.name
    lists = {name: spec[name] for name in _LISTS if spec.get(name) != (template.get("spec") or {}).get(name)}
    new = {source for source, digest in used.items() if noted.get(source) != digest}
    if not new and not lists:
        return None
    note = msgspec.json.encode({**noted, **used}, order="sorted").decode()
    changed = {"metadata": {"annotations": {MIRRORS_IN_USE: note}}, "spec": lists}
    return Roll({"spec": {"template": changed}}, tuple(sorted(new or used)))


def digest_of_template(workload: JsonObject) -> str:
    """Give what changes with the Pod template, and with nothing else of a workload: SHA-256, in hex."""
    return sha256(msgspec.json.encode(workload["spec"]["template"], order="sorted")).hexdigest()


def noted_sources(workload: JsonObject) -> frozenset[str]:
    """Give the sources that Pods of a workload, once it is rolled, may use in some content."""
    return frozenset(_noted(workload["spec"]["template"]))


def _by_name(mirrors: Collection[Mirror]) -> dict[str, Mirror]:
    """Give the mirrors by name, and by what stands for them: their own names come first."""
    return {each.alias: each for each in mirrors if each.immutable} | {each.name: each for each in mirrors}


def _base(mirror: Mirror) -> str:
    """Give what the names of its contents begin with, were it immutable."""
    return unstamped(stamped(mirror.alias or mirror.name, mirror.digest))


def _was(mirror: Mirror, name: str, ours: Mapping[str, str], noted: Mapping[str, str]) -> bool:
    """Whether a name is one that the mirror had: that Secret is there, or the template's own note tells its content."""
    before = noted.get(mirror.source)
    return ours.get(name) == mirror.source or (before is not None and stamped(unstamped(name), before) == name)


def _noted(template: JsonObject) -> Mapping[str, str]:
    text = ((template.get("metadata") or {}).get("annotations") or {}).get(MIRRORS_IN_USE, "{}")
    try:
        return msgspec.json.decode(text, type=dict[str, str])
    except (msgspec.DecodeError, RecursionError):
        return {}  # somebody else wrote there


def _places(spec: JsonObject) -> Iterator[_Place]:
    for volume in _items(spec, "volumes"):
        yield from _place(volume.get("secret"), "secretName")
        for source in _items(volume.get("projected") or {}, "sources"):
            yield from _place(source.get("secret"), "name")
    for kind in ("initContainers", "containers"):
        for container in _items(spec, kind):
            for variable in _items(container, "env"):
                yield from _place((variable.get("valueFrom") or {}).get("secretKeyRef"), "name")
            for source in _items(container, "envFrom"):
                yield from _place(source.get("secretRef"), "name")
    for secret in _items(spec, "imagePullSecrets"):
        yield from _place(secret, "name")


def _items(owner: JsonObject, key: str) -> Iterable[Any]:
    return owner.get(key) or ()


def _place(owner: JsonObject | None, key: str) -> Iterator[_Place]:
    if owner and owner.get(key):
        yield owner, key
