"""Every way to say who asks, at the real Keystone; each leads to the same account."""

import asyncio
import base64
import hashlib
import hmac
import json
import secrets
import ssl
import struct
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from clusterstate.errors import AuthenticationFailed, CredentialsInvalid, StoreRefused
from clusterstate.store.base import Store
from clusterstate.store.credentials import Credentials
from clusterstate.store.options import StoreOptions
from tests.store.backends.swift.stores import application_secret, make_container, secret, swift_secret, variables
from tests.store.conformance import keys_of
from tests.store.opening import ambient, opened
from tests.support.faultproxy import FaultProxy
from tests.support.openstack.identity import REGION, Keystone, User
from tests.support.openstack.server import SwiftServer

pytestmark = [
    pytest.mark.objectstore,
    # openstacksdk 4.22 says this of itself whenever it reads a clouds.yaml.
    pytest.mark.filterwarnings("ignore:Support for InfluxDB requires:PendingDeprecationWarning"),
]


def account_of(server: SwiftServer, user: User) -> str:
    return f"{server.url}/v1/AUTH_{user.project_id}"


async def check(store: Store, server: SwiftServer, user: User) -> None:
    """The store must be the user's own, and work."""
    await store.write("file", b"x")
    assert (await store.read("file")).data == b"x"
    assert store.endpoint == account_of(server, user)


def by_name(user: User) -> dict[str, str]:
    return {"OS_USERNAME": user.name, "OS_PASSWORD": user.password, "OS_DOMAIN_NAME": "Default"}


WAYS: Mapping[str, dict[str, str]] = {
    "tenant-name": {"OS_TENANT_NAME": "{project_name}"},
    "tenant-id": {"OS_TENANT_ID": "{project_id}"},
    "project-name": {"OS_PROJECT_NAME": "{project_name}", "OS_TENANT_NAME": "other"},
    "project-id": {"OS_PROJECT_ID": "{project_id}", "OS_TENANT_ID": "other"},
    "user-id": {"OS_USERID": "{id}", "OS_PROJECT_ID": "{project_id}", "OS_USERNAME": "", "OS_DOMAIN_NAME": ""},
    "domain-id": {"OS_PROJECT_NAME": "{project_name}", "OS_DOMAIN_ID": "default", "OS_DOMAIN_NAME": ""},
    "two-domains": {
        "OS_PROJECT_NAME": "{project_name}",
        "OS_DOMAIN_NAME": "",
        "OS_USER_DOMAIN_NAME": "Default",
        "OS_PROJECT_DOMAIN_ID": "default",
    },
    "openrc": {
        "OS_PROJECT_NAME": "{project_name}",
        "OS_INTERFACE": "public",
        "OS_IDENTITY_API_VERSION": "3.0",
        "OS_AUTH_TYPE": "password",
    },
    "one-domain": {"OS_PROJECT_NAME": "{project_name}", "OS_DOMAIN_NAME": "", "OS_USER_DOMAIN_NAME": "Default"},
    "beside-another": {
        "OS_PROJECT_NAME": "{project_name}",
        "OS_APPLICATION_CREDENTIAL_ID": "none",
        "OS_APPLICATION_CREDENTIAL_SECRET": "none",
    },
}


@pytest.mark.parametrize("way", WAYS)
async def test_variables_name_user_and_project(swift_server: SwiftServer, user: User, container: str, way: str) -> None:
    fields = vars(user)
    given = {"OS_AUTH_URL": swift_server.keystone.url, "OS_REGION_NAME": REGION, **by_name(user)}
    given |= {name: value.format(**fields) for name, value in WAYS[way].items()}
    async with opened(f"swift://{container}", secret({name: value for name, value in given.items() if value})) as store:
        await check(store, swift_server, user)


async def test_user_and_project_may_be_in_a_domain_of_their_own(swift_server: SwiftServer) -> None:
    domain = swift_server.keystone.create("domains", name=f"domain-{secrets.token_hex(4)}")
    user = swift_server.keystone.create_user(domain=domain)
    credentials = swift_secret(swift_server, user)
    async with opened(f"swift://{await make_container(credentials)}", credentials) as store:
        assert await keys_of(store) == []
        assert store.endpoint == account_of(swift_server, user)
    with pytest.raises(AuthenticationFailed):
        await make_container(swift_secret(swift_server, user, OS_DOMAIN_ID="default"))


@pytest.mark.parametrize("by", ["id", "name-and-user", "name-and-user-id"])
async def test_an_application_credential_has_the_project_in_itself(
    swift_server: SwiftServer, user: User, container: str, by: str
) -> None:
    made = swift_server.keystone.create_application_credential(user)
    given = {"OS_AUTH_URL": swift_server.keystone.url, "OS_REGION_NAME": REGION}
    given["OS_APPLICATION_CREDENTIAL_SECRET"] = made.secret
    given |= {
        "id": {"OS_APPLICATION_CREDENTIAL_ID": made.id},
        "name-and-user": {
            "OS_APPLICATION_CREDENTIAL_NAME": made.name,
            "OS_USERNAME": user.name,
            "OS_DOMAIN_ID": "default",
        },
        "name-and-user-id": {"OS_APPLICATION_CREDENTIAL_NAME": made.name, "OS_USERID": user.id},
    }[by]
    async with opened(f"swift://{container}", secret(given)) as store:
        await check(store, swift_server, user)


def passcode(key: bytes) -> str:
    """Give the one-time passcode of this half minute (RFC 6238)."""
    digest = hmac.digest(key, struct.pack(">Q", int(time.time()) // 30), hashlib.sha1)
    start = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[start : start + 4])[0] & 0x7FFFFFFF) % 10**6:06}"


def give_passcodes(keystone: Keystone, user: User) -> bytes:
    key = secrets.token_bytes(20)
    keystone.create("credentials", type="totp", user_id=user.id, blob=base64.b32encode(key).decode())
    return key


@pytest.mark.parametrize("with_password", [True, False])
async def test_a_passcode_is_a_proof(swift_server: SwiftServer, with_password: bool) -> None:  # noqa: FBT001 (a parameter)
    user = swift_server.keystone.create_user()
    container = await make_container(swift_secret(swift_server, user))
    key = give_passcodes(swift_server.keystone, user)
    given = variables(swift_server, user, OS_PASSCODE=passcode(key))
    if not with_password:
        del given["OS_PASSWORD"]
    async with opened(f"swift://{container}", secret(given)) as store:
        await check(store, swift_server, user)


async def test_the_version_may_be_left_out_of_the_url(swift_server: SwiftServer, user: User, container: str) -> None:
    with FaultProxy(swift_server.keystone.url.removesuffix("/v3")) as proxy:
        async with opened(
            f"swift://{container}", swift_secret(swift_server, user, OS_AUTH_URL=proxy.endpoint)
        ) as store:
            await check(store, swift_server, user)
        assert dict(proxy.counts) == {("POST", "/v3/auth/tokens"): 1}, "its versions, whose links lead past the proxy"


def clouds_yaml(server: SwiftServer, user: User, name: str = "acme") -> str:
    return f"""
clouds:
  {name}:
    auth:
      auth_url: {server.keystone.url}
      username: {user.name}
      password: "{user.password}"
      project_name: {user.project_name}
      user_domain_name: Default
      project_domain_id: default
    region_name: {REGION}
    interface: public
    identity_api_version: 3
"""


def ini_file(server: SwiftServer, user: User) -> str:
    return f"""
[Default]
identity = {server.keystone.url}
user = {user.name}
password = "{user.password}"
domain_name = Default
tenant_name = {user.project_name}
[Global]
region = {REGION}
"""


async def test_a_secret_may_hold_a_clouds_yaml(swift_server: SwiftServer, user: User, container: str) -> None:
    text = clouds_yaml(swift_server, user) + "  other: {auth: {auth_url: http://127.0.0.1:1}}\n"
    async with opened(f"swift://{container}", secret({"clouds.yaml": text, "OS_CLOUD": "acme"})) as store:
        await check(store, swift_server, user)


async def test_a_secret_may_hold_kopss_file(swift_server: SwiftServer, user: User, container: str) -> None:
    credentials = secret({"OPENSTACK_CREDENTIAL_FILE": ini_file(swift_server, user)})
    async with opened(f"swift://{container}", credentials) as store:
        await check(store, swift_server, user)


async def test_the_operators_variables_are_enough(swift_server: SwiftServer, user: User, container: str) -> None:
    async with opened(f"swift://{container}", ambient("swift", variables(swift_server, user))) as store:
        await check(store, swift_server, user)


@pytest.mark.parametrize("named", [True, False])
async def test_the_operator_may_have_kopss_file(
    swift_server: SwiftServer,
    user: User,
    container: str,
    tmp_path: Path,
    named: bool,  # noqa: FBT001 (a parameter)
) -> None:
    path = tmp_path / ("openstack.ini" if named else ".openstack/config")
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"{ini_file(swift_server, user)}\n[Cinder]\nregion = {REGION}\n")
    half = {"OS_AUTH_URL": "http://127.0.0.1:1/v3", "OS_USERNAME": "other"}
    environ = {"OPENSTACK_CREDENTIAL_FILE": str(path)} if named else {"HOME": str(tmp_path), **half}
    async with opened(f"swift://{container}", ambient("swift", environ)) as store:
        await check(store, swift_server, user)


async def test_an_operators_file_that_is_named_must_be_there(tmp_path: Path) -> None:
    environ = {"OPENSTACK_CREDENTIAL_FILE": str(tmp_path / "none"), "HOME": str(tmp_path)}
    with pytest.raises(CredentialsInvalid, match="can't be read"):
        async with opened("swift://acme", ambient("swift", environ)):
            pass
    with pytest.raises(CredentialsInvalid, match="environment doesn't say where Keystone is"):
        async with opened("swift://acme", ambient("swift", {"HOME": str(tmp_path)})):
            pass


@pytest.fixture
def own_clouds(swift_server: SwiftServer, user: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The operator's own clouds.yaml."""
    path = tmp_path / "clouds.yaml"
    path.write_text(clouds_yaml(swift_server, user))
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(path))
    return path


async def test_the_operator_may_have_a_clouds_yaml(
    swift_server: SwiftServer, user: User, container: str, own_clouds: Path
) -> None:
    del own_clouds
    async with opened(f"swift://{container}", ambient("swift", {"OS_CLOUD": "acme"})) as store:
        await check(store, swift_server, user)


@pytest.mark.parametrize(
    "text", ["", "clouds: {other: {}}", "clouds: {acme: {auth_type: canary}}", "clouds: [", "clouds: {acme: {auth: x}}"]
)
async def test_a_clouds_yaml_that_cannot_be_used_is_told(own_clouds: Path, text: str) -> None:
    await asyncio.to_thread(own_clouds.write_text, text)
    with pytest.raises(CredentialsInvalid, match=r"clouds\.yaml has no cloud acme that can be used") as caught:
        async with opened("swift://acme", ambient("swift", {"OS_CLOUD": "acme"})):
            pass
    assert "canary" not in caught.value.message


async def test_another_clouds_yaml_is_another_client(
    swift_server: SwiftServer, container: str, own_clouds: Path
) -> None:
    credentials = ambient("swift", {"OS_CLOUD": "acme"})
    async with opened(f"swift://{container}", credentials) as store:
        await keys_of(store)
    other = swift_server.keystone.create_user()
    await asyncio.to_thread(own_clouds.write_text, clouds_yaml(swift_server, other))
    async with opened(f"swift://{await make_container(swift_secret(swift_server, other))}", credentials) as store:
        await check(store, swift_server, other)


async def test_a_secret_never_sees_the_operators_environment(
    swift_server: SwiftServer, user: User, container: str, own_clouds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del own_clouds
    for name in ("OS_AUTH_URL", "OS_STORAGE_URL", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("OS_TOKEN", "OS_CLOUD", "OS_CACERT", "OS_PROJECT_ID", "OS_REGION_NAME", "REQUESTS_CA_BUNDLE"):
        monkeypatch.setenv(name, "/nowhere")
    made = swift_server.keystone.create_application_credential(user)
    async with opened(f"swift://{container}", application_secret(swift_server, made)) as store:
        await check(store, swift_server, user)


@pytest.fixture
def behind_tls(swift_server: SwiftServer, user: User, tls: ssl.SSLContext) -> Iterator[dict[str, str]]:
    """The user's variables, where Keystone and Swift have certificates of a private authority."""
    keystone = swift_server.keystone
    with (
        FaultProxy(keystone.url.removesuffix("/v3"), context=tls) as identity,
        FaultProxy(swift_server.url, context=tls) as swift,
        keystone.region(swift.endpoint) as region,
    ):
        yield variables(swift_server, user, OS_AUTH_URL=f"{identity.endpoint}/v3", OS_REGION_NAME=region)


async def test_the_operator_trusts_whom_its_environment_trusts(
    container: str, behind_tls: dict[str, str], certificates: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(f"swift://{container}", ambient("swift", behind_tls)) as store:
        with pytest.raises(StoreRefused, match="isn't trusted"):
            await keys_of(store)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificates / "ca.crt"))
        assert await keys_of(store) == []


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
async def test_the_operator_may_trust_everybody_as_kops_does(container: str, behind_tls: dict[str, str]) -> None:
    careless = {**behind_tls, "KOPS_OS_TLS_INSECURE_SKIP_VERIFY": "true"}
    async with opened(f"swift://{container}", ambient("swift", careless)) as store:
        assert await keys_of(store) == []


async def test_a_clouds_yaml_of_the_operator_may_name_files(
    container: str, behind_tls: dict[str, str], certificates: Path, own_clouds: Path
) -> None:
    cloud = {
        "auth": {
            "auth_url": behind_tls["OS_AUTH_URL"],
            "username": behind_tls["OS_USERNAME"],
            "password": behind_tls["OS_PASSWORD"],
            "project_name": behind_tls["OS_PROJECT_NAME"],
            "user_domain_id": "default",
            "project_domain_id": "default",
        },
        "region_name": behind_tls["OS_REGION_NAME"],
        "cacert": str(certificates / "ca.crt"),
    }
    await asyncio.to_thread(own_clouds.write_text, json.dumps({"clouds": {"acme": cloud}}))
    async with opened(f"swift://{container}", ambient("swift", {"OS_CLOUD": "acme"})) as store:
        assert await keys_of(store) == []


async def refusal(container: str, credentials: Credentials, **options: str) -> str:
    async with opened(f"swift://{container}", credentials, StoreOptions(**options)) as store:
        with pytest.raises(StoreRefused) as caught:
            await keys_of(store)
        assert store.endpoint is None
    return caught.value.message


async def test_a_region_that_is_not_there_is_told(swift_server: SwiftServer, user: User, container: str) -> None:
    message = await refusal(container, swift_secret(swift_server, user), region="elsewhere")
    assert f"no public object store in region elsewhere for user {user.name} of project {user.project_name}" in message
    assert REGION in message


async def test_a_region_must_be_chosen_where_there_are_several(
    swift_server: SwiftServer, user: User, container: str
) -> None:
    with swift_server.keystone.region("http://127.0.0.1:1") as region:
        given = variables(swift_server, user)
        del given["OS_REGION_NAME"]
        message = await refusal(container, secret(given))
    assert "several object stores" in message
    assert region in message
    assert REGION in message


async def test_an_interface_that_is_not_there_is_told(swift_server: SwiftServer, user: User, container: str) -> None:
    assert "no internal object store" in await refusal(
        container, swift_secret(swift_server, user, OS_INTERFACE="internal")
    )


@pytest.mark.parametrize("more", [{}, {"OS_SYSTEM_SCOPE": "all"}])
async def test_whoever_names_no_project_has_no_account(
    swift_server: SwiftServer, user: User, container: str, more: dict[str, str]
) -> None:
    swift_server.keystone.grant_system(user.id, "reader")
    given = variables(swift_server, user, **more)
    del given["OS_PROJECT_NAME"]
    message = await refusal(container, secret(given))
    assert f"no public object store for user {user.name}. Name the project that has it" in message


async def test_the_default_project_counts_where_none_is_named(swift_server: SwiftServer) -> None:
    user = swift_server.keystone.create_user()
    container = await make_container(swift_secret(swift_server, user))
    swift_server.keystone.request("PATCH", f"/users/{user.id}", {"user": {"default_project_id": user.project_id}})
    given = variables(swift_server, user)
    del given["OS_PROJECT_NAME"]
    async with opened(f"swift://{container}", secret(given)) as store:
        await check(store, swift_server, user)


async def test_one_name_is_another_store_in_another_project(
    swift_server: SwiftServer, user: User, container: str
) -> None:
    other = swift_server.keystone.create_user()
    async with (
        opened(f"swift://{container}", swift_secret(swift_server, user)) as mine,
        opened(
            f"swift://{await make_container(swift_secret(swift_server, other))}", swift_secret(swift_server, other)
        ) as theirs,
    ):
        await keys_of(mine)
        await keys_of(theirs)
        assert mine.endpoint != theirs.endpoint
