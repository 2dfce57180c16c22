"""Where the installed programs begin: what must hold before anything else is loaded.

An interrupt at any moment is exit code 130 without a traceback; standard streams that the caller has closed are
there, so that no file of ours takes their place; what can't be printed any more is no complaint of Python's at the
end, which comes at once.
"""

import gc
import os
import sys

INTERRUPTED = 130
"""As in `exits`, which isn't loaded yet."""


def main() -> int:
    """Run one command and give its exit code."""
    try:
        _open_streams()
        from clusterstate.cli.main import main as run  # noqa: PLC0415 (the guard stands before what takes time)

        code = run()
    except KeyboardInterrupt:
        code = INTERRUPTED
        sys.stderr.write("clusterstate: interrupted.\n")
    _settle()
    gc.freeze()  # else Python looks through all that there is when it ends: a quarter of a short command's CPU
    return code


def complete_for_kubectl() -> int:
    """Answer kubectl, which asks the plugin's completion for words (`kubectl_complete-clusterstate`)."""
    from clusterstate.cli.completing import answer_kubectl  # noqa: PLC0415 (as above)
    from clusterstate.cli.main import commands  # noqa: PLC0415 (as above)

    return answer_kubectl(commands, sys.argv[1:])


def _open_streams() -> None:
    """Have descriptors 0 to 2; a closed stdout takes nothing, so that what is printed there fails as it should."""
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        if getattr(sys, name) is None:
            _occupy(number, os.O_WRONLY if name == "stderr" else os.O_RDONLY)
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8", closefd=False))
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr] # they are texts of files here


def _occupy(number: int, flags: int) -> None:
    descriptor = os.open(os.devnull, flags)
    if descriptor != number:
        os.dup2(descriptor, number)
        os.close(descriptor)


def _settle() -> None:
    """Write out what is left, and let nothing be left that can't be written."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
