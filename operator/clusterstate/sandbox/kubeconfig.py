"""Kubeconfig files: one cluster, one user with a bearer token, one context named `sandbox`."""

from pathlib import Path

import yaml

CONTEXT = "sandbox"


def write_kubeconfig(path: Path, *, url: str, ca_file: Path, token: str, namespace: str = "default") -> Path:
    """Write the file, readable by its owner only, and give its path."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": CONTEXT, "cluster": {"server": url, "certificate-authority": str(ca_file)}}],
        "users": [{"name": CONTEXT, "user": {"token": token}}],
        "contexts": [{"name": CONTEXT, "context": {"cluster": CONTEXT, "user": CONTEXT, "namespace": namespace}}],
        "current-context": CONTEXT,
    }
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(config, sort_keys=False))
    return path
