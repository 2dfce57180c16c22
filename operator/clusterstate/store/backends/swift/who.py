"""Who asks Keystone, and for what: variables of an environment, read by gophercloud's rules. Pure.

gophercloud (openstack/auth_env.go, auth_options.go; kops 1.35 has v2.9.0): `OS_PROJECT_*` win over `OS_TENANT_*`, ids
over names; `OS_DOMAIN_*` are the domain of user and project alike; an application credential has its scope in itself,
and a password beside it wins; `OS_SYSTEM_SCOPE=all` wins over a project; without project and system the user's default
project counts. Beyond it, `OS_USER_DOMAIN_*` and `OS_PROJECT_DOMAIN_*` win over `OS_DOMAIN_*`, as in the files that
clouds offer for download, and one of them counts for both where nothing else does, as in gophercloud's own reading of
`clouds.yaml` (config/clouds); and v1 authentication is known. Identity v2, which Keystone lost in 2018, is refused.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, NoReturn, TypeAlias

from clusterstate.errors import CredentialsInvalid, SpecInvalid
from clusterstate.store.endpoints import Endpoint

_APPLICATION: Final = "OS_APPLICATION_CREDENTIAL_"
_LEGACY_PATHS: Final = frozenset({"v1", "v1.0", "1.0"})
"""How URLs of v1 authentication end (Swift's tempauth, Ceph)."""
_LEGACY_TYPE: Final = "v1password"
_TYPES: Final = frozenset({"", "password", "v3password", "v3totp", "v3applicationcredential", _LEGACY_TYPE})
"""`OS_AUTH_TYPE`; the other variables say which of those of v3 it is."""
_VERSIONS: Final = frozenset({"", "1", "1.0", "3", "3.0"})
"""`OS_IDENTITY_API_VERSION`."""


@dataclass(frozen=True, slots=True)
class Domain:
    """A domain of Keystone, by id, else by name."""

    id: str = ""
    name: str = ""


NO_DOMAIN: Final = Domain()


@dataclass(frozen=True, slots=True)
class User:
    """A user, by id, else by name in a domain."""

    id: str = ""
    name: str = ""
    domain: Domain = NO_DOMAIN


@dataclass(frozen=True, slots=True)
class Scope:
    """What a token is for: the whole system, a project by id or by name in a domain, else the user's default."""

    project_id: str = ""
    project_name: str = ""
    domain: Domain = NO_DOMAIN
    system: bool = False


@dataclass(frozen=True, slots=True)
class Password:
    """A user with a password, a one-time passcode, or both."""

    user: User
    scope: Scope
    password: str = field(default="", repr=False)
    passcode: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class ApplicationCredential:
    """An application credential, by id, else by name with its user."""

    secret: str = field(repr=False)
    id: str = ""
    name: str = ""
    user: User = field(default_factory=User)


@dataclass(frozen=True, slots=True)
class Legacy:
    """A user of v1 authentication, mostly ACCOUNT:USER."""

    name: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SdkCloud:
    """A cloud of the operator's own `clouds.yaml`, which the SDK reads."""

    name: str
    digest: str
    """Of all that is said about it, so that another file is another cloud."""
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """What stands there and no text may show."""


Who: TypeAlias = Password | ApplicationCredential | Legacy | SdkCloud


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks, and where."""

    who: Who
    auth_url: str
    """Normal URL of Keystone with its version, or of v1 authentication; empty: the SDK knows."""


def secrets_of(who: Who) -> tuple[str, ...]:
    """Give the values that no text may show."""
    match who:
        case Password():
            return tuple(filter(None, (who.password, who.passcode)))
        case ApplicationCredential():
            return (who.secret,)
        case Legacy():
            return (who.password,)
        case SdkCloud():
            return who.secrets


def read_asking(variables: Mapping[str, str], holder: str) -> Asking:
    """Give who asks, and where; raise `CredentialsInvalid`, which calls whoever gave the variables `holder`."""
    return _Reader(variables, holder).asking()


def is_whole(variables: Mapping[str, str]) -> bool:
    """Whether nothing is missing in variables; what is wrong in them is for `read_asking` to tell."""
    reader = _Reader(variables, "")
    with suppress(CredentialsInvalid):
        reader.asking()
    return not reader.lacks


def _versioned(url: Endpoint) -> str:
    """Give the URL of Identity v3. It is believed, not looked up: a front or proxy knows better than its service."""
    version = url.path.rpartition("/")[2]
    if version in {"v2", "v2.0"}:
        raise CredentialsInvalid("OS_AUTH_URL is one of Identity v2, which is gone. Give that of v3: https://HOST/v3.")
    return url.url if version == "v3" else f"{url.url}/v3"


class _Reader:
    """Takes what it needs out of variables."""

    def __init__(self, variables: Mapping[str, str], holder: str) -> None:
        self._variables = variables
        self._holder = holder
        self.lacks = False
        """Whether something was needed that isn't there."""

    def asking(self) -> Asking:
        """Give who asks, and where."""
        url = self.auth_url()
        if self.is_legacy(url):
            return Asking(Legacy(self.need("OS_USERNAME"), self.need("OS_PASSWORD")), url.url)
        who = self.application_credential() if self.names_application() else self.password()
        return Asking(who, _versioned(url))

    def get(self, *names: str) -> str:
        """Give the first of the variables that is there, or nothing."""
        return next((value for name in names if (value := self._variables.get(name, ""))), "")

    def need(self, *names: str) -> str:
        """Give the first of the variables that is there."""
        return self.get(*names) or self._lack(f"doesn't hold {' or '.join(names)}. Give it.")

    def auth_url(self) -> Endpoint:
        text = self.get("OS_AUTH_URL") or self._lack("doesn't say where Keystone is. Give OS_AUTH_URL or clouds.yaml.")
        try:
            return Endpoint.parse(text)
        except SpecInvalid:
            raise CredentialsInvalid("OS_AUTH_URL is no URL of Keystone. Write https://HOST:PORT/v3.") from None

    def is_legacy(self, url: Endpoint) -> bool:
        """Whether v1 authentication is meant."""
        kind, version = self.get("OS_AUTH_TYPE"), self.get("OS_IDENTITY_API_VERSION")
        if kind not in _TYPES or version not in _VERSIONS:
            self._fail(
                f"names another way to authenticate than {', '.join(sorted(filter(None, _TYPES)))}, or another version "
                "than 1 and 3. Correct OS_AUTH_TYPE or OS_IDENTITY_API_VERSION."
            )
        asked = kind == _LEGACY_TYPE or version.startswith("1")
        return asked or (not kind and not version and url.path.rpartition("/")[2] in _LEGACY_PATHS)

    def names_application(self) -> bool:
        """Whether an application credential is meant. One that is given must be whole, though a password wins."""
        if self.get(f"{_APPLICATION}ID", f"{_APPLICATION}NAME"):
            self.need(f"{_APPLICATION}SECRET")
        given = any(self.get(_APPLICATION + part) for part in ("ID", "NAME", "SECRET"))
        return given and not self.get("OS_PASSWORD", "OS_PASSCODE")

    def application_credential(self) -> ApplicationCredential:
        secret, credential_id = self.need(f"{_APPLICATION}SECRET"), self.get(f"{_APPLICATION}ID")
        if credential_id:
            return ApplicationCredential(secret, id=credential_id)
        return ApplicationCredential(
            secret, name=self.need(f"{_APPLICATION}ID", f"{_APPLICATION}NAME"), user=self.user()
        )

    def password(self) -> Password:
        user, scope = self.user(), self.scope()
        self.need("OS_PASSWORD", "OS_PASSCODE")
        return Password(user, scope, self.get("OS_PASSWORD"), self.get("OS_PASSCODE"))

    def user(self) -> User:
        if user_id := self.get("OS_USERID"):
            return User(id=user_id)
        return User(name=self.need("OS_USERNAME", "OS_USERID"), domain=self.domain("USER"))

    def scope(self) -> Scope:
        system = self.get("OS_SYSTEM_SCOPE")
        if system not in {"", "all"}:
            self._fail("holds an OS_SYSTEM_SCOPE that isn't 'all'. Correct or remove it.")
        if system:
            return Scope(system=True)
        if project_id := self.get("OS_PROJECT_ID", "OS_TENANT_ID"):
            return Scope(project_id=project_id)
        if name := self.get("OS_PROJECT_NAME", "OS_TENANT_NAME"):
            return Scope(project_name=name, domain=self.domain("PROJECT"))
        return Scope()

    def domain(self, of: str) -> Domain:
        """Give the domain of the user or the project."""
        for start in (f"OS_{of}_DOMAIN", "OS_DOMAIN", "OS_USER_DOMAIN", "OS_PROJECT_DOMAIN"):
            found = Domain(self.get(f"{start}_ID"), self.get(f"{start}_NAME"))
            if found != NO_DOMAIN:
                return found
        return self._lack(f"names a {of.lower()} without its domain. Give OS_{of}_DOMAIN_NAME, or OS_DOMAIN_NAME.")

    def _lack(self, what: str) -> NoReturn:
        self.lacks = True
        self._fail(what)

    def _fail(self, what: str) -> NoReturn:
        raise CredentialsInvalid(f"{self._holder} {what}")
