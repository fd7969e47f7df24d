"""Why a lock holds what it holds, as a person reads it and as JSON: the owners of the bytes, then each
distribution with who asked for it and what fixed its version."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from envlock.lock.holding import Hold
from envlock.lock.needs import Need
from envlock.lock.why import Measure, Part, PlatformWhy, Why
from envlock.report.text import Paint, plain, size

if TYPE_CHECKING:
    from envlock.api import LockExplanation

_MOST_NEEDED_BY = 1
_WORDS_MISSING = "in words that are not at hand: `envlock lock` reads them"


@dataclass(frozen=True, kw_only=True, slots=True)
class LockLook:
    """How a lock is called, and how much is said: `quiet` leaves the distributions away, `verbose` has all
    who ask. `each`: distributions were named, and are told one by one."""

    lock: str
    manifest: str | None
    quiet: bool = False
    verbose: bool = False
    each: bool = False
    paint: Paint = plain


def render(found: LockExplanation, look: LockLook) -> str:
    """The whole explanation."""
    blocks = [list(_told_one_by_one(found) if look.each else _told_whole(found, look))]
    if found.without is not None and not look.quiet:
        blocks.append([f"{look.paint('note:', 'note')} {found.without}"])
    return "\n\n".join("\n".join(lines) for lines in blocks)


# The whole lock


def _told_whole(found: LockExplanation, look: LockLook) -> Iterator[str]:
    lock = found.lock
    held = [_count(len(lock.distributions), "distribution")]
    held += [_count(len(lock.conda_packages), "conda package")] if lock.conda_packages else []
    asked = f", asked for by {look.manifest}" if look.manifest else ""
    day = f", as of {lock.exclude_newer}" if lock.exclude_newer else ""
    yield f"{look.lock}: {' and '.join(held)} for Python {lock.python}{day}{asked}"
    for platform, part in _parts(found):
        yield ""
        yield from _owners(platform, part)
        if not look.quiet:
            yield ""
            yield f"why each is here, and what fixed its version ({platform}):"
            yield from _table([_row(each, look) for each in part.distributions])
    if not look.quiet:
        yield from _missing(found)


def _parts(found: LockExplanation) -> Iterator[tuple[str, Part]]:
    """The distributions of each platform, and its conda packages, with what they are called."""
    for each in found.platforms:
        if each.wheels.whole.distributions or each.conda is None:
            yield each.platform, each.wheels
        if each.conda is not None:
            yield f"conda, {each.platform}", each.conda


def _owners(platform: str, part: Part) -> Iterator[str]:
    """Who owns the bytes: each root with all it needs, and what nothing but it needs."""
    yield f"who owns the bytes ({platform}: {_sizes(part.whole)}):"
    sizes = ("download", "installed")
    rows = [("", "all it needs", *sizes, "nothing else needs", *sizes)]
    rows += [(share.root, *_cells(share.whole), *_cells(share.alone)) for share in part.shares]
    if part.shared.distributions:
        rows.append(("shared by several", "", "", "", *_cells(part.shared)))
    yield from _table(rows)


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' * (count != 1)}"


def _sizes(measure: Measure) -> str:
    installed = "" if measure.installed is None else f", {size(measure.installed)} installed"
    return f"{size(measure.download)} to download{installed}"


def _cells(measure: Measure) -> tuple[str, str, str]:
    if not measure.distributions:
        return "nothing", "", ""
    count = _count(measure.distributions, "distribution" if measure.installed is not None else "package")
    return count, size(measure.download), _known(measure.installed)


def _known(count: int | None) -> str:
    return "" if count is None else size(count)


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  " + "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()


def _missing(found: LockExplanation) -> Iterator[str]:
    """How to come to know what is not known."""
    silent = {
        need.by
        for _, part in _parts(found)
        for why in part.distributions
        for need in why.needs
        if need.specifier is None
    }
    if silent:
        yield ""
        which = f"what {_count(len(silent), 'distribution')} require{'s' * (len(silent) == 1)} of others"
        yield f"note: {which} is not at hand, and what an extra needs counts for all: `envlock lock` reads it"


def _row(why: Why, look: LockLook) -> tuple[str, str, str, str, str]:
    bytes_ = why.download if why.installed is None else why.installed
    return why.name, why.version, size(bytes_), _needed_by(why, look), _fixed(why, "")


def _needed_by(why: Why, look: LockLook) -> str:
    """`asked for`, or the distributions that need it, first the one on the way to it; shortened."""
    if any(need.by is None and not need.is_constraint for need in why.needs):
        return "asked for"
    nearest = [node.partition("[")[0] for node in why.path[-2:-1]]
    names = list(dict.fromkeys([*nearest, *(need.by for need in why.needs if need.by is not None)]))
    if not names:
        return "needed by nothing else"
    most = len(names) if look.verbose else _MOST_NEEDED_BY
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"for {', '.join(names[:most])}{more}"


# What fixed a version


def _fixed(why: Why, day: str) -> str:
    match why.hold:
        case Hold.PINNED:
            return f"pinned by {_who(why.by)}"
        case Hold.HELD:
            return f"the newest that {_who(why.by)} admits{day}"
        case Hold.FREE:
            return f"the newest that fitted{day}"
        case _:
            return "not known"


def _who(needs: Iterable[Need]) -> str:
    return ", ".join(dict.fromkeys(f"{need.by or need.origin} ({need.specifier})" for need in needs))


# One by one


def _told_one_by_one(found: LockExplanation) -> Iterator[str]:
    several = len(list(_parts(found))) > 1
    rows = [(platform, why) for platform, part in _parts(found) for why in part.distributions]
    for number, (platform, why) in enumerate(rows):
        yield from [""] * (number > 0)
        on = f" on {platform}" if several else ""
        measure = Measure(distributions=1, download=why.download, installed=why.installed)
        yield f"{why.name} {why.version}{on}: {_sizes(measure)}"
        yield from (f"  {label:<8}  {text}" for label, text in _details(why, found))


def _details(why: Why, found: LockExplanation) -> Iterator[tuple[str, str]]:
    if len(why.path) > 1:
        yield "way", " → ".join(why.path)
    if why.index != "default":
        yield "from", why.index
    for need in why.needs:
        yield ("limited" if need.is_constraint else "asked by"), _asker(need)
    yield "version", _fixed(why, f" by {found.lock.exclude_newer}" if found.lock.exclude_newer else "")
    if why.hold in (Hold.FREE, Hold.HELD) and why.installed is not None:  # a wheel
        yield "to renew", f"`envlock lock --upgrade-package {why.name}`"
    if len(why.roots) > 1:
        yield "roots", f"{', '.join(why.roots)}: it goes only if all of them go"
    elif why.roots and why.roots != (why.name,):
        yield "roots", f"{why.roots[0]}: it goes with it"


def _asker(need: Need) -> str:
    who = f"{need.by or need.origin}"
    if need.specifier is None:
        return f"{who}, {_WORDS_MISSING}"
    extras = f"[{','.join(need.extras)}]" if need.extras else ""
    words = f"{extras}{need.specifier}" or "any version"
    return f"{who}: {words}"


# JSON


def document(found: LockExplanation) -> dict[str, Any]:
    """The explanation as `--json` prints it."""
    return {
        "schema": "envlock.explain-lock/1",
        "lockfile": str(found.path),
        "manifest": None if found.manifest is None else str(found.manifest),
        "without": found.without,
        "python": found.lock.python,
        "exclude_newer": found.lock.exclude_newer,
        "platforms": [_platform(platform) for platform in found.platforms],
    }


def _platform(platform: PlatformWhy) -> dict[str, Any]:
    conda = None if platform.conda is None else _part(platform.conda)
    return {"platform": platform.platform, **_part(platform.wheels), "conda": conda}


def _part(part: Part) -> dict[str, Any]:
    return {
        "whole": _measure(part.whole),
        "roots": [
            {"name": share.root, "whole": _measure(share.whole), "alone": _measure(share.alone)}
            for share in part.shares
        ],
        "shared": _measure(part.shared),
        "distributions": [_distribution(why) for why in part.distributions],
    }


def _measure(measure: Measure) -> dict[str, int | None]:
    return {
        "distributions": measure.distributions,
        "download": measure.download,
        "installed": measure.installed,
    }


def _distribution(why: Why) -> dict[str, Any]:
    return {
        "name": why.name,
        "version": why.version,
        "index": why.index,
        "download": why.download,
        "installed": why.installed,
        "roots": list(why.roots),
        "path": list(why.path),
        "needs": [_need(need) for need in why.needs],
        "hold": str(why.hold),
        "held_by": [_need(need) for need in why.by],
    }


def _need(need: Need) -> dict[str, Any]:
    return {
        "by": need.by,
        "origin": need.origin,
        "specifier": need.specifier,
        "extras": list(need.extras),
        "constraint": need.is_constraint,
    }
