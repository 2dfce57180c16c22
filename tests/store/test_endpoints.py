import pytest

from clusterstate.errors import EndpointRefused, SpecInvalid, StoreUnavailable
from clusterstate.store.endpoint_policy import EndpointPolicy
from clusterstate.store.endpoints import Endpoint

STRICT = EndpointPolicy()
OFF_LIMITS = [
    "http://127.0.0.1:9000",
    "http://127.8.8.8",
    "http://localhost",
    "http://LOCALHOST.",
    "http://127.1",
    "http://0x7f000001",
    "http://2130706433",
    "http://0.0.0.0:80",
    "http://[::1]:80",
    "http://[::]",
    "http://[::ffff:127.0.0.1]",
    "http://[64:ff9b::7f00:1]",
    "http://[2002:7f00:1::]",
    "http://169.254.169.254",
    "http://[::ffff:169.254.169.254]",
    "http://[fe80::1]",
    "http://[fd00:ec2::254]",
    "http://[fd00:ec2::23]",
    "http://[fd00:42::42]",
    "http://[fd00:c1::a9fe:a9fe]",
    "http://100.100.100.200",
    "http://168.63.129.16",
    "http://metadata.google.internal",
    "https://Metadata.Google.Internal.",
    "http://224.0.0.1",
]


@pytest.mark.parametrize("url", OFF_LIMITS)
async def test_what_only_the_operator_can_reach_is_refused(url: str) -> None:
    with pytest.raises(EndpointRefused):
        await STRICT.check(Endpoint.parse(url))


@pytest.mark.parametrize("url", ["http://10.0.0.1:9000", "https://8.8.8.8", "https://[2001:db8::1]", "192.168.1.1"])
async def test_other_addresses_are_fine(url: str) -> None:
    await STRICT.check(Endpoint.parse(url))


@pytest.mark.parametrize(
    ("allowed", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:9000"),
        ("127.0.0.0/8", "http://127.9.9.9"),
        ("127.0.0.1", "http://[::ffff:127.0.0.1]"),
        ("localhost", "http://localhost:9000"),
        ("::1/128", "http://[::1]"),
        ("169.254.0.0/16", "http://169.254.1.1"),
    ],
)
async def test_the_operators_configuration_allows_some(allowed: str, url: str) -> None:
    await EndpointPolicy(allowed=("minio.example", allowed)).check(Endpoint.parse(url))


async def test_one_allowed_address_allows_no_other() -> None:
    with pytest.raises(EndpointRefused, match=r"127\.0\.0\.2.*allowed endpoints"):
        await EndpointPolicy(allowed=("127.0.0.1",)).check(Endpoint.parse("http://127.0.0.2"))


async def test_names_are_allowed_in_any_case() -> None:
    await EndpointPolicy(allowed=("LocalHost",)).check(Endpoint.parse("http://localhost:9000"))


@pytest.mark.parametrize(
    ("host", "own"),
    [
        ("s3.amazonaws.com", True),
        ("s3.eu-west-1.amazonaws.com", True),
        ("s3-eu-west-1.amazonaws.com", True),
        ("s3.dualstack.eu-west-1.amazonaws.com", True),
        ("s3-fips.us-gov-west-1.amazonaws.com", True),
        ("s3-fips.dualstack.us-east-1.amazonaws.com", True),
        ("s3-external-1.amazonaws.com", True),
        ("s3.dualstack.cn-north-1.amazonaws.com.cn", True),
        ("s3.eusc-de-east-1.amazonaws.eu", True),
        ("bucket.vpce-1a2b.s3.us-east-1.vpce.amazonaws.com", True),
        ("s3-fips-us-gov-west-1.amazonaws.com", True),
        ("s3-fips.aws-global.amazonaws.com", True),
        ("bucket.vpce-1a2b-us-east-1a.s3.us-east-1.vpce.amazonaws.com", True),
        ("http://bucket.vpce-evil.s3.amazonaws.com", False),
        ("bucket.vpce-evil.s3.us-east-1.amazonaws.com", False),
        ("evil.s3.amazonaws.com", False),
        ("evil.s3.dualstack.eu-west-1.amazonaws.com", False),
        ("bucket.s3.us-east-1.amazonaws.com", False),
        ("evil-123456789012.s3-accesspoint.us-east-1.amazonaws.com", False),
        ("s3-website-us-east-1.amazonaws.com", False),
        ("s3.amazonaws.com/evil", False),
        ("ec2-203-0-113-25.compute-1.amazonaws.com", False),
        ("evil.s3.amazonaws.com.example", False),
        ("evils3.amazonaws.com", False),
    ],
)
def test_only_s3_itself_is_amazons(host: str, own: bool) -> None:  # noqa: FBT001 (a parameter)
    assert Endpoint.parse(host).is_aws is own


async def test_a_trusting_policy_allows_all() -> None:
    for url in ("http://127.0.0.1", "http://[::1]", "http://169.254.169.254"):
        await EndpointPolicy.trusting().check(Endpoint.parse(url))


async def test_a_name_that_does_not_resolve_is_an_outage() -> None:
    with pytest.raises(StoreUnavailable, match=r"no-such-host\.invalid"):
        await STRICT.check(Endpoint.parse("https://no-such-host.invalid"))


@pytest.mark.parametrize("url", ["https://user:canary@host", "canary@host"])
def test_credentials_in_an_endpoint_are_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(SpecInvalid, match="credentials") as caught:
        Endpoint.parse(url)
    assert "canary" not in caught.value.message


@pytest.mark.parametrize(
    "url", ["", "ftp://host", "https://", "https://host:port", "https://host?x=1", "http://ho\nst", "//"]
)
def test_what_is_no_endpoint_is_refused(url: str) -> None:
    with pytest.raises(SpecInvalid, match="https://HOST:PORT"):
        Endpoint.parse(url)


def test_a_bare_host_means_https() -> None:
    assert Endpoint.parse("nyc3.digitaloceanspaces.com").url == "https://nyc3.digitaloceanspaces.com"
    assert Endpoint.parse(" minio:9000 ").url == "https://minio:9000"
    assert Endpoint.parse("HTTP://Minio:80/a/").url == "http://minio/a"


def test_what_the_operator_s_configuration_has_itself() -> None:
    policy = EndpointPolicy(allowed=("Minio.example.com", "10.0.0.0/8", "::1"))
    assert all(map(policy.has, ("minio.example.com", "10.1.2.3", "::1")))
    assert not any(map(policy.has, ("example.com", "11.0.0.1", "127.0.0.1", "10.example.com")))
