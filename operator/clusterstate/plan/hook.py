"""What follows a push: which revision's Job is due, and the Job that a template and a push make together. Pure.

A revision tells whether its push asked for a Job, which Job that became, and how it ended, so that none is ever started
twice: neither by another process, nor when the Job has been removed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from clusterstate.api.types import ClusterState
from clusterstate.errors import AfterPushRefused, MalformedFile, SpecInvalid
from clusterstate.settings import Settings
from clusterstate.state.yaml import load

JOB_KEY: Final = "job.yaml"
"""Key of the ConfigMap that holds the template."""
MAX_TEMPLATE: Final = 128 * 1024
"""Characters of a template."""
NAME_PART: Final = 30
"""Characters of the object's name in a Job's name, which the names of its Pods repeat in 63."""
WANTED: Final = "wanted"
"""What a revision says whose push asked for a Job that isn't made yet; afterwards that is the Job's uid."""


class JobState(StrEnum):
    """How a Job is doing."""

    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"


@dataclass(frozen=True, slots=True)
class Hook:
    """What one revision says of its Job."""

    revision: int
    job: str = ""
    """Empty: none was asked for; `WANTED`; else the uid of the Job."""
    result: JobState | None = None
    """None: it hasn't ended, as far as is known."""
    message: str = ""

    @property
    def started(self) -> bool:
        """Whether there is, or was, a Job."""
        return self.job not in {"", WANTED}


@dataclass(frozen=True, slots=True)
class HookReport:
    """What came of the newest Job, for status and Events."""

    revision: int
    job: str
    """Name of the Job."""
    state: JobState
    message: str = ""
    news: bool = False
    """Whether this run has started it, or seen its end."""
    waits: bool = False
    """Whether a newer push waits for it to end, and so for the next run."""

    @property
    def unfinished(self) -> bool:
        """Whether something is to be done soon, though nobody changes anything."""
        return self.state is JobState.RUNNING or self.waits


def find_hook_refusal(state: ClusterState, settings: Settings) -> AfterPushRefused | None:
    """Give why nothing may be pushed that a Job has to follow; None: it may."""
    namespace = state.metadata.namespace
    if state.spec.after_push is None or settings.after_push_allowed(namespace):
        return None
    return AfterPushRefused(
        f"spec.afterPush asks for a Job in namespace {namespace}, where the operator's configuration allows none; "
        "nothing was written. Have the namespace added to CLUSTERSTATE_AFTER_PUSH_NAMESPACES, or remove spec.afterPush."
    )


def running(hooks: Iterable[Hook]) -> Hook | None:
    """Give the newest Job whose end isn't known; nothing else is started before it."""
    return next((each for each in reversed([*hooks]) if each.started and each.result is None), None)


def due(hooks: Iterable[Hook]) -> Hook | None:
    """Give the revision whose Job is to be started: the newest that was pushed, if it asked for one and has none."""
    newest = next(reversed([*hooks]), None)
    return newest if newest is not None and newest.job == WANTED else None


def latest(hooks: Iterable[Hook]) -> Hook | None:
    """Give the newest Job that ended."""
    return next((each for each in reversed([*hooks]) if each.result is not None), None)


def job_name(name: str, uid: str, revision: int) -> str:
    """Give the name of a revision's Job: the same for everybody who would make it."""
    return f"{name[:NAME_PART].rstrip('.-')}-{uid[:8]}-{revision}"


def read_template(text: str, where: str) -> dict[str, Any]:
    """Give the Job that a template holds; raise `SpecInvalid` for what is none."""
    if len(text) > MAX_TEMPLATE:
        raise SpecInvalid(f"{where} has more than {MAX_TEMPLATE} characters. Make the Job smaller.")
    try:
        job = load(text.encode(), where)
    except MalformedFile as error:
        raise SpecInvalid(f"{error.message} Correct the template of spec.afterPush.") from None
    if job.get("kind") != "Job" or not isinstance(job.get("spec"), dict):
        raise SpecInvalid(f"{where} holds no Job: kind: Job with a spec is needed. Correct the template.")
    return job


def make_job(template: Mapping[str, Any], metadata: Mapping[str, Any], variables: Mapping[str, str]) -> dict[str, Any]:
    """Give the Job to be created, suspended; of the template's metadata only labels and annotations count.

    `metadata` is ours and wins. The variables are set in every container that doesn't set them itself.
    """
    given = template.get("metadata")
    own = given if isinstance(given, dict) else {}
    spec = {**template["spec"], "suspend": True}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            **metadata,
            "labels": {**_texts(own.get("labels")), **metadata["labels"]},
            "annotations": _texts(own.get("annotations")),
        },
        "spec": _with_variables(spec, variables),
    }


def job_state(job: Mapping[str, Any]) -> tuple[JobState, str]:
    """Tell how a Job is doing, by its conditions (Kubernetes API, batch/v1 JobStatus), and why it failed."""
    for condition in (job.get("status") or {}).get("conditions") or ():
        if condition.get("status") == "True" and condition.get("type") == "Complete":
            return JobState.SUCCEEDED, ""
        if condition.get("status") == "True" and condition.get("type") == "Failed":
            return JobState.FAILED, str(condition.get("message") or condition.get("reason") or "")
    return JobState.RUNNING, ""


def _texts(value: object) -> dict[str, str]:
    given = value if isinstance(value, dict) else {}
    return {str(key): str(text) for key, text in given.items()}


def _with_variables(spec: dict[str, Any], variables: Mapping[str, str]) -> dict[str, Any]:
    template = spec.get("template")
    pod = template.get("spec") if isinstance(template, dict) else None
    if not isinstance(template, dict) or not isinstance(pod, dict):
        return spec
    kinds = [kind for kind in ("initContainers", "containers") if isinstance(pod.get(kind), list)]
    filled = {kind: [_with_env(each, variables) for each in pod[kind]] for kind in kinds}
    return {**spec, "template": {**template, "spec": {**pod, **filled}}}


def _with_env(container: object, variables: Mapping[str, str]) -> object:
    if not isinstance(container, dict):
        return container
    given = container.get("env")
    env = given if isinstance(given, list) else []
    known = {each.get("name") for each in env if isinstance(each, dict)}
    ours = [{"name": name, "value": value} for name, value in variables.items() if name not in known]
    return {**container, "env": [*ours, *env]}
