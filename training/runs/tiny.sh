#!/bin/sh
# The reference run of Tiny: from shards (`make data`) to weights, in a given number of minutes.
#
#   MINUTES=75 training/runs/tiny.sh                          two CPU cores
#   DEVICE=cuda MINUTES=12 training/runs/tiny.sh              an accelerator
#
# Killed or stopped, it goes on from its last checkpoint when started again with the same OUT. A bare machine
# needs only PyTorch, numpy, attrs and tree-sitter (tree-sitter-rust; not with --override '{"syntax_hints": false}'),
# the repository's files and build/data/shards; OUT/weights-*.npz (each below 16 MiB) and OUT/weights.json are what
# to carry home.
set -eu
cd "$(dirname "$0")/../.."

DEVICE=${DEVICE:-cpu}
MINUTES=${MINUTES:-75}
SHARDS=${SHARDS:-build/data/shards}
PYTHON=${PYTHON:-python3}
# Parts of the time; a stage whose shards are missing joins as soon as they are there.
PLAN=${PLAN:-s0=.8,s1=.2@25 s0=.2,s1=.2,s2=.5,s3=.1@40 s0=.05,s1=.05,s2=.75,s3=.15@35}

if [ "$DEVICE" = cuda ]; then
    SIZE=${SIZE:-tiny}
    set -- --batch-tokens 65536 "$@"
else
    SIZE=${SIZE:-tiny-cpu}
    set -- --batch-tokens 8192 "$@"
    # The allocator gives large blocks back to the system at once and takes them again with the next layer,
    # which costs a quarter of the time; so it keeps them.
    export MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=20000000000 MALLOC_TOP_PAD_=67108864
fi
OUT=${OUT:-build/runs/$SIZE-$DEVICE}

export PYTHONPATH="training:inference${PYTHONPATH:+:$PYTHONPATH}"
exec "$PYTHON" -m rusta_training.train --device "$DEVICE" --size "$SIZE" --minutes "$MINUTES" --shards "$SHARDS" \
    --out "$OUT" --plan "$PLAN" --compile "$@"
