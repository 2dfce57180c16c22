"""Tokens of workload identities, as the services that take them see them: signed by somebody they trust, for them."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from clusterstate.sandbox.controlplane import ControlPlane


@dataclass
class Issuer:
    """Somebody who signs tokens."""

    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048), repr=False)

    @classmethod
    def of(cls, plane: ControlPlane) -> "Issuer":
        """Give the issuer that the API server is."""
        return cls(RSAKey.import_key((Path(plane.directory) / "pki" / "sa.key").read_bytes()))

    def issue(self, audience: str, subject: str = "system:serviceaccount:clusters:state", seconds: int = 600) -> str:
        """Give a token as the API server would."""
        now = int(time.time())
        claims = {"iss": "https://issuer.example", "sub": subject, "aud": [audience], "iat": now, "exp": now + seconds}
        return jwt.encode({"alg": "RS256"}, claims, self.key)

    def read(self, token: str, audience: str) -> Mapping[str, Any]:
        """Give a token's claims; raise ValueError unless it is ours, fresh, short-lived and for this audience."""
        try:
            claims = jwt.decode(token, self.key, algorithms=["RS256"]).claims
        except (JoseError, ValueError):
            raise ValueError("the signature doesn't fit") from None
        now = time.time()
        if claims["aud"] != [audience]:
            raise ValueError(f"the token is for {claims['aud']}")
        if not claims["iat"] - 5 <= now < claims["exp"] <= claims["iat"] + 3600:
            raise ValueError("the token's time is over, or too long")
        return claims
