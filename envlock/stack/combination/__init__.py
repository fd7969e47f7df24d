"""Does a combination of PyTorch, CUDA, cuDNN, NCCL, Python and image exist, will it run on a driver and a
GPU, and if not, what is nearest. Pure and offline: `Question` -> `Combination` -> `Explanation`.
"""

from __future__ import annotations

from envlock.stack.combination.explaining import explain, explain_locked
from envlock.stack.combination.model import (
    Combination,
    Explanation,
    LockedStack,
    Real,
    Reason,
    Verdict,
)
from envlock.stack.combination.parsing import Question, combination_of

__all__ = [
    "Combination",
    "Explanation",
    "LockedStack",
    "Question",
    "Real",
    "Reason",
    "Verdict",
    "combination_of",
    "explain",
    "explain_locked",
]
