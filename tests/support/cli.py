"""The command line as a process of its own, with nobody at a terminal, or somebody."""

import os
import subprocess
import sys
from pathlib import Path

OPERATOR = Path(__file__).parents[2] / "operator"


def clusterstate(
    *arguments: str, home: Path, typed: str = "", piped: str = "", **environ: str
) -> subprocess.CompletedProcess[str]:
    """Run one command to its end; what it writes beside stdout and stderr goes below `home`.

    What is typed, if anything, is typed at a terminal; what is piped, at most 64 KiB, comes through a pipe.
    """
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(OPERATOR), "HOME": str(home), **environ}
    command = [sys.executable, "-m", "clusterstate", *arguments]
    keyboard, stdin = os.openpty() if typed else os.pipe()[::-1]
    with os.fdopen(stdin), os.fdopen(keyboard, "wb", buffering=0) as source:
        source.write((typed or piped).encode())
        if not typed:
            source.close()
        return subprocess.run(
            command, env=environment, stdin=stdin, capture_output=True, text=True, timeout=60, check=False
        )
