"""Which variables the credentials of Swift consist of. Pure.

kops (util/pkg/vfs/swiftfs.go) leaves the environment to gophercloud (openstack/auth_env.go), and reads
`OPENSTACK_CREDENTIAL_FILE` or `$HOME/.openstack/config` where that finds nobody. The rest stands in the files that
clouds offer for download: `openrc` and `clouds.yaml`.
"""

from typing import Final

from clusterstate.store.backends.swift.files import CLOUDS, INI, said_by
from clusterstate.store.backends.swift.who import read_asking
from clusterstate.store.credentials import HOLDERS, NETWORK, Credentials, Reader, Rules, Source, Variable

_FILE = "it would name a file of the operator's own"
_BUNDLE = "spec.store.caBundleRef names the bundle of a private authority"
_CATALOG = "Keystone's catalog says where the service is"
_PUBLIC = frozenset({"", "public", "publicURL"})

_ACCEPTED: Final = (
    "OS_AUTH_URL",
    "OS_USERNAME",
    "OS_USERID",
    "OS_PASSWORD",
    "OS_PASSCODE",
    "OS_TENANT_ID",
    "OS_TENANT_NAME",
    "OS_PROJECT_ID",
    "OS_PROJECT_NAME",
    "OS_DOMAIN_ID",
    "OS_DOMAIN_NAME",
    "OS_USER_DOMAIN_ID",
    "OS_USER_DOMAIN_NAME",
    "OS_PROJECT_DOMAIN_ID",
    "OS_PROJECT_DOMAIN_NAME",
    "OS_APPLICATION_CREDENTIAL_ID",
    "OS_APPLICATION_CREDENTIAL_NAME",
    "OS_APPLICATION_CREDENTIAL_SECRET",
    "OS_SYSTEM_SCOPE",
    "OS_REGION_NAME",
    "OS_INTERFACE",
    "OS_AUTH_TYPE",
    "OS_IDENTITY_API_VERSION",
    "OS_CLOUD",
)


def _check(credentials: Credentials) -> None:
    """Judge a Secret; what the operator has may stand in its files, which are read when a store is opened."""
    if credentials.source is Source.SECRET:
        read_asking(said_by(credentials), HOLDERS[credentials.source])


def _diverts(credentials: Credentials) -> bool:
    """Whether another address than the public one is asked: a tenant's own Keystone may name anybody's as that."""
    return said_by(credentials).get("OS_INTERFACE", "") not in _PUBLIC


RULES: Final = Rules(
    variables=(
        *map(Variable, _ACCEPTED),
        Variable(INI, file=True),
        Variable(CLOUDS, file=True, ambient=Reader.NOBODY),
        Variable("HOME", secret=False, why="it would name a folder of the operator's own"),
        Variable("KOPS_OS_TLS_INSECURE_SKIP_VERIFY", secret=False, why=_BUNDLE),
        Variable("OS_CACERT", secret=False, ambient=Reader.NOBODY, why=_BUNDLE),
        Variable("OS_CERT", secret=False, ambient=Reader.NOBODY, why=_FILE),
        Variable("OS_KEY", secret=False, ambient=Reader.NOBODY, why=_FILE),
        Variable("OS_CLIENT_CONFIG_FILE", secret=False, ambient=Reader.SDK, why=_FILE),
        Variable("OS_CLIENT_SECURE_FILE", secret=False, ambient=Reader.SDK, why=_FILE),
        Variable("OS_TOKEN", secret=False, ambient=Reader.NOBODY, why="a token ends, and can't be renewed"),
        Variable("OS_ENDPOINT", secret=False, ambient=Reader.NOBODY, why=_CATALOG),
        Variable("OS_STORAGE_URL", secret=False, ambient=Reader.NOBODY, why=_CATALOG),
        *NETWORK,
    ),
    check=_check,
    diverts=_diverts,
)
"""Of `swift://`."""
