"""Where a named index is, from here."""

from __future__ import annotations

import re
from collections.abc import Mapping

from envlock import stack
from envlock.errors import UsageFault


def index_url(index: str, sources: Mapping[str, str], variant: str | None) -> str:
    """The URL of index `index`: as `sources` says, else the well-known one of the stack facts.

    `{variant}` in it becomes `variant` (`cu124`, `cpu`). Raises UsageFault where nothing points there.
    """
    url = sources.get(index) or stack.default_source(index)
    if url is None:
        variable = f"ENVLOCK_SOURCE_{re.sub(r'[^A-Z0-9]', '_', index.upper())}"
        hint = f"give `{index}` a URL in [tool.envlock.sources], or set {variable}"
        raise UsageFault(f"index `{index}` points nowhere from here", hint=hint)
    if "{variant}" in url and variant is None:
        message = f"index `{index}` is one per CUDA variant, and none is asked for"
        raise UsageFault(message, hint='set `cuda` in the manifest, like `cuda = "12.4"`')
    return url.replace("{variant}", variant or "")
