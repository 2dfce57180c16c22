#!/usr/bin/env bash
# Write the image's bill of materials, CycloneDX in JSON, from what the lock file installs: scripts/sbom.sh FILE
set -euo pipefail
cd "$(dirname "$0")/.."

file=$1
uv=${UV:-$(command -v uv || echo .cache/uv/bin/uv)}
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
"$uv" venv -q --python "${PYTHON:-python3}" "$directory/venv"
"$uv" pip install -q --require-hashes -p "$directory/venv/bin/python" -r requirements.txt
mkdir -p "$(dirname "$file")"
.venv/bin/cyclonedx-py environment --pyproject pyproject.toml --mc-type application --output-reproducible --validate \
  --output-format JSON --output-file "$file" "$directory/venv/bin/python"
