#!/bin/sh
# Gathers in experiments/carried what a machine with Python 3.12 and torch, but without a network, lacks: wheels of
# holdfast itself (its version), of tyro and what it imports, and of Fabric; and CIFAR-10 from the folder given.
#   experiments/carry.sh [FOLDER with train.parquet and test.parquet]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
rm -rf "$here/carried" && mkdir -p "$here/carried/wheels"
python=${PYTHON:-python3}
"$python" -m pip wheel --quiet --no-deps --wheel-dir "$here/carried/wheels" "$here/.."
"$python" -m pip download --quiet --no-deps --only-binary=:all: --python-version 3.12 --dest "$here/carried/wheels" \
    --constraint "$here/../constraints.txt" tyro docstring-parser typeguard lightning-fabric lightning-utilities
if [ $# -gt 0 ]; then
    mkdir -p "$here/carried/cifar10" && cp "$1/train.parquet" "$1/test.parquet" "$here/carried/cifar10/"
fi
du -sh "$here/carried"
