"""Where the demo's files are: in a checkout of the project. The wheel leaves them out, private keys that they are."""

from pathlib import Path

CHECKOUT = Path(__file__).parents[3]
CRDS = CHECKOUT / "crds"
EXAMPLE = CHECKOUT / "examples" / "demo.yaml"
KOPS_STORE = CHECKOUT / "tests" / "data" / "kops-store"
"""Stores that the real kops wrote, with keys that open nothing."""
