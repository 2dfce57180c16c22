"""Starts a Job after a push, once for each pushed revision, and sees how it ends.

A Job is created suspended, under a name that everybody gives it; then the revision is marked with its uid; only then it
may run. Whoever is killed between two of these steps, or races with somebody, leaves a Job that hasn't run, which the
next run goes on with. A marked revision never gets another Job, whatever becomes of the first.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from clusterstate.api.annotations import GROUP, MANAGED_BY, MANAGED_BY_LABEL, OWNER_UID_LABEL
from clusterstate.api.types import ClusterState
from clusterstate.apply.history import History
from clusterstate.errors import AfterPushRefused, ObjectExists, ObjectNotFound, ReferenceNotFound
from clusterstate.kube.client import Client
from clusterstate.kube.kinds import CONFIG_MAPS, JOBS
from clusterstate.kube.owner import Owner
from clusterstate.plan.hook import (
    JOB_KEY,
    Hook,
    HookReport,
    JobState,
    due,
    job_name,
    job_state,
    latest,
    make_job,
    read_template,
    running,
)
from clusterstate.plan.naming import cut

STARTED: Final = f"{GROUP}/started"
"""Annotation of a Job that was let run: who suspends it afterwards has the say."""
MAX_MESSAGE: Final = 1024
"""Characters that a revision keeps of why a Job failed."""
GONE: Final = "The Job was removed before its end was seen. It isn't started again."


async def has_ended(client: Client, namespace: str, job: str) -> bool:
    """Whether a Job doesn't run any more, or is gone."""
    try:
        found = await client.get(JOBS, namespace, job)
    except ObjectNotFound:
        return True
    return job_state(found)[0] is not JobState.RUNNING


@dataclass(frozen=True, slots=True)
class Order:
    """What a Job is started with, where one may be."""

    config_map: str
    """Name of the ConfigMap with the template."""
    variables: Mapping[str, str]
    """What the Job's containers are told of the push."""
    check: Callable[[], Awaitable[None]]
    """Raises where the object isn't any more what asks for it."""


def make_order(state: ClusterState, store: str, check: Callable[[], Awaitable[None]]) -> Order | None:
    """Give what a Job is started with after a push to the store at a URL; None where the object asks for none."""
    hook = state.spec.after_push
    variables = {"KOPS_STATE_STORE": store, "KOPS_CLUSTER_NAME": state.cluster_name}
    return None if hook is None else Order(hook.job_template_ref.name, variables, check)


@dataclass(frozen=True, slots=True)
class HookRunner:
    """Follows the Jobs of one object."""

    client: Client
    owner: Owner
    history: History
    order: Order | None = None
    """None: Jobs are only watched."""

    async def follow(self) -> HookReport | None:
        """Go on as far as can be done now, and tell of the newest Job; None: there was none.

        Raises `ReferenceNotFound` without a template, `SpecInvalid` for a bad one, `AfterPushRefused` where somebody
        else has a Job of that name.
        """
        active = running(self.history.hooks)
        if active is not None:
            return await self._watch(active)
        wanted = due(self.history.hooks)
        if wanted is not None and self.order is not None:
            return await self._start(wanted, self.order)
        ended = latest(self.history.hooks)
        return None if ended is None else self._report(ended, ended.result or JobState.RUNNING, ended.message)

    async def _watch(self, hook: Hook) -> HookReport:
        try:
            job = await self.client.get(JOBS, self.owner.namespace, self._name(hook))
        except ObjectNotFound:
            return await self._end(hook, JobState.FAILED, GONE)
        if job["metadata"]["uid"] != hook.job:
            return await self._end(hook, JobState.FAILED, GONE)
        state, message = job_state(job)
        if state is not JobState.RUNNING:
            return await self._end(hook, state, message)
        if self.order is not None and STARTED not in job["metadata"].get("annotations", {}):
            await self._resume(job, self.order)
        return self._report(hook, state)

    async def _start(self, hook: Hook, order: Order) -> HookReport:
        job = await self._create(hook, order)
        await self.history.mark_hook(hook.revision, job["metadata"]["uid"])
        await self._resume(job, order)
        return self._report(hook, JobState.RUNNING, news=True)

    async def _create(self, hook: Hook, order: Order) -> Mapping[str, Any]:
        variables = {**order.variables, "CLUSTERSTATE_REVISION": str(hook.revision)}
        manifest = make_job(await self._template(order.config_map), self._metadata(hook), variables)
        await order.check()
        try:
            return await self.client.create(JOBS, manifest, strict=True)
        except ObjectExists:
            job = await self.client.get(JOBS, self.owner.namespace, self._name(hook))
        if not self.owner.controls(job["metadata"]):
            raise AfterPushRefused(
                f"Job {self.owner.namespace}/{self._name(hook)} exists and isn't controlled by this ClusterState, so "
                "it is left alone. Delete it."
            )
        return job

    async def _resume(self, job: Mapping[str, Any], order: Order) -> None:
        """Let it run, if it is the one that was marked, and that once only."""
        await order.check()
        metadata = {"uid": job["metadata"]["uid"], "annotations": {STARTED: "true"}}
        patch = {"metadata": metadata, "spec": {"suspend": False}}
        await self.client.merge_patch(JOBS, self.owner.namespace, job["metadata"]["name"], patch)

    async def _end(self, hook: Hook, state: JobState, message: str) -> HookReport:
        message = cut(message, MAX_MESSAGE)
        await self.history.end_hook(hook.revision, state, message)
        return self._report(hook, state, message, news=True)

    async def _template(self, config_map: str) -> Mapping[str, Any]:
        where = f"ConfigMap {self.owner.namespace}/{config_map}"
        try:
            found = await self.client.get(CONFIG_MAPS, self.owner.namespace, config_map)
        except ObjectNotFound:
            raise ReferenceNotFound(
                f"{where} with the Job isn't there. Create it, or correct spec.afterPush.jobTemplateRef."
            ) from None
        text = (found.get("data") or {}).get(JOB_KEY)
        if text is None:
            raise ReferenceNotFound(f"{where} has no {JOB_KEY} in its data. Put the Job there.")
        return read_template(text, f"{JOB_KEY} of {where}")

    def _metadata(self, hook: Hook) -> dict[str, Any]:
        return {
            "name": self._name(hook),
            "namespace": self.owner.namespace,
            "labels": {OWNER_UID_LABEL: self.owner.uid, MANAGED_BY_LABEL: MANAGED_BY},
            "ownerReferences": [self.owner.reference()],
        }

    def _name(self, hook: Hook) -> str:
        return job_name(self.owner.name, self.owner.uid, hook.revision)

    def _report(self, hook: Hook, state: JobState, message: str = "", *, news: bool = False) -> HookReport:
        waits = self.order is not None and due(self.history.hooks) not in {None, hook}
        return HookReport(hook.revision, self._name(hook), state, message, news, waits)
