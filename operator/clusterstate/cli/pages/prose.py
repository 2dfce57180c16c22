"""What is said once for all commands, in words that both pages take."""

from typing import Final

from clusterstate.cli.exits import DIFFERENT, FAILED, INTERRUPTED, TROUBLE


def _paragraphs(text: str) -> tuple[str, ...]:
    return tuple(" ".join(part.split()) for part in text.split("\n\n"))


INTRODUCTION: Final = _paragraphs("""
`clusterstate` does what people do with a kops state store, each as one command: look, change, review, keep in git,
move, and hold keys. It is the operator too. What would change is planned by the operator's own code, shown, and asked
about, before it is written.

Commands act as whoever calls them: in a store with the credentials that kops would take, in Kubernetes by the
kubeconfig that kubectl would take. None but `run`, which is the operator, needs the operator's rights.
""")
CHOICE: Final = (
    "The store and the cluster are chosen as kops chooses them. An error tells which sources were tried.",
    (
        ("the store", "`--state`, else `KOPS_STATE_STORE`, else `kops_state_store` in kops's configuration"),
        (
            "kops's configuration",
            "`--config`, else `$HOME/.kops.yaml`, else `$HOME/.kops/config`: the first that is there, and no other",
        ),
        ("the cluster", "`--name` or an argument, else `KOPS_CLUSTER_NAME`, else the cluster of kubectl's context"),
        ("a ClusterState", "its name, and `-n`, else the namespace of the kubeconfig's context, else `default`"),
    ),
)
"""What is said first, and where each is looked for."""
CHOICE_PAGE: Final = ("choose a store", "workflows/store.md")
"""The page that tells more of it."""
CONSENT: Final = (
    "A command that changes what is there shows its plan and asks, on a terminal; elsewhere it wants `--yes`. "
    "`--dry-run` only shows. Exit code 1, and nothing is written, where nobody agrees. What only adds (`copy` and the "
    "`create`s) and what its opposite takes back (`suspend`, `resume`) is done at once."
)
MANNERS: Final = _paragraphs("""
Results go to stdout, all else to stderr. What goes wrong is one line that says what happened, to which object, and
what to do; `--debug` shows where in the program that was. `-q` leaves out what is said beside results and errors, `-v`
says more: which store was chosen, our own log, and at the end how many requests and how much time that took.

Colours appear on a terminal only, and not where `NO_COLOR` is set. Names and texts of others are printed so that they
do nothing to a terminal. Secrets are never printed.

Files that a command makes are readable by you alone, and no core is written if it crashes.
""")
EXITS: Final = (
    ("0", "it is done; of `diff`, `plan` and `verify`: nothing differs"),
    (str(FAILED), "it isn't done, and stderr says why; of `diff`, `plan` and `verify`: something differs"),
    (str(TROUBLE), "the command line is wrong; of `diff`, `plan` and `verify`: it can't be told"),
    (str(INTERRUPTED), "interrupted by Ctrl-C"),
)
assert DIFFERENT == FAILED, "one line of the table tells both"
ENVIRONMENT: Final = (
    ("KOPS_STATE_STORE, KOPS_CLUSTER_NAME", "the store and the cluster, as above"),
    ("KUBECONFIG", "the kubeconfigs, as kubectl reads them"),
    ("NO_COLOR", "no colours, where it isn't empty"),
    ("KUBE_EDITOR, EDITOR", "the editor of `edit`, the first that is set; else vi"),
    (
        "AWS_…, S3_…, GOOGLE_…, OSS_…, ALIYUN_…, OS_…",
        "credentials and endpoints of stores, as kops reads them",
    ),
    ("CLUSTERSTATE_DIGEST_KEY_FILE", "the key of the digests in `diff` and `plan`"),
    ("CLUSTERSTATE_…", "the operator's configuration"),
)
PLUGIN: Final = (
    "Installed beside it, `kubectl-clusterstate` makes each command one of kubectl's: `kubectl clusterstate status "
    "prod`. `clusterstate completion bash`, `zsh` or `fish` prints what makes a shell complete commands, options and "
    "values; with kubectl's own completion that holds for `kubectl clusterstate` too."
)
PAGES: Final = {
    "Look": (("looking at a store", "looking.md"),),
    "Change": (("by hand, and in a pipeline", "workflows/change.md"),),
    "Review": (("before anything happens", "workflows/review.md"), ("of a ClusterState", "objects.md#plan")),
    "Files": (("a state store in git", "workflows/git.md"),),
    "Move": (("to another store", "workflows/move.md"), ("by the operator", "migration.md")),
    "Keys": (("by hand", "workflows/keys.md"), ("by the operator", "rotation.md")),
    "With a cluster": (("ClusterStates", "objects.md"),),
    "Operator": (("configuration", "configuration.md"), ("files on a node", "node-agent.md")),
}
"""Pages that tell more, by topic: a name, and the file beside this page."""
