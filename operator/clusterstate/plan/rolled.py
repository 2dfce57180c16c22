"""What people confirm of rolling updates: a list in one annotation, of key ids and of places after a move. Pure."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from clusterstate.api.annotations import ROLLED
from clusterstate.plan.naming import named

PROMOTED: Final = "/promoted"
"""Behind a key's id: nodes were rolled after it had become the primary, too."""
LONGEST_VALUE: Final = 384
"""Characters of a value that is told as a command: a message must never end inside of one."""
_SAFE: Final = re.compile(r"[A-Za-z0-9:/._#@%+=~-]+")
"""What may be repeated in a command that people paste into a shell."""


def confirmations(value: str) -> tuple[str, ...]:
    """Give each part of the annotation's value once, in its order."""
    return tuple(dict.fromkeys(part.strip() for part in value.split(",") if part.strip()))


def is_confirmed(value: str, what: str) -> bool:
    """Whether the annotation's value names that, which may have commas of its own."""
    return f",{what}," in f",{','.join(confirmations(value))},"


@dataclass(frozen=True, slots=True)
class Annotation:
    """The annotation of one object, and the commands that change it."""

    namespace: str
    name: str
    """Of the object."""
    value: str

    def command(self, what: Collection[str], without: Collection[str] = ()) -> str:
        """Give the command that adds confirmations to what is there, less what isn't true (any more).

        One that is too long to be told whole becomes the one by which a person edits the object.
        """
        kept = [part for part in confirmations(self.value) if part not in {*what, *without} and _SAFE.fullmatch(part)]
        value = ",".join([*kept, *what])
        if len(value) <= LONGEST_VALUE:
            return f"kubectl annotate --overwrite -n {self.namespace} clusterstate/{self.name} {ROLLED}={value}"
        added = f" with {named(list(what))}" if what else ""
        left = f" without {named(list(without))}" if without else ""
        return f"kubectl edit -n {self.namespace} clusterstate/{self.name} # {ROLLED}{added}{left}"
