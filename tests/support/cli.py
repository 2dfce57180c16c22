"""The command line as a process of its own, with nobody at a terminal."""

import os
import subprocess
import sys
from pathlib import Path

OPERATOR = Path(__file__).parents[2] / "operator"


def clusterstate(*arguments: str, home: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run one command to its end; what it writes beside stdout and stderr goes below `home`."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(OPERATOR), "HOME": str(home), **environ}
    command = [sys.executable, "-m", "clusterstate", *arguments]
    return subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
    )
