"""Who we are towards a store: a closed list of keys per scheme, from a Secret or from the operator itself.

Pure. A credentials Secret names its keys as kops's environment variables; everything else in it is refused, since
a file path, a profile or a program given by a tenant would act with the operator's powers. The order is Secret,
then ambient, which is the operator's own environment and SDK chain and must be allowed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from clusterstate.errors import AmbientRefused, CredentialsInvalid


class Source(StrEnum):
    """Where credentials came from."""

    NONE = "none"
    """The scheme has no credentials."""
    SECRET = "secret"  # noqa: S105 (a word, not a password)
    AMBIENT = "ambient"


@dataclass(frozen=True, slots=True)
class Credentials:
    """Variables by name, and who gave them. Equal ones are interchangeable; no text of it shows a value."""

    source: Source
    variables: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Sorted by name."""

    def get(self, name: str) -> str:
        """Give a variable's value, empty when it isn't given."""
        return dict(self.variables).get(name, "")

    @property
    def secrets(self) -> tuple[str, ...]:
        """The values that no text may show."""
        return tuple(value for name, value in self.variables if name not in _PUBLIC)


NO_CREDENTIALS: Final = Credentials(Source.NONE)
"""For stores that have none: `file` and `memfs`."""


@dataclass(frozen=True, slots=True)
class _Rules:
    """What a scheme's credentials consist of."""

    pairs: tuple[tuple[str, str], ...]
    """Both or none; a Secret needs one pair at least."""
    companions: Mapping[str, tuple[str, str]]
    """What makes sense only beside a pair."""
    others: frozenset[str]
    ambient: frozenset[str]
    """What we read from the operator's environment ourselves; the rest is the SDK's."""

    @property
    def accepted(self) -> frozenset[str]:
        return self.others | self.companions.keys() | {name for pair in self.pairs for name in pair}


_AWS_PAIR = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
_S3_PAIR = ("S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY")
_PUBLIC = frozenset({"AWS_REGION", "S3_ENDPOINT", "S3_REGION", "KOPS_STATE_S3_ACL"})

_NONE = _Rules(pairs=(), companions={}, others=frozenset(), ambient=frozenset())

_RULES: Final[Mapping[str, _Rules]] = {
    "s3": _Rules(
        pairs=(_AWS_PAIR, _S3_PAIR),
        companions={"AWS_SESSION_TOKEN": _AWS_PAIR, "S3_ENDPOINT": _S3_PAIR},
        others=_PUBLIC - {"S3_ENDPOINT"},
        ambient=_PUBLIC | {*_S3_PAIR},
    ),
    "file": _NONE,
    "memfs": _NONE,
}
"""By scheme; one that isn't here can't be opened, so its credentials don't matter."""


def accepted_keys(scheme: str) -> frozenset[str]:
    """Give the keys that a credentials Secret for the scheme may hold; empty when the scheme has none."""
    rules = _RULES.get(scheme)
    return rules.accepted if rules else frozenset()


def choose_credentials(
    scheme: str, secret: Mapping[str, bytes] | None, environ: Mapping[str, str], *, ambient_allowed: bool
) -> Credentials:
    """Take the Secret's data when there is one, else the operator's own.

    Raise `CredentialsInvalid` naming the key at fault, or `AmbientRefused`.
    """
    if secret is not None:
        return from_secret(scheme, secret)
    if not accepted_keys(scheme):
        return NO_CREDENTIALS
    if not ambient_allowed:
        raise AmbientRefused(
            f"The {scheme}:// store names no credentials, and the operator's own may not be used in this namespace. "
            "Set spec.store.credentialsSecretRef, or have the operator's ambient namespaces extended."
        )
    return from_environment(scheme, environ)


def from_secret(scheme: str, data: Mapping[str, bytes]) -> Credentials:
    """Check the decoded data of a credentials Secret; raise `CredentialsInvalid` naming a key, never a value."""
    rules = _RULES.get(scheme)
    if rules is None:
        return NO_CREDENTIALS
    accepted = rules.accepted
    refused = sorted(data.keys() - accepted)
    if refused:
        known = f"Accepted are {', '.join(sorted(accepted))}." if accepted else f"{scheme}:// takes no credentials."
        raise CredentialsInvalid(f"The credentials Secret holds {refused[0]!r}, which is refused. {known}")
    values = {name: _text(name, data[name]) for name in sorted(data)}
    _check_complete(rules, values, "The credentials Secret")
    _check_any_pair(rules, values)
    return Credentials(Source.SECRET, tuple(values.items()))


def from_environment(scheme: str, environ: Mapping[str, str]) -> Credentials:
    """Pick what kops would read from the operator's environment; the SDK's chain finds the rest by itself.

    Raise `CredentialsInvalid` where a custom endpoint is set without its static keys, as kops does.
    """
    rules = _RULES.get(scheme)
    if rules is None:
        return NO_CREDENTIALS
    values = {name: environ[name].strip() for name in sorted(rules.ambient) if environ.get(name, "").strip()}
    _check_complete(rules, values, "The operator's environment")
    return Credentials(Source.AMBIENT, tuple(values.items()))


def _text(name: str, value: bytes) -> str:
    """Read one value; the line end that `--from-file` brings along is dropped."""
    try:
        text = value.decode().strip()
    except UnicodeDecodeError:
        text = ""
    if not text or not text.isprintable():
        raise CredentialsInvalid(f"{name} of the credentials Secret is empty or isn't one line of text. Set it again.")
    return text


def _check_complete(rules: _Rules, values: Mapping[str, str], holder: str) -> None:
    for one, other in rules.pairs:
        if (one in values) != (other in values):
            there, missing = (one, other) if one in values else (other, one)
            raise CredentialsInvalid(f"{holder} holds {there} without {missing}. Give both.")
    for name, pair in rules.companions.items():
        if name in values and pair[0] not in values:
            raise CredentialsInvalid(f"{holder} holds {name} without {' and '.join(pair)}. Give all three.")


def _check_any_pair(rules: _Rules, values: Mapping[str, str]) -> None:
    if rules.pairs and not any(pair[0] in values for pair in rules.pairs):
        choices = ", or ".join(" and ".join(pair) for pair in rules.pairs)
        raise CredentialsInvalid(f"The credentials Secret holds no keys. Give {choices}.")
