"""What exit codes say."""

from typing import Final

DIFFERENT: Final = 1
"""Of `diff`, `plan` and `verify`: something would change, or differs."""
FAILED: Final = 1
"""Of all others: what was asked for wasn't done, and stderr says why."""
TROUBLE: Final = 2
"""Of `diff`, `plan` and `verify`: it can't be told, as `kubectl diff` has it."""
INTERRUPTED: Final = 130
"""Ctrl-C (128 + SIGINT), as shells have it."""
