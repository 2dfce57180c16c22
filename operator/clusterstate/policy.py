"""The policy: which stores the objects of a namespace may lead to, and where as the operator itself. Pure.

Whoever installs the operator writes it, as one YAML file that is checked whole. A namespace has what the rules that
match it give together, and nothing else. Without a file everybody may use any store with credentials of their own, the
operator's own nowhere, and of this cluster's namespaces their own.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Annotated, Final, TypeAlias

import msgspec
from msgspec import Meta

from clusterstate.api.basics import LONGEST_LABEL, Declared, tell_invalid
from clusterstate.errors import SpecInvalid
from clusterstate.state import yaml
from clusterstate.store.location import KUBERNETES, Location
from clusterstate.store.open import BACKENDS

ANY: Final = "*"
"""The store that means every one, but for namespaces of this cluster that aren't the object's own."""
LONGEST_URL: Final = 2048
_parse: Final = lru_cache(maxsize=8192)(Location.parse)
"""The same few URLs are asked about with each event of each object."""

NamespaceGlob: TypeAlias = Annotated[str, Meta(pattern=r"^[-a-z0-9*?]+\Z", max_length=LONGEST_LABEL)]
StoreURL: TypeAlias = Annotated[str, Meta(min_length=1, max_length=LONGEST_URL)]


class Rule(Declared, frozen=True, kw_only=True):
    """What the objects of some namespaces may use."""

    namespaces: Annotated[tuple[NamespaceGlob, ...], Meta(min_length=1, max_length=1024)]
    stores: Annotated[tuple[StoreURL, ...], Meta(max_length=1024)]
    """URLs that a state may lie at or below; of `k8s:///NAMESPACE` the namespace may be a glob. `*`: any."""
    ambient: bool = False
    """Whether the operator's own credentials may be used there, where an object names none."""

    def suits(self, namespace: str) -> bool:
        """Whether it is about this namespace."""
        return any(fnmatchcase(namespace, glob) for glob in self.namespaces)


@dataclass(frozen=True, slots=True)
class Allowance:
    """What the objects of one namespace may use."""

    namespace: str
    rules: tuple[Rule, ...]
    """Those that are about it."""

    def places(self, *, ambient: bool) -> tuple[Location, ...] | None:
        """Give where states may lie, with the operator's own credentials or with others; None: anywhere."""
        stores = [url for rule in self.rules if rule.ambient or not ambient for url in rule.stores]
        return None if ANY in stores else tuple(_parse(url).within(self.namespace) for url in stores)

    def permits(self, location: Location, *, ambient: bool) -> bool:
        """Whether a state may lie there."""
        return location.is_within(self.places(ambient=ambient))

    @property
    def kubernetes(self) -> tuple[str, ...]:
        """Which namespaces of this cluster may hold states, as globs, or which paths below one."""
        places = [_parse(url) for rule in self.rules for url in rule.stores if url != ANY]
        named = [place.within(self.namespace).prefix for place in places if place.scheme == KUBERNETES]
        own = [self.namespace] if any(ANY in rule.stores for rule in self.rules) else []
        return tuple(dict.fromkeys([*own, *named]))


class Policy(Declared, frozen=True, kw_only=True):
    """What all namespaces may use."""

    rules: Annotated[tuple[Rule, ...], Meta(max_length=1024)]

    def of(self, namespace: str) -> Allowance:
        """Give what one namespace may use."""
        return Allowance(namespace, tuple(rule for rule in self.rules if rule.suits(namespace)))


OWN_CREDENTIALS: Final = Policy(rules=(Rule(namespaces=(ANY,), stores=(ANY,)),))
"""What holds without a file."""
EVERYTHING: Final = Policy(rules=(Rule(namespaces=(ANY,), stores=(ANY, "k8s:///*"), ambient=True),))
"""For a person's own command line."""


def describe_policy(policy: Policy, path: str) -> str:
    """Say which one holds, for the log: whoever misspells the variable has none."""
    if not path:
        return "there is no policy: every namespace may use any store with credentials of its own"
    return f"the policy {path} has {len(policy.rules)} rules"


def load_policy(data: bytes, name: str) -> Policy:
    """Read a policy from the bytes of a file; raise `SpecInvalid` or `MalformedFile` naming file and place."""
    try:
        policy = msgspec.convert(yaml.load(data, name, once=True), Policy)
    except msgspec.ValidationError as error:
        found = tell_invalid(error, "the file")
        raise SpecInvalid(f"{name}: {found} Correct it; docs/security.md shows a policy.") from None
    for problem in _problems(policy):
        raise SpecInvalid(f"{name}: {problem}")
    return policy


def _problems(policy: Policy) -> Iterator[str]:
    for number, rule in enumerate(policy.rules):
        for position, url in enumerate(rule.stores):
            problem = None if url == ANY else _find_problem(url)
            if problem:
                yield f"rules[{number}].stores[{position}]: {problem}"


def _find_problem(url: str) -> str | None:
    try:
        place = _parse(url)
    except SpecInvalid as error:
        return error.message
    if place.scheme not in BACKENDS:
        return f"{url!r} is of no known store. Known are {', '.join(BACKENDS)}."
    head, _, rest = place.prefix.partition("/") if place.scheme == KUBERNETES else ("", "", place.prefix)
    if ANY in rest or "?" in place.prefix:
        return f"{url!r} holds a '*' or '?', which only the namespace of k8s:/// may. Name the place itself."
    return (
        None if head == "" or _is_glob(head) else f"{head!r} in {url!r} is no name or glob of a namespace. Correct it."
    )


def _is_glob(text: str) -> bool:
    try:
        msgspec.convert(text, NamespaceGlob)
    except msgspec.ValidationError:
        return False
    return True
