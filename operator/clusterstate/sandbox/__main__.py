"""``python -m clusterstate.sandbox up|build``: the sandbox by hand.

``up`` starts a control plane and an S3 server, says how to reach them, and stops them on Ctrl-C.
``build`` makes sure that all programs are there.
"""

import argparse
import shlex
import signal
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from types import FrameType

from clusterstate.sandbox.binaries import NAMES, find
from clusterstate.sandbox.controlplane import ControlPlane
from clusterstate.sandbox.errors import SandboxError
from clusterstate.sandbox.s3server import S3Server


def main() -> int:
    """Run the command that the arguments name."""
    parser = argparse.ArgumentParser(prog="python -m clusterstate.sandbox", description=__doc__)
    parser.add_argument("command", choices=("up", "build"))
    command = parser.parse_args().command
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        with suppress(KeyboardInterrupt):
            _build() if command == "build" else _up()
    except SandboxError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _build() -> None:
    for name in NAMES:
        _say(f"{name}: {find(name)}")


def _up() -> None:
    with tempfile.TemporaryDirectory(prefix="clusterstate-") as directory:
        plane_files, store_files = Path(directory, "control-plane"), Path(directory, "s3")
        with ControlPlane.start(plane_files) as plane, S3Server.start(store_files) as store:
            settings = {
                "KUBECONFIG": str(plane.kubeconfig),
                **store.variables,
            }
            for name, value in settings.items():
                _say(f"export {name}={shlex.quote(value)}")
            _say(f"# kubectl is {find('kubectl')}; Ctrl-C stops both servers")
            signal.pause()


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
