"""What a person hands over: a file, or stdin for `-`. Never more than any file of a state may have."""

import sys
from pathlib import Path
from typing import Final

from clusterstate.errors import CommandInvalid

STDIN: Final = Path("-")
MOST: Final = 2 << 20
"""Bytes."""


def read_given(path: Path) -> bytes:
    """Give the bytes as they are. Raises `CommandInvalid` for a file that can't be read, or has too many."""
    try:
        if path == STDIN:
            data = sys.stdin.buffer.read(MOST + 1)
        else:
            with path.open("rb") as file:
                data = file.read(MOST + 1)
    except OSError as error:
        raise CommandInvalid(f"{name_of(path)} can't be read: {error.strerror}. Name another file.") from None
    except ValueError:
        raise CommandInvalid(f"{path} can't be the name of a file. Name another.") from None
    if len(data) > MOST:
        raise CommandInvalid(f"{name_of(path)} has more than {MOST} bytes, more than kops would use. Correct it.")
    return data


def name_of(path: Path) -> str:
    """Give what messages call it."""
    return "stdin" if path == STDIN else str(path)
