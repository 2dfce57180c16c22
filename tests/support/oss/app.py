"""HTTP: which operation of OSS or STS a request is, who asks, and its answer."""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from ipaddress import ip_address
from urllib.parse import parse_qsl, unquote

from aiohttp import web

from tests.support.oss.accounts import Accounts, Identity
from tests.support.oss.answers import REQUEST_ID, Answer, Refused, make_error
from tests.support.oss.control import CONTROL, Control
from tests.support.oss.operations import Asked, operation_of
from tests.support.oss.signatures import Claim, Sent, check, read_claim
from tests.support.oss.storage import Bucket
from tests.support.oss.tokens import Trust, arn_of

LARGEST_OBJECT = 1 << 30
SERVICE = re.compile(r"oss(-(?P<region>[a-z0-9-]+?)(-internal)?)?\.aliyuncs\.com")
STS = re.compile(r"sts(-vpc)?(\.[a-z0-9-]+)?\.aliyuncs\.com")


@dataclass
class Cloud:
    """All that there is."""

    accounts: Accounts = field(default_factory=Accounts)
    trust: Trust = field(default_factory=Trust)
    buckets: dict[str, Bucket] = field(default_factory=dict)
    key: str = field(default_factory=lambda: secrets.token_hex(16))
    """Opens the control."""


def make_app(cloud: Cloud) -> web.Application:
    app = web.Application(client_max_size=LARGEST_OBJECT)
    control = Control(cloud.key, cloud.accounts, cloud.trust, cloud.buckets)

    async def handle(request: web.Request) -> web.Response:
        body = await request.read()
        if request.path.startswith(CONTROL):
            return control.answer(request, body)
        if STS.fullmatch(request.host):
            return answer_sts(cloud, dict(request.query), body)
        answer = answer_oss(cloud, request, body)
        common = {REQUEST_ID: secrets.token_hex(12).upper(), "Server": "AliyunOSS"}
        date = {"Date": format_datetime(datetime.now(UTC), usegmt=True)}
        return web.Response(status=answer.status, body=answer.body, headers={**common, **date, **answer.headers})

    app.router.add_route("*", "/{rest:.*}", handle)
    return app


def answer_oss(cloud: Cloud, request: web.Request, body: bytes) -> Answer:
    try:
        sent = read_request(request)
        bucket = find_bucket(cloud, sent, request.host)
        return operation_of(sent)(Asked(sent, bucket, find_asker(cloud, sent, bucket), body))
    except Refused as refused:
        return make_error(refused, request.method, request.host)


def read_request(request: web.Request) -> Sent:
    """Take the bucket from the host's name, or from the path where the host is an address."""
    path, _, query = request.raw_path.partition("?")
    path = path.removeprefix("/")
    host = request.host.rsplit(":", 1)[0]
    if host == "localhost" or _is_address(host):
        bucket, _, path = path.partition("/")
    elif SERVICE.fullmatch(host):
        bucket = ""
        if path:
            raise Refused(
                403,
                "SecondLevelDomainForbidden",
                "The bucket you are attempting to access must be addressed using OSS third level domain.",
            )
    else:
        bucket = host.partition(".")[0]
    headers = {name.lower(): value for name, value in request.headers.items()}
    return Sent(request.method, unquote(bucket), unquote(path), dict(parse_qsl(query, keep_blank_values=True)), headers)


def find_bucket(cloud: Cloud, sent: Sent, host: str) -> Bucket:
    bucket = cloud.buckets.get(sent.bucket)
    if bucket is None:
        raise Refused(404, "NoSuchBucket", "The specified bucket does not exist.", {"BucketName": sent.bucket})
    service = SERVICE.fullmatch(host.partition(".")[2])
    if service and (service["region"] or "cn-hangzhou") != bucket.region:
        raise Refused(
            403,
            "AccessDenied",
            "The bucket you are attempting to access must be addressed using the specified endpoint. Please send all "
            "future requests to this endpoint.",
            {"Bucket": bucket.name, "Endpoint": f"oss-{bucket.region}.aliyuncs.com", "EC": "0003-00001403"},
        )
    return bucket


def find_asker(cloud: Cloud, sent: Sent, bucket: Bucket) -> Identity:
    """Give who has signed the request; raise `Refused`."""
    claim = read_claim(sent)
    if claim is None:
        raise Refused(403, "AccessDenied", "Anonymous access is forbidden for this operation.")
    who = cloud.accounts.find(claim.access_key, sent.headers.get("x-oss-security-token", ""))
    _check_version_4(sent, claim, bucket)
    check(sent, claim, who.secret_key, datetime.now(UTC))
    return who


def _check_version_4(sent: Sent, claim: Claim, bucket: Bucket) -> None:
    if claim.scope and sent.headers.get("x-oss-content-sha256") != "UNSIGNED-PAYLOAD":
        raise Refused(400, "InvalidArgument", "The value of x-oss-content-sha256 must be UNSIGNED-PAYLOAD.")
    if claim.scope and claim.region != bucket.region:
        code = {"EC": "0002-00000226"}
        raise Refused(400, "InvalidArgument", "Invalid signing region in Authorization header.", code)


def answer_sts(cloud: Cloud, query: Mapping[str, str], body: bytes) -> web.Response:
    """Answer the one action that needs no signature; parameters may stand in the query and in the form."""
    form = {**query, **dict(parse_qsl(body.decode()))}
    try:
        role, session, seconds = cloud.trust.judge(form)
    except Refused as refused:
        told = {"RequestId": secrets.token_hex(12), "Code": refused.code, "Message": refused.message}
        return web.json_response(told, status=refused.status)
    lent = cloud.accounts.lend(f"{form['RoleArn'].rpartition('/')[2]}:{session}", role.statements, seconds)
    until = datetime.fromtimestamp(lent.until or 0, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    given = {
        "AccessKeyId": lent.access_key,
        "AccessKeySecret": lent.secret_key,
        "SecurityToken": lent.token,
        "Expiration": until,
    }
    user = {"Arn": arn_of("assumed-role", f"{form['RoleArn'].rpartition('/')[2]}/{session}"), "AssumedRoleId": "3"}
    return web.json_response({"RequestId": secrets.token_hex(12), "Credentials": given, "AssumedRoleUser": user})


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
