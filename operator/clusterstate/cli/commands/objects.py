"""The commands that are about one ClusterState of a Kubernetes cluster, as their users meet them.

Each acts as the person who calls it, by their kubeconfig.
"""

from typing import Final

import click

from clusterstate.cli.commands.layout import Command
from clusterstate.cli.commands.options import (
    consent_options,
    output_option,
    target_options,
    targets_options,
    timeout_option,
)
from clusterstate.cli.manners import run_command
from clusterstate.cli.words import Consent, Target


@click.command(
    cls=Command,
    examples="""
    clusterstate history prod -n clusters
    clusterstate history prod -n clusters --revision 2
    """,
)
@target_options
@output_option("table", "json", "yaml")
@click.option("--revision", type=click.IntRange(min=1), help="Show what was declared in this revision.")
def history(target: Target, output: str, revision: int | None) -> int:
    """Show which declarations were applied, when, by whom, and what that changed."""
    from clusterstate.cli.objects.history import show_history, show_revision  # noqa: PLC0415 (--help loads no SDK)

    return run_command(show_history(target, output) if revision is None else show_revision(target, revision, output))


@click.command(
    cls=Command,
    examples="""
    clusterstate rollback prod -n clusters
    clusterstate rollback prod -n clusters --to 1 --dry-run
    """,
)
@target_options
@click.option("--to", type=click.IntRange(min=1), help="The revision; else the last one that declared otherwise.")
@consent_options
def rollback(target: Target, to: int | None, consent: Consent) -> int:
    """Declare again what an earlier revision declared, and let the operator apply that.

    Refused, with exit code 1, where the declaration comes from a manifest that others apply, such as Argo CD, Flux
    or kubectl apply: they would undo it.
    """
    from clusterstate.cli.objects.rollback import roll_back_to  # noqa: PLC0415 (--help loads no SDK)

    return run_command(roll_back_to(target, to, consent))


@click.command(
    cls=Command,
    examples="""
    clusterstate status prod -n clusters
    clusterstate status -A
    clusterstate status -A -o json | jq -r '.items[].status.summary'
    """,
)
@targets_options
@click.option("-A", "--all-namespaces", "everywhere", is_flag=True, help="Those of all namespaces.")
@output_option("table", "wide", "json", "yaml", "name")
def status(target: Target, output: str, *, everywhere: bool) -> int:
    """Show how a ClusterState is, on one screen, or all of them in a table.

    The screen tells what Ready and the other conditions say and why, what is planned, what has drifted, mirrors,
    history, certificates that end, and how far a move is. JSON and YAML hold what the operator reports, and nothing
    of the spec.
    """
    from clusterstate.cli.objects.status import show_status, show_statuses  # noqa: PLC0415 (--help loads no SDK)

    if target.name and everywhere:
        raise click.UsageError("-A is for all ClusterStates; a name is for one.", click.get_current_context())
    if target.name:
        return run_command(show_status(target, output))
    return run_command(show_statuses(target, output, everywhere=everywhere))


@click.command(
    cls=Command,
    examples="""
    clusterstate reconcile prod -n clusters
    clusterstate reconcile prod --timeout 10m
    clusterstate reconcile prod --no-wait
    """,
)
@target_options
@click.option("--wait/--no-wait", default=True, show_default=True, help="Wait for the run, and tell what came of it.")
@timeout_option("Wait no longer than that.")
def reconcile(target: Target, timeout: float, *, wait: bool) -> int:
    """Have the operator run now, and tell what came of it.

    Exit code 0: the run has ended Ready; 1: it hasn't, or no run has ended in time.
    """
    from clusterstate.cli.objects.asking import ask_for_run  # noqa: PLC0415 (--help loads no SDK)

    return run_command(ask_for_run(target, timeout if wait else None))


@click.command(cls=Command, examples="clusterstate suspend prod -n clusters")
@target_options
def suspend(target: Target) -> int:
    """Stop the operator's runs of a ClusterState until it is resumed.

    Refused, with exit code 1, where a manifest that others apply says otherwise: they would undo it.
    """
    from clusterstate.cli.objects.pausing import suspend_runs  # noqa: PLC0415 (--help loads no SDK)

    return run_command(suspend_runs(target, suspended=True))


@click.command(cls=Command, examples="clusterstate resume prod -n clusters")
@target_options
def resume(target: Target) -> int:
    """Have the operator go on with a suspended ClusterState.

    Refused, with exit code 1, where a manifest that others apply suspends it.
    """
    from clusterstate.cli.objects.pausing import suspend_runs  # noqa: PLC0415 (--help loads no SDK)

    return run_command(suspend_runs(target, suspended=False))


@click.command(
    cls=Command,
    examples="""
    clusterstate events prod -n clusters
    clusterstate events prod --watch
    """,
)
@target_options
@output_option("table", "json", "yaml")
@click.option("-w", "--watch", is_flag=True, help="Go on with what is told from now on, until Ctrl-C.")
def events(target: Target, output: str, *, watch: bool) -> int:
    """Show what the operator told of a ClusterState, the oldest first.

    With --watch, JSON is one line for each Event.
    """
    from clusterstate.cli.objects.events import show_events  # noqa: PLC0415 (--help loads no SDK)

    if watch and output == "yaml":
        raise click.UsageError("--watch prints a table, or JSON.", click.get_current_context())
    return run_command(show_events(target, output, watch=watch))


COMMANDS: Final = (status, reconcile, suspend, resume, events, history, rollback)
