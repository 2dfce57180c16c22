"""An object whose state moves from one `memfs://` store to another, and the runs of its operator."""

import asyncio
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from clusterstate.context import Context, Key, Memory, Result
from clusterstate.kube.client import Client
from clusterstate.kube.kinds import CLUSTER_STATES
from clusterstate.plan.claims import Claims
from clusterstate.plan.outcome import Outcome
from clusterstate.reconcile import run
from clusterstate.settings import Settings
from clusterstate.status.report import report
from clusterstate.store.backends.memory import MemoryStore
from tests.kube.owners import Body, create, get
from tests.state.files import FILES, STATES

CLUSTER = "minimal.example.com"
DECLARED = {"kubernetesVersion": "v1.40.0"}


@dataclass
class World:
    """One object, its two stores, and a process that may be a fresh one for every run."""

    client: Client
    namespace: str
    memory: Memory = field(default_factory=Memory)
    claims: Claims[Key] = field(default_factory=Claims)
    told: list[Body] = field(default_factory=list)
    """Every status that was reported, oldest first."""
    telling: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def old(self) -> MemoryStore:
        return MemoryStore(f"{self.namespace}-old")

    @property
    def new(self) -> MemoryStore:
        return MemoryStore(f"{self.namespace}-new")

    @property
    def old_url(self) -> str:
        return f"memfs://{self.namespace}-old"

    @property
    def new_url(self) -> str:
        return f"memfs://{self.namespace}-new"

    async def begin(self, state: int = 2, **spec: Any) -> None:
        """Put a state of kops's into the old store and have it adopted."""
        for folder, key in FILES:
            if folder == STATES[state]:
                data = (folder / key).read_bytes()
                for url in (b"s3://state/", b"memfs://tests/"):
                    data = data.replace(url, f"{self.old_url}/".encode())
                await self.old.write(f"{CLUSTER}/{key}", data)
        spec = {"store": {"url": self.old_url}, "clusterName": CLUSTER, "cluster": DECLARED, **spec}
        self.body: Body = await create(self.client, self.namespace, **spec)
        await self.run()

    async def change(self, **spec: Any) -> None:
        """Change the object's spec."""
        self.body = await self.client.merge_patch(CLUSTER_STATES, self.namespace, "prod", {"spec": spec})

    async def annotate(self, **annotations: str) -> None:
        named = {f"clusterstate.dev/{name}": value for name, value in annotations.items()}
        change = {"metadata": {"annotations": named}}
        self.body = await self.client.merge_patch(CLUSTER_STATES, self.namespace, "prod", change)

    async def confirm(self) -> None:
        """Confirm the rolling update as status says."""
        found = re.search(r"(clusterstate\.dev/rolled)=(\S+);", self.status["migration"]["message"])
        assert found, self.status["migration"]
        await self.annotate(rolled=found[2])

    async def move(self) -> None:
        await self.change(store={"url": self.new_url})

    async def run(self, *, fresh: bool = False, clock: Callable[[], float] = time.monotonic) -> Result:
        """Run once as an operator does, and report; what is told on the way is in `told`."""
        if fresh:
            self.memory = Memory()
        context = Context(
            self.client, Settings(memory_allowed=True), {}, lambda *_: {}, claims=self.claims, clock=clock
        )
        self.body = await get(self.client, self.body)
        result = await run(context, self.body, self.memory, self.tell)
        self.body = dict(result.body or self.body)
        if result.outcome is not None:
            await self.tell(result.outcome)
        self.body = await get(self.client, self.body)
        return result

    async def tell(self, outcome: Outcome) -> None:
        async with self.telling:
            await report(self.client, self.body, outcome, datetime.now(UTC))
            self.body = await get(self.client, self.body)
        self.told.append(self.body["status"])

    @property
    def status(self) -> Body:
        status: Body = self.body["status"]
        return status

    def reason(self, kind: str = "Ready") -> str:
        found: str = next((each["reason"] for each in self.status["conditions"] if each["type"] == kind), "")
        return found


async def files(store: MemoryStore) -> dict[str, bytes]:
    """Give all files of a store."""
    keys = [entry.key async for page in store.list() for entry in page.entries]
    return {key: (await store.read(key)).data for key in keys}
