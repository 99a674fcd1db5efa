"""Batch scripts for SLURM: a search on one node with several GPUs, or on several nodes.

On one node `tune --workers` does it all. On several, one task is KerasTuner's chief and each of the
others a worker, told by KerasTuner's own variables; they share the folder of the search, which must
be on a file system that all nodes see. A worker that ends is started again. One that cannot begin,
or ends too often, ends the job with a code other than 0, and the same job goes on.
"""

import shlex
from collections.abc import Sequence
from pathlib import Path

from keras_course import files
from keras_course.errors import UserError

# srun would kill its tasks at SIGTERM; asked in this way, they get it themselves, and save.
ASK = 'scancel --signal=TERM "$SLURM_JOB_ID"'
TRIES = 20  # of a worker: a few trials may each end three processes before they count as failed
HEAD = """#!/bin/bash
#SBATCH --job-name=learning-rate
#SBATCH --nodes={nodes}
#SBATCH --ntasks-per-node={tasks}
#SBATCH --gpus-per-node={gpus}       # change: some clusters need --gres=gpu:{gpus}
#SBATCH --cpus-per-task={cores}      # change: cores that prepare images, 4 to 8 for each GPU
#SBATCH --time=02:00:00          # change: as long as your cluster allows; it can be continued
#SBATCH --output=learning-rate-%j.log
#SBATCH --signal=B:TERM@60       # a minute before the end: what is there is saved
#SBATCH --requeue                # the same command continues where it was
# change: #SBATCH --partition=... and #SBATCH --account=... if your cluster asks for them

set -u
export SRUN_CPUS_PER_TASK="${{SLURM_CPUS_PER_TASK:-1}}"  # which srun by itself does not take over
# change: what makes `keras-course` known here, like
# module load cuda && source "$HOME/course/.venv/bin/activate"
command -v keras-course >/dev/null || {{ echo "keras-course is not on the PATH" >&2; exit 1; }}

tune=({command})
"""

ONE_NODE = """
# One process that shares the trials among {gpus} workers, each with a GPU of its own.
srun "${{tune[@]}}" --workers {gpus} &
step=$!
trap '{ask}; wait "$step"' TERM
wait "$step"
"""

SEVERAL_NODES = """
# KerasTuner's chief is on the first node; the port is open inside the cluster and has no password.
first=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
addresses=$(srun --nodes=1 --ntasks=1 --nodelist="$first" hostname -I)
KERASTUNER_ORACLE_IP=${{addresses%% *}}
KERASTUNER_ORACLE_PORT=$((20000 + SLURM_JOB_ID % 10000))
no_grpc_proxy=$KERASTUNER_ORACLE_IP
export KERASTUNER_ORACLE_IP KERASTUNER_ORACLE_PORT no_grpc_proxy

# It finds the band of learning rates, on a GPU that a worker has afterwards.
KERASTUNER_TUNER_ID=chief srun --overlap --nodes=1 --ntasks=1 --gpus-per-task=1 \\
    --nodelist="$first" "${{tune[@]}}" &
chief=$!

# {workers} workers, each with one GPU; one that dies takes its trial up again. Code 2: it cannot
# begin; 3: the disk is full; its message says more. One that gives up ends the others.
# shellcheck disable=SC2016  # the variables are those of each task
srun --overlap --kill-on-bad-exit=1 --gpus-per-task=1 bash -c '
    export KERASTUNER_TUNER_ID="worker$SLURM_PROCID"
    for ((try = 1; try <= {tries}; try++)); do
        "$@"
        code=$?
        [ "$code" = 0 ] && exit 0
        echo "worker$SLURM_PROCID ended with code $code, try $try" >&2
        [ "$code" = 2 ] || [ "$code" = 3 ] && break
    done
    exit 1' worker "${{tune[@]}}" &
workers=$!

trap '{ask}; wait "$chief" "$workers"; exit 143' TERM
running() {{ kill -0 "$1" 2>/dev/null; }}
while running "$chief" && running "$workers"; do sleep 1; done
if running "$chief" && ! wait "$workers"; then  # it would wait for ever
    echo "The workers are gone. Start the same job again to continue the search." >&2
    {ask}
    wait "$chief"
    exit 1
fi
wait "$chief"
code=$?
kill "$workers" 2>/dev/null
exit "$code"
"""


def script(command: Sequence[str], nodes: int, gpus: int) -> str:
    """Return the batch script that runs this `keras-course tune ...` on so many nodes and GPUs."""
    if nodes < 1 or gpus < 1:
        raise UserError(f"--nodes and --gpus must be at least 1. Received: {nodes} and {gpus}.")
    if not any(word.split("=")[0] == "--output" for word in command):
        raise UserError(
            "--slurm needs --output: a folder that all nodes see, so that the search can continue."
        )
    several = nodes > 1
    values = {
        "nodes": nodes,
        "tasks": gpus if several else 1,
        "gpus": gpus,
        "cores": 6 if several else 6 * gpus,
        "workers": nodes * gpus,
        "tries": TRIES,
        "ask": ASK,
        "command": shlex.join(command),
    }
    return (HEAD + (SEVERAL_NODES if several else ONE_NODE)).format(**values)


def write(path: str | Path, command: Sequence[str], nodes: int, gpus: int) -> Path:
    """Write the script and return its path."""
    path, text = Path(path), script(command, nodes, gpus)
    path.parent.mkdir(parents=True, exist_ok=True)
    files.write_text(path, text)
    return path
