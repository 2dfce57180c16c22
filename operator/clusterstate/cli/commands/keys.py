"""Keysets, secrets and SSH keys of a state, changed as `kops create|promote|distrust|trust|delete` change them."""

import os
from pathlib import Path
from typing import Final

import click

from clusterstate.cli.commands.layout import Group
from clusterstate.cli.commands.options import (
    PATH,
    WORD,
    cluster_option,
    cluster_words,
    consent_options,
    materials_options,
    store_options,
)
from clusterstate.cli.keys.words import Where
from clusterstate.cli.manners import run_command
from clusterstate.cli.words import Consent, Materials, StoreWords

_KEYSET: Final = click.argument("name", type=WORD, metavar="KEYSET|all")


@click.group(
    cls=Group,
    examples="""
    clusterstate keyset create all --name prod.example.com
    clusterstate keyset promote all --name prod.example.com
    clusterstate keyset distrust all --name prod.example.com
    """,
)
def keyset() -> None:
    """Rotate a cluster's certificate authorities and service account keys."""


@keyset.command(
    "create",
    examples="""
    clusterstate keyset create all --state s3://acme-state-store --name prod.example.com
    clusterstate keyset create kubernetes-ca --cert ca.pem --key ca-key.pem
    clusterstate keyset create etcd-clients-ca --dry-run
    """,
)
@_KEYSET
@materials_options
@store_options
@cluster_option
@consent_options
def create_pair(name: str, given: Materials, store: StoreWords, cluster: str | None, consent: Consent) -> int:
    """Add a key pair to a keyset, as kops create keypair does.

    Without --cert and --key a new one is made; with --key alone its certificate. A certificate alone is trusted, and
    never signs. All is every keyset that kops rotates. It asks only where --primary takes the place of another one.
    """
    from clusterstate.cli.keys.keysets import create_pair as create  # noqa: PLC0415 (--help loads no SDK)

    return run_command(create(Where(store, cluster, os.environ), name, given, consent))


@keyset.command(
    "promote",
    examples="""
    clusterstate keyset promote all
    clusterstate keyset promote kubernetes-ca 7214053421190458512483947520
    """,
)
@_KEYSET
@click.argument("key_id", type=WORD, metavar="[ID]", required=False)
@store_options
@cluster_option
@consent_options
def promote(name: str, key_id: str | None, store: StoreWords, cluster: str | None, consent: Consent) -> int:
    """Make a key pair the primary, as kops promote keypair does.

    Without an id it is the newest that is trusted and has a private key. Every node has to trust it before that.
    """
    return _step("promote", name, (key_id,) if key_id else (), Where(store, cluster, os.environ), consent)


@keyset.command(
    "distrust",
    examples="""
    clusterstate keyset distrust all
    clusterstate keyset distrust kubernetes-ca 7113220482847623421934567890
    """,
)
@_KEYSET
@click.argument("ids", type=WORD, metavar="[ID]...", nargs=-1)
@store_options
@cluster_option
@consent_options
def distrust(name: str, ids: tuple[str, ...], store: StoreWords, cluster: str | None, consent: Consent) -> int:
    """Have nodes forget key pairs, as kops distrust keypair does.

    Without ids it is all that are older than the primary, which itself is never distrusted.
    """
    return _step("distrust", name, ids, Where(store, cluster, os.environ), consent)


@keyset.command("trust", examples="clusterstate keyset trust kubernetes-ca 7113220482847623421934567890")
@click.argument("name", type=WORD, metavar="KEYSET")
@click.argument("ids", type=WORD, metavar="ID...", nargs=-1, required=True)
@store_options
@cluster_option
@consent_options
def trust(name: str, ids: tuple[str, ...], store: StoreWords, cluster: str | None, consent: Consent) -> int:
    """Take a distrust back, as kops trust keypair does."""
    return _step("trust", name, ids, Where(store, cluster, os.environ), consent)


def _step(kind: str, name: str, ids: tuple[str, ...], where: Where, consent: Consent) -> int:
    from clusterstate.cli.keys.keysets import take_step  # noqa: PLC0415 (--help loads no SDK)
    from clusterstate.plan.keyset_commands import Wish  # noqa: PLC0415 (as above)
    from clusterstate.state.rotation import StepKind  # noqa: PLC0415 (as above)

    return run_command(take_step(where, name, Wish(StepKind(kind), ids), consent))


@click.group(
    cls=Group,
    examples="""
    clusterstate secret create dockerconfig -f ~/.docker/config.json --name prod.example.com
    clusterstate secret delete dockerconfig --name prod.example.com
    """,
)
def secret() -> None:
    """Create and delete a cluster's secrets, such as dockerconfig."""


@secret.command(
    "create",
    examples="""
    clusterstate secret create dockerconfig -f ~/.docker/config.json --name prod.example.com
    sops decrypt encryption.yaml | clusterstate secret create encryptionconfig -f - --force
    """,
)
@click.argument("name", type=WORD, metavar="NAME")
@click.option("-f", "--filename", type=PATH, required=True, metavar="FILE", help="Its content; - is stdin.")
@click.option("--force", is_flag=True, help="Replace it where it is there already.")
@store_options
@cluster_words
@consent_options
def create_secret(
    name: str, filename: Path, store: StoreWords, cluster: str | None, consent: Consent, *, force: bool
) -> int:
    """Write a secret, as kops create secret does; its content is never shown.

    dockerconfig has to be a JSON object, encryptionconfig and ciliumpassword YAML. Others are taken as they are.
    """
    from clusterstate.cli.keys.secrets import create_secret as create  # noqa: PLC0415 (--help loads no SDK)

    where = Where(store, cluster, os.environ)
    return run_command(create(where, name, filename, consent, force=force))


@secret.command("delete", examples="clusterstate secret delete encryptionconfig --name prod.example.com")
@click.argument("names", type=WORD, metavar="NAME...", nargs=-1, required=True)
@store_options
@cluster_option
@consent_options
def delete_secret(names: tuple[str, ...], store: StoreWords, cluster: str | None, consent: Consent) -> int:
    """Delete secrets, as kops delete secret does."""
    from clusterstate.cli.keys.secrets import delete_secrets  # noqa: PLC0415 (--help loads no SDK)

    return run_command(delete_secrets(Where(store, cluster, os.environ), names, consent))


@click.group(cls=Group, examples="clusterstate sshpublickey create -i ~/.ssh/id_ed25519.pub --name prod.example.com")
def sshpublickey() -> None:
    """Create and delete the SSH public key that nodes are entered with."""


@sshpublickey.command(
    "create", examples="clusterstate sshpublickey create -i ~/.ssh/id_ed25519.pub --name prod.example.com"
)
@click.option("-i", "--ssh-public-key", type=PATH, required=True, metavar="FILE", help="The key; - is stdin.")
@store_options
@cluster_words
@consent_options
def create_ssh_key(ssh_public_key: Path, store: StoreWords, cluster: str | None, consent: Consent) -> int:
    """Add an SSH public key, as kops create sshpublickey does.

    It asks only on k8s:// where it takes the place of another: kops's own objects have room for one.
    """
    from clusterstate.cli.keys.ssh_keys import create_ssh_key as create  # noqa: PLC0415 (--help loads no SDK)

    return run_command(create(Where(store, cluster, os.environ), ssh_public_key, consent))


@sshpublickey.command("delete", examples="clusterstate sshpublickey delete --name prod.example.com")
@store_options
@cluster_words
@consent_options
def delete_ssh_key(store: StoreWords, cluster: str | None, consent: Consent) -> int:
    """Delete every SSH public key of the cluster, as kops delete sshpublickey does."""
    from clusterstate.cli.keys.ssh_keys import delete_ssh_keys  # noqa: PLC0415 (--help loads no SDK)

    return run_command(delete_ssh_keys(Where(store, cluster, os.environ), consent))


COMMANDS: Final = (keyset, secret, sshpublickey)
