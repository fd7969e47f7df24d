"""Where a named channel is, from here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from envlock import stack
from envlock.errors import UsageFault
from envlock.manifest.requirement import without_credentials

ALIAS = "https://conda.anaconda.org/"  # where conda looks for a channel that is named without a host


def channel_urls(channels: Iterable[str], sources: Mapping[str, str]) -> dict[str, str]:
    """Name -> URL without a slash at its end, in the order of `channels`, which is their priority.

    `sources` decide, then the stack facts. Raises UsageFault where nothing points there.
    """
    return {channel: channel_url(channel, sources) for channel in channels}


def channel_url(channel: str, sources: Mapping[str, str]) -> str:
    url = sources.get(channel) or stack.default_source(channel)
    if url is None or "{" in url:
        variable = f"ENVLOCK_SOURCE_{re.sub(r'[^A-Z0-9]', '_', channel.upper())}"
        hint = f"give `{channel}` a URL in [tool.envlock.sources], or set {variable}"
        raise UsageFault(f"channel `{channel}` points nowhere from here", hint=hint)
    return url.rstrip("/")


def public_url(channel: str) -> str:
    """Where a channel of this name is for everybody, whatever `sources` say here: by the stack facts, else
    where conda looks for it."""
    return (stack.default_source(channel) or ALIAS + channel).rstrip("/")


def channel_of(url: str, channels: Mapping[str, str]) -> str | None:
    """The name of the channel at `url`; the credentials that a source may have do not count."""
    bare = _bare(url)
    return next((name for name, source in channels.items() if _bare(source) == bare), None)


def _bare(url: str) -> str:
    return re.sub(r"(?<=//)[^/]*@", "", url).rstrip("/")


def without_secrets(text: str) -> str:
    """`text` as it may be shown: without the passwords of its URLs, and without the tokens of conda servers.

    >>> without_secrets("error for https://me:secret@h/t/ab-12/c: 404")
    'error for https://***@h/t/***/c: 404'
    """
    return re.sub(r"(?<=/t/)[^/\s]+(?=/)", "***", without_credentials(text))
