"""The server's signatures are those that Alibaba's documents and SDKs give as samples."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.support.oss.answers import Refused
from tests.support.oss.signatures import Claim, Sent, check, read_claim, sign_v1, sign_v4, string_v1, string_v4

DOCUMENTED = Sent(
    "PUT",
    "oss-example",
    "nelson",
    {},
    {
        "content-md5": "ODBGOERFMDMzQTczRUY3NUE3NzA5QzdFNUYzMDQxNEM=",
        "content-type": "text/html",
        "date": "Thu, 17 Nov 2005 18:49:58 GMT",
        "x-oss-meta-author": "foo@bar.com",
        "x-oss-magic": "abracadabra",
        "authorization": "OSS 44CF9590006BF252F707:26NBxoKdsyly4EDv6inkoDft/yA=",
    },
)
"""The sample of "Include signatures in the Authorization header"."""
DOCUMENTED_SECRET = "OtxrzxIsfpFjA7SwPzILwy8Bw21TLhquhboDYROV"
SCOPE = ("20231216", "cn-hangzhou", "oss", "aliyun_v4_request")
HEADERS = {
    "x-oss-head1": "value",
    "abc": "value",
    "zabc": "value",
    "xyz": "value",
    "content-type": "text/plain",
    "x-oss-content-sha256": "UNSIGNED-PAYLOAD",
    "x-oss-date": "20231216T162057Z",
}
QUERY = {
    "param1": "value1",
    "+param1": "value3",
    "|param1": "value4",
    "+param2": "",
    "|param2": "",
    "param2": "",
}
SAMPLE = Sent("PUT", "bucket", "1234+-/123/1.txt", QUERY, HEADERS)
"""The sample that the tests of all of Alibaba's SDKs of version 2 have in common."""
SIGNATURE = "e21d18daa82167720f9b1047ae7e7f1ce7cb77a31e8203a7d5f4624fa0284afe"


def claim_of(signature: str, *additional: str) -> Claim:
    return Claim("ak", signature, SCOPE, additional)


def test_version_1_is_the_documents() -> None:
    assert sign_v1(string_v1(DOCUMENTED), DOCUMENTED_SECRET) == "26NBxoKdsyly4EDv6inkoDft/yA="
    claim = read_claim(DOCUMENTED)
    assert claim == Claim("44CF9590006BF252F707", "26NBxoKdsyly4EDv6inkoDft/yA=")
    check(DOCUMENTED, claim, DOCUMENTED_SECRET, datetime(2005, 11, 17, 19, 0, tzinfo=UTC))


def test_version_4_is_the_sdks() -> None:
    assert sign_v4(string_v4(SAMPLE, claim_of("")), claim_of(""), "sk") == SIGNATURE
    check(SAMPLE, claim_of(SIGNATURE), "sk", datetime(2023, 12, 16, 16, 20, 57, tzinfo=UTC))


def test_version_4_with_a_token_is_the_sdks() -> None:
    sent = replace(SAMPLE, headers={**HEADERS, "x-oss-date": "20231217T034736Z", "x-oss-security-token": "token"})
    claim = Claim("ak", "", ("20231217", *SCOPE[1:]))
    signature = "b94a3f999cf85bcdc00d332fbd3734ba03e48382c36fa4d5af5df817395bd9ea"
    assert sign_v4(string_v4(sent, claim), claim, "sk") == signature


def test_version_4_signs_further_headers_where_they_are_named() -> None:
    sent, claim = replace(SAMPLE, headers={**HEADERS, "x-oss-date": "20231216T172512Z"}), claim_of("", "abc", "zabc")
    signature = "4a4183c187c07c8947db7620deb0a6b38d9fbdd34187b6dbaccb316fa251212f"
    assert sign_v4(string_v4(sent, claim), claim, "sk") == signature


@pytest.mark.parametrize(
    "change",
    [
        {"method": "GET"},
        {"bucket": "other"},
        {"key": "1234+-/123/2.txt"},
        {"query": {**QUERY, "param1": "other"}},
        {"headers": {**HEADERS, "x-oss-head1": "other"}},
        {"headers": {**HEADERS, "content-type": "other"}},
        {"headers": {**HEADERS, "content-md5": "added"}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_each_part_is_signed(change: Mapping[str, object]) -> None:
    with pytest.raises(Refused) as caught:
        check(replace(SAMPLE, **change), claim_of(SIGNATURE), "sk", datetime(2023, 12, 16, 16, 20, tzinfo=UTC))  # type: ignore[arg-type]
    assert caught.value.code == "SignatureDoesNotMatch"


@pytest.mark.parametrize("secret", ["sk ", "", "other"])
def test_another_secret_is_refused(secret: str) -> None:
    with pytest.raises(Refused) as caught:
        check(SAMPLE, claim_of(SIGNATURE), secret, datetime(2023, 12, 16, 16, 20, tzinfo=UTC))
    assert (caught.value.status, caught.value.code) == (403, "SignatureDoesNotMatch")


@pytest.mark.parametrize("minutes", [-16, 16])
def test_a_clock_that_differs_by_more_than_a_quarter_of_an_hour_is_refused(minutes: int) -> None:
    now = datetime(2023, 12, 16, 16, 20, 57, tzinfo=UTC) + timedelta(minutes=minutes)
    with pytest.raises(Refused) as caught:
        check(SAMPLE, claim_of(SIGNATURE), "sk", now)
    assert caught.value.code == "RequestTimeTooSkewed"
    check(SAMPLE, claim_of(SIGNATURE), "sk", now - timedelta(minutes=minutes / 8))


@pytest.mark.parametrize(
    "text",
    [
        "Bearer x",
        "OSS only-a-key",
        "OSS4-HMAC-SHA256 Credential=ak/20231216/cn-hangzhou/s3/aliyun_v4_request,Signature=1",
        "OSS4-HMAC-SHA256 Credential=ak/20231216,Signature=1",
    ],
)
def test_what_is_no_claim_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="Authorization"):
        read_claim(replace(SAMPLE, headers={"authorization": text}))


def test_nobody_is_nobody() -> None:
    assert read_claim(SAMPLE) is None


def test_a_claim_is_read_with_its_further_headers() -> None:
    scope = "/".join(SCOPE)
    text = f"OSS4-HMAC-SHA256 Credential=ak/{scope}, AdditionalHeaders=abc;zabc, Signature={SIGNATURE}"
    assert read_claim(replace(SAMPLE, headers={"authorization": text})) == claim_of(SIGNATURE, "abc", "zabc")
