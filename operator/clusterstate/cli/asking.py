"""Asking a person before anything is written."""

import asyncio
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from clusterstate.cli.texts import printable
from clusterstate.cli.words import Consent
from clusterstate.errors import Unconfirmed


def agreed(question: str, consent: Consent) -> bool:
    """Whether to go on and write: False for a dry run; else somebody has agreed, by `--yes` or when asked.

    Raises `Unconfirmed` where nobody does: at a terminal the answer was no, elsewhere `--yes` is missing.
    """
    require_answer(consent)
    if consent.dry_run or consent.yes:
        return not consent.dry_run
    with _interruptible():
        answer = click.confirm(printable(question), err=True)
    if not answer:
        raise Unconfirmed("Nothing was written.")
    return True


def require_answer(consent: Consent) -> None:
    """Raise `Unconfirmed` where nobody could agree, which some want to know before they begin."""
    if not (consent.dry_run or consent.yes or sys.stdin.isatty()):
        raise Unconfirmed("Nobody is there to be asked, and nothing was written. Say --yes.")


def agreed_by_name(question: str, name: str, consent: Consent) -> bool:
    """Whether to go on with what can't be undone: as `agreed`, but at a terminal the name has to be typed."""
    require_answer(consent)
    if consent.dry_run or consent.yes:
        return not consent.dry_run
    with _interruptible():
        answer = click.prompt(printable(question), err=True, default="", show_default=False)
    if answer.strip() != name:
        raise Unconfirmed("That isn't the name. Nothing was deleted.")
    return True


@contextmanager
def _interruptible() -> Iterator[None]:
    """Have Ctrl-C end a question: asyncio only cancels its task, which waits for the answer."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise KeyboardInterrupt
        yield
    finally:
        signal.signal(signal.SIGINT, before)
