"""A comparison as a person reads it on a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from envlock.audit.compare import view
from envlock.audit.compare.model import Comparison


def render(comparison: Comparison, *, is_verbose: bool = False) -> str:
    return "\n".join(_lines(comparison, is_verbose))


def _lines(comparison: Comparison, is_verbose: bool) -> Iterator[str]:
    yield f"{comparison.project or 'the lock'}, {comparison.platform}, {comparison.runtime}"
    host = comparison.host
    yield "planned from the lock; nothing was made" if host is None else f"measured {view.host_words(host)}"
    heading = ("", tuple(str(each.route) for each in comparison.routes))
    yield ""
    yield from _table([heading, *view.figures(comparison)])
    yield ""
    yield from _table([("how far it is pinned", heading[1]), *view.pins(comparison)])
    for each in comparison.routes:
        yield ""
        yield str(each.route)
        if each.fault is not None:
            yield f"  not made: {each.fault.message}"
            yield from (f"    hint: {each.fault.hint}" for _ in range(1) if each.fault.hint)
        if each.weight.cuda_twice:
            yield f"  CUDA comes twice: in the wheels, and from {each.weight.cuda_twice}"
        yield from (f"  needs {line}" for line in view.needs(each))
        if each.measured is not None:
            yield from (f"  built twice: {line}" for line in view.rebuilt(each.measured))
        yield from (f"  not counted: {line}" for line in each.weight.unknown)
        if is_verbose:
            yield from (f"  {pin.part}: {pin.how}" for pin in each.pins)
    yield ""
    yield "who brings the bytes to download"
    for each in comparison.routes:
        found = ", ".join(f"{owner} {words}" for owner, _, words in view.owners(each))
        yield f"  {each.route:<7} {found or 'nothing is locked'}"


def _table(rows: Iterable[view.Row]) -> Iterator[str]:
    rows = list(rows)
    first = max(len(label) for label, _ in rows)
    widths = [max(len(cells[n]) for _, cells in rows) for n in range(len(rows[0][1]))]
    for label, cells in rows:
        padded = "  ".join(f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True))
        yield f"{label:<{first}}  {padded}".rstrip()
