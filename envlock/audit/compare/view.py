"""What text and page say alike: rows of words, one per route."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from envlock.audit.compare.model import BASE, Compared, Comparison, Host, Measured, Rebuild, Route
from envlock.report.text import size

Row = tuple[str, tuple[str, ...]]


def figures(comparison: Comparison) -> Iterator[Row]:
    """Bytes and seconds, a row per question."""
    routes = comparison.routes
    yield "download", tuple(_weighed(each, each.weight.download) for each in routes)
    yield "unpacked, as locked", tuple(_unpacked(each) for each in routes)
    yield "of it CUDA", tuple(_cuda(each) for each in routes)
    yield "CUDA twice", tuple(_twice(each) for each in routes)
    if comparison.host is not None:
        yield "size on disk", _of(comparison, lambda each: size(each.disk))
        yield "seconds, cold", _of(comparison, lambda each: f"{each.cold:.1f}")
        yield "seconds, warm", _of(comparison, lambda each: f"{each.warm:.1f}")
        yield "seconds to verify", _of(comparison, lambda each: f"{each.verify:.1f}")
        yield "verified", _of(comparison, lambda each: str(each.report.verdict))
        yield "same digest twice", _of(comparison, lambda each: _digest(each.rebuild))
        yield "files that differ", _of(comparison, lambda each: str(len(each.rebuild.changes)))


def _weighed(compared: Compared, count: int) -> str:
    """Zero bytes of nothing known is no answer."""
    return size(count) if compared.weight.shares else "-"


def _unpacked(compared: Compared) -> str:
    """A base image and conda packages are locked by the size of their archives alone."""
    is_part = any(share.unpacked is None for share in compared.weight.shares)
    return f"{'over ' if is_part else ''}{_weighed(compared, compared.weight.unpacked)}"


def _cuda(compared: Compared) -> str:
    found = sum(share.download for share in compared.weight.shares if share.is_cuda)
    return size(found) if found else "none"


def _twice(compared: Compared) -> str:
    weight = compared.weight
    if weight.cuda_twice:
        return "yes"
    has_cuda = any(share.is_cuda for share in weight.shares)
    is_blind = compared.route in (Route.DOCKER, Route.OCI) and not any(s.owner == BASE for s in weight.shares)
    return "unknown" if has_cuda and is_blind else "no"


def _of(comparison: Comparison, words: Callable[[Measured], str]) -> tuple[str, ...]:
    return tuple(words(each.measured) if each.measured is not None else "-" for each in comparison.routes)


def _digest(rebuild: Rebuild) -> str:
    return {None: "has none", True: "yes", False: "no"}[rebuild.same_digest]


def pins(comparison: Comparison) -> Iterator[Row]:
    """How far each part is pinned, a row per part."""
    for together in zip(*(each.pins for each in comparison.routes), strict=True):
        yield together[0].part, tuple(str(pin.depth) for pin in together)


def rebuilt(measured: Measured) -> Iterator[str]:
    """What two builds do not share, by kind, with a name or two of each."""
    kinds = Counter(change.kind for change in measured.rebuild.changes)
    for kind, count in sorted(kinds.items(), key=lambda each: (-each[1], each[0])):
        names = [change.path for change in measured.rebuild.changes if change.kind == kind]
        yield f"{count} {kind}: {', '.join(names[:2])}{', …' if count > 2 else ''}"
    if measured.rebuild.same_digest is False and not kinds:
        yield "every file is the same; the digests differ by times, such as when the image was made"
    if measured.rebuild.same_digest is True or (not kinds and measured.rebuild.same_digest is None):
        yield "no file differs in content or mode"
    if measured.rebuild.times_only:
        yield f"{measured.rebuild.times_only:,} files differ in their modification time alone"


def needs(compared: Compared) -> Iterator[str]:
    words = {True: "here", False: "not here", None: "cannot tell"}
    for need in compared.needs:
        yield f"{need.what}: {words[need.here]} ({need.seen})"


def owners(compared: Compared, most: int = 8) -> Iterator[tuple[str, int, str]]:
    """(owner, bytes of download, in words): the heaviest, and the others together."""
    shares = compared.weight.shares
    for share in shares[:most]:
        kind = " (CUDA)" if share.is_cuda else ""
        yield share.owner, share.download, f"{size(share.download)}{kind}"
    rest = shares[most:]
    if rest:
        total = sum(share.download for share in rest)
        yield f"{len(rest)} others", total, size(total)


def host_words(host: Host) -> str:
    machine = f"{host.cpu}, {host.cores} cores, {size(host.memory)}, Linux {host.kernel}"
    return f"{host.date}, {machine}, load {host.load}"
