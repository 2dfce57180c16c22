"""What is asked of Swift: options and credentials become the inputs of one client. Pure."""

from dataclasses import dataclass, field
from typing import Final

from clusterstate.errors import CredentialsInvalid
from clusterstate.store.backends.swift.files import said_by
from clusterstate.store.backends.swift.who import Asking, Legacy, SdkCloud, Who, read_asking
from clusterstate.store.credentials import HOLDERS
from clusterstate.store.opening import Opening
from clusterstate.store.wire import Wire, make_wire

OBJECT_STORE: Final = "object-store"
"""Swift's type in a catalog (OpenStack, service types authority)."""
PUBLIC: Final = "public"
_INTERFACES: Final = frozenset({PUBLIC, "internal", "admin"})


@dataclass(frozen=True, slots=True)
class Service:
    """Which of the services in a catalog is meant."""

    region: str = ""
    """Empty: the only one."""
    interface: str = PUBLIC
    """Who may reach the address: public, internal or admin."""
    type: str = OBJECT_STORE
    name: str = ""
    """Empty: any."""


@dataclass(frozen=True, slots=True)
class ClientInputs:
    """All that a client is made from: equal inputs may share one, others never."""

    who: Who
    auth_url: str
    """Normal URL of Keystone with its version, or of v1 authentication; empty: the SDK knows."""
    service: Service = field(default_factory=Service)
    verify: bool = True
    """Whether certificates are checked."""
    wire: Wire = field(default_factory=Wire)


@dataclass(frozen=True, slots=True)
class Own:
    """What the operator's own files say, where its own credentials count."""

    ini: str = field(default="", repr=False)
    """kops's INI file; empty: there is none."""
    cloud: SdkCloud | None = None
    """What `OS_CLOUD` names; it wins over everything else."""
    region: str = ""
    """Of that cloud, with its interface."""
    interface: str = ""


NOTHING: Final = Own()


def make_inputs(opening: Opening, own: Own = NOTHING) -> ClientInputs:
    """Put options and credentials together; raise `SpecInvalid`, `CredentialsInvalid` or `EndpointRefused`."""
    options, credentials = opening.options, opening.credentials
    variables = said_by(credentials, own.ini)
    asking = Asking(own.cloud, "") if own.cloud else read_asking(variables, HOLDERS[credentials.source])
    region = options.region or _unquoted(variables.get("OS_REGION_NAME", "")) or own.region
    service = Service(
        region="" if isinstance(asking.who, Legacy) else region,  # v1 knows none
        interface=_interface(variables.get("OS_INTERFACE") or own.interface or PUBLIC),
        type=variables.get("OS_SERVICE_TYPE") or OBJECT_STORE,
        name=variables.get("OS_SERVICE_NAME", ""),
    )
    insecure = credentials.get("KOPS_OS_TLS_INSECURE_SKIP_VERIFY") in {"true", "1"}
    wire = make_wire(options, credentials, opening.policy, named=True)
    return ClientInputs(asking.who, asking.auth_url, service, verify=not insecure, wire=wire)


def _unquoted(region: str) -> str:
    """Drop single quotes around a region, as kops does (util/pkg/vfs/swiftfs.go, GetRegion)."""
    return region[1:-1] if len(region) > 1 and region[0] == region[-1] == "'" else region


def _interface(text: str) -> str:
    interface = text.removesuffix("URL")
    if interface not in _INTERFACES:
        raise CredentialsInvalid("OS_INTERFACE is none of public, internal and admin. Correct or remove it.")
    return interface
