"""(Lock, Facts) -> Report: pure judgement (IDENTITY 2 to 8). Nothing here touches the target."""

from envlock.verbs import make_verb
from envlock.verify.judge import Judgement, judge

__all__ = ["Judgement", "judge"]

make_verb(__name__)  # `envlock.verify(…)`
