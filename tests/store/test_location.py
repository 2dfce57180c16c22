import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusterstate.errors import SpecInvalid
from clusterstate.store.location import Location
from tests.store.test_key import KEYS

BUCKETS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,40}", fullmatch=True)
CONTAINERS = st.from_regex(r"\w[\w.~-]{0,40}", fullmatch=True)
LOCATIONS = st.one_of(
    st.builds(Location, st.just("swift"), CONTAINERS, st.just("") | KEYS),
    st.builds(Location, st.sampled_from(["s3", "gs", "memfs", "do", "ftp"]), BUCKETS, st.just("") | KEYS),
    st.builds(Location, st.sampled_from(["file", "k8s"]), st.just(""), st.just("") | KEYS),
)


@given(LOCATIONS)
def test_a_url_gives_its_location_back(location: Location) -> None:
    assert Location.parse(location.url) == location
    assert location.url.isascii()


@given(LOCATIONS, st.integers(0, 3), st.integers(0, 3))
def test_slashes_and_case_of_the_scheme_do_not_count(location: Location, inner: int, outer: int) -> None:
    scheme, rest = location.url.split("://")
    bucket, slash, path = rest.partition("/")
    spelled = f"{scheme.upper()}://{bucket}{slash}{'/' * inner if slash else ''}{path}{'/' * outer}"
    assert Location.parse(spelled) == location
    assert Location.parse(spelled).identity() == location.identity()


@given(LOCATIONS, KEYS)
def test_a_child_is_below(location: Location, name: str) -> None:
    child = location.child(name)
    assert child.url.startswith(location.url.rstrip("/") + "/")
    assert child.identity() != location.identity()


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("s3://acme-state-store", ("s3", "acme-state-store", "")),
        ("s3://bucket/team/prod.example.com/", ("s3", "bucket", "team/prod.example.com")),
        ("s3://bucket//a//b", ("s3", "bucket", "a/b")),
        ("s3://bucket/a%20b/%C3%A9", ("s3", "bucket", "a b/é")),
        ("s3://bucket/a b/é+~@:", ("s3", "bucket", "a b/é+~@:")),
        ("swift://_日本~/x", ("swift", "_日本~", "x")),
        ("swift://_%E6%97%A5%E6%9C%AC~/x", ("swift", "_日本~", "x")),
        ("swift://" + "x" * 256, ("swift", "x" * 256, "")),
        ("file:///srv/state", ("file", "", "srv/state")),
        ("file:///", ("file", "", "")),
        ("memfs://tests/x", ("memfs", "tests", "x")),
        ("k8s:///team/state", ("k8s", "", "team/state")),
        ("k8s://", ("k8s", "", "")),
        ("azureblob://container", ("azureblob", "container", "")),
    ],
)
def test_urls_are_read_as_kops_reads_them(url: str, parts: tuple[str, str, str]) -> None:
    location = Location.parse(url)
    assert (location.scheme, location.bucket, location.prefix) == parts


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "no URL"),
        ("bucket/prefix", "no URL"),
        ("s3:/bucket", "no URL"),
        ("s3://", "no bucket"),
        ("s3:///prefix", "no bucket"),
        ("s3://bucket:80/x", "no name of a bucket"),
        ("s3://b%C3%A9", "no name of a bucket"),
        ("s3://_bucket", "no name of a bucket"),
        ("swift://", "no bucket"),
        ("swift://" + "x" * 257, "no name of a bucket"),
        ("swift://" + "é" * 129, "no name of a bucket"),
        ("swift://..", "no name of a bucket"),
        ("swift://a%2Fb", "no name of a bucket"),
        ("swift://a%00b", "no name of a bucket"),
        ("swift://a%ff", "UTF-8"),
        ("s3://bucket/../x", "segment"),
        ("s3://bucket/%2e%2e/x", "segment"),
        ("s3://bucket/a%00", "control character"),
        ("s3://bucket/a?versionId=1", "query"),
        ("s3://bucket#x", "fragment"),
        ("s3://bucket/100%", "%25"),
        ("s3://bucket/%ff", "UTF-8"),
        ("file://srv/state", "three slashes"),
    ],
)
def test_other_urls_are_refused_with_advice(url: str, words: str) -> None:
    with pytest.raises(SpecInvalid, match=words):
        Location.parse(url)


@pytest.mark.parametrize("url", ["s3://user:canary@bucket", "s3://canary@bucket/x", "S3://canary:@b/?x"])
def test_credentials_in_a_url_are_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(SpecInvalid, match="They belong into a credentials Secret") as caught:
        Location.parse(url)
    assert "canary" not in caught.value.message


def test_a_child_needs_a_name() -> None:
    for name in ("", "..", "a//b", "/a"):
        with pytest.raises(SpecInvalid):
            Location.parse("s3://bucket").child(name)


STATE = Location.parse("s3://bucket/prod.example.com")


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://s3.amazonaws.com",
        "s3.eu-west-1.amazonaws.com",
        "https://s3.dualstack.us-east-1.amazonaws.com/",
        "https://s3.cn-north-1.amazonaws.com.cn:443",
    ],
)
def test_amazons_own_endpoints_are_one_place(endpoint: str) -> None:
    assert STATE.identity(endpoint) == STATE.identity() == "s3://bucket/prod.example.com"


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://minio.acme.example",
        "http://MinIO.acme.example.:80/",
        "minio.acme.example:443",
        "https://minio.acme.example/",
    ],
)
def test_one_server_has_one_identity(endpoint: str) -> None:
    assert STATE.identity(endpoint) == STATE.identity("https://minio.acme.example") != STATE.identity()


def test_other_servers_and_ports_are_other_places() -> None:
    endpoints = ["https://one.example", "https://two.example", "https://one.example:9000", "https://one.example/path"]
    assert len({STATE.identity(endpoint) for endpoint in endpoints}) == 4


def test_flavours_of_s3_at_one_endpoint_are_one_place() -> None:
    same = Location.parse("do://bucket/prod.example.com")
    assert same.identity("nyc3.digitaloceanspaces.com") == STATE.identity("https://nyc3.digitaloceanspaces.com")
    assert Location.parse("gs://bucket/prod.example.com").identity("https://x") != STATE.identity("https://x")


def test_a_flavour_of_s3_at_amazons_own_is_the_same_place() -> None:
    same = Location.parse("do://bucket/prod.example.com")
    assert same.identity("s3.eu-west-1.amazonaws.com") == STATE.identity()


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://amazonaws.com.evil.example",
        "https://evilamazonaws.com",
        "https://evil.s3.amazonaws.com",
        "https://s3.amazonaws.com/evil",
    ],
)
def test_a_lookalike_of_amazon_is_another_place(endpoint: str) -> None:
    """Below a bucket of its owner's every path is a file that they have put there."""
    assert STATE.identity(endpoint) != STATE.identity()


@pytest.mark.parametrize(
    ("url", "within"),
    [
        ("k8s://", "k8s:///clusters"),
        ("k8s:///", "k8s:///clusters"),
        ("k8s:///other", "k8s:///other"),
        ("k8s:///other/pre/fix", "k8s:///other/pre/fix"),
        ("s3://bucket", "s3://bucket"),
    ],
)
def test_kubernetes_alone_means_ones_own_namespace(url: str, within: str) -> None:
    assert Location.parse(url).within("clusters").url == within


def test_kubernetes_has_no_bucket() -> None:
    with pytest.raises(SpecInvalid, match="k8s:///NAMESPACE/PREFIX"):
        Location.parse("k8s://context/prefix")


def test_another_cluster_is_another_place() -> None:
    place = Location.parse("k8s:///state/prod")
    assert place.identity("https://one:6443") != place.identity("https://two:6443") != place.identity()
