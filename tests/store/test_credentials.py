import pytest

from clusterstate.errors import AmbientRefused, CredentialsInvalid
from clusterstate.store.credentials import (
    NO_CREDENTIALS,
    Credentials,
    Source,
    accepted_keys,
    choose_credentials,
    from_environment,
    from_secret,
)

AWS = {"AWS_ACCESS_KEY_ID": b"AKIA1", "AWS_SECRET_ACCESS_KEY": b"canary-aws"}
S3 = {"S3_ACCESS_KEY_ID": b"id", "S3_SECRET_ACCESS_KEY": b"canary-s3"}
ACCEPTED = [
    "AWS_ACCESS_KEY_ID",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "KOPS_STATE_S3_ACL",
    "S3_ACCESS_KEY_ID",
    "S3_ENDPOINT",
    "S3_REGION",
    "S3_SECRET_ACCESS_KEY",
]
REFUSED = [
    "AWS_PROFILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_CONFIG_FILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT",
    "AWS_CA_BUNDLE",
    "HTTPS_PROXY",
    "credential_process",
    "aws_access_key_id",
    "LD_PRELOAD",
    "password",
]


def test_the_list_is_closed() -> None:
    assert sorted(accepted_keys("s3")) == ACCEPTED
    assert accepted_keys("file") == accepted_keys("memfs") == frozenset()


@pytest.mark.parametrize("name", ACCEPTED)
def test_each_accepted_key_is_kept(name: str) -> None:
    data = {**AWS, **S3, name: b"value"}
    credentials = from_secret("s3", data)
    assert credentials.get(name) == "value"
    assert credentials.source is Source.SECRET


@pytest.mark.parametrize("name", REFUSED)
def test_each_other_key_is_refused_by_name(name: str) -> None:
    with pytest.raises(CredentialsInvalid, match=f"'{name}'") as caught:
        from_secret("s3", {**AWS, name: b"canary"})
    assert "canary" not in caught.value.message


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({}, "no keys"),
        ({"AWS_REGION": b"eu-west-1"}, "no keys"),
        ({"AWS_ACCESS_KEY_ID": b"x"}, "without AWS_SECRET_ACCESS_KEY"),
        ({"AWS_SECRET_ACCESS_KEY": b"canary"}, "without AWS_ACCESS_KEY_ID"),
        ({**AWS, "S3_SECRET_ACCESS_KEY": b"canary"}, "without S3_ACCESS_KEY_ID"),
        ({**S3, "AWS_SESSION_TOKEN": b"canary"}, "AWS_SESSION_TOKEN without"),
        ({**AWS, "S3_ENDPOINT": b"https://x"}, "S3_ENDPOINT without"),
        ({**AWS, "AWS_REGION": b" "}, "AWS_REGION"),
        ({"AWS_ACCESS_KEY_ID": b"x", "AWS_SECRET_ACCESS_KEY": b"canary\xff"}, "AWS_SECRET_ACCESS_KEY"),
        ({"AWS_ACCESS_KEY_ID": b"x", "AWS_SECRET_ACCESS_KEY": b"canary\nHost: x"}, "AWS_SECRET_ACCESS_KEY"),
    ],
)
def test_what_is_incomplete_or_garbled_is_named(data: dict[str, bytes], words: str) -> None:
    with pytest.raises(CredentialsInvalid, match=words) as caught:
        from_secret("s3", data)
    assert "canary" not in caught.value.message


def test_a_line_end_from_a_file_does_no_harm() -> None:
    credentials = from_secret("s3", {**AWS, "AWS_REGION": b"eu-west-1\n", "KOPS_STATE_S3_ACL": b" private\r\n"})
    assert (credentials.get("AWS_REGION"), credentials.get("KOPS_STATE_S3_ACL")) == ("eu-west-1", "private")


def test_stores_without_credentials_take_none() -> None:
    with pytest.raises(CredentialsInvalid, match="takes no credentials"):
        from_secret("memfs", AWS)
    assert choose_credentials("file", None, {}, ambient_allowed=False) == NO_CREDENTIALS


def test_a_store_that_cannot_be_opened_yet_is_not_told_about_its_credentials() -> None:
    assert choose_credentials("gs", {"GOOGLE": b"x"}, {}, ambient_allowed=False) == NO_CREDENTIALS


def test_the_secret_comes_first() -> None:
    environ = {"S3_ENDPOINT": "https://operator", "S3_ACCESS_KEY_ID": "a", "S3_SECRET_ACCESS_KEY": "b"}
    assert choose_credentials("s3", AWS, environ, ambient_allowed=True) == from_secret("s3", AWS)
    assert choose_credentials("s3", None, environ, ambient_allowed=True).get("S3_ENDPOINT") == "https://operator"
    with pytest.raises(AmbientRefused, match="credentialsSecretRef"):
        choose_credentials("s3", None, environ, ambient_allowed=False)


def test_the_environment_gives_what_kops_reads_and_no_more() -> None:
    environ = {"AWS_REGION": "eu-west-1", "KOPS_STATE_S3_ACL": " private ", "AWS_ACCESS_KEY_ID": "x", "HOME": "/"}
    credentials = from_environment("s3", environ)
    assert credentials == Credentials(Source.AMBIENT, (("AWS_REGION", "eu-west-1"), ("KOPS_STATE_S3_ACL", "private")))


def test_a_custom_endpoint_in_the_environment_needs_its_keys_there() -> None:
    with pytest.raises(CredentialsInvalid, match="S3_ENDPOINT without"):
        from_environment("s3", {"S3_ENDPOINT": "https://x", "AWS_ACCESS_KEY_ID": "x"})


def test_no_text_of_credentials_shows_a_value() -> None:
    credentials = from_secret("s3", {**AWS, **S3})
    assert "canary" not in f"{credentials!r} {credentials}"
    assert set(credentials.secrets) == {"AKIA1", "canary-aws", "id", "canary-s3"}
