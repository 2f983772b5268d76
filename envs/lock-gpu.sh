#!/usr/bin/env bash
# Resolve requirements-gpu.in for Linux with CUDA, from the index's metadata alone, into the file that is named. What
# that file pins already stays, as long as it fits: a lock that is current comes out as it went in.
set -euo pipefail
lock=$(realpath "$1")
cd "$(dirname "$0")"
sed -E '/^snakemake/d; s/^transformers==.*/transformers/' requirements.in |
    "${UV:-uv}" pip compile --quiet --no-config --no-annotate --python-platform x86_64-manylinux_2_28 \
        --python-version 3.11 --custom-compile-command envs/lock.sh --output-file "$lock" - requirements-gpu.in
