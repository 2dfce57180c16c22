"""The operator, the agent on a node, and the demonstration: programs that go on until they are told to stop."""

import os
from pathlib import Path
from typing import Final

import click

from clusterstate.cli.commands.layout import Command
from clusterstate.cli.commands.options import PATH, timeout_option
from clusterstate.cli.manners import log_by_manners, run_command


@click.command(cls=Command, examples="clusterstate run --kubeconfig ~/.kube/config -n clusters")
@click.option("--kubeconfig", type=PATH, help="Use this file instead of the Pod or ~/.kube/config.")
@click.option("--context", help="Use this context of the kubeconfig.")
@click.option("-n", "--namespace", "namespaces", multiple=True, help="Watch this namespace only; may be repeated.")
def run(kubeconfig: Path | None, context: str | None, namespaces: tuple[str, ...]) -> int:
    """Run the operator until it is told to stop.

    Everything else is configured by CLUSTERSTATE_* variables; docs/configuration.md lists them.
    """
    from clusterstate.cli.policy import read_policy  # noqa: PLC0415 (--help loads no SDK)
    from clusterstate.handlers.operator import Door, run_operator  # noqa: PLC0415 (the same)
    from clusterstate.kube.installation import own_namespace  # noqa: PLC0415 (the same)
    from clusterstate.settings import JSON, Settings  # noqa: PLC0415 (the same)

    pod = own_namespace()
    own = {"CLUSTERSTATE_OPERATOR_NAMESPACE": pod, "CLUSTERSTATE_LEADER_ELECTION": "true"} if pod else {}
    settings = Settings.from_env({**own, **os.environ, **_given("CLUSTERSTATE_NAMESPACES", ",".join(namespaces))})
    log_by_manners(settings.log_level, as_json=settings.log_format == JSON)
    return run_command(run_operator(settings, read_policy(settings.policy), Door(kubeconfig, context), os.environ))


@click.command(
    "node-agent",
    cls=Command,
    examples="""
    clusterstate node-agent --config /etc/clusterstate/files.yaml
    clusterstate node-agent --config files.yaml --from s3://acme-state-store --once
    """,
)
@click.option("--config", required=True, type=PATH, help="Which files, from which mirrors.")
@click.option("--from", "store", metavar="URL", help="Read this store, as kops would, in place of mirrors.")
@click.option("--once", is_flag=True, help="Write each set once, and end.")
@timeout_option("With --once: give up after so long.")
@click.option("--kubeconfig", type=PATH, help="Use this file instead of the Pod.")
@click.option("--context", help="Use this context of the kubeconfig.")
def node_agent(
    *, config: Path, store: str | None, once: bool, timeout: float, kubeconfig: Path | None, context: str | None
) -> int:
    """Keep files on this node equal to mirrors, for the kubelet and what else reads no Kubernetes API.

    Exit code 0: told to stop, or with --once all sets are written; 1: one isn't, and why is on stderr.
    """
    from clusterstate.cli.node import Wish, run_agent  # noqa: PLC0415 (--help loads no SDK)
    from clusterstate.settings import JSON, Settings  # noqa: PLC0415 (the same)

    settings = Settings.from_env(os.environ)
    log_by_manners(settings.log_level, as_json=settings.log_format == JSON)
    wish = Wish(config, store, timeout if once else None, kubeconfig, context, settings.metrics_address)
    return run_command(run_agent(wish, os.environ))


@click.command(cls=Command, examples="clusterstate demo --keep")
@click.option("--keep", is_flag=True, help="Leave everything running at the end, until Ctrl-C.")
def demo(*, keep: bool) -> None:
    """Show it all on this machine: a control plane, an S3 server, a real kops store and the operator."""
    from clusterstate.cli.demo import run_demo  # noqa: PLC0415 (the sandbox is for those who play in it)

    run_demo(keep=keep)


def _given(name: str, value: str) -> dict[str, str]:
    return {name: value} if value else {}


COMMANDS: Final = (run, node_agent, demo)
