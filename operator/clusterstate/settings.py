"""What whoever installs the operator decides, as one frozen record. Only `cli` reads the environment."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from clusterstate.errors import SpecInvalid

PREFIX = "CLUSTERSTATE_"
NAMESPACE = "namespace"
NAMED = "named"
LAST_PORT = 65535
MOST_SHARDS = 16
"""The chart names the Leases of every number of shards in a Role: an upgrade meets those of the one before."""
TEXT = "text"
JSON = "json"
_ADDRESS = re.compile(r"(\[(?P<ipv6>[0-9A-Fa-f:.]+)\]|(?P<host>[A-Za-z0-9.-]*)):(?P<port>[0-9]{1,5})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens."""

    host: str
    """Name or address; empty: all addresses of the machine."""
    port: int
    """0: any that is free."""

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Election:
    """How the one process that writes is chosen among several."""

    wanted: bool = False
    """Whether there may be others; False: whoever starts this answers for there being none.

    `CLUSTERSTATE_LEADER_ELECTION`: true or false; in a Pod true.
    """
    name: str = "clusterstate-operator"
    """Of the Lease in the operator's namespace, the same for all who watch the same. `CLUSTERSTATE_LEASE_NAME`."""
    duration: int = 12
    """Seconds without a renewal after which another process leads. `CLUSTERSTATE_LEASE_DURATION`."""
    deadline: int = 8
    """Seconds without a renewal after which the leader writes no more. `CLUSTERSTATE_LEASE_RENEW_DEADLINE`.

    From then until `duration` the writes that are under way have time to end.
    """
    retry: int = 2
    """Seconds between two looks at the Lease. `CLUSTERSTATE_LEASE_RETRY_PERIOD`."""

    def __post_init__(self) -> None:
        if not 2 * self.retry <= self.deadline < self.duration:
            raise SpecInvalid(
                f"CLUSTERSTATE_LEASE_RETRY_PERIOD, _RENEW_DEADLINE and _DURATION are {self.retry}, {self.deadline} and "
                f"{self.duration}. Give a deadline of at least two periods, and a longer duration."
            )

    @property
    def patience(self) -> float:
        """Seconds that one request about the Lease may take: one that hangs leaves room for another."""
        return self.retry * 0.75

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "Election":
        """Do as `Settings.from_env`."""
        default = cls()
        return cls(
            wanted=_truth(environ, "LEADER_ELECTION"),
            name=environ.get(PREFIX + "LEASE_NAME", "").strip() or default.name,
            duration=_positive(environ, "LEASE_DURATION", default.duration),
            deadline=_positive(environ, "LEASE_RENEW_DEADLINE", default.deadline),
            retry=_positive(environ, "LEASE_RETRY_PERIOD", default.retry),
        )


@dataclass(frozen=True, slots=True)
class Settings:
    """The operator's own configuration; what tenants may not decide."""

    namespaces: tuple[str, ...] = ()
    """Namespaces to watch; empty: all. `CLUSTERSTATE_NAMESPACES`, separated by commas."""
    workers: int = 16
    """Runs at the same time. `CLUSTERSTATE_WORKERS`. More of them help only where stores are far away."""
    policy: str = ""
    """File that says which stores the objects of each namespace may use, see `policy`; empty: any, as themselves.

    `CLUSTERSTATE_POLICY`. It is read once, when the operator starts.
    """
    allowed_endpoints: tuple[str, ...] = ()
    """Hosts and CIDRs that a tenant may name as endpoint though they are loopback or link-local.

    `CLUSTERSTATE_ALLOWED_ENDPOINTS`, separated by commas; tests and the demo allow 127.0.0.1.
    """
    file_roots: tuple[str, ...] = ()
    """Folders of the operator's own disk that `file://` stores may lie in; empty: none.

    `CLUSTERSTATE_FILE_ROOTS`, separated by commas.
    """
    memory_allowed: bool = False
    """Whether `memfs://` stores may be used: they fill this process's memory and are gone with it.

    `CLUSTERSTATE_ALLOW_MEMORY`: true or false.
    """
    token_urls: tuple[str, ...] = ()
    """URL prefixes of token services that credentials may name beside the clouds' own; tests name theirs.

    `CLUSTERSTATE_TOKEN_URLS`, separated by commas.
    """
    deletion_timeout: int = 3600
    """Seconds after which an object that is being deleted goes although its state can't be deleted; the files stay.

    `CLUSTERSTATE_DELETION_TIMEOUT`.
    """
    operator_namespace: str = "default"
    """Where the installation keeps what its replicas share. `CLUSTERSTATE_OPERATOR_NAMESPACE`; the Pod's own."""
    secrets_rbac: str = NAMESPACE
    """How far RBAC lets the operator see: `namespace`, all Secrets of one, or `named`, those alone that a rule names.

    `CLUSTERSTATE_SECRETS_RBAC`. `named` costs a watch for each Secret and ConfigMap that an object refers to.
    """
    after_push_namespaces: tuple[str, ...] = ()
    """Globs of namespaces whose objects may have a Job after a push (`spec.afterPush`); empty: none.

    `CLUSTERSTATE_AFTER_PUSH_NAMESPACES`, separated by commas. The operator creates the Job, so that whoever may create
    ClusterStates there may run whatever the operator may run there.
    """
    metrics_address: Address | None = None
    """Where `/metrics` is answered; None: nowhere. `CLUSTERSTATE_METRICS_ADDRESS`: `HOST:PORT` or `:PORT`."""
    log_level: str = "INFO"
    """`CLUSTERSTATE_LOG_LEVEL`: DEBUG, INFO, WARNING or ERROR."""
    log_format: str = TEXT
    """How lines of the log look: `text`, or `json`, an object a line. `CLUSTERSTATE_LOG_FORMAT`."""
    shards: int = 1
    """How many operators share the objects, each with a Lease of its own; see `plan.shards`. `CLUSTERSTATE_SHARDS`."""
    election: Election = field(default_factory=Election)

    def __post_init__(self) -> None:
        if self.shards > MOST_SHARDS:
            raise SpecInvalid(f"CLUSTERSTATE_SHARDS is {self.shards}. Give {MOST_SHARDS} at most.")
        if self.shards > 1 and not self.election.wanted:
            raise SpecInvalid(
                f"CLUSTERSTATE_SHARDS is {self.shards}, and nobody is elected. Set CLUSTERSTATE_LEADER_ELECTION=true."
            )

    def after_push_allowed(self, namespace: str) -> bool:
        """Whether objects of this namespace may have a Job after a push."""
        return any(fnmatchcase(namespace, glob) for glob in self.after_push_namespaces)

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "Settings":
        """Read `CLUSTERSTATE_*` variables; raise `SpecInvalid` naming a variable that can't be read."""
        default = cls()
        return cls(
            namespaces=_words(environ, "NAMESPACES"),
            workers=_positive(environ, "WORKERS", default.workers),
            policy=environ.get(PREFIX + "POLICY", "").strip(),
            allowed_endpoints=_words(environ, "ALLOWED_ENDPOINTS"),
            file_roots=_words(environ, "FILE_ROOTS"),
            memory_allowed=_truth(environ, "ALLOW_MEMORY"),
            token_urls=_words(environ, "TOKEN_URLS"),
            deletion_timeout=_positive(environ, "DELETION_TIMEOUT", default.deletion_timeout),
            operator_namespace=environ.get(PREFIX + "OPERATOR_NAMESPACE", "").strip() or default.operator_namespace,
            secrets_rbac=_choice(environ, "SECRETS_RBAC", (NAMESPACE, NAMED)),
            after_push_namespaces=_words(environ, "AFTER_PUSH_NAMESPACES"),
            metrics_address=_address(environ, "METRICS_ADDRESS"),
            log_level=_level(environ, default.log_level),
            log_format=_choice(environ, "LOG_FORMAT", (TEXT, JSON)),
            shards=_positive(environ, "SHARDS", default.shards),
            election=Election.from_env(environ),
        )


def _words(environ: Mapping[str, str], name: str) -> tuple[str, ...]:
    words = (word.strip() for word in environ.get(PREFIX + name, "").split(","))
    return tuple(dict.fromkeys(word for word in words if word))


def _positive(environ: Mapping[str, str], name: str, default: int) -> int:
    text = environ.get(PREFIX + name, "")
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise SpecInvalid(f"{PREFIX}{name} is {text!r}. Give a whole number of at least 1.")
    return int(text)


def _truth(environ: Mapping[str, str], name: str) -> bool:
    text = environ.get(PREFIX + name, "").lower() or "false"
    if text not in {"true", "false"}:
        raise SpecInvalid(f"{PREFIX}{name} is {text!r}. Give true or false.")
    return text == "true"


def _choice(environ: Mapping[str, str], name: str, choices: tuple[str, ...]) -> str:
    """Give the word that is set, or the first one."""
    word = environ.get(PREFIX + name, "").lower() or choices[0]
    if word not in choices:
        raise SpecInvalid(f"{PREFIX}{name} is {word!r}. Give {' or '.join(choices)}.")
    return word


def _address(environ: Mapping[str, str], name: str) -> Address | None:
    text = environ.get(PREFIX + name, "").strip()
    if not text:
        return None
    found = _ADDRESS.fullmatch(text)
    if found is None or int(found["port"]) > LAST_PORT:
        raise SpecInvalid(f"{PREFIX}{name} is {text!r}. Give HOST:PORT or :PORT, for example :8080.")
    return Address(found["ipv6"] or found["host"] or "", int(found["port"]))


def _level(environ: Mapping[str, str], default: str) -> str:
    level = (environ.get(PREFIX + "LOG_LEVEL") or default).upper()
    if level not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
        raise SpecInvalid(f"{PREFIX}LOG_LEVEL is {level!r}. Give DEBUG, INFO, WARNING or ERROR.")
    return level
