"""What a process gives up before it holds a secret: files for others, and pictures of its memory."""

import ctypes
import os
import resource
import sys
from typing import Final

UMASK: Final = 0o077
_PR_SET_DUMPABLE: Final = 4
"""linux/prctl.h"""


def harden() -> None:
    """Have nothing that this process makes readable by others, and no core of it written when it crashes.

    A limit alone doesn't do where the kernel pipes cores to a program: that goes by whether the process is dumpable.
    What it starts by exec inherits the rest and is dumpable again, and holds none of its memory.
    """
    os.umask(UMASK)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":  # no other system has it
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
