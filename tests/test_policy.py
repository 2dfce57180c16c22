"""The policy: whose objects may lead where, and as whom."""

from pathlib import Path

import pytest

from clusterstate.cli.policy import read_policy
from clusterstate.errors import ClusterStateError, MalformedFile, SpecInvalid
from clusterstate.policy import EVERYTHING, OWN_CREDENTIALS, Policy, describe_policy, load_policy
from clusterstate.store.location import Location

TEXT = """
rules:
  - namespaces: [team-a, team-a-*]
    stores: [s3://acme/team-a, "k8s://", "k8s:///a-*-example-com", "file:///srv/review/"]
  - namespaces: [team-?]
    stores: [s3://ambient, s3://shared/all]
    ambient: true
  - namespaces: [trusted]
    stores: ["*", "k8s:///states/trusted"]
"""
POLICY = load_policy(TEXT.encode(), "policy.yaml")


def permits(namespace: str, url: str, policy: Policy = POLICY, *, ambient: bool = False) -> bool:
    return policy.of(namespace).permits(Location.parse(url).within(namespace), ambient=ambient)


@pytest.mark.parametrize(
    ("namespace", "url"),
    [
        ("team-a", "s3://acme/team-a"),
        ("team-a", "s3://acme/team-a/"),
        ("team-a", "S3://acme//team-a///x"),
        ("team-a", "s3://acme/team%2Da/x"),
        ("team-a-dev", "s3://acme/team-a/x/y"),
        ("team-a", "s3://shared/all/x"),
        ("team-a", "k8s://"),
        ("team-a", "k8s:///team-a/below"),
        ("team-a", "k8s:///a-prod-example-com"),
        ("team-a", "file:///srv/review/x"),
        ("trusted", "gs://any/thing"),
        ("trusted", "k8s:///states/trusted/x"),
    ],
)
def test_what_is_given_may_be_used_there_and_below(namespace: str, url: str) -> None:
    assert permits(namespace, url)


@pytest.mark.parametrize(
    ("namespace", "url"),
    [
        ("team-a", "s3://acme"),
        ("team-a", "s3://acme/team-ab"),
        ("team-a", "s3://acme/Team-A"),
        ("team-a", "s3://ACME/team-a"),
        ("team-a", "s3://acme/x/team-a"),
        ("team-a", "s3://acme/team-a%2Ex"),
        ("team-a", "do://acme/team-a"),
        ("team-a", "file:///srv/reviewed"),
        ("team-a", "k8s:///team-b"),
        ("team-a", "k8s:///a-b/c-example-com"),
        ("team-b", "s3://acme/team-a"),
        ("team-b", "k8s://"),
        ("other", "s3://acme/team-a"),
    ],
)
def test_what_nobody_gives_may_not_be_used(namespace: str, url: str) -> None:
    assert not permits(namespace, url)


@pytest.mark.parametrize(
    "url",
    ["s3://acme/team-a/../team-b", "s3://acme/team-a/%2e%2e/team-b", "s3://acme/team-a/./x", "s3://a@acme/team-a"],
)
def test_some_spellings_are_no_places_at_all(url: str) -> None:
    with pytest.raises(SpecInvalid):
        permits("team-a", url)


def test_what_is_escaped_twice_stays_a_name() -> None:
    """The store is asked for a file of that very name, below the prefix: nothing unescapes it again."""
    place = Location.parse("s3://acme/team-a/%252e%252e/team-b")
    assert (place.prefix, POLICY.of("team-a").permits(place, ambient=False)) == ("team-a/%2e%2e/team-b", True)


def test_the_operators_own_credentials_open_only_what_an_ambient_rule_gives() -> None:
    assert permits("team-b", "s3://ambient/x", ambient=True)
    assert permits("team-a", "s3://acme/team-a")
    assert not permits("team-a", "s3://acme/team-a", ambient=True)
    assert not permits("trusted", "s3://ambient", ambient=True)


@pytest.mark.parametrize(
    ("namespace", "expected"),
    [
        ("team-a", ("team-a", "a-*-example-com")),
        ("team-b", ()),
        ("trusted", ("trusted", "states/trusted")),
        ("other", ()),
    ],
)
def test_namespaces_of_this_cluster_are_the_own_and_those_that_are_named(
    namespace: str, expected: tuple[str, ...]
) -> None:
    assert POLICY.of(namespace).kubernetes == expected


def test_without_a_file_everybody_is_who_they_are() -> None:
    assert read_policy("") == OWN_CREDENTIALS
    assert permits("any", "s3://bucket", OWN_CREDENTIALS)
    assert not permits("any", "s3://bucket", OWN_CREDENTIALS, ambient=True)
    assert OWN_CREDENTIALS.of("any").kubernetes == ("any",)
    assert permits("any", "s3://bucket", EVERYTHING, ambient=True)


def test_it_is_told_which_policy_holds() -> None:
    """A variable that is misspelt would open every store to everybody, and nobody would know."""
    none = "there is no policy: every namespace may use any store with credentials of its own"
    assert describe_policy(OWN_CREDENTIALS, "") == none
    assert describe_policy(POLICY, "policy.yaml") == "the policy policy.yaml has 3 rules"


def test_without_rules_nobody_may_anything() -> None:
    assert not permits("any", "s3://bucket", load_policy(b"rules: []", "policy.yaml"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{}", "the file: Object missing required field `rules`"),
        ("rules: [{namespaces: [a]}]", r"rules\[0\]: .*missing required field `stores`"),
        ("rules: [{namespaces: [], stores: []}]", r"rules\[0\]\.namespaces: "),
        ("rules: [{namespaces: [A], stores: []}]", r"rules\[0\]\.namespaces\[0\]: "),
        ("rules: [{namespaces: ['[ab]'], stores: []}]", r"rules\[0\]\.namespaces\[0\]: "),
        ("rules: [{namespaces: [a], stores: [], ambiant: true}]", r"rules\[0\]: .*`ambiant`"),
        ("rules: [{namespaces: [a], stores: [], ambient: 'yes'}]", r"rules\[0\]\.ambient: "),
        ("rules: [{namespaces: [a], stores: [acme]}]", r"rules\[0\]\.stores\[0\]: .*no URL"),
        ("rules: [{namespaces: [a], stores: ['*', 's3://acme-*']}]", r"rules\[0\]\.stores\[1\]: .*no name of a bucket"),
        ("rules: [{namespaces: [a], stores: ['s3://acme/team-*']}]", r"rules\[0\]\.stores\[0\]: .*'\*'"),
        ("rules: [{namespaces: [a], stores: ['k8s:///a/b*']}]", r"rules\[0\]\.stores\[0\]: .*'\*'"),
        ("rules: [{namespaces: [a], stores: ['k8s:///A']}]", r"rules\[0\]\.stores\[0\]: .*namespace"),
        ("rules: [{namespaces: [a], stores: ['s3://acme/../b']}]", r"rules\[0\]\.stores\[0\]: .*segment"),
        ("rules: [{namespaces: [a], stores: ['ftp://acme']}]", r"rules\[0\]\.stores\[0\]: .*no known store"),
    ],
)
def test_what_cannot_be_meant_is_named_by_its_place(text: str, words: str) -> None:
    with pytest.raises(SpecInvalid, match=f"^policy.yaml: {words}"):
        load_policy(text.encode(), "policy.yaml")


@pytest.mark.parametrize(
    "text",
    [
        "rules: []\nrules: [{namespaces: ['*'], stores: ['*']}]",
        "rules: [{namespaces: [a], stores: [], stores: ['*']}]",
        "rules: [&a {namespaces: [a], stores: ['*']}, {stores: [], <<: *a}]",
    ],
)
def test_nothing_is_said_twice(text: str) -> None:
    """In YAML as kops reads it the last one wins, and what stands above it is gone."""
    with pytest.raises(MalformedFile, match="a key stands twice"):
        load_policy(text.encode(), "policy.yaml")


def test_what_is_merged_may_be_said_otherwise() -> None:
    policy = load_policy(b"rules: [&a {namespaces: [a], stores: ['*']}, {<<: *a, namespaces: [b]}]", "policy.yaml")
    assert [rule.namespaces for rule in policy.rules] == [("a",), ("b",)]


def test_a_file_that_is_none_is_told(tmp_path: Path) -> None:
    with pytest.raises(SpecInvalid, match=r"CLUSTERSTATE_POLICY names, can't be read: No such file"):
        read_policy(str(tmp_path / "policy.yaml"))
    (tmp_path / "policy.yaml").write_text("rules: [")
    with pytest.raises(MalformedFile, match=r"policy\.yaml") as caught:
        read_policy(str(tmp_path / "policy.yaml"))
    assert isinstance(caught.value, ClusterStateError)
