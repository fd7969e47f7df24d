"""The files of exact versions, each on its named index only."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from packaging.utils import NormalizedName

from envlock.resolve.model import Pin
from envlock.resolve.uv import Environment, failure
from envlock.resolve.uv_compile import Indexes, Question, Target, ask

_SIDE_BY_SIDE = 4


def exact_pins(
    target: Target, indexes: Indexes, versions: Mapping[NormalizedName, str], environment: Environment
) -> Mapping[NormalizedName, Pin]:
    """Every wheel of `versions` that `target` takes; a name that has none is not in the answer.

    All in one run; where that fails for want of one version, each by itself, to tell which. Raises
    SourceFailed where an index cannot be asked.
    """
    if not versions:
        return {}
    answer = ask(question_of(target, indexes, versions), environment)
    if answer.pins is not None:
        return answer.pins
    if not answer.outcome.is_unsolvable:
        raise failure(answer.outcome, where=None)
    if len(versions) == 1:
        return {}
    with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        rows = pool.map(lambda row: exact_pins(target, indexes, dict([row]), environment), versions.items())
        return {name: pin for row in rows for name, pin in row.items()}


def question_of(target: Target, indexes: Indexes, versions: Mapping[NormalizedName, str]) -> Question:
    """Nothing is followed, and only the indexes that are used are named."""
    routes = {name: index for name, index in indexes.routes.items() if name in versions}
    return Question(
        target=target,
        indexes=Indexes(default=indexes.default, named=indexes.named, routes=routes),
        requirements=tuple(f"{name}=={version}" for name, version in versions.items()),
        with_dependencies=False,
    )
