#!/usr/bin/env bash
# Build the operator's image with docker, podman or buildah: scripts/image.sh NAME:TAG [BUILD OPTION…]
#
#   ENGINE             the program, maybe with options of its own; else the first of these three that answers
#   SOURCE_DATE_EPOCH  the time of all files in it, in seconds; else that of the last commit
#
# What pip needs here to reach its index (pip config, PIP_…) goes to the build as secrets, and into no layer.
set -euo pipefail
cd "$(dirname "$0")/.."

tag=$1
shift
read -r -a engine <<< "${ENGINE:-$(scripts/engine.sh)}"
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' pyproject.toml)
revision=$(git rev-parse HEAD 2> /dev/null || echo unknown)

secrets=$(mktemp -d)
trap 'rm -rf "$secrets"' EXIT
options='index-url|extra-index-url|trusted-host|proxy|timeout|default-timeout|retries'
config=$(PIP_DISABLE_PIP_VERSION_CHECK=1 python3 -m pip config list)
{
  echo '[global]'
  # The environment stands first and wins, as it does with pip; a list has its items on lines of their own.
  sed -nE "s/^[^.]*(\.[^.]*)?\.($options)='(.*)'\$/\2 = \3/p" <<< "$config" | sed 's/\\n/ /g' | awk '!seen[$1]++'
} > "$secrets/pip.conf"
authority=$(sed -nE "s/^.*\.cert='(.*)'\$/\1/p" <<< "$config" | head -n 1)
if [ -n "$authority" ]; then
  cp "$authority" "$secrets/ca.crt"
  echo 'cert = /etc/pip-ca.crt' >> "$secrets/pip.conf"
fi

arguments=(
  --tag "$tag"
  --secret "id=pip.conf,src=$secrets/pip.conf"
  --build-arg "SOURCE_DATE_EPOCH=$epoch"
  --build-arg "VERSION=$version"
  --build-arg "REVISION=$revision"
)
if [ -n "$authority" ]; then
  arguments+=(--secret "id=ca.crt,src=$secrets/ca.crt")
fi
case $(basename "${engine[0]}") in
  docker) DOCKER_BUILDKIT=1 "${engine[@]}" build "${arguments[@]}" "$@" . ;;
  *) "${engine[@]}" build --timestamp "$epoch" "${arguments[@]}" "$@" . ;;
esac
