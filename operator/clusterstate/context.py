"""What runs share and what they leave behind: nothing here acts, and no way of a run is told here."""

import math
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from clusterstate.apply.migration import Copied
from clusterstate.gather import Access, Known, Reader
from clusterstate.kube.client import Client
from clusterstate.kube.installation import installation_key
from clusterstate.mirror.record import MirrorRecord
from clusterstate.mirror.restart import Rolls
from clusterstate.plan.claims import Claims
from clusterstate.plan.outcome import Outcome
from clusterstate.plan.place import Origin
from clusterstate.policy import OWN_CREDENTIALS, Policy
from clusterstate.settings import Settings
from clusterstate.state.digests import Digests
from clusterstate.store.clients import CLIENTS
from clusterstate.store.health import Health

Key = tuple[str, str]
Body = Mapping[str, Any]
CLOCKS_DIFFER = 1.0
"""Seconds."""
Tell = Callable[[Outcome], Awaitable[None]]
"""Tells how far a long run has come."""


async def keep_silent(_: Outcome) -> None:
    """Tell nobody."""


@dataclass
class Memory:
    """What a process remembers of one object between its runs. Losing it costs reads, never correctness."""

    access: Access | None = field(default=None, repr=False)
    """How the last run reached its store."""
    endpoint: str | None = None
    """Where that store is, as far as it is known."""
    known: Known | None = None
    fingerprint: tuple[object, ...] | None = None
    """Everything that the last complete run depended on; None makes the next run a whole one."""
    look_again: datetime | None = None
    """When time alone changes what the status says: when the next certificate comes into another phase."""
    mirrors: dict[str, str] = field(default_factory=dict)
    """Digests of the mirrors as the last run left them, by the Secret's name."""
    templates: tuple[str, ...] = ()
    """The Pod templates of the workloads that use them, as the last run left them."""
    rollout_look: float = math.inf
    """Seconds until the next look at workloads whose Pods need a Secret that would go else; infinite: none does."""
    rolls: Rolls = field(default_factory=Rolls, repr=False)
    """What was made of those workloads."""
    origin: Origin | None = None
    """Where the newest push went, as the revisions say."""
    origin_read: bool = False
    """Whether this process has asked the revisions for that."""
    copied: Copied | None = field(default=None, repr=False)
    """What the migration that is under way has copied and verified."""
    job: str = ""
    """Name of the Job after a push, as long as it runs or another waits for its end."""
    pulled: str = ""
    """Digest of what was last written into the spec."""
    undone: int = 0
    """How often in a row somebody removed it again."""


@dataclass
class Context:
    """What every run of a process shares."""

    client: Client
    settings: Settings
    environ: Mapping[str, str] = field(repr=False)
    present: Callable[[str, str], Mapping[str, MirrorRecord]]
    """The Secrets that the object of a namespace and uid controls, by name, as the informer knows them."""
    references: Callable[[Key], tuple[object, ...]] = lambda _: ()
    """The versions that what an object refers to has now, as the watches know them."""
    policy: Policy = OWN_CREDENTIALS
    """Which stores the objects of each namespace may use."""
    claims: Claims[Key] = field(default_factory=Claims)
    health: Health[Key] = field(default_factory=Health)
    """What is known of stores that don't answer."""
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    clock: Callable[[], float] = time.monotonic
    """Seconds that only ever grow."""
    _digests: Digests | None = None

    def reader(self, namespace: str) -> Reader:
        """Give what reads the references of a namespace's stores."""
        return Reader(self.client, self.settings, self.environ, namespace, self.policy)

    async def digests(self) -> Digests:
        """Give what digests contents, under the installation's key, which is read once in the life of a process."""
        if self._digests is None:
            self._digests = Digests(await installation_key(self.client, self.settings.operator_namespace))
        return self._digests


@dataclass(frozen=True, slots=True)
class Result:
    """How a run ended."""

    outcome: Outcome | None
    """None: everything is as it was, and there is nothing to tell."""
    interval: float | None
    """Seconds until the next look at the store; None: not before the object changes."""
    freed: tuple[Key, ...] = ()
    """Objects that may go on now, since this one gave up a claim, or since their store answers again."""
    body: Body | None = None
    """The object as the run itself has left it; None: as it was."""
    turn: float | None = None
    """Seconds until time alone changes what the status says; None: it doesn't."""


def seconds_until(moment: datetime | None, now: datetime) -> float | None:
    """Give how long it is until a moment is over for certain, though timers and clocks differ; None for the past."""
    return None if moment is None or moment <= now else (moment - now).total_seconds() + CLOCKS_DIFFER


def take_access(context: Context, key: Key, memory: Memory, access: Access) -> None:
    """Remember how an object's store is reached, and let go of how it was reached before where that has changed."""
    before, memory.access = memory.access, access
    if before is not None and before.shared != access.shared:
        memory.known = None
        let_go(context, key, before, keep=access)


def let_go(context: Context, key: Key, access: Access, keep: Access | None = None) -> None:
    """Drop what is kept for an object's way to a store that it goes no more; `keep` is its new one."""
    context.health.leave(access.shared, key)
    if keep is None or keep.credentials != access.credentials:
        CLIENTS.forget(access.credentials)
