"""The commands that show what would change, before anything does."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from clusterstate.cli.commands.options import PATH, Command, output_option
from clusterstate.cli.exits import TROUBLE
from clusterstate.cli.manners import run_command
from clusterstate.cli.review.words import ReviewWords
from clusterstate.cli.words import Target

F = TypeVar("F", bound=Callable[..., Any])

OBJECT: Final = ("clusterstate/", "cst/")
FORMATS: Final = ("text", "markdown", "json", "yaml")


def _review_options(command: F) -> F:
    """Give all that says what is compared; each option has the name of a field of `ReviewWords`."""
    for option in reversed(
        (
            click.option("--name", "cluster", metavar="CLUSTER", help="Compare this cluster only."),
            click.option("-n", "--namespace", help="Where the ClusterState is; else the kubeconfig's namespace."),
            click.option("--kubeconfig", type=PATH, help="Use this file; else what kubectl would take."),
            click.option("--context", help="Use this context of the kubeconfig."),
            click.option(
                "--digest-key",
                type=PATH,
                envvar="CLUSTERSTATE_DIGEST_KEY_FILE",
                show_envvar=True,
                metavar="FILE",
                help="The key of secrets' digests, to compare two runs; else one of chance.",
            ),
            click.option("--without-secrets", is_flag=True, help="Leave out secrets and keysets, as export does."),
            output_option(*FORMATS),
        )
    ):
        command = option(command)
    return command


@click.command(
    cls=Command,
    examples="""
    clusterstate diff s3://acme-state-store ./state --name prod.example.com
    clusterstate diff git:main:state ./state -o markdown
    clusterstate diff s3://acme-state-store clusterstate/prod -n clusters
    clusterstate diff s3://acme-state-store changed.yaml
    """,
)
@click.argument("old", metavar="A")
@click.argument("new", metavar="B")
@_review_options
def diff(*, output: str, **words: Any) -> int:  # noqa: ANN401 - by the names of `ReviewWords`
    """Show how B differs from A, file by file and field by field; neither is written to.

    A and B are each a store (s3://BUCKET) or a state in one (s3://BUCKET/CLUSTER), a directory, git:REVISION:DIR,
    clusterstate/NAME or a manifest. What means the same to kops is no difference. Of secrets and private keys a digest
    is shown. Exit code 0: no difference; 1: there is one; 2: that can't be told.
    """
    from clusterstate.cli.review.compare import show_difference  # noqa: PLC0415 (--help loads no SDK)

    return run_command(show_difference(ReviewWords(**words), os.environ, output), trouble=TROUBLE)


@click.command(
    cls=Command,
    examples="""
    clusterstate plan prod -n clusters
    clusterstate plan s3://acme-state-store ./state --name prod.example.com
    clusterstate plan s3://acme-state-store changed.yaml
    """,
)
@click.argument("old", metavar="NAME|A")
@click.argument("new", metavar="[B]", required=False)
@_review_options
def plan(*, old: str, new: str | None, output: str, **words: Any) -> int:  # noqa: ANN401 - by the names of `ReviewWords`
    """Show what would be written, and write nothing anywhere.

    With one NAME: what the operator's next run for that ClusterState would change. With A and B, as `diff` takes them:
    what would have to be written to A to become B, or to hold what B declares, where that is a ClusterState or a
    manifest. Everything is read as you. Exit code 0: nothing would change; 1: something would; 2: that can't be told.
    """
    if new is None:
        if words["cluster"] or words["without_secrets"]:
            raise click.UsageError("--name and --without-secrets go with A and B. Give both, or leave them out.")
        from clusterstate.cli.plan import show_plan  # noqa: PLC0415 (--help loads no SDK)

        return run_command(show_plan(_target(old, **words), os.environ, output), trouble=TROUBLE)
    from clusterstate.cli.review.plans import show_plans  # noqa: PLC0415 (as above)

    return run_command(show_plans(ReviewWords(old=old, new=new, **words), os.environ, output), trouble=TROUBLE)


def _target(name: str, *, namespace: str | None, kubeconfig: Path | None, context: str | None, **_: object) -> Target:
    kind = next((each for each in OBJECT if name.startswith(each)), "")
    return Target(name.removeprefix(kind), namespace, kubeconfig, context)


COMMANDS: Final = (diff, plan)
