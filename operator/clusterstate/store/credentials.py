"""Who we are towards a store: a closed list of variables per scheme, from one of three sources.

Pure. A credentials Secret names its keys as the environment variables that kops reads; everything else in it is
refused, since a file path, a profile or a program given by a tenant would act with the operator's powers. The order
is Secret, then a service account's workload identity, then ambient: the operator's own environment and SDK chain,
which must be allowed. Each backend says by its `Rules` which variables it has.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Protocol

from clusterstate.errors import AmbientRefused, CredentialsInvalid


class Source(StrEnum):
    """Where credentials came from."""

    NONE = "none"
    """Nobody asks for any."""
    SECRET = "secret"  # noqa: S105 (a word, not a password)
    SERVICE_ACCOUNT = "service-account"
    AMBIENT = "ambient"


class TokenIssuer(Protocol):
    """Gives tokens of one service account to whoever waits in a thread, such as an SDK that renews its credentials."""

    def issue(self, audience: str) -> str:
        """Give a fresh token for this audience alone; a `ClusterStateError` where there is none to be had."""
        ...


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """A Kubernetes service account that a workload identity starts from."""

    namespace: str
    name: str
    uid: str
    """Another account of the same name is somebody else."""
    annotations: Mapping[str, str] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class Credentials:
    """Variables by name, and who gave them. Equal ones are interchangeable; no text of it shows a value."""

    source: Source
    variables: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Sorted by name. Of a service account: the annotations that count, and what the operator adds."""
    account: ServiceAccount | None = None
    issuer: TokenIssuer | None = field(default=None, repr=False, compare=False)
    """Of the account's tokens."""

    def get(self, name: str) -> str:
        """Give a variable's value, empty when it isn't given."""
        return next((value for known, value in self.variables if known == name), "")

    @property
    def explicit(self) -> bool:
        """Whether a tenant gave them: then the operator's environment has no say."""
        return self.source is not Source.AMBIENT


NO_CREDENTIALS: Final = Credentials(Source.NONE)
"""For stores that ask for none."""


class Reader(StrEnum):
    """Who reads a variable of the operator's own environment."""

    OURS = "ours"
    SDK = "sdk"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable that people may know from kops or from a cloud's own tools, and where we take it from."""

    name: str
    secret: bool = True
    """Whether a credentials Secret may hold it."""
    ambient: Reader = Reader.OURS
    file: bool = False
    """Whether it names a file in an environment; in a Secret it holds what that file would."""
    why: str = ""
    """Why a Secret may not hold it, as the end of a sentence."""


def accept(_: Credentials) -> None:
    """Take them as they are."""


PROXY: Final = "HTTPS_PROXY"


def divert_nobody(_: Credentials) -> bool:
    """Tell that whoever answers is who is called."""
    return False


def proxy_variable(credentials: Credentials) -> str:
    """Give the proxy that credentials name by its variable."""
    return credentials.get(PROXY)


@dataclass(frozen=True, slots=True)
class Rules:
    """What the credentials of one scheme consist of."""

    variables: tuple[Variable, ...] = ()
    check: Callable[[Credentials], None] = accept
    """Raises `CredentialsInvalid` for what can't be credentials together."""
    annotations: tuple[str, ...] = ()
    """Of a service account, those that count; none: the scheme has no workload identity."""
    facts: tuple[str, ...] = ()
    """Variables of the operator's environment that count beside a service account."""
    open_to_all: bool = False
    """Whether the store may be used without any credentials."""
    proxy: Callable[[Credentials], str] = proxy_variable
    """Gives the proxy that accepted credentials name."""
    diverts: Callable[[Credentials], bool] = divert_nobody
    """Whether accepted credentials may have others answer than whom `Store.endpoint` names."""

    def named(self, *, secret: bool) -> tuple[str, ...]:
        """Give the names that a Secret may hold, or those that it may not."""
        return tuple(variable.name for variable in self.variables if variable.secret is secret)


_OWN_PLACE = "it would name something in the operator's own environment"
NETWORK: Final = (
    Variable(PROXY, ambient=Reader.SDK),
    Variable("HTTP_PROXY", secret=False, ambient=Reader.SDK, why="there is one proxy per store: HTTPS_PROXY"),
    Variable("NO_PROXY", secret=False, ambient=Reader.SDK, why="a proxy that is set for a store is used"),
    Variable("SSL_CERT_FILE", secret=False, ambient=Reader.SDK, why="spec.store.caBundleRef names the bundle"),
)
"""Variables that every store on a network has."""


@dataclass(frozen=True, slots=True)
class Given:
    """What the object names as credentials: a Secret's decoded data, a service account, or neither."""

    secret: Mapping[str, bytes] | None = field(default=None, repr=False)
    account: ServiceAccount | None = None
    issuer: TokenIssuer | None = field(default=None, compare=False)


def choose_credentials(
    scheme: str, rules: Rules, given: Given, environ: Mapping[str, str], *, ambient_allowed: bool
) -> Credentials:
    """Take what the object names, else the operator's own.

    Raise `CredentialsInvalid` naming the key at fault, or `AmbientRefused`.
    """
    if given.secret is not None:
        return from_secret(scheme, rules, given.secret)
    if given.account is not None:
        return from_account(scheme, rules, given, environ)
    if rules.open_to_all:
        return NO_CREDENTIALS
    if not ambient_allowed:
        raise AmbientRefused(
            f"The {scheme}:// store names no credentials, and the operator's own may not be used for it in this "
            "namespace. Set spec.store.credentialsSecretRef, or have the operator's policy extended."
        )
    return from_environment(rules, environ)


def from_secret(scheme: str, rules: Rules, data: Mapping[str, bytes]) -> Credentials:
    """Check the decoded data of a credentials Secret; raise `CredentialsInvalid` naming a key, never a value."""
    variables = {variable.name: variable for variable in rules.variables}
    accepted = sorted(rules.named(secret=True))
    for name in sorted(data.keys() - set(accepted)):
        why = variables[name].why if name in variables else ""
        known = f"Accepted are {', '.join(accepted)}." if accepted else f"{scheme}:// takes no credentials."
        reason = f", as {why or _OWN_PLACE}" if name in variables else ""
        raise CredentialsInvalid(f"The credentials Secret holds {name!r}, which is refused{reason}. {known}")
    values = {name: _text(variables[name], data[name]) for name in sorted(data)}
    return _checked(rules, Credentials(Source.SECRET, tuple(values.items())))


def from_account(scheme: str, rules: Rules, given: Given, environ: Mapping[str, str]) -> Credentials:
    """Take a service account's workload identity; raise `CredentialsInvalid` where it isn't one for this scheme."""
    account = given.account
    assert account is not None, "the caller looked"
    if not rules.annotations:
        raise CredentialsInvalid(
            f"{scheme}:// has no workload identity. Name a Secret by spec.store.credentialsSecretRef instead."
        )
    facts = {name: environ[name].strip() for name in rules.facts if environ.get(name, "").strip()}
    values = {name: value for name, value in account.annotations.items() if name in rules.annotations} | facts
    return _checked(
        rules, Credentials(Source.SERVICE_ACCOUNT, tuple(sorted(values.items())), account, issuer=given.issuer)
    )


def from_environment(rules: Rules, environ: Mapping[str, str]) -> Credentials:
    """Pick what we read of the operator's environment ourselves; the SDK's chain finds the rest.

    Raise `CredentialsInvalid` for what can't be credentials together.
    """
    names = (variable.name for variable in rules.variables if variable.ambient is Reader.OURS)
    values = {name: environ[name].strip() for name in sorted(names) if environ.get(name, "").strip()}
    return _checked(rules, Credentials(Source.AMBIENT, tuple(values.items())))


def _checked(rules: Rules, credentials: Credentials) -> Credentials:
    rules.check(credentials)
    return credentials


def _text(variable: Variable, value: bytes) -> str:
    """Read one value; the line end that `--from-file` brings along is dropped."""
    try:
        text = value.decode().strip()
    except UnicodeDecodeError:
        text = ""
    if not text or not (variable.file or text.isprintable()):
        kind = "text" if variable.file else "one line of text"
        raise CredentialsInvalid(f"{variable.name} of the credentials Secret is empty or isn't {kind}. Set it again.")
    return text


HOLDERS: Final[Mapping[Source, str]] = {
    Source.NONE: "Nobody",
    Source.SECRET: "The credentials Secret",
    Source.SERVICE_ACCOUNT: "The service account",
    Source.AMBIENT: "The environment",
}
"""How messages call who gave credentials."""


def require_all_or_none(credentials: Credentials, *names: str) -> None:
    """Raise `CredentialsInvalid` where some of the variables are there and others aren't."""
    there = [name for name in names if credentials.get(name)]
    missing = [name for name in names if not credentials.get(name)]
    if there and missing:
        raise CredentialsInvalid(
            f"{HOLDERS[credentials.source]} holds {there[0]} without {' and '.join(missing)}. Give all or none of them."
        )


def require_company(credentials: Credentials, name: str, *others: str) -> None:
    """Raise `CredentialsInvalid` where a variable is there that makes sense only beside others."""
    missing = [other for other in others if not credentials.get(other)]
    if credentials.get(name) and missing:
        raise CredentialsInvalid(
            f"{HOLDERS[credentials.source]} holds {name} without {' and '.join(missing)}. Give all of them."
        )
