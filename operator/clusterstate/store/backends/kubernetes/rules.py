"""Which variables the credentials of a store in Kubernetes consist of. Pure.

There is one, and it comes from `spec.store.k8s.kubeconfigSecretRef`. Without it the store is in the operator's own
cluster, where the operator asks as itself and `EndpointPolicy.namespaces` says where.
"""

from typing import Final

from clusterstate.store.backends.kubernetes.kubeconfig import parse_kubeconfig
from clusterstate.store.credentials import Credentials, Reader, Rules, Variable

KUBECONFIG: Final = "kubeconfig"


def _check(credentials: Credentials) -> None:
    if credentials.get(KUBECONFIG):
        parse_kubeconfig(credentials.get(KUBECONFIG))


def _proxy(credentials: Credentials) -> str:
    text = credentials.get(KUBECONFIG)
    return parse_kubeconfig(text).proxy if text else ""


RULES: Final = Rules(
    variables=(Variable(KUBECONFIG, file=True, ambient=Reader.NOBODY),), check=_check, open_to_all=True, proxy=_proxy
)
