"""Every way in which the sandbox can fail to give what was asked for.

    SandboxError
    ├── ToolMissing      nothing on this machine can make or fetch a binary
    ├── BuildFailed      a build or an installation ended with an error
    ├── ProcessDied      a server ended before or while it was needed
    ├── NotReady         a server runs but doesn't answer in time
    └── RequestRefused   a server answered an administrator's request with an error

None of them is the operator's concern: the sandbox serves tests and the demo.
"""


class SandboxError(Exception):
    """Something that a person can mend; the message says what happened and where to look."""


class ToolMissing(SandboxError):
    """Neither the machine nor the package registry gave a tool that a build needs."""


class BuildFailed(SandboxError):
    """A build ended with an error; the message ends with the last lines of its log."""


class ProcessDied(SandboxError):
    """A server ended by itself; the message ends with the last lines of its log."""


class NotReady(SandboxError):
    """A server doesn't answer before its deadline; the message ends with the last lines of its log."""


class RequestRefused(SandboxError):
    """A server refused what the sandbox's administrator asked of it."""

    def __init__(self, message: str, status: int) -> None:
        """Take the text for a person and the HTTP status."""
        super().__init__(message)
        self.status = status
