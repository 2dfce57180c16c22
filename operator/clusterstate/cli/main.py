"""`clusterstate`: the commands, none of which loads an SDK before it needs it."""

import asyncio
import logging
import os
import sys
from pathlib import Path

import click

from clusterstate import __version__
from clusterstate.cli.hardening import harden
from clusterstate.cli.objects import COMMANDS
from clusterstate.errors import ClusterStateError
from clusterstate.settings import Settings

FAILED = 1


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="clusterstate")
def commands() -> None:
    """Keep a kops state store as the Kubernetes API declares it."""


@commands.command()
@click.option(
    "--kubeconfig", type=click.Path(path_type=Path), help="Use this file instead of the Pod or ~/.kube/config."
)
@click.option("--context", help="Use this context of the kubeconfig.")
@click.option("-n", "--namespace", "namespaces", multiple=True, help="Watch this namespace only; may be repeated.")
def run(kubeconfig: Path | None, context: str | None, namespaces: tuple[str, ...]) -> None:
    """Run the operator until it is told to stop.

    Everything else is configured by CLUSTERSTATE_* variables; docs/configuration.md lists them.
    """
    from clusterstate.handlers.operator import Door, run_operator  # noqa: PLC0415 (--help loads no SDK)
    from clusterstate.kube.installation import own_namespace  # noqa: PLC0415 (the same)

    harden()
    own = _given("CLUSTERSTATE_OPERATOR_NAMESPACE", own_namespace())
    settings = Settings.from_env({**own, **os.environ, **_given("CLUSTERSTATE_NAMESPACES", ",".join(namespaces))})
    _log(settings.log_level)
    asyncio.run(run_operator(settings, Door(kubeconfig, context), os.environ))


@commands.command("node-agent")
@click.option("--config", required=True, type=click.Path(path_type=Path), help="Which files, from which mirrors.")
@click.option("--from", "store", metavar="URL", help="Read this store, as kops would, in place of mirrors.")
@click.option("--once", is_flag=True, help="Write each set once, and end.")
@click.option("--timeout", default="5m", show_default=True, help="With --once: give up after so long.")
@click.option("--kubeconfig", type=click.Path(path_type=Path), help="Use this file instead of the Pod.")
@click.option("--context", help="Use this context of the kubeconfig.")
def node_agent(
    *, config: Path, store: str | None, once: bool, timeout: str, kubeconfig: Path | None, context: str | None
) -> int:
    """Keep files on this node equal to mirrors, for the kubelet and what else reads no Kubernetes API.

    Exit code 0: told to stop, or with --once all sets are written; 1: one isn't, and why is on stderr.
    """
    from clusterstate.api.durations import parse_duration  # noqa: PLC0415 (--help loads no SDK)
    from clusterstate.cli.node import Wish, run_agent  # noqa: PLC0415 (the same)

    harden()
    settings = Settings.from_env(os.environ)
    _log(settings.log_level)
    seconds = parse_duration(timeout).total_seconds() if once else None
    wish = Wish(config, store, seconds, kubeconfig, context, settings.metrics_address)
    return asyncio.run(run_agent(wish, os.environ))


@commands.command()
@click.option("--keep", is_flag=True, help="Leave everything running at the end, until Ctrl-C.")
def demo(*, keep: bool) -> None:
    """Show it all on this machine: a control plane, an S3 server, a real kops store and the operator."""
    from clusterstate.cli.demo import run_demo  # noqa: PLC0415 (the sandbox is for those who play in it)

    run_demo(keep=keep)


for command in COMMANDS:
    commands.add_command(command)


def _log(level: str) -> None:
    """Follow the wish for our own lines only: libraries at DEBUG write requests with all their headers."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)-7s %(name)s %(message)s")
    logging.getLogger("kubernetes").setLevel(logging.ERROR)  # what it warns of comes as an error of ours
    logging.getLogger("clusterstate").setLevel(level)


def _given(name: str, value: str) -> dict[str, str]:
    return {name: value} if value else {}


def main() -> int:
    """Run one command and give its exit code; errors that people can act on are one line on stderr and code 1."""
    try:
        return commands(standalone_mode=False) or 0
    except ClusterStateError as error:
        click.echo(f"clusterstate: {error.message}", err=True)
        return FAILED
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return 130


if __name__ == "__main__":
    sys.exit(main())
