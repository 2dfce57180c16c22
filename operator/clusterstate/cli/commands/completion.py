"""What makes a shell complete commands, options and their values."""

from typing import Final

import click

from clusterstate.cli.commands.layout import Command

SHELLS: Final = ("bash", "zsh", "fish")


@click.command(
    cls=Command,
    short_help="Print what makes a shell complete commands, options and their values.",
    examples="""
    echo 'source <(clusterstate completion bash)' >> ~/.bashrc
    echo 'source <(clusterstate completion zsh)' >> ~/.zshrc
    clusterstate completion fish > ~/.config/fish/completions/clusterstate.fish
    """,
)
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print what makes a shell complete commands, options and their values.

    Load it at the start of the shell, as the examples do; in zsh after `compinit`. What kubectl completes it asks
    kubectl_complete-clusterstate, which is installed beside this program.
    """
    from clusterstate.cli.completing import script  # noqa: PLC0415 (the other commands complete nothing)

    click.echo(script(ctx.find_root().command, shell), nl=False)


COMMANDS: Final = (completion,)
