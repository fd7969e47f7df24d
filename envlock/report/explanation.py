"""An explanation as a person reads it: the verdict, its reasons with their sources, and what is nearest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from envlock.report.text import Paint, plain
from envlock.stack.combination import Combination, Explanation, Real, Reason, Verdict
from envlock.stack.sources import Source

_MOST_SOURCES = 3
_MOST_LISTED = 8
_MEANINGS = {
    Verdict.EXISTS: "match",
    Verdict.UNKNOWN: "unknown",
    Verdict.NOTE: "note",
    Verdict.NEVER_PUBLISHED: "mismatch",
    Verdict.WILL_NOT_RUN: "mismatch",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class ExplanationLook:
    """How an explanation is shown. `quiet` leaves all but the first line away, `verbose` shortens nothing.
    `subject` is how the lock is called that is asked about; None: a combination is."""

    subject: str | None = None
    quiet: bool = False
    verbose: bool = False
    paint: Paint = plain


def render(found: Explanation, look: ExplanationLook) -> str:
    """The whole explanation."""
    verdict = look.paint(f"{found.verdict}:", _MEANINGS[found.verdict])
    lines = [f"{verdict} {_asked(found.asked, look.subject)}"]
    if not look.quiet:
        lines += [f"  {line}" for reason in found.reasons for line in _reason(reason, look)]
        lines += _nearest(found, look)
        lines += _legend(found.reasons, look)
    return "\n".join(lines)


def _asked(asked: Combination, subject: str | None) -> str:
    """`torch==2.6.0, CUDA 12.1, driver 535.54`, or the name of the lock and the host."""
    torch = [] if asked.torch is None else [asked.torch.text]
    rows = (
        ("CUDA ", asked.cuda if asked.cuda != "cpu" else None),
        ("the CPU", "" if asked.cuda == "cpu" else None),
        ("cuDNN ", asked.cudnn),
        ("NCCL ", asked.nccl),
        ("Python ", asked.python),
        ("", None if asked.image is None else f"{asked.image.repository}:{asked.image.tag}"),
        ("driver ", asked.driver),
        ("GPU ", asked.gpu),
        ("glibc ", asked.glibc),
    )
    said = [f"{label}{value}" for label, value in rows if value is not None]
    named = [] if subject is None else [subject]
    return ", ".join([*named, *torch, *asked.other_requirements, *said])


# Reasons


def _reason(reason: Reason, look: ExplanationLook) -> Iterator[str]:
    label = look.paint("note:", "note") + " " if reason.verdict is Verdict.NOTE else ""
    names = [source.name for source in _shown(reason.sources, look)]
    more = len(reason.sources) - len(names)
    cited = f" [{', '.join(names)}{f' and {more} more' if more else ''}]" if names else ""
    yield f"{label}{reason.message}{cited}"
    if reason.hint is not None:
        yield f"  {reason.hint}"


def _shown(sources: tuple[Source, ...], look: ExplanationLook) -> tuple[Source, ...]:
    return sources if look.verbose else sources[:_MOST_SOURCES]


def _legend(reasons: Iterable[Reason], look: ExplanationLook) -> Iterator[str]:
    """What the names in brackets stand for, each once."""
    shown = dict.fromkeys(source for reason in reasons for source in _shown(reason.sources, look))
    if shown:
        width = max(len(source.name) for source in shown)
        yield ""
        yield "sources:"
        yield from (f"  {source.name:<{width}}  {source.text}" for source in shown)


# What is nearest


def _nearest(found: Explanation, look: ExplanationLook) -> Iterator[str]:
    if not found.nearest:
        return
    yield ""
    if found.verdict is Verdict.EXISTS and not found.lists_all:
        yield from (line.removeprefix("  ") for real in found.nearest for line in _real(real, look))
        return
    most = len(found.nearest) if look.verbose or not found.lists_all else _MOST_LISTED
    yield "all that fit, the newest first:" if found.lists_all else "nearest that exist:"
    for real in found.nearest[:most]:
        yield from [f"  {_headline(real)}"] if found.lists_all else _real(real, look)
    if len(found.nearest) > most:
        yield f"  … and {len(found.nearest) - most} more (`-v` has them all)"


def _headline(real: Real) -> str:
    """`PyTorch 2.6.0, CUDA 12.4 (default wheel), cuDNN 9.1.0.70, NCCL 2.21.5, Triton 3.2.0`."""
    default = " (default wheel)" if real.is_default else ""
    parts = [f"PyTorch {real.torch}", ("CPU" if real.cuda == "cpu" else f"CUDA {real.cuda}") + default]
    for label, value in (("cuDNN", real.cudnn), ("NCCL", real.nccl), ("Triton", real.triton)):
        parts += [f"{label} {value}"] if value else []
    return ", ".join(parts)


def _real(real: Real, look: ExplanationLook) -> Iterator[str]:
    yield f"  {_headline(real)}"
    yield from (f"    {label:<8}  {text}" for label, text in _rows(real, look))


def _rows(real: Real, look: ExplanationLook) -> Iterator[tuple[str, str]]:
    requirements, cuda = real.manifest["requirements"], real.manifest["cuda"]
    yield "manifest", f'requirements = ["{requirements[0]}"], cuda = "{cuda}"'
    images = real.images if look.verbose else real.images[:1]
    yield from (("image", f"pytorch/pytorch:{tag}") for tag in images)
    if real.driver is not None:
        came = f" ({real.toolkit_driver} came with CUDA {real.cuda})" if real.toolkit_driver else ""
        yield "driver", f"{real.driver} or newer{came}"
    if real.archs:
        yield "GPUs", " ".join(real.archs)
    if real.pythons:
        yield "Python", _pythons(real)


def _pythons(real: Real) -> str:
    from envlock.stack.combination.spoken import pythons_called

    return pythons_called(real.pythons)
