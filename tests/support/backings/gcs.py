"""Google Cloud Storage, as its double plays it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from tests.support.gcs.server import GcsServer, GoogleAccount

REFERENCE = "credentialsSecretRef: {name: state-store}"


@dataclass(frozen=True)
class GcsBacking:
    """A bucket, and the account that the example has a key of."""

    server: GcsServer
    bucket: str
    account: GoogleAccount

    @property
    def url(self) -> str:
        return f"gs://{self.bucket}"

    @property
    def replacements(self) -> Mapping[str, str]:
        document = json.loads(self.account.document)
        return {
            "gs://acme-state-store": self.url,
            REFERENCE: f"{REFERENCE}\n    endpoint: {self.server.endpoint}",
            "kops-state@acme.iam.gserviceaccount.com": self.account.email,
            '"EXAMPLE-KEY"': json.dumps(document["private_key"]),
            "https://oauth2.googleapis.com/token": document["token_uri"],
        }

    @property
    def environ(self) -> Mapping[str, str]:
        return {"CLUSTERSTATE_TOKEN_URLS": self.server.endpoint}

    def put(self, key: str, data: bytes) -> None:
        self.server.put(self.bucket, key, data)

    def read(self, key: str) -> bytes:
        return self.server.read(self.bucket, key)

    def keys(self) -> list[str]:
        return list(self.server.keys(self.bucket))

    def files(self) -> dict[str, bytes]:
        return {key: self.read(key) for key in self.keys()}


@pytest.fixture
def gs_backing(gcs_server: GcsServer) -> GcsBacking:
    return GcsBacking(gcs_server, gcs_server.create_bucket(), gcs_server.create_account())
