"""The command line as a process of its own, with nobody at a terminal, or somebody."""

import os
import subprocess
import sys
from pathlib import Path

OPERATOR = Path(__file__).parents[2] / "operator"


def clusterstate(
    *arguments: str,
    home: Path,
    folder: Path | None = None,
    typed: str = "",
    piped: str | None = None,
    **environ: str,
) -> subprocess.CompletedProcess[str]:
    """Run one command to its end, in a folder; what it writes beside stdout and stderr goes below `home`.

    What is typed, if anything, is typed at a terminal; what is piped comes by a pipe, and neither is nobody at all.
    """
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(OPERATOR), "HOME": str(home), **environ}
    command = [sys.executable, "-m", "clusterstate", *arguments]
    if piped is not None:
        return subprocess.run(
            command, env=environment, input=piped, capture_output=True, text=True, timeout=60, check=False, cwd=folder
        )
    keyboard, stdin = os.openpty() if typed else (None, os.open(os.devnull, os.O_RDONLY))
    try:
        if keyboard is not None:
            os.write(keyboard, typed.encode())
        return subprocess.run(
            command, env=environment, stdin=stdin, capture_output=True, text=True, timeout=60, check=False, cwd=folder
        )
    finally:
        os.close(stdin)
        if keyboard is not None:
            os.close(keyboard)
