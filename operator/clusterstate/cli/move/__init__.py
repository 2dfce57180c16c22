"""Files and states on their way between stores: `copy`, `migrate` and `verify`.

Decisions are `plan.transfer`'s and `plan.rewriting`'s; a state's own way, `config` last and with its new URLs, is the
operator's (`relocation`). Nothing is believed to be copied that wasn't read back or vouched for by the service.
"""

from typing import Final

PARALLEL: Final = 16
"""Files that are on their way at the same time, unless `--parallel` says otherwise."""
