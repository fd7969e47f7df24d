"""Questions as they are typed."""

from __future__ import annotations

import shlex

from envlock.stack.combination import Combination, Explanation, Question, combination_of, explain


def combination(line: str) -> Combination:
    """`torch==2.6.0 --gpu "RTX 4090"` as a combination."""
    words, options, requirements = iter(shlex.split(line)), {}, []
    for word in words:
        if word.startswith("--"):
            options[word.removeprefix("--")] = next(words)
        else:
            requirements.append(word)
    return combination_of(Question(requirements=tuple(requirements), **options))


def answer(line: str) -> Explanation:
    return explain(combination(line))


def nearest(found: Explanation) -> list[tuple[str, str]]:
    """PyTorch and CUDA of the real combinations, the nearest first."""
    return [(real.torch, real.cuda) for real in found.nearest]


def told(found: Explanation) -> list[tuple[str, str, str, str | None]]:
    """The reasons, whole but for their sources."""
    return [(reason.about, str(reason.verdict), reason.message, reason.hint) for reason in found.reasons]
