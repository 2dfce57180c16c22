"""What options and credentials mean together."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from clusterstate.errors import ClusterStateError, CredentialsInvalid, EndpointRefused, SpecInvalid
from clusterstate.store.backends.oss.addresses import address_in, is_own, read_region, region_of
from clusterstate.store.backends.oss.config import (
    AccountToken,
    ClientInputs,
    Config,
    FederatedRole,
    Keys,
    TokenFile,
    make_config,
)
from clusterstate.store.backends.oss.rules import (
    PROVIDER,
    PROVIDER_ANNOTATION,
    ROLE,
    ROLE_ANNOTATION,
    ROLE_NAME_ANNOTATION,
    RULES,
    TOKEN_FILE,
)
from clusterstate.store.credentials import Credentials, Given, ServiceAccount, choose_credentials
from clusterstate.store.endpoint_policy import EndpointPolicy
from clusterstate.store.location import Location
from clusterstate.store.opening import Opening
from clusterstate.store.options import StoreOptions
from clusterstate.store.wire import Wire
from tests.store.opening import ambient, secret

PAIR = {"ALIYUN_ACCESS_KEY_ID": "LTAI", "ALIYUN_ACCESS_KEY_SECRET": "canary"}
ARN = "acs:ram::1000000000000001"
OIDC = f"{ARN}:oidc-provider/ack-rrsa-c1"
POD = {ROLE: f"{ARN}:role/operator", PROVIDER: OIDC, TOKEN_FILE: "/var/run/secrets/tokens/oidc-token"}


class NoTokens:
    def issue(self, audience: str) -> str:
        raise AssertionError(audience)


def config_of(variables: Mapping[str, str], options: StoreOptions | None = None, bucket: str = "acme-state") -> Config:
    return made(secret("oss", {**PAIR, **variables}), options, bucket)


def made(credentials: Credentials, options: StoreOptions | None = None, bucket: str = "acme-state") -> Config:
    location = Location("oss", bucket)
    return make_config(Opening(location, options or StoreOptions(), credentials, EndpointPolicy()))


def account(annotations: Mapping[str, str], environ: Mapping[str, str] | None = None) -> Credentials:
    given = Given(account=ServiceAccount("clusters", "state", "uid-1", annotations), issuer=NoTokens())
    return choose_credentials("oss", RULES, given, environ or {}, ambient_allowed=False)


@pytest.mark.parametrize(
    ("variables", "options", "endpoint", "region"),
    [
        ({"OSS_REGION": "oss-cn-beijing"}, {}, "https://oss-cn-beijing.aliyuncs.com", "cn-beijing"),
        ({"OSS_REGION": "cn-beijing"}, {}, "https://oss-cn-beijing.aliyuncs.com", "cn-beijing"),
        (
            {"OSS_REGION": "cn-beijing"},
            {"region": "eu-central-1"},
            "https://oss-eu-central-1.aliyuncs.com",
            "eu-central-1",
        ),
        (
            {"OSS_REGION": "cn-beijing", "ALIYUN_OSS_INTERNAL": "true"},
            {},
            "https://oss-cn-beijing-internal.aliyuncs.com",
            "cn-beijing",
        ),
        ({"OSS_ENDPOINT": "oss.acme.example"}, {}, "https://oss.acme.example", "cn-hangzhou"),
        (
            {"OSS_ENDPOINT": "oss.acme.example", "OSS_REGION": "oss-private-1"},
            {},
            "https://oss.acme.example",
            "private-1",
        ),
        (
            {"OSS_ENDPOINT": "oss.acme.example"},
            {"endpoint": "http://oss.other.example:8080/"},
            "http://oss.other.example:8080",
            "cn-hangzhou",
        ),
        (
            {},
            {"endpoint": "oss-cn-shanghai-internal.aliyuncs.com"},
            "https://oss-cn-shanghai-internal.aliyuncs.com",
            "cn-shanghai",
        ),
        ({}, {"endpoint": "cn-shanghai.oss.aliyuncs.com"}, "https://cn-shanghai.oss.aliyuncs.com", "cn-shanghai"),
        (
            {"OSS_REGION": "cn-shanghai"},
            {"endpoint": "oss-accelerate.aliyuncs.com"},
            "https://oss-accelerate.aliyuncs.com",
            "cn-shanghai",
        ),
    ],
)
def test_where_it_is(variables: dict[str, str], options: dict[str, str], endpoint: str, region: str) -> None:
    config = config_of(variables, StoreOptions(**options))
    assert (config.inputs.endpoint, config.inputs.region) == (endpoint, region)
    assert not config.ask_region
    assert config.own is endpoint.endswith(".aliyuncs.com")


@pytest.mark.parametrize(("internal", "means"), [("", False), ("false", False), ("0", False), ("1", True), ("x", True)])
def test_any_other_value_means_the_internal_endpoint(internal: str, means: bool) -> None:  # noqa: FBT001 (a parameter)
    variables = {"OSS_REGION": "cn-beijing"} | ({"ALIYUN_OSS_INTERNAL": internal} if internal else {})
    assert config_of(variables).internal is means


@pytest.mark.parametrize("internal", ["false", "true"])
def test_a_region_that_nobody_says_is_asked_for_at_a_public_address(internal: str) -> None:
    config = config_of({"ALIYUN_OSS_INTERNAL": internal})
    assert config.ask_region
    assert config.inputs.endpoint == "https://oss-cn-hangzhou.aliyuncs.com"
    assert config.internal is (internal == "true")


@pytest.mark.parametrize(
    ("host", "region"),
    [
        ("oss-cn-hangzhou.aliyuncs.com", "cn-hangzhou"),
        ("oss-cn-hangzhou-internal.aliyuncs.com", "cn-hangzhou"),
        ("oss-accelerate.aliyuncs.com", ""),
        ("oss.aliyuncs.com", ""),
    ],
)
def test_its_own_names_are_known(host: str, region: str) -> None:
    assert is_own(host)
    assert region_of(host) == region


def test_a_region_without_end_is_none() -> None:
    assert region_of(f"oss-{'a-' * 99}b.aliyuncs.com") == ""


@pytest.mark.parametrize(
    ("endpoint", "address"),
    [
        ("https://oss-cn-hangzhou.aliyuncs.com", "https://acme.oss-cn-hangzhou.aliyuncs.com"),
        ("http://oss.acme.example:8080", "http://acme.oss.acme.example:8080"),
        ("http://127.0.0.1:9", "http://127.0.0.1:9"),
        ("http://localhost:9", "http://localhost:9"),
    ],
)
def test_where_requests_about_a_bucket_go(endpoint: str, address: str) -> None:
    assert address_in(endpoint, "acme") == address


@pytest.mark.parametrize(
    "host",
    ["aliyuncs.com", "fc.cn-hangzhou.aliyuncs.com", "oss-cn-hangzhou.aliyuncs.com.evil.example", "xoss.aliyuncs.com"],
)
def test_others_names_are_not_its_own(host: str) -> None:
    assert not is_own(host)
    assert region_of(host) == ""


@pytest.mark.parametrize(
    "region", ["evil.example/", "cn hangzhou", "CN-HANGZHOU", "hangzhou", "cn-", "a-b.c", "-a", "a-" + "b" * 40]
)
def test_what_is_no_region_is_refused(region: str) -> None:
    with pytest.raises(SpecInvalid, match="no region"):
        read_region(region)
    with pytest.raises(SpecInvalid, match="no region"):
        config_of({"OSS_REGION": region})


@pytest.mark.parametrize("bucket", ["Acme", "a_b", "ab", "-ab", "ab-", "a.b", "a" * 64])
def test_what_is_no_bucket_is_refused(bucket: str) -> None:
    with pytest.raises(SpecInvalid, match="no name of a bucket"):
        config_of({}, bucket=bucket)


@pytest.mark.parametrize(
    ("endpoint", "words"),
    [
        ("https://oss.acme.example/path", "has a path"),
        ("https://[2001:db8::1]", "IPv6"),
        ("https://user:canary@oss.acme.example", "holds credentials"),
        ("oss-accelerate.aliyuncs.com", "region"),
        ("ftp://oss.acme.example", "https://HOST"),
    ],
)
def test_what_is_no_endpoint_is_refused(endpoint: str, words: str) -> None:
    with pytest.raises(SpecInvalid, match=words) as caught:
        config_of({}, StoreOptions(endpoint=endpoint))
    assert "canary" not in caught.value.message


def test_a_tenants_endpoint_and_proxy_are_judged() -> None:
    assert config_of({"OSS_REGION": "cn-beijing"}).inputs.wire == Wire()
    for config in (
        config_of({"OSS_ENDPOINT": "oss.acme.example"}),
        config_of({}, StoreOptions(endpoint="oss-cn-beijing.aliyuncs.com")),
        config_of({"HTTPS_PROXY": "http://proxy:3128"}),
        config_of({}, StoreOptions(proxy="http://proxy:3128")),
    ):
        assert config.inputs.wire.guard == EndpointPolicy()
        assert config.inputs.wire.sealed


def test_the_operators_own_credentials_are_its_variables() -> None:
    config = made(ambient("oss", {**PAIR, "ALIYUN_SECURITY_TOKEN": "t", "OSS_REGION": "cn-beijing"}))
    assert config.inputs.who == Keys("LTAI", "canary", "t")
    assert config.inputs.wire == Wire(sealed=False)


def test_the_operators_own_keys_go_before_its_role() -> None:
    assert made(ambient("oss", {**PAIR, **POD})).inputs.who == Keys("LTAI", "canary")
    role = FederatedRole(POD[ROLE], OIDC, TokenFile(POD[TOKEN_FILE]), "https://sts.aliyuncs.com")
    assert made(ambient("oss", POD)).inputs.who == role


@pytest.mark.parametrize("missing", [ROLE, PROVIDER])
def test_half_a_role_of_the_operator_is_told(missing: str) -> None:
    with pytest.raises(CredentialsInvalid, match=missing):
        made(ambient("oss", {name: value for name, value in POD.items() if name != missing}))


def test_an_operator_without_credentials_says_so() -> None:
    with pytest.raises(CredentialsInvalid, match="ALIYUN_ACCESS_KEY_ID and ALIYUN_ACCESS_KEY_SECRET"):
        made(ambient("oss", {"OSS_REGION": "cn-beijing"}))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (StoreOptions(endpoint="https://evil.example"), "OSS_ENDPOINT"),
        (StoreOptions(proxy="http://proxy:3128"), "own credentials"),
        (StoreOptions(ca_bundle="-----BEGIN"), "own credentials"),
    ],
)
def test_the_operators_own_credentials_go_where_it_says(options: StoreOptions, words: str) -> None:
    with pytest.raises(EndpointRefused, match=words):
        made(ambient("oss", {**PAIR, "OSS_REGION": "cn-beijing"}), options)


def test_the_operators_own_endpoint_may_be_repeated_and_is_not_judged() -> None:
    own = ambient("oss", {**PAIR, "OSS_ENDPOINT": "http://127.0.0.1:9"})
    for options in (StoreOptions(), StoreOptions(endpoint="http://127.0.0.1:9/")):
        config = made(own, options)
        assert (config.inputs.endpoint, config.inputs.wire.guard) == ("http://127.0.0.1:9", None)


@pytest.mark.parametrize(
    ("annotations", "environ", "role", "provider"),
    [
        ({ROLE_NAME_ANNOTATION: "state"}, {PROVIDER: OIDC}, f"{ARN}:role/state", OIDC),
        ({ROLE_NAME_ANNOTATION: "state", PROVIDER_ANNOTATION: OIDC}, {}, f"{ARN}:role/state", OIDC),
        (
            {ROLE_ANNOTATION: "acs:ram::2:role/state", ROLE_NAME_ANNOTATION: "other"},
            {PROVIDER: OIDC},
            "acs:ram::2:role/state",
            OIDC,
        ),
        (
            {ROLE_NAME_ANNOTATION: "state", PROVIDER_ANNOTATION: "acs:ram::2:oidc-provider/x"},
            {PROVIDER: OIDC},
            "acs:ram::2:role/state",
            "acs:ram::2:oidc-provider/x",
        ),
    ],
)
def test_a_service_accounts_role(
    annotations: dict[str, str], environ: dict[str, str], role: str, provider: str
) -> None:
    who = made(account(annotations, environ), StoreOptions(region="cn-beijing")).inputs.who
    assert isinstance(who, FederatedRole)
    assert (who.arn, who.provider, who.sts) == (role, provider, "https://sts.aliyuncs.com")
    assert isinstance(who.source, AccountToken)


@pytest.mark.parametrize(
    ("annotations", "environ", "words"),
    [
        ({}, {PROVIDER: OIDC}, ROLE_NAME_ANNOTATION),
        ({ROLE_NAME_ANNOTATION: "a/b"}, {PROVIDER: OIDC}, "the name of a role"),
        ({ROLE_NAME_ANNOTATION: "state"}, {}, PROVIDER_ANNOTATION),
        ({ROLE_NAME_ANNOTATION: "state"}, {PROVIDER: "arn:aws:iam::1:oidc-provider/x"}, "No identity provider"),
        ({ROLE_ANNOTATION: "arn:aws:iam::1:role/x"}, {PROVIDER: OIDC}, ROLE_ANNOTATION),
    ],
)
def test_what_is_missing_of_a_service_accounts_role_is_told(
    annotations: dict[str, str], environ: dict[str, str], words: str
) -> None:
    with pytest.raises(CredentialsInvalid, match=words):
        account(annotations, environ)


def test_from_inside_the_token_service_is_asked_inside() -> None:
    annotations = {ROLE_NAME_ANNOTATION: "state", PROVIDER_ANNOTATION: OIDC}
    options = StoreOptions(endpoint="oss-cn-beijing-internal.aliyuncs.com")
    who = made(account(annotations), options).inputs.who
    assert isinstance(who, FederatedRole)
    assert who.sts == "https://sts-vpc.cn-beijing.aliyuncs.com"


ACCOUNT = ServiceAccount("clusters", "state", "uid-1")
ONE = ClientInputs(Keys("access", "secret"), "https://oss.acme.example", "cn-hangzhou")
ROLE_INPUTS = replace(ONE, who=FederatedRole("role", "provider", AccountToken(ACCOUNT, NoTokens()), "https://sts"))
OTHERS = [
    replace(ONE, who=Keys("other", "secret")),
    replace(ONE, who=Keys("access", "other")),
    replace(ONE, who=Keys("access", "secret", "token")),
    replace(ONE, endpoint="https://oss.other.example"),
    replace(ONE, region="cn-beijing"),
    replace(ONE, wire=Wire(guard=EndpointPolicy())),
    replace(ONE, wire=Wire(proxy="http://proxy:3128")),
    replace(ONE, wire=Wire(ca_bundle="-----BEGIN")),
    replace(ONE, wire=Wire(sealed=False)),
    ROLE_INPUTS,
    replace(ROLE_INPUTS, who=replace(ROLE_INPUTS.who, arn="other")),
    replace(ROLE_INPUTS, who=replace(ROLE_INPUTS.who, provider="other")),
    replace(ROLE_INPUTS, who=replace(ROLE_INPUTS.who, sts="other")),
    replace(ROLE_INPUTS, who=replace(ROLE_INPUTS.who, source=TokenFile("/token"))),
    replace(ROLE_INPUTS, who=replace(ROLE_INPUTS.who, source=AccountToken(replace(ACCOUNT, uid="uid-2"), NoTokens()))),
]


def test_any_two_inputs_are_different_keys_of_the_cache() -> None:
    assert len({ONE, *OTHERS}) == 1 + len(OTHERS)


def test_who_issues_the_tokens_is_no_difference() -> None:
    assert replace(ROLE_INPUTS, who=replace(ROLE_INPUTS.who, source=AccountToken(ACCOUNT, NoTokens()))) == ROLE_INPUTS


def test_no_text_shows_a_key() -> None:
    config: object = config_of({"ALIYUN_SECURITY_TOKEN": "canary", "HTTPS_PROXY": "http://user:canary@proxy"})
    assert "canary" not in f"{config!r} {config}"
    assert "LTAI" not in repr(config)


def test_errors_here_are_all_ours() -> None:
    with pytest.raises(ClusterStateError):
        config_of({"OSS_REGION": "x"})
