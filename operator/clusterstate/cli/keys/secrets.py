"""`clusterstate secret create|delete`: what kops's commands for secrets do, on the same files.

A secret's bytes come from a file or from stdin, and go into the store alone: never into an argument, a line or a log.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from clusterstate.cli.keys.changing import Decision, Found, Job, carry_out, open_state
from clusterstate.cli.keys.given import name_of, read_given
from clusterstate.cli.keys.words import Where
from clusterstate.cli.manners import say
from clusterstate.cli.words import Consent
from clusterstate.errors import CommandInvalid
from clusterstate.plan.secret_commands import require_secret, require_secret_name
from clusterstate.state import codec
from clusterstate.state.layout import secret_key
from clusterstate.state.objects import StoredSecret


async def create_secret(where: Where, name: str, file: Path, consent: Consent, *, force: bool) -> int:
    """Write a secret that isn't there; one that is, only by force."""
    require_secret_name(name)
    data = read_given(file)
    require_secret(name, data, name_of(file))
    secret = StoredSecret(name, data)
    async with open_state(where) as state:
        jobs = [Job(secret_key(name), partial(_decide_content, secret, force))]
        if await carry_out(state, jobs, consent, f"Write {name} into {state.cluster}?"):
            _say_next(state.cluster)
    return 0


async def delete_secrets(where: Where, names: Sequence[str], consent: Consent) -> int:
    """Delete secrets that are there."""
    for name in names:
        require_secret_name(name)
    async with open_state(where) as state:
        jobs = [Job(secret_key(each), partial(_decide_deletion, each)) for each in dict.fromkeys(names)]
        if await carry_out(state, jobs, consent, f"Delete this from {state.cluster}?"):
            _say_next(state.cluster)
    return 0


def _decide_content(secret: StoredSecret, force: bool, found: Found) -> Decision | None:  # noqa: FBT001 - bound above
    data, told = codec.encode_secret(secret), f"{len(secret.data)} bytes"
    if found.data is None:
        return Decision(data, [f"+ secret {secret.name}: {told}"], f"Created secret {secret.name}", asks=False)
    if not force:
        raise CommandInvalid(f"There is a secret {secret.name} already. Say --force to replace it.")
    if found.data == data:
        say(f"Secret {secret.name} holds just that already.")
        return None
    return Decision(data, [f"~ secret {secret.name}: {told}"], f"Replaced secret {secret.name}", asks=False)


def _decide_deletion(name: str, found: Found) -> Decision:
    if found.data is None:
        raise CommandInvalid(f"There is no secret {name}. clusterstate get secrets shows those that are there.")
    return Decision(None, [f"- secret {name}"], f"Deleted secret {name}", asks=True)


def _say_next(cluster: str) -> None:
    say(f"Next: kops update cluster {cluster} --yes and kops rolling-update cluster {cluster} --yes.")
