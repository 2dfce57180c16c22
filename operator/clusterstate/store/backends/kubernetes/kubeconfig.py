"""A kubeconfig that a tenant gives: read as data, by a closed list of what it may say. Pure.

Only the current context's cluster and user count. Whatever would act with the operator's powers is refused: programs
(`exec`, `auth-provider`) and paths of files on its disk. Messages name the field, never what stands there.
See kubernetes.io, "Organizing Cluster Access Using kubeconfig Files", and client-go's clientcmd/api/v1.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import yaml

from clusterstate.errors import CredentialsInvalid, SpecInvalid
from clusterstate.store.endpoints import Endpoint

LARGEST: Final = 1 << 16
"""Characters: an entry with certificates has eight thousand."""
MAX_DEPTH: Final = 20
MAX_EVENTS: Final = 20_000
"""Events of the YAML parser, each about a value."""

Fields: TypeAlias = Mapping[str, str]
"""Names of fields -> why each is refused, as the end of a sentence; empty: it is accepted."""

_FILE: Final = "it names a file on the operator's own disk; give the content in the field that ends in -data"
_PROGRAM: Final = "it runs a program beside the operator; give a token or a client certificate"
_AS_OTHERS: Final = "impersonation isn't offered; give credentials of that user"
_BASIC: Final = "Kubernetes has no passwords any more; give a token or a client certificate"
_CLUSTER: Final[Fields] = {
    "server": "",
    "certificate-authority-data": "",
    "tls-server-name": "",
    "proxy-url": "",
    "disable-compression": "",
    "extensions": "",
    "certificate-authority": _FILE,
    "insecure-skip-tls-verify": "anybody could read the credentials; give certificate-authority-data",
}
_USER: Final[Fields] = {
    "token": "",
    "client-certificate-data": "",
    "client-key-data": "",
    "extensions": "",
    "exec": _PROGRAM,
    "auth-provider": _PROGRAM,
    "tokenFile": "it names a file on the operator's own disk; give the token itself",
    "client-certificate": _FILE,
    "client-key": _FILE,
    **dict.fromkeys(("as", "as-uid", "as-groups", "as-user-extra"), _AS_OTHERS),
    **dict.fromkeys(("username", "password"), _BASIC),
}


@dataclass(frozen=True, slots=True)
class Kubeconfig:
    """Which server, and who we are there."""

    server: str
    """Its URL in normal form."""
    authority: str = field(default="", repr=False)
    """Certificates in PEM that the server's chain may end in; empty: the usual ones."""
    tls_name: str = ""
    """The name that the server's certificate must have; empty: that of the URL."""
    proxy: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    certificate: str = field(default="", repr=False)
    """Ours, in PEM, with `key`."""
    key: str = field(default="", repr=False)


def parse_kubeconfig(text: str) -> Kubeconfig:
    """Read the current context; raise `CredentialsInvalid` naming the field at fault."""
    document = _load(text)
    context = _find(document, "context", _text(document, "current-context", "the kubeconfig"))
    cluster = _accepted(_find(document, "cluster", _text(context, "cluster", "context")), "cluster", _CLUSTER)
    user = _accepted(_find(document, "user", _text(context, "user", "context")), "user", _USER)
    found = Kubeconfig(
        server=_server(_text(cluster, "server", "cluster")),
        authority=_pem(cluster, "certificate-authority-data", "cluster"),
        tls_name=_text(cluster, "tls-server-name", "cluster"),
        proxy=_text(cluster, "proxy-url", "cluster"),
        token=_token(user),
        certificate=_pem(user, "client-certificate-data", "user"),
        key=_pem(user, "client-key-data", "user"),
    )
    if bool(found.certificate) != bool(found.key):
        raise _flaw("user has client-certificate-data or client-key-data without the other. Give both or neither")
    if not found.token and not found.certificate:
        raise _flaw("user has no credentials. Give token, or client-certificate-data and client-key-data")
    return found


def _load(text: str) -> Mapping[str, Any]:
    """Read YAML in which every value is text, a list or a map, within bounds."""
    if len(text) > LARGEST:
        raise _flaw(f"it has more than {LARGEST} characters. Keep the one context that is needed")
    try:
        _check_bounds(text)
        document = yaml.load(text, yaml.CBaseLoader)  # noqa: S506 (it makes nothing but text, lists and maps)
    except yaml.YAMLError:
        raise _flaw("it is no YAML. Write it again, for example with kubectl config view --raw --minify") from None
    return _map(document, "it")


def _check_bounds(text: str) -> None:
    depth = 0
    for number, event in enumerate(yaml.parse(text, yaml.CBaseLoader)):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if isinstance(event, yaml.AliasEvent) or depth > MAX_DEPTH or number > MAX_EVENTS:
            raise _flaw("it has aliases, or more values or levels than any kubeconfig. Write it plainly")


def _find(document: Mapping[str, Any], kind: str, name: str) -> Mapping[str, Any]:
    """Give the entry of this name in the list `kind`s."""
    if not name:
        raise _flaw(f"no {kind} is named" + (" by current-context" if kind == "context" else " by its context"))
    entries = document.get(f"{kind}s")
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict) and entry.get("name") == name:
            return _map(entry.get(kind), kind)
    raise _flaw(f"the {kind} that it names isn't in {kind}s. Add it, or name another")


def _accepted(entry: Mapping[str, Any], where: str, fields: Fields) -> Mapping[str, Any]:
    """Give the entry without its empty fields; refuse what isn't accepted."""
    given = {name: value for name, value in entry.items() if value}
    if given.get("insecure-skip-tls-verify") == "false":
        del given["insecure-skip-tls-verify"]
    for name in sorted(given):
        why = fields.get(name, "it isn't known here")
        if why:
            shown = name if name in fields else "a field"
            raise _flaw(f"{shown} of {where} is refused: {why}")
    return given


def _server(text: str) -> str:
    try:
        return Endpoint.parse(text).url
    except SpecInvalid:
        raise _flaw("server of cluster isn't https://HOST:PORT, without credentials. Correct it") from None


def _token(user: Mapping[str, Any]) -> str:
    token = _text(user, "token", "user")
    if not token.isascii() or not token.isprintable() or " " in token:
        raise _flaw("token of user isn't one word of ASCII. Set it again")
    return token


def _pem(entry: Mapping[str, Any], name: str, where: str) -> str:
    text = _text(entry, name, where)
    try:
        pem = base64.b64decode("".join(text.split()), validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        pem = ""
    if text and "-----BEGIN " not in pem:
        raise _flaw(f"{name} of {where} isn't PEM in base64. Set it again")
    return pem


def _text(entry: Mapping[str, Any], name: str, where: str) -> str:
    value = entry.get(name, "")
    if not isinstance(value, str):
        raise _flaw(f"{name} of {where} isn't text. Correct it")
    return value.strip()


def _map(value: object, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise _flaw(f"{what} isn't a map. Correct it")
    return value


def _flaw(problem: str) -> CredentialsInvalid:
    return CredentialsInvalid(f"The kubeconfig can't be used: {problem}.")
