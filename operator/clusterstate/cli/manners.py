"""How every command behaves beside its work: what it says meanwhile, how it fails, how it ends.

Results go to stdout; everything else goes to stderr, so that a pipe gets results alone.
"""

import time
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

import click

from clusterstate.cli.exits import FAILED, INTERRUPTED, TROUBLE
from clusterstate.cli.texts import printable
from clusterstate.errors import ClusterStateError, CommandInvalid, LostRace, describe_bug

STARTED: Final = time.perf_counter()
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
    _write(f"clusterstate: {printable(text)}")


def _write(line: str) -> None:
    with suppress(OSError):  # nobody listens any more; the work goes on
        click.echo(line, err=True)


def run_command(work: Coroutine[Any, Any, int | None], *, trouble: int = FAILED) -> int:
    """Do a command's work to its end, and give the exit code; `trouble` is that of a failure.

    Whatever it reads, a secret among it, gets into no file that others may read and no core.
    """
    import asyncio  # noqa: PLC0415 (a third of the time that --help may take)

    from clusterstate.cli.hardening import harden  # noqa: PLC0415 (the same)

    MANNERS.trouble = trouble
    harden()
    log_by_manners()
    try:
        return asyncio.run(work) or 0
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


def log_by_manners(level: str = "", *, as_json: bool = False) -> None:
    """Have our own log lines follow the wish; libraries at DEBUG write requests with all their headers.

    A program that has a level of its own says so before its work begins, and gets lines with time and origin.
    """
    import logging  # noqa: PLC0415 (--help logs nothing)

    if logging.root.handlers:
        return
    verbose = MANNERS.volume is Volume.VERBOSE
    logging.basicConfig(level=logging.WARNING, format="clusterstate: %(message)s")
    if level or verbose:
        from clusterstate.cli.lines import make_formatter  # noqa: PLC0415 (the same)

        logging.root.handlers[0].setFormatter(make_formatter(as_json=as_json))
    logging.getLogger("kubernetes").setLevel(logging.ERROR)  # what it warns of comes as an error of ours
    usual = level or ("ERROR" if MANNERS.volume is Volume.QUIET else "WARNING")
    logging.getLogger("clusterstate").setLevel("DEBUG" if verbose else usual)


def mention_cost() -> None:
    """Tell those who asked for more what the command took."""
    import resource  # noqa: PLC0415 (as above)

    used = resource.getrusage(resource.RUSAGE_SELF)
    passed = time.perf_counter() - STARTED
    mention(f"took {passed:.1f} s, {used.ru_utime + used.ru_stime:.1f} s of CPU, {used.ru_maxrss // 1024} MiB.")


def explain(error: BaseException) -> int:
    """Say what ended a command, in one line, and give the exit code."""
    if isinstance(error, BaseExceptionGroup):
        return explain(error.exceptions[0])
    if not isinstance(error, click.exceptions.Exit | SystemExit):  # the latter is click's, after a shell has asked
        _report(error)
    return _code_of(error)


def _report(error: BaseException) -> None:
    if MANNERS.debug:
        _write(describe_bug(error))
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        _write(error.format_message())
    elif not isinstance(error, BrokenPipeError):  # as `cat` ends when its reader has gone
        _tell(_explain(error))


def _explain(error: BaseException) -> str:
    match error:
        case click.Abort() | KeyboardInterrupt():
            return "interrupted."
        case ClusterStateError():
            return told(error)
        case click.ClickException():
            return f"{' '.join(error.format_message().split())}{_way_out(error)}"
        case OSError() if error.errno == NO_SPACE:
            return "there is no space left for what it prints or writes. Make room, and run it again."
        case OSError():
            named = f"{error.filename}: " if isinstance(error.filename, str) else ""
            return f"{named}{error.strerror or type(error).__name__}. Correct that, and run it again."
        case _:
            return f"this is a bug: {type(error).__name__}. --debug shows where."


def told(error: ClusterStateError) -> str:
    """Give what happened, and what a person may do where the operator would go on by itself: a command has ended."""
    if isinstance(error, LostRace):
        return f"{error.fact} Run the command again."
    return f"{error.fact} Try again." if error.goes_on else error.fact


def _way_out(error: click.ClickException) -> str:
    context = error.ctx if isinstance(error, click.UsageError) else None
    return f" See {context.command_path} --help." if context else ""


def _code_of(error: BaseException) -> int:
    match error:
        case click.exceptions.Exit() | click.ClickException():
            return error.exit_code
        case SystemExit():
            return int(error.code or 0)
        case click.Abort() | KeyboardInterrupt():
            return INTERRUPTED
        case CommandInvalid():
            return TROUBLE
        case _:
            return MANNERS.trouble
