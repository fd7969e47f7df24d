"""(Lock, Facts) -> Report: pure judgement (IDENTITY 2 to 8). Nothing here touches the target."""

from envlock.verify.judge import Judgement, judge
from envlock.verify.platform import platform_of

__all__ = ["Judgement", "judge", "platform_of"]
