"""``python -m tests.support.openstack``: Keystone and Swift to play with, until Ctrl-C."""

import shlex
import signal
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from tests.support.openstack.identity import REGION
from tests.support.openstack.server import SwiftServer


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="clusterstate-") as directory:
        server = SwiftServer.start(Path(directory))
        try:
            user = server.keystone.create_user()
            variables = {
                "OS_AUTH_URL": server.keystone.url,
                "OS_USERNAME": user.name,
                "OS_PASSWORD": user.password,
                "OS_PROJECT_NAME": user.project_name,
                "OS_DOMAIN_NAME": "Default",
                "OS_REGION_NAME": REGION,
            }
            for name, value in variables.items():
                sys.stdout.write(f"export {name}={shlex.quote(value)}\n")
            sys.stdout.flush()
            with suppress(KeyboardInterrupt):
                signal.pause()
        finally:
            server.stop()


if __name__ == "__main__":
    main()
