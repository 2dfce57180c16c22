"""AWS's face: moto, with the one thing that it doesn't check, web identities.

moto's auth mode has no answer to unsigned requests, so AssumeRoleWithWebIdentity ends here: the token is read as STS
would, the role's trust policy is asked, and moto gives the credentials of that role by AssumeRole.
"""

import asyncio
import ssl
from dataclasses import dataclass
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from aiohttp import web

from tests.support.faultproxy import FaultProxy
from tests.support.moto import MotoServer
from tests.support.tokens import Issuer

ACTION = "AssumeRoleWithWebIdentity"


@dataclass(frozen=True)
class Trust:
    """What a role's trust policy says of web identities."""

    issuer: Issuer
    subject: str
    audience: str = "sts.amazonaws.com"


class AwsFront(FaultProxy):
    """A face of moto that exchanges tokens for roles; `trusts` has the trust policies, by role."""

    def __init__(self, moto: MotoServer, *, context: ssl.SSLContext | None = None) -> None:
        super().__init__(moto.endpoint, context=context)
        self.trusts: dict[str, Trust] = {}
        self._moto = moto

    async def _forward(self, request: web.Request, fault: object) -> web.StreamResponse:
        form = dict(parse_qsl((await request.read()).decode(errors="replace"))) if request.method == "POST" else {}
        if form.get("Action") != ACTION:
            return await super()._forward(request, fault)  # type: ignore[arg-type] # what it gave to us
        self.posted.append((await request.read()).decode())
        return await asyncio.to_thread(self._exchange, form)

    def _exchange(self, form: dict[str, str]) -> web.Response:
        role = form["RoleArn"]
        trust = self.trusts.get(role)
        if trust is None:
            return _error(403, "AccessDenied", f"Not authorized to perform sts:{ACTION}")
        try:
            claims = trust.issuer.read(form["WebIdentityToken"], trust.audience)
        except ValueError as flaw:
            return _error(400, "InvalidIdentityToken", str(flaw))
        if claims["sub"] != trust.subject:
            return _error(403, "AccessDenied", f"Not authorized to perform sts:{ACTION}")
        given = self._moto.client("sts").assume_role(RoleArn=role, RoleSessionName=form["RoleSessionName"])
        keys = {**given["Credentials"], "Expiration": given["Credentials"]["Expiration"].isoformat()}
        return _answer(keys)


def _answer(keys: dict[str, str]) -> web.Response:
    inner = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in keys.items())
    text = (
        f'<{ACTION}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{ACTION}Result><Credentials>{inner}'
        f"</Credentials></{ACTION}Result></{ACTION}Response>"
    )
    return web.Response(text=text, content_type="text/xml")


def _error(status: int, code: str, message: str) -> web.Response:
    said = f"<Type>Sender</Type><Code>{code}</Code><Message>{escape(message)}</Message>"
    text = f"<ErrorResponse><Error>{said}</Error></ErrorResponse>"
    return web.Response(status=status, text=text, content_type="text/xml")
