"""`clusterstate keyset create|promote|distrust|trust`: what kops's commands for keypairs do, on the same files."""

import asyncio
import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from clusterstate.api.keysets import SIZES, KeyAlgorithm
from clusterstate.apply.issuing import CURVES, issue, issue_for
from clusterstate.cli.keys.changing import Decision, Found, Job, OpenState, carry_out, open_state
from clusterstate.cli.keys.given import STDIN, name_of, read_given
from clusterstate.cli.keys.words import Where
from clusterstate.cli.manners import say
from clusterstate.cli.words import Consent, Materials
from clusterstate.errors import CommandInvalid
from clusterstate.plan.desired import KeyRequest
from clusterstate.plan.generation import LONGEST_COMMON_NAME
from clusterstate.plan.keyset_commands import (
    ALL,
    CHANCE,
    Addition,
    Wish,
    add_pair,
    renamed,
    require_new_name,
    require_wish,
    take_wish,
)
from clusterstate.plan.keyset_telling import ask_step, find_added, tell_changes, tell_next, tell_nothing
from clusterstate.state import codec
from clusterstate.state.key_material import Holder, join_key_pair, read_certificate, read_private_key
from clusterstate.state.keypair import KeyPair, PrivateKey, make_key_pair
from clusterstate.state.keyset import require_usable
from clusterstate.state.layout import LEGACY_KEYSETS, FileKind, keyset_key
from clusterstate.state.objects import Keyset
from clusterstate.state.rotation import StepKind, is_rotatable

SIZE_VARIABLE: Final = "KOPS_RSA_PRIVATE_KEY_SIZE"
VALIDITY: Final = timedelta(days=3650)
"""As kops's own certificates have it."""
DONE: Final = {StepKind.PROMOTE: "Promoted", StepKind.DISTRUST: "Distrusted", StepKind.TRUST: "Trusted"}


async def create_pair(where: Where, name: str, given: Materials, consent: Consent) -> int:
    """Add a key pair to a keyset, or a new one to each that kops rotates."""
    if name != ALL:
        require_new_name(name)
    elif given != Materials():
        raise CommandInvalid("With all, new key pairs are made, and none becomes the primary. Name one keyset.")
    if given.cert == given.key == STDIN:
        raise CommandInvalid("--cert - and --key - are both stdin, which can be read once only. Put one into a file.")
    async with open_state(where) as state:
        jobs = [await _addition_job(where, state, each, given) for each in _names(state, name)]
        if await carry_out(state, jobs, consent, f"No node trusts it yet. Have {name} sign with it from now on?"):
            say(tell_next(None, state.cluster, name, primary=given.primary))
    return 0


async def take_step(where: Where, name: str, wish: Wish, consent: Consent) -> int:
    """Take one step of a rotation, in one keyset or in each that kops rotates."""
    require_wish(name, wish)
    async with open_state(where) as state:
        jobs = [_job(state, each, partial(_decide_step, each, wish)) for each in _names(state, name)]
        if await carry_out(state, jobs, consent, ask_step(wish.kind, state.cluster)):
            say(tell_next(wish.kind, state.cluster, name))
    return 0


def _names(state: OpenState, name: str) -> list[str]:
    if name != ALL:
        return [name]
    names = [each for each in state.listing.keys_of(FileKind.KEYSET) if is_rotatable(each)]
    if not names:
        raise CommandInvalid(
            f"{state.cluster} has no keyset that kops rotates. Create one with --primary, by its name."
        )
    return names


async def _addition_job(where: Where, state: OpenState, name: str, given: Materials) -> Job:
    pair = await asyncio.to_thread(_make_pair, name, given, where.environ)
    return _job(state, name, partial(_decide_addition, name, Addition(pair, given.primary, secrets.randbits(CHANCE))))


def _job(state: OpenState, name: str, decide: Callable[[Found], Decision | None]) -> Job:
    old = "" if state.keeps_objects else LEGACY_KEYSETS.get(name, "")
    return Job(keyset_key(name), decide, keyset_key(old) if old else "")


def _make_pair(name: str, given: Materials, environ: Mapping[str, str]) -> KeyPair:
    held = Holder(_named(given.cert), _named(given.key), "Correct the file.")
    where = f"keyset {name}"
    key = read_private_key(read_given(given.key), where, held) if given.key else None
    if given.cert is None:
        request, now = _make_request(name, key, environ), datetime.now(UTC)
        return issue_for(key, request, now) if key else issue(request, now)
    certificate = read_certificate(read_given(given.cert), where, held)
    return join_key_pair(certificate, key, where, held) if key else make_key_pair(certificate, None)


def _named(path: Path | None) -> str:
    return name_of(path) if path else ""


def _make_request(name: str, key: PrivateKey | None, environ: Mapping[str, str]) -> KeyRequest:
    if len(name.encode()) > LONGEST_COMMON_NAME:
        raise CommandInvalid(
            f"{name} is longer than the {LONGEST_COMMON_NAME} bytes that a certificate may have as its common name. "
            "Give another name, or --cert."
        )
    if key is None:
        return KeyRequest(KeyAlgorithm.RSA, _find_size(environ), name, VALIDITY)
    if isinstance(key, RSAPrivateKey):
        return KeyRequest(KeyAlgorithm.RSA, key.key_size, name, VALIDITY)
    if key.key_size not in CURVES or not isinstance(key.curve, type(CURVES[key.key_size][0])):
        raise CommandInvalid(
            f"The key for {name} is on the curve {key.curve.name}, which kops doesn't know. Use P-256."
        )
    return KeyRequest(KeyAlgorithm.ECDSA, key.key_size, name, VALIDITY)


def _find_size(environ: Mapping[str, str]) -> int:
    sizes = SIZES[KeyAlgorithm.RSA]
    text = environ.get(SIZE_VARIABLE) or str(sizes[0])
    if text not in map(str, sizes):
        raise CommandInvalid(f"{SIZE_VARIABLE} is none of {', '.join(map(str, sizes))}. Correct it.")
    return int(text)


def _read_keyset(found: Found, name: str) -> Keyset | None:
    if found.data is None:
        return None
    keyset = codec.decode_keyset(found.data, found.key)
    require_usable(keyset, found.key)
    return renamed(keyset, name) if found.key != keyset_key(name) else keyset


def _decide_addition(name: str, addition: Addition, found: Found) -> Decision:
    before = _read_keyset(found, name)
    after = add_pair(name, before, addition, datetime.now(UTC))
    asks = addition.primary and before is not None
    told = f"Created {name} {find_added(before, after)}"
    return Decision(codec.encode_keyset(after), tell_changes(before, after), told, asks=asks)


def _decide_step(name: str, wish: Wish, found: Found) -> Decision | None:
    before = _read_keyset(found, name)
    if before is None:
        raise CommandInvalid(f"There is no keyset {name}. clusterstate get keypairs shows those that are there.")
    after = take_wish(before, wish, datetime.now(UTC))
    if after is None:
        say(tell_nothing(before, wish))
        return None
    if wish.kind is StepKind.PROMOTE:
        ids = [after.primary_id]
    else:
        ids = [now.id for now in after.items if now not in before.items]
    told = "\n".join(f"{DONE[wish.kind]} {name} {each}" for each in ids)
    return Decision(codec.encode_keyset(after), tell_changes(before, after), told, asks=True)
