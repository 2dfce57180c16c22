"""Which token opens which role on the server."""

import base64
import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from tests.support.oss.answers import Refused
from tests.support.oss.tokens import Provider, Role, Trust

NOW = 1_700_000_000
ISSUER = "https://kubernetes.default.svc"
SUBJECT = "system:serviceaccount:clusters:state"
CLAIMS = {"iss": ISSUER, "aud": ["sts.aliyuncs.com"], "sub": SUBJECT, "exp": NOW + 600}
FORM = {
    "Action": "AssumeRoleWithOIDC",
    "Version": "2015-04-01",
    "OIDCProviderArn": "provider",
    "RoleArn": "role",
    "RoleSessionName": "clusterstate",
}


@lru_cache(maxsize=2)
def key_of(name: str) -> rsa.RSAPrivateKey:
    del name
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def number(value: int) -> str:
    return encode(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def token_of(claims: Mapping[str, Any], key: str = "ours", header: str = "k1") -> str:
    head = encode(json.dumps({"alg": "RS256", "kid": header}).encode())
    body = encode(json.dumps(claims).encode())
    return f"{head}.{body}.{encode(key_of(key).sign(f'{head}.{body}'.encode(), PKCS1v15(), SHA256()))}"


def trust() -> Trust:
    public = key_of("ours").public_key().public_numbers()
    provider = Provider(ISSUER, ("sts.aliyuncs.com",), ({"kid": "k1", "n": number(public.n), "e": number(public.e)},))
    return Trust({"provider": provider}, {"role": Role("provider", (SUBJECT,))}, clock=lambda: NOW)


def test_the_right_token_opens_the_role() -> None:
    role, session, seconds = trust().judge({**FORM, "OIDCToken": token_of(CLAIMS), "DurationSeconds": "900"})
    assert (role.subjects, session, seconds) == ((SUBJECT,), "clusterstate", 900)


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"exp": NOW}, "AuthenticationFail.OIDCToken.Expired"),
        ({"iss": "https://other"}, "AuthenticationFail.OIDCToken.IssuerMismatch"),
        ({"aud": ["other"]}, "AuthenticationFail.OIDCToken.AudienceMismatch"),
        ({"sub": "system:serviceaccount:other:state"}, "AuthenticationFail.NoPermission"),
    ],
)
def test_a_token_of_somebody_else_opens_nothing(claims: Mapping[str, Any], code: str) -> None:
    with pytest.raises(Refused) as caught:
        trust().judge({**FORM, "OIDCToken": token_of({**CLAIMS, **claims})})
    assert caught.value.code == code


@pytest.mark.parametrize(
    "token", ["", "a.b.c", token_of(CLAIMS, key="theirs"), token_of(CLAIMS, header="k2"), token_of(CLAIMS)[:-8]]
)
def test_what_is_not_signed_by_the_issuer_is_no_token(token: str) -> None:
    with pytest.raises(Refused) as caught:
        trust().judge({**FORM, "OIDCToken": token})
    assert caught.value.code == "AuthenticationFail.OIDCToken.Invalid"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"Action": "AssumeRole"}, "InvalidAction.NotFound"),
        ({"RoleArn": "other"}, "EntityNotExist.Role"),
        ({"OIDCProviderArn": "other"}, "EntityNotExist.OIDCProvider"),
        ({"DurationSeconds": "60"}, "InvalidParameter.DurationSeconds"),
        ({"DurationSeconds": "7200"}, "InvalidParameter.DurationSeconds"),
        ({"RoleSessionName": "a b"}, "InvalidParameter.RoleSessionName"),
        ({"RoleSessionName": "a" * 65}, "InvalidParameter.RoleSessionName"),
    ],
)
def test_what_is_asked_wrong_is_refused(change: Mapping[str, str], code: str) -> None:
    with pytest.raises(Refused) as caught:
        trust().judge({**FORM, "OIDCToken": token_of(CLAIMS), **change})
    assert caught.value.code == code
