"""Who asks Keystone, as the SDK's plugin that gets tokens and renews them; nothing is asked here.

Plugins are built from what was read, never from the environment, with one exception: a cloud that the operator's
`OS_CLOUD` names is read by openstacksdk, with whatever way to authenticate stands there.
"""

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from keystoneauth1.identity import v3
from keystoneauth1.identity.base import BaseIdentityPlugin

from clusterstate.errors import CredentialsInvalid
from clusterstate.store.backends.swift.config import ClientInputs
from clusterstate.store.backends.swift.who import ApplicationCredential, Legacy, Password, Scope, SdkCloud, User

if TYPE_CHECKING:
    from openstack.config.cloud_region import CloudRegion

for _name in ("keystoneauth", "openstack", "swiftclient"):
    logging.getLogger(_name).setLevel(logging.INFO)  # their DEBUG shows tokens' contents and what is sent


@dataclass(frozen=True, slots=True)
class Login:
    """The plugin, and how certificates are handled for it."""

    plugin: BaseIdentityPlugin
    verify: bool | str = True
    """Whether certificates are checked, or the path of the bundle that they are checked against."""
    certificate: str | tuple[str, str] | None = None
    """Paths of a client certificate, with its key or beside it."""


def make_login(inputs: ClientInputs) -> Login:
    """Give what asks as `inputs` say."""
    who = inputs.who
    match who:
        case Password():
            return Login(v3.Auth(inputs.auth_url, _methods(who), **_scope(who.scope)), inputs.verify)
        case ApplicationCredential():
            method = v3.ApplicationCredentialMethod(
                application_credential_secret=who.secret,
                application_credential_id=who.id or None,
                application_credential_name=who.name or None,
                **_user(who.user),
            )
            return Login(v3.Auth(inputs.auth_url, [method]), inputs.verify)
        case Legacy():
            return Login(_legacy(inputs.auth_url, who), inputs.verify)
        case SdkCloud():
            return _cloud(who, verify=inputs.verify)


def find_cloud(name: str) -> "CloudRegion":
    """Give what the operator's `clouds.yaml` says of a cloud; raise `CredentialsInvalid`. Reads files."""
    from openstack.config import OpenStackConfig  # noqa: PLC0415 (takes its time, and few need it)

    try:
        return OpenStackConfig().get_one(cloud=name)
    except Exception as error:  # noqa: BLE001 (what is wrong with a file shows in many ways)
        raise CredentialsInvalid(
            f"The environment's clouds.yaml has no cloud {name} that can be used ({type(error).__name__}). Correct the "
            "file, or OS_CLOUD."
        ) from None


def _methods(who: Password) -> list[v3.AuthMethod]:
    methods: list[v3.AuthMethod] = []
    if who.password:
        methods.append(v3.PasswordMethod(password=who.password, **_user(who.user)))
    if who.passcode:
        methods.append(v3.TOTPMethod(passcode=who.passcode, **_user(who.user)))
    return methods


def _user(user: User) -> dict[str, Any]:
    given = {
        "user_id": user.id,
        "username": user.name,
        "user_domain_id": user.domain.id,
        "user_domain_name": user.domain.name,
    }
    return {name: value for name, value in given.items() if value}


def _scope(scope: Scope) -> dict[str, Any]:
    given = {
        "system_scope": "all" if scope.system else "",
        "project_id": scope.project_id,
        "project_name": scope.project_name,
        "project_domain_id": scope.domain.id,
        "project_domain_name": scope.domain.name,
    }
    return {name: value for name, value in given.items() if value}


def _legacy(auth_url: str, who: Legacy) -> BaseIdentityPlugin:
    from swiftclient.authv1 import PasswordPlugin  # noqa: PLC0415 (takes its time, and few need it)

    plugin: BaseIdentityPlugin = PasswordPlugin(auth_url, who.name, who.password)
    return plugin


def _cloud(who: SdkCloud, *, verify: bool) -> Login:
    cloud = find_cloud(who.name)
    plugin = cloud.get_auth()
    if not isinstance(plugin, BaseIdentityPlugin):
        raise CredentialsInvalid(
            f"The cloud {who.name} of the clouds.yaml asks no Keystone. Correct its auth_type, or OS_CLOUD."
        )
    checks, certificate = cloud.get_requests_verify_args()
    return Login(plugin, verify and checks is not False and (checks or True), certificate)
