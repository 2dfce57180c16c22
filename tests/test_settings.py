"""What whoever installs the operator decides, variable by variable."""

import pytest

from clusterstate.errors import SpecInvalid
from clusterstate.settings import Address, Election, Settings


def test_without_variables_everything_is_as_documented() -> None:
    assert Settings.from_env({"PATH": "/bin", "AWS_REGION": "eu-central-1"}) == Settings()


@pytest.mark.parametrize("name", ["namespaces", "allowed_endpoints", "file_roots", "token_urls"])
def test_lists_are_separated_by_commas_and_name_each_once(name: str) -> None:
    variable = f"CLUSTERSTATE_{name.upper()}"
    assert getattr(Settings.from_env({variable: " b, a ,,b,"}), name) == ("b", "a")
    assert Settings.from_env({variable: " , "}) == Settings()


@pytest.mark.parametrize(("text", "expected"), [("3", 3), ("", 16), ("016", 16)])
def test_workers_are_a_positive_number(text: str, expected: int) -> None:
    assert Settings.from_env({"CLUSTERSTATE_WORKERS": text}).workers == expected


@pytest.mark.parametrize(("text", "expected"), [("debug", "DEBUG"), ("Warning", "WARNING"), ("", "INFO")])
def test_the_level_is_one_of_four(text: str, expected: str) -> None:
    assert Settings.from_env({"CLUSTERSTATE_LOG_LEVEL": text}).log_level == expected


@pytest.mark.parametrize(("text", "expected"), [("JSON", "json"), ("text", "text"), ("", "text")])
def test_lines_are_for_people_or_for_programs(text: str, expected: str) -> None:
    assert Settings.from_env({"CLUSTERSTATE_LOG_FORMAT": text}).log_format == expected


@pytest.mark.parametrize(("text", "expected"), [("named", "named"), ("Namespace", "namespace"), ("", "namespace")])
def test_rbac_for_secrets_is_one_of_two(text: str, expected: str) -> None:
    assert Settings.from_env({"CLUSTERSTATE_SECRETS_RBAC": text}).secrets_rbac == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", None),
        (":8080", Address("", 8080)),
        (" 127.0.0.1:0 ", Address("127.0.0.1", 0)),
        ("localhost:65535", Address("localhost", 65535)),
        ("[::1]:80", Address("::1", 80)),
    ],
)
def test_metrics_are_where_they_are_wanted(text: str, expected: Address | None) -> None:
    found = Settings.from_env({"CLUSTERSTATE_METRICS_ADDRESS": text}).metrics_address
    assert found == expected
    assert text == "" or str(found) == text.strip()


def test_the_times_of_the_lease_fit_each_other() -> None:
    named = {"RETRY_PERIOD": "5", "RENEW_DEADLINE": "10", "DURATION": "11", "NAME": "mine"}
    given = {f"CLUSTERSTATE_LEASE_{name}": value for name, value in named.items()}
    found = Settings.from_env({**given, "CLUSTERSTATE_LEADER_ELECTION": "true"}).election
    assert found == Election(wanted=True, name="mine", duration=11, deadline=10, retry=5)
    assert found.patience < found.retry
    for name, value in {"RETRY_PERIOD": "6", "RENEW_DEADLINE": "9", "DURATION": "10"}.items():
        with pytest.raises(SpecInvalid, match="CLUSTERSTATE_LEASE_RETRY_PERIOD, _RENEW_DEADLINE and _DURATION"):
            Settings.from_env({**given, f"CLUSTERSTATE_LEASE_{name}": value})


def test_shards_are_few_and_each_elects_its_operator() -> None:
    elected = {"CLUSTERSTATE_LEADER_ELECTION": "true"}
    assert Settings.from_env({**elected, "CLUSTERSTATE_SHARDS": "16"}).shards == 16
    for given in ({**elected, "CLUSTERSTATE_SHARDS": "17"}, {"CLUSTERSTATE_SHARDS": "2"}):
        with pytest.raises(SpecInvalid, match="CLUSTERSTATE_SHARDS"):
            Settings.from_env(given)


@pytest.mark.parametrize(("text", "expected"), [("true", True), ("False", False), ("TRUE", True), ("", False)])
def test_memory_is_allowed_by_a_plain_word(text: str, *, expected: bool) -> None:
    assert Settings.from_env({"CLUSTERSTATE_ALLOW_MEMORY": text}).memory_allowed is expected
    assert not Settings().memory_allowed


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("WORKERS", "0"),
        ("WORKERS", "-1"),
        ("WORKERS", "many"),
        ("WORKERS", "²"),
        ("DELETION_TIMEOUT", "1h"),
        ("LOG_LEVEL", "loud"),
        ("LOG_FORMAT", "logfmt"),
        ("SECRETS_RBAC", "cluster"),
        ("ALLOW_MEMORY", "yes"),
        ("ALLOW_MEMORY", "1"),
        *(("METRICS_ADDRESS", each) for each in ("8080", "host:", "::1:80", ":65536", ":-1", "a/b:1", "u@h:1", ":²")),
    ],
)
def test_what_cannot_be_read_is_named(variable: str, text: str) -> None:
    with pytest.raises(SpecInvalid, match=f"CLUSTERSTATE_{variable} is") as caught:
        Settings.from_env({f"CLUSTERSTATE_{variable}": text})
    assert repr(text.upper() if variable == "LOG_LEVEL" else text) in caught.value.message


def test_a_policy_is_named_by_its_path() -> None:
    assert Settings.from_env({"CLUSTERSTATE_POLICY": " /etc/policy.yaml "}).policy == "/etc/policy.yaml"


def test_the_operators_namespace_can_be_told() -> None:
    assert Settings.from_env({"CLUSTERSTATE_OPERATOR_NAMESPACE": " system "}).operator_namespace == "system"
    assert Settings().operator_namespace == "default"
