"""How every command behaves beside its work: what it says meanwhile, how it fails, how it ends.

Results go to stdout; everything else goes to stderr, so that a pipe gets results alone.
"""

import asyncio
import logging
import os
import sys
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

import click

from clusterstate.cli.exits import FAILED, INTERRUPTED, TROUBLE
from clusterstate.cli.texts import printable
from clusterstate.errors import ClusterStateError, CommandInvalid, describe_bug

NO_SPACE: Final = 28
"""errno.ENOSPC."""


class Volume(IntEnum):
    """How much is said."""

    QUIET = 0
    USUAL = 1
    VERBOSE = 2


@dataclass
class Manners:
    """What was asked for by `--quiet`, `--verbose` and `--debug`."""

    volume: Volume = Volume.USUAL
    debug: bool = False
    trouble: int = FAILED
    """The exit code of a failure."""


MANNERS: Final = Manners()
"""Those of this process, which runs one command."""


def say(text: str) -> None:
    """Tell what is done, unless asked to be quiet."""
    if MANNERS.volume >= Volume.USUAL:
        _tell(text)


def mention(text: str) -> None:
    """Tell it to those who asked for more."""
    if MANNERS.volume >= Volume.VERBOSE:
        _tell(text)


def warn(text: str) -> None:
    """Tell what a person should know, also when asked to be quiet."""
    _tell(text)


def _tell(text: str) -> None:
    with suppress(OSError):  # nobody listens any more; the work goes on
        click.echo(f"clusterstate: {printable(text)}", err=True)


def run_command(work: Coroutine[Any, Any, int | None], *, trouble: int = FAILED) -> int:
    """Do a command's work to its end, and give the exit code; `trouble` is that of a failure."""
    MANNERS.trouble = trouble
    return asyncio.run(work) or 0


def log_by_manners(level: str = "WARNING") -> None:
    """Have our own log lines follow the wish; libraries at DEBUG write requests with all their headers."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)-7s %(name)s %(message)s")
    logging.getLogger("kubernetes").setLevel(logging.ERROR)  # what it warns of comes as an error of ours
    logging.getLogger("clusterstate").setLevel("DEBUG" if MANNERS.volume is Volume.VERBOSE else level)


def explain(error: BaseException) -> int:
    """Say what ended a command, in one line, and give the exit code."""
    if MANNERS.debug:
        click.echo(describe_bug(error), err=True)
    match error:
        case click.exceptions.Exit():
            return error.exit_code
        case click.ClickException():
            with suppress(OSError):
                error.show()
            return error.exit_code
        case BrokenPipeError() | SystemExit():  # click ends so where nobody reads its output any more
            return _leave_closed_pipe()
        case _:
            _tell(_explain(error))
            return _code_of(error)


def _explain(error: BaseException) -> str:
    match error:
        case click.Abort() | KeyboardInterrupt() | asyncio.CancelledError():
            return "interrupted."
        case ClusterStateError():
            return error.message
        case OSError() if error.errno == NO_SPACE:
            return "there is no space left for what it prints or writes. Make room, and run it again."
        case OSError():
            named = f"{error.filename}: " if isinstance(error.filename, str) else ""
            return f"{named}{error.strerror or type(error).__name__}. Correct that, and run it again."
        case BaseExceptionGroup():
            return _explain(error.exceptions[0])
        case _:
            return f"this is a bug: {type(error).__name__}. --debug shows where."


def _code_of(error: BaseException) -> int:
    if isinstance(error, click.Abort | KeyboardInterrupt | asyncio.CancelledError):
        return INTERRUPTED
    return TROUBLE if isinstance(error, CommandInvalid) else MANNERS.trouble


def _leave_closed_pipe() -> int:
    """End as `cat` does when its reader has gone, without Python's complaint at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return MANNERS.trouble
