"""`clusterstate sshpublickey create|delete`: what kops's commands for the admin's SSH keys do, on the same files."""

from collections.abc import Iterable
from functools import partial
from pathlib import Path

from clusterstate.cli.keys.changing import Decision, Found, Job, OpenState, carry_out, open_state
from clusterstate.cli.keys.given import name_of, read_given
from clusterstate.cli.keys.words import Where
from clusterstate.cli.manners import say, warn
from clusterstate.cli.words import Consent
from clusterstate.plan.secret_commands import find_fingerprint, find_ssh_warnings, ssh_algorithm
from clusterstate.state.layout import FileKind, ssh_public_key_key
from clusterstate.state.tree import read_cluster


async def create_ssh_key(where: Where, file: Path, consent: Consent) -> int:
    """Add an SSH public key; in kops's own objects, which have room for one only, in the place of the other."""
    data = read_given(file)
    fingerprint = find_fingerprint(data, name_of(file))
    async with open_state(where) as state:
        others = sorted(_fingerprints(state) - {fingerprint})
        staying, leaving = ([], others) if state.keeps_objects else (others, [])
        for text in find_ssh_warnings(data, await read_cluster(state.tree, state.listing), staying):
            warn(text)
        content = data.strip() if state.keeps_objects else data
        decide = partial(_decide_content, content, fingerprint)
        jobs = [*_deletions(leaving), Job(ssh_public_key_key(fingerprint), decide)]
        if await carry_out(state, jobs, consent, f"Have this key in place of the other in {state.cluster}?"):
            _say_next(state.cluster)
    return 0


async def delete_ssh_keys(where: Where, consent: Consent) -> int:
    """Delete every SSH public key of the state, as kops does."""
    async with open_state(where) as state:
        jobs = _deletions(sorted(_fingerprints(state)))
        if not jobs:
            say(f"{state.cluster} has no SSH public key.")
        elif await carry_out(state, jobs, consent, f"Delete this from {state.cluster}?"):
            _say_next(state.cluster)
    return 0


def _fingerprints(state: OpenState) -> set[str]:
    return {*state.listing.keys_of(FileKind.SSH_PUBLIC_KEY)}


def _deletions(fingerprints: Iterable[str]) -> list[Job]:
    return [Job(ssh_public_key_key(each), partial(_decide_deletion, each)) for each in fingerprints]


def _decide_content(content: bytes, fingerprint: str, found: Found) -> Decision | None:
    if found.data == content:
        say(f"The SSH public key {fingerprint} is there already.")
        return None
    sign, told = ("+", "Created") if found.data is None else ("~", "Replaced")
    line = f"{sign} SSH public key {fingerprint} ({ssh_algorithm(content)})"
    return Decision(content, [line], f"{told} SSH public key {fingerprint}", asks=False)


def _decide_deletion(fingerprint: str, found: Found) -> Decision | None:
    if found.data is None:
        return None
    line = f"- SSH public key {fingerprint} ({ssh_algorithm(found.data)})"
    return Decision(None, [line], f"Deleted SSH public key {fingerprint}", asks=True)


def _say_next(cluster: str) -> None:
    say(f"Next: kops update cluster {cluster} --yes and kops rolling-update cluster {cluster} --yes.")
