"""Where the demo's files are: beside the code in an installed package, at the top of a checkout otherwise."""

from pathlib import Path

HERE = Path(__file__).parent
CHECKOUT = HERE.parents[2]


def find_data(installed: str, in_checkout: str) -> Path:
    """Give a folder or file that the wheel holds under one name and the checkout under another."""
    packaged = HERE / installed
    return packaged if packaged.exists() else CHECKOUT / in_checkout


CRD = find_data("crds", "crds")
EXAMPLE = find_data("examples", "examples") / "clusterstate.yaml"
KOPS_STORE = find_data("kops-store", "tests/data/kops-store")
