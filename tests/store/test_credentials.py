"""Each scheme's closed list: every variable is tried, and the pages say the same as the code."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from clusterstate.errors import AmbientRefused, CredentialsInvalid
from clusterstate.store.credentials import (
    NO_CREDENTIALS,
    Credentials,
    Given,
    Reader,
    Rules,
    ServiceAccount,
    Source,
    Variable,
    choose_credentials,
)
from clusterstate.store.open import BACKENDS
from tests.store.opening import ambient, secret

PAGES = Path(__file__).parents[2] / "docs" / "stores"
AWS = {"AWS_ACCESS_KEY_ID": "AKIA1", "AWS_SECRET_ACCESS_KEY": "canary-aws"}
S3 = {"S3_ACCESS_KEY_ID": "id", "S3_SECRET_ACCESS_KEY": "canary-s3"}
CUSTOM = {
    **S3,
    "S3_ENDPOINT": "https://s3",
    "S3_REGION": "r",
    "KOPS_STATE_S3_ACL": "private",
    "HTTPS_PROXY": "http://p",
}
GOOGLE = {"GOOGLE_APPLICATION_CREDENTIALS": '{"type": "service_account", "private_key": "canary"}'}
OSS = {"ALIYUN_ACCESS_KEY_ID": "LTAI1", "ALIYUN_ACCESS_KEY_SECRET": "canary-oss"}
SWIFT = {"OS_AUTH_URL": "https://keystone/v3", "OS_REGION_NAME": "region-1", "HTTPS_PROXY": "http://proxy"}
SWIFT_USER = {
    **{f"OS_{of}_ID": "canary-id" for of in ("TENANT", "PROJECT", "DOMAIN", "USER_DOMAIN", "PROJECT_DOMAIN")},
    **{f"OS_{of}_NAME": "canary-name" for of in ("TENANT", "PROJECT", "DOMAIN", "USER_DOMAIN", "PROJECT_DOMAIN")},
    "OS_USERNAME": "canary-user",
    "OS_USERID": "canary-userid",
    "OS_PASSWORD": "canary",
    "OS_PASSCODE": "123456",
    "OS_AUTH_TYPE": "password",
    "OS_IDENTITY_API_VERSION": "3",
    "OS_INTERFACE": "public",
    "OS_SYSTEM_SCOPE": "all",
}
SWIFT_APPLICATION = {f"OS_APPLICATION_CREDENTIAL_{part}": "canary-app" for part in ("ID", "NAME", "SECRET")}
SWIFT_CLOUDS = "clouds: {acme: {auth: {auth_url: https://k, user_id: '17', password: canary, project_id: p}}}"
SWIFT_INI = "[Default]\nidentity = https://keystone\nuser_id = 17\npassword = canary\ntenant_id = p"
KUBECONFIG = """
current-context: a
contexts: [{name: a, context: {cluster: b, user: c}}]
clusters: [{name: b, cluster: {server: "https://example.com"}}]
users: [{name: c, user: {token: canary-token}}]
""".strip()
SECRETS: Mapping[str, list[dict[str, str]]] = {
    "s3": [
        AWS,
        {**AWS, **CUSTOM, "AWS_SESSION_TOKEN": "canary-token", "AWS_REGION": "eu-west-1"},
        {**AWS, "AWS_USE_DUALSTACK_ENDPOINT": "false", "AWS_USE_FIPS_ENDPOINT": "true"},
    ],
    **{scheme: [S3, CUSTOM] for scheme in ("do", "linode", "hos", "scw")},
    "gs": [
        GOOGLE,
        {**GOOGLE, "GOOGLE_SUBJECT_TOKEN": "canary-subject", "HTTPS_PROXY": "http://proxy:3128"},
        {**GOOGLE, "GOOGLE_IMPERSONATE_SERVICE_ACCOUNT": "hub@acme.iam.gserviceaccount.com"},
        {**GOOGLE, **AWS, "AWS_SESSION_TOKEN": "canary-token", "AWS_REGION": "eu-west-1"},
    ],
    "oss": [
        OSS,
        {**OSS, "ALIYUN_SECURITY_TOKEN": "canary-token", "OSS_REGION": "oss-cn-beijing", "HTTPS_PROXY": "http://p"},
        {**OSS, "OSS_ENDPOINT": "https://oss", "ALIYUN_OSS_INTERNAL": "true"},
    ],
    "swift": [
        {**SWIFT, **SWIFT_USER},
        {**SWIFT, **SWIFT_APPLICATION},
        {"clouds.yaml": SWIFT_CLOUDS, "OS_CLOUD": "acme"},
        {"OPENSTACK_CREDENTIAL_FILE": SWIFT_INI},
    ],
    "k8s": [{"kubeconfig": KUBECONFIG}],
}
"""For each scheme that has credentials: Secrets that are accepted, and have every accepted key between them."""
PAGE_OF = {"do": "s3-flavours", "linode": "s3-flavours", "hos": "s3-flavours", "scw": "s3-flavours"}
EVERY = [(scheme, variable) for scheme, backend in BACKENDS.items() for variable in backend.rules.variables]
IDS = [f"{scheme}-{variable.name}" for scheme, variable in EVERY]


def test_every_accepted_key_is_in_a_sample() -> None:
    accepted = {scheme: set(backend.rules.named(secret=True)) for scheme, backend in BACKENDS.items()}
    assert {scheme: names for scheme, names in accepted.items() if names} == {
        scheme: {name for sample in samples for name in sample} for scheme, samples in SECRETS.items()
    }


@pytest.mark.parametrize(("scheme", "variable"), EVERY, ids=IDS)
def test_every_variable_is_tried_in_a_secret(scheme: str, variable: Variable) -> None:
    samples = SECRETS[scheme]
    if variable.secret:
        sample = next(sample for sample in samples if variable.name in sample)
        credentials = secret(scheme, sample)
        assert (credentials.get(variable.name), credentials.source) == (sample[variable.name], Source.SECRET)
        return
    with pytest.raises(CredentialsInvalid, match=f"'{variable.name}', which is refused, as ") as caught:
        secret(scheme, {**samples[0], variable.name: "canary"})
    assert "canary" not in caught.value.message


@pytest.mark.parametrize(("scheme", "variable"), EVERY, ids=IDS)
def test_every_variable_is_tried_in_the_environment(scheme: str, variable: Variable) -> None:
    sample = next((sample for sample in SECRETS[scheme] if variable.name in sample), {variable.name: "value"})
    credentials = ambient(scheme, sample)
    assert (credentials.get(variable.name) != "") is (variable.ambient is Reader.OURS)
    assert credentials.source is Source.AMBIENT


@pytest.mark.parametrize("scheme", SECRETS)
@pytest.mark.parametrize("name", ["credential_process", "LD_PRELOAD", "aws_access_key_id", "password"])
def test_each_other_key_is_refused_by_name(scheme: str, name: str) -> None:
    with pytest.raises(CredentialsInvalid, match=f"'{name}', which is refused. Accepted are ") as caught:
        secret(scheme, {**SECRETS[scheme][0], name: "canary"})
    assert "canary" not in caught.value.message


@pytest.mark.parametrize(("scheme", "variable"), EVERY, ids=IDS)
def test_every_variable_has_its_row_on_the_page(scheme: str, variable: Variable) -> None:
    page = (PAGES / f"{PAGE_OF.get(scheme, scheme)}.md").read_text()
    table = page.split("| variable |")[1].split("\n\n")[0].splitlines()
    rows = [line.split("|")[1:] for line in table if re.match(rf"\|[^|]*`{variable.name}`[^|]*\|", line)]
    assert len(rows) == 1, rows
    _, in_secret, in_environment, *_ = (cell.strip() for cell in rows[0])
    assert in_secret.startswith("yes" if variable.secret else "refused")
    words = {Reader.OURS: "yes", Reader.SDK: "by the SDK", Reader.NOBODY: "no"}
    assert in_environment.startswith(words[variable.ambient])


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({}, "no keys"),
        ({"AWS_REGION": "eu-west-1"}, "no keys"),
        ({"AWS_ACCESS_KEY_ID": "x"}, "without AWS_SECRET_ACCESS_KEY"),
        ({"AWS_SECRET_ACCESS_KEY": "canary"}, "without AWS_ACCESS_KEY_ID"),
        ({**AWS, "S3_SECRET_ACCESS_KEY": "canary"}, "without S3_ACCESS_KEY_ID"),
        ({**S3, "AWS_SESSION_TOKEN": "canary"}, "AWS_SESSION_TOKEN without"),
        ({**AWS, "S3_ENDPOINT": "https://x"}, "S3_ENDPOINT without"),
        ({**AWS, "AWS_REGION": " "}, "AWS_REGION"),
        ({"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "canary\udcff"}, "AWS_SECRET_ACCESS_KEY"),
        ({"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "canary\nHost: x"}, "AWS_SECRET_ACCESS_KEY"),
    ],
)
def test_what_is_incomplete_or_garbled_is_named(data: dict[str, str], words: str) -> None:
    raw = {name: value.encode(errors="surrogateescape") for name, value in data.items()}
    with pytest.raises(CredentialsInvalid, match=words) as caught:
        choose_credentials("s3", BACKENDS["s3"].rules, Given(secret=raw), {}, ambient_allowed=False)
    assert "canary" not in caught.value.message


def test_a_line_end_from_a_file_does_no_harm() -> None:
    credentials = secret("s3", {**AWS, "AWS_REGION": "eu-west-1\n", "KOPS_STATE_S3_ACL": " private\r\n"})
    assert (credentials.get("AWS_REGION"), credentials.get("KOPS_STATE_S3_ACL")) == ("eu-west-1", "private")


def test_stores_without_credentials_take_none() -> None:
    with pytest.raises(CredentialsInvalid, match="takes no credentials"):
        secret("memfs", AWS)
    for scheme in ("file", "memfs"):
        found = choose_credentials(scheme, BACKENDS[scheme].rules, Given(), {}, ambient_allowed=False)
        assert found == NO_CREDENTIALS


def test_the_secret_comes_first() -> None:
    environ = {"S3_ENDPOINT": "https://operator", "S3_ACCESS_KEY_ID": "a", "S3_SECRET_ACCESS_KEY": "b"}
    rules = BACKENDS["s3"].rules
    theirs = Given(secret={name: value.encode() for name, value in AWS.items()})
    assert choose_credentials("s3", rules, theirs, environ, ambient_allowed=True) == secret("s3", AWS)
    ours = choose_credentials("s3", rules, Given(), environ, ambient_allowed=True)
    assert ours.get("S3_ENDPOINT") == "https://operator"
    with pytest.raises(AmbientRefused, match="credentialsSecretRef"):
        choose_credentials("s3", rules, Given(), environ, ambient_allowed=False)


def test_the_environment_gives_what_kops_reads_and_no_more() -> None:
    environ = {"AWS_REGION": "eu-west-1", "KOPS_STATE_S3_ACL": " private ", "AWS_ACCESS_KEY_ID": "x", "HOME": "/"}
    expected = Credentials(Source.AMBIENT, (("AWS_REGION", "eu-west-1"), ("KOPS_STATE_S3_ACL", "private")))
    assert ambient("s3", environ) == expected


def test_a_custom_endpoint_in_the_environment_needs_its_keys_there() -> None:
    with pytest.raises(CredentialsInvalid, match="S3_ENDPOINT without"):
        ambient("s3", {"S3_ENDPOINT": "https://x", "AWS_ACCESS_KEY_ID": "x"})


RULES = Rules(variables=(Variable("REGION"),), annotations=("role", "audience"), facts=("CLUSTER",))


def test_of_a_service_account_its_annotations_and_the_operators_facts_count() -> None:
    account = ServiceAccount("clusters", "state", "uid-1", {"role": "a", "team": "b"})
    environ = {"CLUSTER": " eu-1 ", "REGION": "x"}
    found = choose_credentials("s3", RULES, Given(account=account), environ, ambient_allowed=False)
    assert (found.source, found.variables) == (Source.SERVICE_ACCOUNT, (("CLUSTER", "eu-1"), ("role", "a")))
    assert found.account == account


def test_another_account_of_the_same_name_is_somebody_else() -> None:
    accounts = [ServiceAccount("clusters", "state", uid) for uid in ("uid-1", "uid-2")]
    one, other = (
        choose_credentials("s3", RULES, Given(account=account), {}, ambient_allowed=False) for account in accounts
    )
    assert one != other


def test_a_store_without_workload_identity_says_so() -> None:
    given = Given(account=ServiceAccount("clusters", "state", "uid-1"))
    with pytest.raises(CredentialsInvalid, match=r"do:// has no workload identity.*credentialsSecretRef"):
        choose_credentials("do", BACKENDS["do"].rules, given, {}, ambient_allowed=True)


@pytest.mark.parametrize("scheme", SECRETS)
def test_no_text_of_credentials_shows_a_value(scheme: str) -> None:
    for sample in SECRETS[scheme]:
        credentials = secret(scheme, sample)
        text = f"{credentials!r} {credentials}"
        assert not [value for name, value in sample.items() if len(value) > 3 and value in text]
