#!/usr/bin/env bash
# Train on several processes: tools/dist_train.sh CONFIG PROCESSES [ARGS...]
# Several machines: set NNODES, NODE_RANK, MASTER_ADDR (and PORT) on each.
set -euo pipefail
config=$1
processes=$2
"${PYTHON:-python}" -m torch.distributed.run \
    --nnodes="${NNODES:-1}" \
    --node_rank="${NODE_RANK:-0}" \
    --nproc_per_node="$processes" \
    --master_addr="${MASTER_ADDR:-127.0.0.1}" \
    --master_port="${PORT:-29500}" \
    -m loma_mm train "$config" --launcher pytorch "${@:3}"
