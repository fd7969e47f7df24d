#!/bin/bash
#SBATCH --job-name=demo-project
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=1
# made by `envlock emit slurm` from a lock: what is edited here is lost
# platform linux-64, Python 3.11
# runtime hash rt1:4375db51c7ae035979b9a02d851c9dea73c33b81ffb86b8458a1250d66c6a78e
#
# envlock sync && envlock agent -o envlock-agent.pyz && sbatch job.sh
set -euo pipefail
cd -- "${SLURM_SUBMIT_DIR:-.}"
export VIRTUAL_ENV="$PWD/.venv"
export PATH="$VIRTUAL_ENV/bin:$PATH"
unset PYTHONPATH PYTHONHOME LD_PRELOAD
export SRUN_CPUS_PER_TASK="${SLURM_CPUS_PER_TASK:-1}"
export CUBLAS_WORKSPACE_CONFIG=:4096:8
export PYTHONHASHSEED=0

# Once on every node: its files, its settings, its driver. The first node that differs is named, and
# the job does not start.
check='import sys; sys.path.insert(0, sys.argv[1]); from envlock_agent import require; require(sys.argv[2])'
srun --label --nodes="${SLURM_JOB_NUM_NODES:-1}" --ntasks="${SLURM_JOB_NUM_NODES:-1}" --ntasks-per-node=1 "$VIRTUAL_ENV/bin/python" -I -c "$check" envlock-agent.pyz envlock.lock

srun --label python train.py
