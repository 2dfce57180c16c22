"""The command after a change of a set: a program with its arguments, no shell, none of the agent's environment."""

import asyncio
import os
import signal
from contextlib import suppress
from typing import Final

from clusterstate.api.durations import parse_duration
from clusterstate.errors import FilesNotWritten
from clusterstate.node.config import FileSet

PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where programs are looked for: what the agent has in its environment may be credentials of a store."""


async def reload(files: FileSet) -> None:
    """Run the command of a set to its end; raise `FilesNotWritten` where it fails or takes too long.

    What it prints is thrown away, since it may be what it was to read.
    """
    seconds = parse_duration(files.reload_timeout).total_seconds()
    try:
        process = await asyncio.create_subprocess_exec(
            *files.reload,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            env={"PATH": PATH, "CLUSTERSTATE_DIRECTORY": files.directory},
            cwd="/",
            start_new_session=True,
        )
    except OSError as error:
        raise _failed(files, f"can't be started: {error.strerror}") from None
    try:
        code = await asyncio.wait_for(process.wait(), seconds)
    except TimeoutError:
        raise _failed(files, f"took longer than {files.reload_timeout}") from None
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    if code:
        raise _failed(files, f"ended with code {code}" if code > 0 else f"was ended by signal {-code}")


def _failed(files: FileSet, what: str) -> FilesNotWritten:
    return FilesNotWritten(
        f"{files.directory} is written, but its reload command {files.reload[0]} {what}. It is run again until it "
        "succeeds."
    )
