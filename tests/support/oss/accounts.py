"""Who has keys or tokens, and what they may do, by RAM's rules: a Deny counts before an Allow, and silence is a no."""

import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from tests.support.oss.answers import Refused, element

Statement = Mapping[str, Any]
ACCOUNT = "1000000000000001"


@dataclass(frozen=True)
class Identity:
    """Somebody with an access key."""

    access_key: str
    secret_key: str = field(repr=False)
    kind: str
    """SubUser (a user of RAM) or AssumedRoleUser."""
    name: str
    statements: tuple[Statement, ...] = ()
    token: str = field(default="", repr=False)
    """Of temporary credentials."""
    until: float | None = None
    """When they end, in seconds since the epoch."""

    def may(self, action: str, resource: str) -> bool:
        effects = {each["Effect"] for each in self.statements if _fits(each, action, resource)}
        return effects == {"Allow"}


def _fits(statement: Statement, action: str, resource: str) -> bool:
    return _any(statement["Action"], action) and _any(statement["Resource"], resource)


def _any(patterns: str | Iterable[str], text: str) -> bool:
    return any(fnmatchcase(text, each) for each in ([patterns] if isinstance(patterns, str) else patterns))


class Accounts:
    """All identities of one account."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._by_key: dict[str, Identity] = {}

    def create_user(self, statements: Iterable[Statement] = ()) -> Identity:
        name = str(20_000_000_000_000_000 + secrets.randbelow(10**15))
        return self._add(Identity(_new_key("LTAI"), secrets.token_hex(15), "SubUser", name, tuple(statements)))

    def lend(self, name: str, statements: Iterable[Statement], seconds: float) -> Identity:
        """Create temporary credentials."""
        return self._add(
            Identity(
                _new_key("STS."),
                secrets.token_hex(22),
                "AssumedRoleUser",
                name,
                tuple(statements),
                token=f"CAIS{secrets.token_hex(60)}",
                until=self._clock() + seconds,
            )
        )

    def end_sessions(self, role: str) -> None:
        """Forget the temporary credentials of a role, as when it is deleted."""
        for key in [key for key, who in self._by_key.items() if who.name.startswith(f"{role}:")]:
            del self._by_key[key]

    def find(self, access_key: str, token: str) -> Identity:
        """Give who has this key and token; raise `Refused` where nobody does, or does any more."""
        found = self._by_key.get(access_key)
        if found is None:
            raise Refused(
                403, "InvalidAccessKeyId", "The OSS Access Key Id you provided does not exist in our records."
            )
        if found.token != token:
            raise Refused(403, "InvalidSecurityToken", "The security token you provided is invalid.")
        if found.until is not None and found.until <= self._clock():
            raise Refused(403, "SecurityTokenExpired", "The security token you provided has expired.")
        return found

    def _add(self, identity: Identity) -> Identity:
        self._by_key[identity.access_key] = identity
        return identity


def demand(who: Identity, action: str, resource: str) -> None:
    """Raise `Refused` where somebody may not do this."""
    if who.may(action, resource):
        return
    detail = {
        "PolicyType": "AccountLevelIdentityBasedPolicy",
        "AuthPrincipalOwnerId": ACCOUNT,
        "AuthPrincipalType": who.kind,
        "AuthPrincipalDisplayName": who.name,
        "NoPermissionType": "ImplicitDeny",
        "AuthAction": action,
    }
    inside = "".join(element(name, value) for name, value in detail.items())
    message = "You have no right to access this object because of bucket acl."
    raise Refused(403, "AccessDenied", message, {"AccessDeniedDetail": inside})


def _new_key(start: str) -> str:
    return start + secrets.token_hex(10)
