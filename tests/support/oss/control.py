"""What no cloud would allow: buckets, users, roles and identity providers made by whoever has the run's key."""

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from tests.support.oss.accounts import ACCOUNT, Accounts, Identity
from tests.support.oss.storage import Bucket
from tests.support.oss.tokens import Provider, Role, Trust, arn_of

CONTROL = "/.control/"
"""Where paths of it begin; no bucket has such a name."""
KEY = "X-Control-Key"

Asked = Mapping[str, Any]


@dataclass
class Control:
    key: str
    accounts: Accounts
    trust: Trust
    buckets: dict[str, Bucket]

    def answer(self, request: web.Request, body: bytes) -> web.Response:
        if not hmac.compare_digest(request.headers.get(KEY, ""), self.key):
            return web.Response(status=403)
        verbs = {
            "bucket": self.make_bucket,
            "user": self.make_user,
            "lend": self.lend,
            "provider": self.make_provider,
            "role": self.make_role,
            "multipart": self.put_multipart,
        }
        return web.json_response(verbs[request.path.removeprefix(CONTROL)](json.loads(body)))

    def make_bucket(self, asked: Asked) -> Asked:
        name = str(asked["name"])
        self.buckets[name] = Bucket(name, asked["region"], ACCOUNT, asked["versioning"])
        return {}

    def make_user(self, asked: Asked) -> Asked:
        return _shown(self.accounts.create_user(asked["statements"]))

    def lend(self, asked: Asked) -> Asked:
        return _shown(self.accounts.lend("test", asked["statements"], asked["seconds"]))

    def make_provider(self, asked: Asked) -> Asked:
        arn = arn_of("oidc-provider", asked["name"])
        self.trust.providers[arn] = Provider(asked["issuer"], tuple(asked["audiences"]), tuple(asked["keys"]))
        return {"arn": arn}

    def make_role(self, asked: Asked) -> Asked:
        """Make a role; in the place of another it is a new one, and doesn't know what the other lent."""
        self.accounts.end_sessions(asked["name"])
        arn = arn_of("role", asked["name"])
        self.trust.roles[arn] = Role(asked["provider"], tuple(asked["subjects"]), tuple(asked["statements"]))
        return {"arn": arn}

    def put_multipart(self, asked: Asked) -> Asked:
        """Put an object as if from parts: its ETag is no MD5, and none is told."""
        self.buckets[asked["bucket"]].put(asked["key"], asked["text"].encode(), "Multipart")
        return {}


def _shown(identity: Identity) -> Asked:
    return {"access_key": identity.access_key, "secret_key": identity.secret_key, "token": identity.token}
