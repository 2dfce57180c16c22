"""Print where kind is, for `scripts/kind.sh`."""

import sys

from tests.support.kind import kind

sys.stdout.write(f"{kind()}\n")
