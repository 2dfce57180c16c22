"""What the process gives up before it holds a secret: files for others, and pictures of its memory."""

import ctypes
import os
import resource
from typing import Final

UMASK: Final = 0o077
_PR_SET_DUMPABLE: Final = 4


def harden() -> None:
    """Have nothing that this process makes readable by others, and no core of it written when it crashes.

    A limit alone doesn't do where the kernel pipes cores to a program: it goes by whether the process is dumpable.
    """
    os.umask(UMASK)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
