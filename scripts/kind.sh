#!/usr/bin/env bash
# Test the operator end to end in a cluster that kind makes, and remove the cluster: scripts/kind.sh
#
#   ENGINE        docker or podman; else the first that answers
#   KIND_CLUSTER  the cluster's name; one of that name must not be there
#   KEEP=1        leave the cluster, and say how to reach it
set -euo pipefail
cd "$(dirname "$0")/.."

engine=${ENGINE:-$(scripts/engine.sh)}
case $engine in
  docker) ;;
  podman) export KIND_EXPERIMENTAL_PROVIDER=podman ;;
  *) echo "kind runs clusters by docker or podman, not by $engine: install one of them." >&2 && exit 1 ;;
esac
kind=$("${PYTHON:-.venv/bin/python}" -m tests.support.kind)
cluster=${KIND_CLUSTER:-clusterstate-e2e}
image=localhost/clusterstate:e2e
directory=$(mktemp -d)
export KUBECONFIG=$directory/kubeconfig

finish() {
  if [ -n "${KEEP:-}" ]; then
    echo "The cluster stays: export KUBECONFIG=$KUBECONFIG, and then: $kind delete cluster --name $cluster"
  else
    "$kind" delete cluster --name "$cluster"
    rm -rf "$directory"
  fi
}

ENGINE=$engine scripts/image.sh "$image"
"$engine" save --output "$directory/image.tar" "$image"
trap finish EXIT
"$kind" create cluster --name "$cluster" --wait 180s
"$kind" load image-archive "$directory/image.tar" --name "$cluster"
rm -f "$directory/image.tar"
E2E_IMAGE=$image make e2e
