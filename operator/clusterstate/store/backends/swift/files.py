"""The two files that may say who asks, `clouds.yaml` and kops's INI file, as variables of an environment. Pure.

Both come from a tenant, so everything in them stands in a closed list, and reading them is bounded: a field that
names a file, a program or a profile would act with the operator's powers, one that isn't known would be ignored.
Messages name fields, never values. Sources: gophercloud (openstack/config/clouds/types.go) and kops
(util/pkg/vfs/swiftfs.go), which give the fields their meaning.
"""

from collections.abc import Mapping
from configparser import Error as IniError
from configparser import RawConfigParser
from typing import Any, Final

import yaml

from clusterstate.errors import CredentialsInvalid
from clusterstate.store.backends.swift.who import is_whole
from clusterstate.store.credentials import HOLDERS, Credentials, require_company
from clusterstate.store.texts import quote_foreign

INI: Final = "OPENSTACK_CREDENTIAL_FILE"
"""kops's variable for the INI file; a Secret has the file itself there."""
CLOUDS: Final = "clouds.yaml"
"""The key of a Secret that holds one."""
LARGEST: Final = 64 << 10
"""Characters of a file that are read; a `clouds.yaml` of a hundred clouds has half of that."""
DEEPEST: Final = 8
"""Levels of nesting of a `clouds.yaml`; its fields need three."""

Variables = Mapping[str, str]

_CREDENTIALS: Final[Variables] = {
    "identity": "OS_AUTH_URL",
    "user": "OS_USERNAME",
    "user_id": "OS_USERID",
    "password": "OS_PASSWORD",
    "domain_id": "OS_DOMAIN_ID",
    "domain_name": "OS_DOMAIN_NAME",
    "tenant_id": "OS_TENANT_ID",
    "tenant_name": "OS_TENANT_NAME",
}
_SECTIONS: Final[Mapping[str, Variables]] = {
    "Default": _CREDENTIALS,
    "Swift": {
        "region": "OS_REGION_NAME",
        "availability": "OS_INTERFACE",
        "service_type": "OS_SERVICE_TYPE",
        "service_name": "OS_SERVICE_NAME",
    },
    "Global": {"region": "OS_REGION_NAME"},
}
"""What kops reads of its file: later ones win, and [Swift] counts only where there is no [Global]."""
_AUTH: Final = (
    *("auth_url", "username", "password", "passcode", "system_scope"),
    *("project_id", "project_name", "tenant_id", "tenant_name"),
    *("domain_id", "domain_name", "user_domain_id", "user_domain_name", "project_domain_id", "project_domain_name"),
    *("application_credential_id", "application_credential_name", "application_credential_secret"),
)
_CLOUD: Final = ("auth_type", "region_name", "interface", "identity_api_version")
_REFUSED: Final[Mapping[str, str]] = {
    **dict.fromkeys(("cacert", "verify"), "spec.store.caBundleRef names the bundle of a private authority"),
    **dict.fromkeys(("cert", "key"), "it would name a file of the operator's own"),
    **dict.fromkeys(("profile", "cloud"), "it would name a file of vendors' settings"),
}
_WHERE: Final = frozenset({"OS_REGION_NAME", "OS_INTERFACE", "OS_SERVICE_TYPE", "OS_SERVICE_NAME"})
"""Variables that say which of the services is meant, not who asks."""
_NULL = "tag:yaml.org,2002:null"


def said_by(credentials: Credentials, own_ini: str = "") -> Variables:
    """Give what credentials say, as variables; `own_ini` is the operator's INI file, where its own count.

    As in kops, variables win over the file where they are a whole login: who asks is said by one of them alone. In a
    Secret those that say where Keystone is are meant to be one, and what they lack is told. Raises
    `CredentialsInvalid`.
    """
    own = {name: value for name, value in credentials.variables if name.startswith("OS_")}
    if credentials.explicit:
        file = _read_file(credentials, own)
        who = own if "OS_AUTH_URL" in own else file
    else:
        file = read_ini(own_ini, closed=False)
        who = file if "OS_AUTH_URL" in file and not is_whole(own) else own
    both = {**file, **own}
    return {
        **{name: value for name, value in who.items() if name not in _WHERE},
        **{name: value for name, value in both.items() if name in _WHERE},
    }


def _read_file(credentials: Credentials, own: Variables) -> Variables:
    require_company(credentials, "OS_CLOUD", CLOUDS)
    clouds, ini = credentials.get(CLOUDS), credentials.get(INI)
    if clouds and (ini or "OS_AUTH_URL" in own):
        other = INI if ini else "OS_AUTH_URL"
        raise CredentialsInvalid(f"{HOLDERS[credentials.source]} holds {CLOUDS} and {other}. Give one of them.")
    return read_clouds(clouds, own.get("OS_CLOUD", "")) if clouds else read_ini(ini)


def read_ini(text: str, *, closed: bool = True) -> Variables:
    """Give the variables of kops's INI file; `closed` refuses what kops doesn't read there.

    Raises `CredentialsInvalid`.
    """
    parser = RawConfigParser(inline_comment_prefixes=("#", ";"), empty_lines_in_values=False, default_section="")
    parser.optionxform = str  # type: ignore[assignment,method-assign] # names have their case, as in kops
    try:
        parser.read_string(_bounded(text, INI))
    except IniError:
        raise CredentialsInvalid(
            f"{INI} is no INI file that can be read. Write NAME = VALUE below [Default]."
        ) from None
    found: dict[str, str] = {}
    for section, names in _SECTIONS.items():
        if section == "Swift" and parser.has_section("Global"):
            continue
        given = dict(parser.items(section)) if parser.has_section(section) else {}
        found |= {names[name]: _unquoted(given[name]) for name in given.keys() & names.keys()}
    if closed:
        _check_closed(parser)
    return {name: _text(value, name, INI) for name, value in found.items() if value}


def _check_closed(parser: RawConfigParser) -> None:
    for section in parser.sections():
        if section not in _SECTIONS:
            raise _unknown(INI, f"the section [{section}]", _SECTIONS)
        for name in parser.options(section):
            if name not in _SECTIONS[section]:
                raise _unknown(INI, f"{name} in [{section}]", _SECTIONS[section])


def _unquoted(value: str) -> str:
    """Drop the quotes around a value, as kops's reader does."""
    bare = value.strip()
    return bare[1:-1] if len(bare) > 1 and bare[0] == bare[-1] and bare[0] in "\"'`" else bare


def read_clouds(text: str, chosen: str) -> Variables:
    """Give the variables of one cloud of a `clouds.yaml`: the chosen one, else the only one.

    Raises `CredentialsInvalid`.
    """
    document = _load(_bounded(text, CLOUDS))
    _check_fields(document, CLOUDS, ("clouds",))
    clouds = _mapping(document.get("clouds"), "clouds")
    name = chosen or next(iter(clouds), "")
    if name not in clouds or (not chosen and len(clouds) > 1):
        names = quote_foreign(", ".join(clouds)) or "none"
        raise CredentialsInvalid(f"{CLOUDS} doesn't say which cloud is meant. Set OS_CLOUD to one of its: {names}.")
    return _variables(_mapping(clouds[name], "a cloud"))


def _variables(cloud: Mapping[str, Any]) -> Variables:
    if cloud.get("verify") in {"true", "True"}:
        cloud = {field: value for field, value in cloud.items() if field != "verify"}
    _check_fields(cloud, "a cloud", ("auth", "endpoint_type", *_CLOUD))
    auth = _mapping(cloud.get("auth"), "auth")
    _check_fields(auth, "auth", ("user_id", *_AUTH))
    found = {f"OS_{field.upper()}": cloud.get(field) for field in _CLOUD} | {
        f"OS_{field.upper()}": auth.get(field) for field in _AUTH
    }
    found |= {"OS_USERID": auth.get("user_id"), "OS_INTERFACE": cloud.get("endpoint_type") or cloud.get("interface")}
    return {name: _text(value, name, CLOUDS) for name, value in found.items() if value}


def _check_fields(there: Mapping[str, Any], where: str, known: tuple[str, ...]) -> None:
    for field in there:
        if field in _REFUSED:
            raise CredentialsInvalid(f"{CLOUDS} holds {field}, which is refused, as {_REFUSED[field]}. Remove it.")
        if field not in known:
            raise _unknown(CLOUDS, f"{field} in {where}", known)


def _unknown(file: str, what: str, known: Mapping[str, Any] | tuple[str, ...]) -> CredentialsInvalid:
    return CredentialsInvalid(f"{file} holds {quote_foreign(what)}, which is refused. Accepted are {', '.join(known)}.")


def _mapping(value: object, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
        raise CredentialsInvalid(f"In {CLOUDS}, {what} has no fields. Write clouds: NAME: auth: auth_url: and so on.")
    return value


def _text(value: object, name: str, file: str) -> str:
    if not isinstance(value, str) or not value.isprintable():
        raise CredentialsInvalid(f"In {file}, the field that says {name} isn't one line of text. Correct it.")
    return value


def _bounded(text: str, name: str) -> str:
    if len(text) > LARGEST:
        raise CredentialsInvalid(f"{name} has more than {LARGEST} characters. Leave one cloud in it.")
    return text


class _Loader(yaml.SafeLoader):
    """Reads texts as they stand (`password: 0123` is no number), and nothing that grows while it is read."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:  # noqa: ANN401 (as in PyYAML)
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError
        self.depth += 1
        if self.depth > DEEPEST:
            raise yaml.YAMLError
        try:
            return super().compose_node(parent, index)
        finally:
            self.depth -= 1


_Loader.yaml_implicit_resolvers = {
    first: [resolver for resolver in resolvers if resolver[0] == _NULL]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _load(text: str) -> Mapping[str, Any]:
    try:
        document = yaml.load(text, _Loader)  # noqa: S506 (a safe loader)
    except (yaml.YAMLError, ValueError, TypeError):
        raise CredentialsInvalid(
            f"{CLOUDS} is no YAML that can be read: one document, without aliases and deep nesting. Correct it."
        ) from None
    return _mapping(document, "the document")
