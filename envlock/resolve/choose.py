"""From pins to wheels: the one that installers would take on a platform (IDENTITY 1)."""

from __future__ import annotations

from collections.abc import Mapping

from packaging.tags import Tag
from packaging.utils import NormalizedName

from envlock.errors import NoWheel
from envlock.resolve.model import Candidate, Chosen, Pin
from envlock.resolve.refusal import wheel_hint
from envlock.resolve.request import Request
from envlock.resolve.tags import best_wheel, series, supported_tags, tags_of


def choose_wheels(request: Request, pins: Mapping[NormalizedName, Pin]) -> tuple[Chosen, ...]:
    """One wheel per pin, sorted by name. Raises NoWheel for the first that has none."""
    tags = supported_tags(request.platform, series(request.manifest.python), request.manifest.glibc)
    return tuple(_chosen(request, pins[name], tags) for name in sorted(pins))


def _chosen(request: Request, pin: Pin, tags: tuple[Tag, ...]) -> Chosen:
    wheel = _wheel(request, pin, tags)
    return Chosen(name=pin.name, version=pin.version, index=pin.index, wheel=wheel)


def _wheel(request: Request, pin: Pin, tags: tuple[Tag, ...]) -> Candidate:
    """The best that fits; among those with a hash that the manifest names, where it names any."""
    hashes = request.hashes(pin.name)
    allowed = {each.file: each for each in pin.candidates if not hashes or each.sha256 in hashes}
    file = best_wheel(allowed, tags)
    if file is not None:
        return allowed[file]
    if allowed or not pin.candidates:
        raise _no_wheel(request, pin)
    raise _no_hash(request, pin)


def _no_wheel(request: Request, pin: Pin) -> NoWheel:
    message = f"`{pin.name}` {pin.version} has no wheel for {request.spoken_target()}"
    hint = wheel_hint(request, pin.name)
    return NoWheel(message, where=request.where, hint=hint, facts=[_exists(pin)])


def _no_hash(request: Request, pin: Pin) -> NoWheel:
    message = f"no wheel of `{pin.name}` {pin.version} has a hash that the manifest gives"
    hint = f"write the hashes of `{pin.name}` {pin.version} anew, or ask for the version they belong to"
    return NoWheel(message, where=request.where, hint=hint, facts=[_exists(pin)])


def _exists(pin: Pin) -> tuple[str, str]:
    return "exists", ", ".join(tags_of(each.file for each in pin.candidates)) or "no wheel"
