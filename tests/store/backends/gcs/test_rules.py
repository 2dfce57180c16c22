"""What Secrets of gs:// hold together, and what it takes to open a store at all."""

import os
import subprocess
import sys

import pytest
from google.auth import environment_vars

from clusterstate.errors import CredentialsInvalid
from clusterstate.store.backends.gcs.rules import RULES
from tests.store.backends.gcs.stores import secret
from tests.store.opening import secret as secret_of

DOCUMENT = '{"type": "service_account"}'
AWS = {"AWS_ACCESS_KEY_ID": "canary-id", "AWS_SECRET_ACCESS_KEY": "canary-key"}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"HTTPS_PROXY": "http://proxy"}, "has no GOOGLE_APPLICATION_CREDENTIALS"),
        ({"GOOGLE_SUBJECT_TOKEN": "canary"}, "has no GOOGLE_APPLICATION_CREDENTIALS"),
        ({"GOOGLE_APPLICATION_CREDENTIALS": DOCUMENT, **AWS}, "AWS_ACCESS_KEY_ID without AWS_REGION"),
        ({"GOOGLE_APPLICATION_CREDENTIALS": DOCUMENT, "AWS_SESSION_TOKEN": "canary"}, "AWS_SESSION_TOKEN without"),
        (
            {
                "GOOGLE_APPLICATION_CREDENTIALS": DOCUMENT,
                **AWS,
                "AWS_REGION": "eu-west-1",
                "GOOGLE_SUBJECT_TOKEN": "canary",
            },
            "both GOOGLE_SUBJECT_TOKEN and AWS_ACCESS_KEY_ID",
        ),
        ({"GOOGLE_APPLICATION_CREDENTIALS": DOCUMENT, "GOOGLE_SUBJECT_TOKEN": "canary\nX: y"}, "GOOGLE_SUBJECT_TOKEN"),
    ],
)
def test_what_is_incomplete_or_garbled_is_named(data: dict[str, str], words: str) -> None:
    with pytest.raises(CredentialsInvalid, match=words) as caught:
        secret_of("gs", data)
    assert "canary" not in caught.value.message


def test_every_variable_of_the_sdk_is_known() -> None:
    """So that a new one is noticed, and gets a rule and a row."""
    theirs = {value for name, value in vars(environment_vars).items() if name.isupper() and isinstance(value, str)}
    assert "GOOGLE_APPLICATION_CREDENTIALS" in theirs
    assert theirs <= {variable.name for variable in RULES.variables}


def test_a_document_has_many_lines() -> None:
    assert secret('{\n"type": "service_account"\n}\n').get("GOOGLE_APPLICATION_CREDENTIALS").count("\n") == 2


OPENS = """
import asyncio, sys
sys.modules.update(dict.fromkeys({missing}))
from clusterstate.errors import StoreUnsupported
from clusterstate.store.credentials import Credentials, Source
from clusterstate.store.endpoint_policy import EndpointPolicy
from clusterstate.store.location import Location
from clusterstate.store.open import open_store
from clusterstate.store.opening import Opening
from clusterstate.store.options import StoreOptions

credentials = Credentials(Source.AMBIENT, (("STORAGE_EMULATOR_HOST", "localhost:1"),))
opening = Opening(Location("gs", "acme"), StoreOptions(), credentials, EndpointPolicy())
assert not {{"google", "requests"}} & {{name for name, module in sys.modules.items() if module}}
try:
    asyncio.run(open_store(opening))
    print("opened", *sorted({{"google", "botocore", "oss2", "openstack"}} & sys.modules.keys()))
except StoreUnsupported as error:
    print(error.message)
"""


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ([], "opened google\n"),
        (["google.cloud.storage"], "gs:// needs packages that aren't installed here. Install clusterstate[gcs], or "),
    ],
)
def test_the_sdk_is_loaded_by_who_opens_a_store(missing: list[str], said: str) -> None:
    environment = {**os.environ, "PYTHONPATH": "operator"}
    command = [sys.executable, "-c", OPENS.format(missing=missing)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.startswith(said)
