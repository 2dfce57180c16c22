#!/usr/bin/env bash
# Print the first of docker, podman and buildah that is there and answers.
set -euo pipefail

for engine in docker podman buildah; do
  if "$engine" info > /dev/null 2>&1; then
    echo "$engine"
    exit
  fi
done
echo 'There is no docker, podman or buildah that answers: install one, or name it by ENGINE.' >&2
exit 1
