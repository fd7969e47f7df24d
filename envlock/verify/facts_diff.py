"""What differs between the facts of two hosts: the most likely cause first, the harmless apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from operator import itemgetter
from typing import Any

from envlock.agent.facts import DistributionFacts, Facts, GpuDeviceFacts
from envlock.report import Report, Severity
from envlock.report.facts_diff import Difference, FactsDiff
from envlock.verify.smallest import explanation_of

_MOST_FILES = 3
# Of the host's facts: what another machine may have without another result. The rest can matter.
_HARMLESS_HOST = {"name", "kernel"}
# Said better by the GPUs and the kernels themselves, or by what it is behind its links.
_SAID_ELSEWHERE = {"nvidia_capabilities", "libcuda"}
_HOST_WORDS = {
    "nvidia_driver": "NVIDIA driver",
    "libc": "C library",
    "platform": "platform",
    "libstdcxx": "GLIBCXX",
    "cpu_level": "CPU level",
}


def diff_facts(old: Facts, new: Facts) -> FactsDiff:
    """Compare two facts documents. The first difference is the most likely cause of all others.

    Another Python takes other wheels: then distributions of one version with other files are told in one
    line, as what follows from it.
    """
    causes = list(_causes(old, new))
    return FactsDiff(
        differences=tuple(causes),
        harmless=tuple(_harmless(old, new)),
        explanation=_smallest(causes),
    )


def diff_lock(report: Report) -> FactsDiff:
    """A lock and facts, by what judging them found: notes are what is harmless."""
    rows = [
        (
            each,
            Difference(component=each.component, message=each.message, old=each.expected, new=each.observed),
        )
        for each in report.findings
    ]
    return FactsDiff(
        differences=tuple(row for each, row in rows if each.severity is not Severity.NOTE),
        harmless=tuple(row for each, row in rows if each.severity is Severity.NOTE),
        explanation=explanation_of(report.findings),
    )


def _smallest(causes: list[Difference]) -> str | None:
    if not causes:
        return None
    others = len(causes) - 1
    more = f" (and {others} other {'differences' if others > 1 else 'difference'})" if others else ""
    return causes[0].message + more


def _causes(old: Facts, new: Facts) -> Iterator[Difference]:
    """What else follows from comes first."""
    series = list(_python(old, new))
    yield from series
    yield from _host(old, new, harmless=False)
    yield from _gpu(old, new)
    yield from _distributions(old, new, other_python=bool(series))
    yield from _conda(old, new)
    yield from _sets("library", "`{}` is loaded first", _libraries(old), _libraries(new))
    yield from _environment(old, new)
    yield from _sets("foreign", "`{}` belongs to no distribution", _files(old), _files(new))
    yield from _sets("path", "`{}` is on sys.path", _directories(old), _directories(new))
    yield from _sets("bytecode", "`{}` is not what its source compiles to", _bytecode(old), _bytecode(new))
    if not series:
        yield from _standard_library(old, new)


def _harmless(old: Facts, new: Facts) -> Iterator[Difference]:
    yield from _host(old, new, harmless=True)
    yield from _gpu_care(old, new)
    for name in ("prefix", "level"):
        yield from _value(name, name, old.get(name), new.get(name))


def _value(component: str, words: str, old: Any, new: Any) -> Iterator[Difference]:
    if old != new:
        before, after = (None if value is None else str(value) for value in (old, new))
        message = f"{words}: {_or_none(before)} and {_or_none(after)}"
        yield Difference(component=component, message=message, old=before, new=after)


def _or_none(value: str | None) -> str:
    if value is None:
        return "none"
    return f"`{value}`" if value else "empty"


def _python(old: Facts, new: Facts) -> Iterator[Difference]:
    yield from _value("python", "Python", _called(old), _called(new))


def _called(facts: Facts) -> str | None:
    python = facts["python"]
    return f"{python['implementation']} {python['version']} ({python['soabi']})" if python else None


def _standard_library(old: Facts, new: Facts) -> Iterator[Difference]:
    before, after = (each["python"]["standard_library"] if each["python"] else None for each in (old, new))
    if before and after and before != after:
        message = "the standard library of one Python has other bytes"
        yield Difference(component="python", message=message, old=before, new=after)


def _host(old: Facts, new: Facts, *, harmless: bool) -> Iterator[Difference]:
    before, after = old["host"], new["host"]
    for name in sorted({*before, *after} - _SAID_ELSEWHERE):
        if (name in _HARMLESS_HOST) is harmless:
            yield from _value(f"host:{name}", _HOST_WORDS.get(name, name), before.get(name), after.get(name))


def _gpu(old: Facts, new: Facts) -> Iterator[Difference]:
    """What decides which kernels run, then the driver's user-space half, then what else decides them."""
    yield from _value("gpu:devices", "GPUs", _devices(old), _devices(new))
    for key, words in (("driver", "user-space NVIDIA driver"), ("fault", "why NVML tells nothing")):
        yield from _value(f"gpu:{key}", words, old["gpu"].get(key), new["gpu"].get(key))
    before, after = old["kernels"], new["kernels"]
    for name in sorted({*before, *after} - {"gpu"}):
        yield from _value(f"kernels:{name}", name, before.get(name), after.get(name))


def _gpu_care(old: Facts, new: Facts) -> Iterator[Difference]:
    """How GPUs are looked after, and handed to containers: no result depends on it."""
    yield from _value("gpu:modes", "ECC, persistence", _modes(old), _modes(new))
    for key in ("libcuda", "toolkit"):
        yield from _value(f"gpu:{key}", key, old["gpu"].get(key), new["gpu"].get(key))


def _devices(facts: Facts) -> str | None:
    """`2 x NVIDIA H100 80GB HBM3 (9.0, 132 SMs)`, and the like of each kind."""
    kinds = Counter(map(_device, facts["gpu"]["devices"]))
    return ", ".join(f"{count} x {kind}" for kind, count in sorted(kinds.items())) or None


def _device(device: GpuDeviceFacts) -> str:
    counted = f", {device['multiprocessors']} SMs" if device["multiprocessors"] else ""
    memory = f", {device['memory'] / 2**30:.0f} GiB" if device["memory"] else ""
    mig = ", MIG" if device["mig"] else ""
    return f"{device['name']} ({device['capability'] or '?'}{counted}{memory}{mig})"


def _modes(facts: Facts) -> str | None:
    found = [f"{each['ecc']}/{each['persistence']}" for each in facts["gpu"]["devices"]]
    return " ".join(found) or None


def _environment(old: Facts, new: Facts) -> Iterator[Difference]:
    """Facts have settings of the lock, and variables that can change code or numbers: none is harmless."""
    before, after = old["environment"], new["environment"]
    for name in sorted({*before, *after}):
        yield from _value(f"environment:{name}", name, before.get(name), after.get(name))


# Distributions


def _distributions(old: Facts, new: Facts, *, other_python: bool) -> Iterator[Difference]:
    before, after = _by_name(old), _by_name(new)
    rebuilt = 0
    for name in sorted({*before, *after}):
        one, other = before.get(name), after.get(name)
        if one is None or other is None or one["version"] != other["version"]:
            versions = [each["version"] if each else None for each in (one, other)]
            yield from _value(f"distribution:{name}", name, *versions)
        elif None not in (one["digest"], other["digest"]) and one["digest"] != other["digest"]:
            if other_python:
                rebuilt += 1
            else:
                yield _other_files(one, other)
    if rebuilt:
        counted = "1 distribution" if rebuilt == 1 else f"{rebuilt} distributions"
        message = f"other files of the same version, as another Python takes them: {counted}"
        yield Difference(component="distributions", message=message, old=None, new=None)


def _by_name(facts: Facts) -> Mapping[str, DistributionFacts]:
    """The first of each name: it is the one that is imported."""
    found: dict[str, DistributionFacts] = {}
    for each in facts["distributions"]:
        found.setdefault(each["name"], each)
    return found


def _other_files(old: DistributionFacts, new: DistributionFacts) -> Difference:
    changed = [{(row["path"], row["observed"]) for row in each["changed"]} for each in (old, new)]
    paths = sorted({path for path, _ in changed[0] ^ changed[1]})
    more = f" and {len(paths) - _MOST_FILES} more" if len(paths) > _MOST_FILES else ""
    which = f": `{'`, `'.join(paths[:_MOST_FILES])}`{more}" if paths else ""
    return Difference(
        component=f"distribution:{old['name']}",
        message=f"{old['name']} {old['version']} has other files{which}",
        old=old["digest"],
        new=new["digest"],
    )


def _conda(old: Facts, new: Facts) -> Iterator[Difference]:
    before, after = _packages(old), _packages(new)
    for name in sorted({*before, *after}):
        yield from _value(f"conda:{name}", name, before.get(name), after.get(name))


def _packages(facts: Facts) -> Mapping[str, str]:
    conda = facts["conda"]
    rows = conda["packages"] if conda else []
    return {row["name"]: f"{row['version']} {row['build']} {row['digest'] or ''}".strip() for row in rows}


# What is there on one host only


def _sets(component: str, words: str, old: Iterable[str], new: Iterable[str]) -> Iterator[Difference]:
    one, other = set(old), set(new)
    for each in sorted(one ^ other):
        place = "in the first only" if each in one else "in the second only"
        before, after = (each if each in side else None for side in (one, other))
        yield Difference(component=component, message=f"{words.format(each)}, {place}", old=before, new=after)


def _libraries(facts: Facts) -> set[str]:
    return set(map(itemgetter("file"), facts["libraries"]))


def _files(facts: Facts) -> set[str]:
    return {_inside(row["file"], facts) for row in facts["foreign"] if not row["system"]}


def _directories(facts: Facts) -> set[str]:
    return {_inside(row["directory"], facts) for row in facts["paths"]}


def _bytecode(facts: Facts) -> set[str]:
    return {_inside(row["file"], facts) for row in facts["bytecode"]}


def _inside(path: str, facts: Facts) -> str:
    """Relative to the prefix where it is inside: two hosts may have it in different places."""
    return path.removeprefix(facts["prefix"].rstrip("/") + "/")
