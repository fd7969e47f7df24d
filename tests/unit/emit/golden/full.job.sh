#!/bin/bash
#SBATCH --job-name=demo-project
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=2
#SBATCH --cpus-per-task=8
#SBATCH --mem=32768M
#SBATCH --time=24:00:00
# made by `envlock emit slurm` from a lock: what is edited here is lost
# platform linux-64, Python 3.11
# runtime hash rt1:9986285f30a2e0964d673b79d8d5943c5b5d09d71585b211a99b6afcd61e3c1a
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
MASTER_ADDR=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
export MASTER_ADDR MASTER_PORT=29500

# Once on every node: its files, its settings, its driver. The first node that differs is named, and
# the job does not start.
check='import sys; sys.path.insert(0, sys.argv[1]); from envlock_agent import require; require(sys.argv[2], require_gpu=True)'
srun --label --nodes="${SLURM_JOB_NUM_NODES:-1}" --ntasks="${SLURM_JOB_NUM_NODES:-1}" --ntasks-per-node=1 "$VIRTUAL_ENV/bin/python" -I -c "$check" envlock-agent.pyz envlock.lock

srun --label torchrun --nproc-per-node 2 train.py
