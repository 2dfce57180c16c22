"""Stores that the real kops wrote, as files for a store of a test's own."""

import re
from pathlib import Path

DATA = Path(__file__).parent.parent / "data"


def kops_files(url: str, cluster: str, *, as_name: str = "", source: str = "kops-store") -> dict[str, bytes]:
    """Give the files of a cluster by their keys in the store at `url`, with its configBase there, maybe renamed."""
    root, files = DATA / source / cluster, {}
    for path in sorted(root.rglob("*")):
        if path.is_file():
            data = re.sub(rb"(s3://state|memfs://tests)/", f"{url}/".encode(), path.read_bytes())
            data = data.replace(cluster.encode(), as_name.encode()) if as_name else data
            files[f"{as_name or cluster}/{path.relative_to(root)}"] = data
    return files
