"""Asking a person before anything is written."""

import sys

import click

from clusterstate.cli.texts import printable
from clusterstate.cli.words import Consent
from clusterstate.errors import Unconfirmed


def agreed(question: str, consent: Consent) -> bool:
    """Whether to go on and write: False for a dry run; else somebody has agreed, by `--yes` or when asked.

    Raises `Unconfirmed` where nobody does: at a terminal the answer was no, elsewhere `--yes` is missing.
    """
    if consent.dry_run:
        return False
    if consent.yes:
        return True
    if not sys.stdin.isatty():
        raise Unconfirmed("Nobody is there to be asked, and nothing was written. Say --yes.")
    if not click.confirm(printable(question), err=True):
        raise Unconfirmed("Nothing was written.")
    return True
