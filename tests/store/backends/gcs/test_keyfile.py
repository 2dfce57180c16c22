"""Documents that tenants give: what counts of them, and what is refused without repeating it."""

import json
from typing import Any

import pytest

from clusterstate.errors import CredentialsInvalid
from clusterstate.store.backends.gcs.keyfile import (
    LARGEST_DOCUMENT,
    Document,
    Federation,
    Key,
    is_google,
    read_document,
)
from clusterstate.store.endpoint_policy import EndpointPolicy
from clusterstate.store.endpoints import Endpoint

POLICY = EndpointPolicy(token_urls=("https://tokens.acme.example", "https://oauth2.sovereign.example"))
EMAIL = "kops@acme.iam.gserviceaccount.com"
IAM = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/"
AUDIENCE = "//iam.googleapis.com/projects/123/locations/global/workloadIdentityPools/pool/providers/cluster"
KEY = {
    "type": "service_account",
    "project_id": "acme",
    "private_key_id": "canary-id",
    "private_key": "canary-key",
    "client_email": EMAIL,
    "token_uri": "https://oauth2.googleapis.com/token",
    "auth_uri": "https://accounts.google.com/o/oauth2/auth",
}
FEDERATION = {
    "type": "external_account",
    "audience": AUDIENCE,
    "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
    "token_url": "https://sts.googleapis.com/v1/token",
    "token_info_url": "https://evil.example/introspect",
}
IMPERSONATION = {
    "type": "impersonated_service_account",
    "service_account_impersonation_url": f"{IAM}{EMAIL}:generateAccessToken",
    "source_credentials": KEY,
}


def read(document: Any, policy: EndpointPolicy = POLICY) -> Document:
    return read_document(document if isinstance(document, str) else json.dumps(document), policy)


def test_of_a_key_its_account_counts() -> None:
    key = Key(EMAIL, "canary-key", "canary-id", "https://oauth2.googleapis.com/token")
    assert read(KEY) == Document(key)
    assert "canary" not in repr(read(KEY))


def test_a_federation_may_impersonate() -> None:
    federation = Federation(AUDIENCE, FEDERATION["subject_token_type"], FEDERATION["token_url"])
    assert read(FEDERATION) == Document(federation)
    assert federation.pool == "iam.googleapis.com/projects/123/locations/global/workloadIdentityPools/pool"
    url = {"service_account_impersonation_url": f"{IAM}{EMAIL}:generateAccessToken"}
    lifetime = {"service_account_impersonation": {"token_lifetime_seconds": 600}}
    found = read({**FEDERATION, **url, **lifetime})
    assert found == Document(federation, accounts=(EMAIL,), accounts_url=IAM, lifetime=600)


@pytest.mark.parametrize("source", [KEY, FEDERATION])
def test_an_impersonation_has_its_source_inline(source: dict[str, str]) -> None:
    delegates = ["projects/-/serviceAccounts/hub@acme.iam.gserviceaccount.com", "spoke@acme.iam.gserviceaccount.com"]
    found = read({**IMPERSONATION, "source_credentials": source, "delegates": delegates})
    assert found.source == read(source).source
    assert found.accounts == ("hub@acme.iam.gserviceaccount.com", "spoke@acme.iam.gserviceaccount.com", EMAIL)


def test_amazons_keys_stand_in_the_secret() -> None:
    source = {
        "environment_id": "aws1",
        "regional_cred_verification_url": "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15",
    }
    kind = "urn:ietf:params:aws:token-type:aws4_request"
    found = read({**FEDERATION, "subject_token_type": kind, "credential_source": source})
    assert isinstance(found.source, Federation)
    assert found.source.token_type == kind


def test_services_that_the_operator_lists_may_be_named() -> None:
    found = read({**FEDERATION, "token_url": "https://tokens.acme.example/v1/token"})
    assert found.urls == ("https://tokens.acme.example/v1/token",)


def test_another_universe_needs_the_operators_list() -> None:
    sovereign = {"token_uri": "https://oauth2.sovereign.example/token", "universe_domain": "sovereign.example"}
    assert read({**KEY, **sovereign}).universe == "sovereign.example"
    with pytest.raises(CredentialsInvalid, match="token_uri that isn't Google's own"):
        read({**KEY, **sovereign}, EndpointPolicy())
    with pytest.raises(CredentialsInvalid, match="universe_domain"):
        read({**KEY, "universe_domain": "canary.example"})


OUTSIDE = ["file", "url", "executable", "certificate", "region_url", "imdsv2_session_token_url"]


@pytest.mark.parametrize("name", OUTSIDE)
def test_sources_elsewhere_are_refused_by_name(name: str) -> None:
    with pytest.raises(CredentialsInvalid, match=f"credential_source by {name}, .*GOOGLE_SUBJECT_TOKEN") as caught:
        read({**FEDERATION, "credential_source": {name: "/canary"}})
    assert "canary" not in caught.value.message


BAD_URLS = [
    "http://oauth2.googleapis.com/token",
    "https://googleapis.com.canary.example/token",
    "https://canary.example/googleapis.com",
    "https://oauth2.googleapis.com@canary.example/token",
    "https://canary.example\\@oauth2.googleapis.com/token",
    "http://169.254.169.254/canary",
    "http://metadata.google.internal/canary",
    "file:///canary",
    "canary",
    "",
    "https://oauth2.googleapis.com/token?canary=1",
    "https://tokens.acme.example.canary/token",
    "https://[canary/",
]


@pytest.mark.parametrize("url", BAD_URLS)
def test_token_services_are_googles_or_listed(url: str) -> None:
    documents = [
        {**KEY, "token_uri": url},
        {**FEDERATION, "token_url": url},
        {**IMPERSONATION, "source_credentials": {**KEY, "token_uri": url}},
        {**IMPERSONATION, "service_account_impersonation_url": f"{url}/v1/projects/-/serviceAccounts/{EMAIL}:x"},
    ]
    for document in documents:
        with pytest.raises(CredentialsInvalid, match=r"token_ur[il]|service_account_impersonation_url") as caught:
            read(document)
        assert "canary" not in caught.value.message
        assert caught.value.__cause__ is None


FLAWS = [
    ("/var/run/canary.json", "isn't JSON.*not the path"),
    ("canary", "isn't JSON"),
    ('{"type": "service_account", "canary', "isn't whole JSON"),
    ('{"type": "service_account", "x": ' + "[" * 60_000, "isn't whole JSON"),
    ('{"canary": "' + "x" * LARGEST_DOCUMENT + '"}', f"more than {LARGEST_DOCUMENT} bytes"),
    ("{}", "another type than service_account, external_account"),
    ({"type": "authorized_user", "refresh_token": "canary"}, "another type than"),
    ({"type": "canary"}, "another type than"),
    ({"type": 7}, "can't be read"),
    ({"type": "service_account", "client_email": EMAIL}, "private_key"),
    ({**KEY, "private_key": ["canary"]}, r"Expected `str`, got `array` - at `\$.private_key`"),
    ({**KEY, "client_email": "canary"}, "client_email that is no e-mail"),
    ({**KEY, "client_email": "canary@x/../y"}, "client_email"),
    ({**FEDERATION, "audience": "//iam.googleapis.com/locations/global/workforcePools/canary/providers/x"}, "audience"),
    ({**FEDERATION, "subject_token_type": "urn:canary"}, "subject_token_type"),
    ({**FEDERATION, "credential_source": {"regional_cred_verification_url": "https://canary"}}, "regional_cred"),
    ({**FEDERATION, "credential_source": ["canary"]}, "can't be read"),
    ({**IMPERSONATION, "source_credentials": {"type": "authorized_user", "x": "canary"}}, "source_credentials"),
    ({**IMPERSONATION, "source_credentials": IMPERSONATION}, "source_credentials"),
    ({**IMPERSONATION, "source_credentials": "/canary"}, "can't be read"),
    ({**IMPERSONATION, "delegates": ["canary"]}, "delegates"),
    ({**IMPERSONATION, "service_account_impersonation_url": f"{IAM}canary:signBlob"}, "generateAccessToken"),
    (
        {
            **FEDERATION,
            "service_account_impersonation_url": f"{IAM}{EMAIL}:generateAccessToken",
            "service_account_impersonation": {"token_lifetime_seconds": 10**9},
        },
        "token_lifetime_seconds",
    ),
]


@pytest.mark.parametrize(("document", "words"), FLAWS)
def test_what_cannot_be_used_is_told_without_its_content(document: Any, words: str) -> None:
    with pytest.raises(CredentialsInvalid, match=words) as caught:
        read(document)
    assert caught.value.message.startswith("GOOGLE_APPLICATION_CREDENTIALS of the credentials Secret ")
    assert "canary" not in caught.value.message
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("url", "own"),
    [
        ("https://storage.googleapis.com", True),
        ("https://storage.europe-west3.rep.googleapis.com", True),
        ("https://storage-acme.p.googleapis.com", True),
        ("http://storage.googleapis.com", False),
        ("https://storage.googleapis.com.evil.example", False),
        ("https://evilgoogleapis.com", False),
        ("https://storage.sovereign.example", False),
    ],
)
def test_googles_own_services_are_known_by_their_names(url: str, own: bool) -> None:  # noqa: FBT001 (a column)
    assert is_google(Endpoint.parse(url)) is own
