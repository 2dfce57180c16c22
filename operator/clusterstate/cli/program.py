"""What the program is called."""

from typing import Final

NAME: Final = "clusterstate"
PLUGIN: Final = "kubectl-clusterstate"
COMPLETE_VARIABLE: Final = "_CLUSTERSTATE_COMPLETE"
"""By it a shell's completion asks for words, whatever the program is called."""
