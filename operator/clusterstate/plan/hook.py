"""What follows a push: which revision's Job is due, and the Job that a template and a push make together. Pure.

A revision tells whether its push asked for a Job, which Job that became, and how it ended, so that none is ever started
twice: neither by another process, nor when the Job has been removed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from clusterstate.api.annotations import OUR_NAMES
from clusterstate.api.types import ClusterState
from clusterstate.errors import AfterPushRefused, MalformedFile, SpecInvalid
from clusterstate.settings import Settings
from clusterstate.state.yaml import load

JOB_KEY: Final = "job.yaml"
"""Key of the ConfigMap that holds the template."""
MAX_TEMPLATE: Final = 128 * 1024
"""Characters of a template."""
MAX_JOB: Final = 512 * 1024
"""Characters of the Job that is made of it: aliases multiply, and each container is told the variables."""
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


def succeeded(hooks: Iterable[Hook]) -> int:
    """Give the newest revision whose Job succeeded; 0: none did."""
    return max((each.revision for each in hooks if each.result is JobState.SUCCEEDED), default=0)


def needed(hooks: Sequence[Hook]) -> frozenset[int]:
    """Give the revisions that must be kept for what they say of their Jobs, however old they are."""
    told = (running(hooks), due(hooks), latest(hooks))
    return frozenset((*(each.revision for each in told if each is not None), succeeded(hooks)))


def job_name(name: str, uid: str, revision: int) -> str:
    """Give the name of a revision's Job: the same for everybody who would make it."""
    return f"{name[:NAME_PART].rstrip('.-').replace('.', '-')}-{uid[:8]}-{revision}"


def read_template(text: str, where: str) -> dict[str, Any]:
    """Give the Job that a template holds, whole or as a bare spec; raise `SpecInvalid` for what is none."""
    if len(text) > MAX_TEMPLATE:
        raise SpecInvalid(f"{where} has more than {MAX_TEMPLATE} characters. Make the Job smaller.")
    try:
        job = load(text.encode(), where)
    except MalformedFile as error:
        raise SpecInvalid(f"{error.message} Correct the template of spec.afterPush.") from None
    bare = "kind" not in job and "spec" not in job and "template" in job
    named = (job.get("apiVersion", "batch/v1"), job.get("kind", "Job"))
    if named != ("batch/v1", "Job") or not (bare or isinstance(job.get("spec"), dict)):
        raise SpecInvalid(f"{where} holds no Job: kind: Job of batch/v1 with a spec is needed. Correct the template.")
    return {"spec": job} if bare else job


def make_job(template: Mapping[str, Any], metadata: Mapping[str, Any], variables: Mapping[str, str]) -> dict[str, Any]:
    """Give the Job to be created, suspended; of the template's metadata only labels and annotations count.

    `metadata` is ours and wins. The variables are set in every container that doesn't set them itself. Raises
    `SpecInvalid` for a Job that no API server would take, before it is spelled out.
    """
    given = template.get("metadata")
    own = given if isinstance(given, dict) else {}
    spec = {**template["spec"], "suspend": True}
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            **metadata,
            "labels": {**_texts(own.get("labels")), **metadata["labels"]},
            "annotations": _texts(own.get("annotations")),
        },
        "spec": _with_variables(spec, variables),
    }
    if not _fits(job):
        raise SpecInvalid(f"The Job of spec.afterPush has more than {MAX_JOB} characters. Make it smaller.")
    return job


def job_state(job: Mapping[str, Any]) -> tuple[JobState, str]:
    """Tell how a Job is doing, by its conditions (Kubernetes API, batch/v1 JobStatus), and why it failed."""
    for condition in (job.get("status") or {}).get("conditions") or ():
        if condition.get("status") == "True" and condition.get("type") == "Complete":
            return JobState.SUCCEEDED, ""
        if condition.get("status") == "True" and condition.get("type") == "Failed":
            return JobState.FAILED, str(condition.get("message") or condition.get("reason") or "")
    return JobState.RUNNING, ""


def _texts(value: object) -> dict[str, Any]:
    """Give labels or annotations without those that only we set; what is no text is for the API server to refuse."""
    given = value if isinstance(value, dict) else {}
    return {key: text for key, text in given.items() if not key.startswith(OUR_NAMES)}


def _fits(job: object) -> bool:
    """Whether a Job can be spelled out: parts that aliases share take room in each place."""
    left, parts = MAX_JOB, [job]
    while parts and left > 0:
        match parts.pop():
            case dict() as mapping:
                left -= sum(len(key) + 4 for key in mapping)
                parts += mapping.values()
            case list() as items:
                parts += items
            case str() as text:
                left -= len(text)
            case _:
                pass
        left -= 2
    return left > 0


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
