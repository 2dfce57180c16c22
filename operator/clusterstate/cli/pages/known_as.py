"""What each command is known as by those who come from kops, from `aws s3` or rclone, or from kubectl."""

from typing import Final, NamedTuple


class Known(NamedTuple):
    """What people type elsewhere for the same; empty where nothing does it."""

    kops: str = ""
    files: str = ""
    """With `aws s3`, rclone or other tools for files."""
    kubectl: str = ""
    """With kubectl, or with flux."""


KNOWN_AS: Final = {
    "get clusters": Known("kops get clusters", "aws s3 ls s3://STORE/"),
    "get instancegroups": Known("kops get instancegroups", "aws s3 ls s3://STORE/CLUSTER/instancegroup/"),
    "get keypairs": Known("kops get keypairs", "aws s3 ls s3://STORE/CLUSTER/pki/private/"),
    "get secrets": Known("kops get secrets", "aws s3 ls s3://STORE/CLUSTER/secrets/"),
    "get sshpublickeys": Known("kops get sshpublickeys", "aws s3 ls s3://STORE/CLUSTER/pki/ssh/public/admin/"),
    "get files": Known("", "aws s3 ls --recursive s3://STORE/CLUSTER/; rclone lsl STORE:CLUSTER"),
    "get addons": Known("", "aws s3 cp s3://STORE/CLUSTER/addons/bootstrap-channel.yaml -"),
    "show": Known("kops get all", "rclone size STORE:CLUSTER"),
    "tree": Known("", "rclone tree STORE:CLUSTER"),
    "apply": Known(
        "kops create -f FILE; kops replace --force -f FILE", "aws s3 cp FILE s3://STORE/CLUSTER/config", "kubectl apply"
    ),
    "validate": Known("kops replace -f FILE, once it is written"),
    "set": Known("kops edit cluster --set"),
    "unset": Known("kops edit cluster --unset"),
    "edit": Known("kops edit cluster; kops edit instancegroup", "aws s3 cp, an editor, and back", "kubectl edit"),
    "delete": Known(
        "kops delete cluster --unregister; kops delete instancegroup", "aws s3 rm --recursive s3://STORE/CLUSTER/"
    ),
    "diff": Known("", "aws s3 sync --dryrun; rclone check --combined -", "kubectl diff"),
    "plan": Known(
        "kops update cluster, which plans the cloud and not the store", "aws s3 sync --dryrun", "kubectl diff"
    ),
    "export": Known("kops get all -o yaml", "aws s3 sync s3://STORE/CLUSTER/ DIRECTORY"),
    "import": Known("kops replace --force -f FILE", "aws s3 sync DIRECTORY s3://STORE/CLUSTER/"),
    "adopt": Known("kops get all -o yaml"),
    "copy": Known("", "aws s3 sync s3://STORE s3://OTHER; rclone copy --checksum STORE: OTHER:"),
    "migrate": Known('the steps of "Moving state between S3 buckets"', "aws s3 sync, then an edit of config"),
    "verify": Known("", "rclone check --download STORE: OTHER:"),
    "keyset create": Known("kops create keypair"),
    "keyset promote": Known("kops promote keypair"),
    "keyset distrust": Known("kops distrust keypair"),
    "keyset trust": Known("kops trust keypair"),
    "secret create": Known("kops create secret"),
    "secret delete": Known("kops delete secret"),
    "sshpublickey create": Known("kops create sshpublickey"),
    "sshpublickey delete": Known("kops delete sshpublickey"),
    "status": Known(kubectl="kubectl describe clusterstate; kubectl get clusterstate -A"),
    "reconcile": Known(
        kubectl="kubectl annotate clusterstate clusterstate.dev/reconcile-requested-at=…; flux reconcile"
    ),
    "suspend": Known(kubectl="kubectl patch clusterstate, spec.suspend: true; flux suspend"),
    "resume": Known(kubectl="kubectl patch clusterstate, spec.suspend: false; flux resume"),
    "events": Known(kubectl="kubectl events --for clusterstate/NAME --watch; flux events --watch"),
    "history": Known("", "aws s3api list-object-versions, where the bucket keeps them", "kubectl rollout history"),
    "rollback": Known("", "aws s3api copy-object, from an older version", "kubectl rollout undo"),
    "run": Known(),
    "node-agent": Known("", "rclone sync, in a loop"),
    "demo": Known(),
    "completion": Known("kops completion", "rclone completion", "kubectl completion"),
}
"""By what is typed after `clusterstate`."""
