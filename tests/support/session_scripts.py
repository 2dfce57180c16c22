"""What is typed in the sessions that the documents show, and the stores that they begin with."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from clusterstate.sandbox.s3server import S3Server
from tests.support.stores import kops_files
from tests.support.world import COMPLEX, MINIMAL

PROPOSED: Final = f"""\
apiVersion: kops.k8s.io/v1alpha2
kind: Cluster
metadata: {{name: {MINIMAL}}}
spec:
  kubernetesVersion: v1.33.1
---
apiVersion: kops.k8s.io/v1alpha2
kind: InstanceGroup
metadata: {{name: nodes-us-east-1a, labels: {{kops.k8s.io/cluster: {MINIMAL}}}}}
spec:
  maxSize: 5
"""


@dataclass(frozen=True)
class Line:
    """One command at the prompt, and the exit code that it is to have."""

    command: str
    code: int = 0


@dataclass(frozen=True)
class Script:
    """A session, in a folder of its own, about buckets of its own."""

    title: str
    bucket: str
    lines: tuple[Line, ...]

    @property
    def store(self) -> str:
        return f"s3://{self.bucket}"

    def prepare(self, server: S3Server, folder: Path) -> None:
        """Make what the session begins with."""
        folder.mkdir(parents=True)
        (folder / "proposed.yaml").write_text(PROPOSED)
        client = server.client()
        for bucket in (self.bucket, f"{self.bucket}-eu"):
            server.create_bucket(bucket)
        for cluster in (COMPLEX, MINIMAL):
            for key, data in kops_files(self.store, cluster).items():
                client.put_object(Bucket=self.bucket, Key=key, Body=data)


SCRIPTS: Final = {
    "review": Script(
        "Review a change before it happens",
        "acme-state",
        (
            Line("clusterstate get clusters"),
            Line(f"clusterstate export {MINIMAL} state"),
            Line('clusterstate apply -f proposed.yaml --state "file://$PWD/state" --yes'),
            Line(f"clusterstate diff s3://acme-state state --name {MINIMAL} --without-secrets", code=1),
        ),
    ),
    "move": Script(
        "Move a cluster's state to another bucket",
        "acme-kops",
        (
            Line(f"clusterstate migrate {MINIMAL} --to s3://acme-kops-eu --yes"),
            Line(f"clusterstate diff s3://acme-kops s3://acme-kops-eu --name {MINIMAL}", code=1),
            Line("clusterstate get clusters --state s3://acme-kops-eu -o wide"),
        ),
    ),
}
"""By the name of the picture."""
