"""The sandbox as a person starts and stops it in a terminal."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from clusterstate.sandbox.s3server import S3Server, S3User

pytestmark = [pytest.mark.apiserver, pytest.mark.objectstore]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_up_says_how_to_reach_the_servers_and_ends_well(pytestconfig: pytest.Config, how: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "clusterstate.sandbox", "up"],
        env={**os.environ, "PYTHONPATH": str(pytestconfig.rootpath / "operator")},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as sandbox:
        try:
            assert sandbox.stdout is not None
            exports = [sandbox.stdout.readline().removeprefix("export ").rstrip("\n") for _ in range(5)]
            assert "kubectl is" in sandbox.stdout.readline()
            settings = dict(line.split("=", 1) for line in exports)
            kubeconfig = Path(settings["KUBECONFIG"])
            assert kubeconfig.exists()
            store = S3Server(kubeconfig.parent, settings["S3_ENDPOINT"], settings["S3_REGION"], "", "")
            client = store.client(S3User(settings["S3_ACCESS_KEY_ID"], settings["S3_SECRET_ACCESS_KEY"]))
            assert client.list_buckets()["Buckets"] == []
            sandbox.send_signal(how)
            assert sandbox.wait(60) == 0
        finally:
            sandbox.terminate()  # or a failure leaves its servers behind
    assert not kubeconfig.exists()
