"""What differs between two locks, as a person reads it and as JSON: the runtime hash first, then what
explains it, then what leaves it as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any

from envlock.lock.conda.diff import CondaChange
from envlock.lock.diff import (
    GLIBC,
    PYTHON,
    DistributionChange,
    Kind,
    LockDiff,
    Pin,
    PlatformDiff,
    ValueChange,
    WheelChange,
)
from envlock.lock.model import Fixup, Wheel
from envlock.report.text import Paint, plain

_MOST_BELOW = 12
_STACK = {
    "torch": "PyTorch",
    "cuda": "CUDA",
    "cudnn": "cuDNN",
    "nccl": "NCCL",
    "triton": "Triton",
    "driver": "driver",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class DiffLook:
    """How a difference is shown. `old` and `new` are how the locks are called; `quiet` leaves all but the
    first line away, `verbose` shortens nothing and adds hashes."""

    old: str
    new: str
    quiet: bool = False
    verbose: bool = False
    paint: Paint = plain


def render(diff: LockDiff, look: DiffLook) -> str:
    """The whole difference."""
    lines = [_headline(diff, look)]
    if not look.quiet:
        lines += _hashes(diff, look)
        lines += _titled("what changes the runtime hash", _runtime(diff, look))
        lines += _titled("what does not change it", _harmless(diff, look))
    return "\n".join(lines)


def _titled(title: str, lines: Iterable[str]) -> list[str]:
    below = [f"  {line}" for line in lines]
    return ["", f"{title}:", *below] if below else []


# The runtime hash


def _headline(diff: LockDiff, look: DiffLook) -> str:
    both = f"{look.old} and {look.new}"
    shared = [platform for platform in diff.platforms if platform.is_shared]
    differing = [platform.platform for platform in shared if platform.differs]
    if diff.is_empty:
        return f"{look.paint('equal:', 'match')} {both} say the same"
    if not shared:
        return f"{look.paint('differs:', 'differs')} {both} have no platform in common"
    if not differing:
        where = (
            ""
            if len(shared) == len(diff.platforms)
            else f" on the platform{'s' * (len(shared) != 1)} of both"
        )
        return f"{look.paint('differs:', 'note')} {both}, but the same files get installed{where}"
    return f"{look.paint('differs:', 'differs')} {both} install {_other(diff, shared)}"


def _other(diff: LockDiff, shared: Sequence[PlatformDiff]) -> str:
    touched = {platform for change in diff.distributions for platform in change.platforms}
    touched |= {platform for change in diff.conda for platform in change.platforms}
    if touched:
        return f"other files{f' on {_list(sorted(touched))}' if len(touched) < len(shared) else ''}"
    return f"the same files, {'for another Python' if diff.python else 'under other settings'}"


def _hashes(diff: LockDiff, look: DiffLook) -> Iterator[str]:
    """Per platform the runtime hash, and the stack in one line where it differs."""
    width = max((len(row.platform) for row in diff.platforms), default=0)
    for row in diff.platforms:
        name = f"  {row.platform:<{width}}  "
        if row.differs:
            yield from _both_hashes(row, name)
            yield from (f"{' ' * len(name)}{line}" for line in _stack(row))
        elif row.is_shared:
            yield f"{name}both {row.old}"
        else:
            yield f"{name}only {look.new if row.old is None else look.old} has it: {row.old or row.new}"


def _both_hashes(row: PlatformDiff, name: str) -> Iterator[str]:
    """The hashes of a platform where something differs: of an environment of wheels, of a conda prefix."""
    if row.old != row.new:
        yield f"{name}old  {row.old}"
        yield f"{' ' * len(name)}new  {row.new}"
    else:
        yield f"{name}both {row.old}"
    if row.old_conda != row.new_conda:
        yield f"{' ' * len(name)}old  {_value(row.old_conda)} (conda)"
        yield f"{' ' * len(name)}new  {_value(row.new_conda)} (conda)"


def _stack(row: PlatformDiff) -> Iterator[str]:
    changed = {change.name: change for change in row.stack}
    parts = [f"{label} {_arrow(changed[key])}" for key, label in _STACK.items() if key in changed]
    if "variant" in changed and "cuda" not in changed:
        parts.append(f"variant {_arrow(changed['variant'])}")
    if parts:
        yield ", ".join([f"PyTorch {row.torch}", *parts] if row.torch else parts)
    if "gpu-archs" in changed:
        yield _gpus(changed["gpu-archs"])


def _gpus(change: ValueChange) -> str:
    old, new = ((text or "").split() for text in (change.old, change.new))
    gone, more = [each for each in old if each not in new], [each for each in new if each not in old]
    rows = [("no longer built for", gone), ("newly built for", more)]
    told = [f"{label} {' '.join(archs)}" for label, archs in rows if archs]
    return f"GPUs: {', '.join(told) or 'the same in another order'}"


def _arrow(change: ValueChange) -> str:
    return f"{_value(change.old)} → {_value(change.new)}"


def _value(text: str | None) -> str:
    return "none" if text is None else text


# What explains it


def _runtime(diff: LockDiff, look: DiffLook) -> Iterator[str]:
    below = {cause: [each for each in diff.distributions if each.cause == cause] for cause in _causes(diff)}
    shared = tuple(row.platform for row in diff.platforms if row.is_shared)
    telling = _Telling(look=look, shared=shared)
    if diff.python is not None:
        yield f"Python {_arrow(diff.python)}{_exactly(diff)}"
        yield from telling.below(PYTHON, below.get(PYTHON, []))
    for change in diff.values:
        if change.name == GLIBC and GLIBC in below:
            yield f"glibc {_arrow(change)}"
            yield from telling.below(GLIBC, below[GLIBC])
    for setting in diff.settings:
        yield _setting(setting)
    for each in diff.distributions:
        if each.cause is None:
            yield from telling.whole(each)
            yield from telling.below(each.name, below.pop(each.name, []))
    for package in diff.conda:
        yield from telling.conda(package)


def _causes(diff: LockDiff) -> set[str]:
    return {each.cause for each in diff.distributions if each.cause is not None}


def _exactly(diff: LockDiff) -> str:
    exact = [change for change in diff.values if change.name == "python-exact"]
    return f" ({_arrow(exact[0])} where one is installed)" if exact else ""


def _setting(change: ValueChange) -> str:
    match change:
        case ValueChange(old=None):
            return f"setting {change.name}={change.new} is new"
        case ValueChange(new=None):
            return f"setting {change.name}={change.old} is gone"
        case _:
            return f"setting {change.name}: {_arrow(change)}"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Telling:
    """Lines about distributions; platforms are named where they are not all that both locks have."""

    look: DiffLook
    shared: tuple[str, ...]

    def whole(self, change: DistributionChange) -> Iterator[str]:
        yield self._line(change)
        if change.kind in (Kind.OTHER_BYTES, Kind.OTHER_WHEEL) or self.look.verbose:
            yield from (f"  {line}" for wheel in change.wheels for line in self._wheels(change, wheel))

    def below(self, cause: str, changes: Sequence[DistributionChange]) -> Iterator[str]:
        """What changed with its cause. Other bytes under one file name are told whole wherever they are."""
        most = len(changes) if self.look.verbose else _MOST_BELOW
        if not changes:
            return
        yield f"  {_BELOW.get(cause, f'there only because of {cause}')}:"
        loud = [each for each in changes if each.kind is Kind.OTHER_BYTES]
        quiet = [each for each in changes if each.kind is not Kind.OTHER_BYTES]
        shown = quiet if len(quiet) <= most + 1 else quiet[:most]
        for each in (*loud, *shown):
            yield from (f"    {line}" for line in (self.whole(each) if each in loud else self._brief(each)))
        if len(shown) < len(quiet):
            yield f"    … and {len(quiet) - len(shown)} more (`-v` has them all)"

    def conda(self, change: CondaChange) -> Iterator[str]:
        yield f"conda package {change.name} {_conda_what(change)}{self._on(change.platforms)}"
        if self.look.verbose:
            for label, pin in (("old", change.old), ("new", change.new)):
                if pin is not None:
                    yield f"  {label}  {pin.subdir}, paths {pin.paths}"

    def _brief(self, change: DistributionChange) -> Iterator[str]:
        return self.whole(change) if self.look.verbose else iter([self._line(change)])

    def _line(self, change: DistributionChange) -> str:
        return f"{change.name} {_what(change)}{self._on(change.platforms)}"

    def _on(self, platforms: tuple[str, ...]) -> str:
        return "" if platforms == self.shared else f" (on {_list(platforms)})"

    def _wheels(self, change: DistributionChange, wheel: WheelChange) -> Iterator[str]:
        """File, index and both hashes of the wheel before and after."""
        if len(change.wheels) > 1:
            yield f"on {_list(wheel.platforms)}"
        for label, pin, each in (("old", change.old, wheel.old), ("new", change.new, wheel.new)):
            if pin is not None and each is not None:
                yield f"{label}  {each.file} of the index `{pin.index}`"
                yield f"     sha256 {each.sha256}"
                yield f"     digest {each.digest}"


_BELOW = {
    PYTHON: "the same versions, in the wheels of that Python",
    GLIBC: "the same versions, in the wheels for that glibc",
}


def _what(change: DistributionChange) -> str:
    old, new = change.old, change.new
    match change.kind:
        case Kind.ADDED:
            return f"{new.version if new else ''} is new"
        case Kind.REMOVED:
            return f"{old.version if old else ''} is gone"
        case Kind.VERSION:
            return f"{old.version if old else ''} → {new.version if new else ''}{_moved(old, new)}"
        case Kind.OTHER_WHEEL:
            return f"{new.version if new else ''}: same version, another wheel{_moved(old, new)}"
        case _:  # those with the same files stand apart, under what does not change the hash
            return f"{new.version if new else ''}: SAME VERSION, OTHER BYTES{_moved(old, new)}"


def _conda_what(change: CondaChange) -> str:
    old, new = (None if pin is None else f"{pin.version} {pin.build}" for pin in (change.old, change.new))
    if old is None:
        return f"{new} is new"
    if new is None:
        return f"{old} is gone"
    return f"{old} → {new}" if old != new else f"{new}: SAME BUILD, OTHER FILES"


def _moved(old: Pin | None, new: Pin | None) -> str:
    if old is None or new is None or old.index == new.index:
        return ""
    return f" (index `{old.index}` → `{new.index}`)"


# What does not


def _harmless(diff: LockDiff, look: DiffLook) -> Iterator[str]:
    told = {"python-exact"} if diff.python is not None else set()
    told |= {GLIBC} & _causes(diff)
    for change in diff.values:
        if change.name not in told:
            yield _VALUES.get(change.name, _named)(change)
    for row in diff.platforms:
        if row.is_shared and not row.differs:
            yield from (f"{row.platform}: {line}" for line in _stack(row))
    shared = tuple(row.platform for row in diff.platforms if row.is_shared)
    telling = _Telling(look=look, shared=shared)
    for (what, platforms), group in groupby(sorted(diff.same_files, key=_story), key=_story):
        names = [f"{each.name} {_version(each)}" for each in group]
        most = len(names) if look.verbose or len(names) <= _MOST_BELOW + 1 else _MOST_BELOW
        more = f" and {len(names) - most} more (`-v` has them all)" if len(names) > most else ""
        yield f"{what}{telling._on(platforms)}: {', '.join(names[:most])}{more}"


def _version(change: DistributionChange) -> str:
    return change.new.version if change.new else ""


def _story(change: DistributionChange) -> tuple[str, tuple[str, ...]]:
    return ", ".join(_kept(change)), change.platforms


def _named(change: ValueChange) -> str:
    return f"{change.name} {_arrow(change)}"


def _manifest(_change: ValueChange) -> str:
    return "the manifest is another one, or has changed"


def _exact(change: ValueChange) -> str:
    return f"Python {_arrow(change)} where one is installed (conda, Docker)"


_VALUES: Mapping[str, Callable[[ValueChange], str]] = {"manifest": _manifest, "python-exact": _exact}


def _kept(change: DistributionChange) -> Iterator[str]:
    """In which ways a distribution is another one although it installs the same files."""
    old, new = change.old, change.new
    if old and new and old.index != new.index:
        yield f"the same files of the index `{new.index}`, not `{old.index}`"
    if old and new and old.requires != new.requires:
        yield "needs others of the locked"
    pairs = [(each.old, each.new) for each in change.wheels if each.old and each.new]
    if any(before.file != after.file for before, after in pairs):
        yield "the same files in a wheel of another name"
    elif any(before.sha256 != after.sha256 for before, after in pairs):
        yield "the same files, packed anew"
    elif any(_measures(before) != _measures(after) for before, after in pairs):
        yield "the same files, told otherwise"


def _measures(wheel: Wheel) -> tuple[int, int, int, tuple[Fixup, ...]]:
    return wheel.size, wheel.unpacked, wheel.files, wheel.fixups


def _list(names: Iterable[str]) -> str:
    return ", ".join(names)


# JSON


def document(diff: LockDiff, *, old: str, new: str) -> dict[str, Any]:
    """The difference as `--json` prints it."""
    return {
        "schema": "envlock.diff/1",
        "old": old,
        "new": new,
        "equal": diff.is_empty,
        "same_runtime": not diff.changes_runtime,
        "platforms": [_platform_document(row) for row in diff.platforms],
        "runtime": {
            "python": None if diff.python is None else _value_document(diff.python),
            "settings": [_value_document(change) for change in diff.settings],
            "distributions": [_distribution_document(change) for change in diff.distributions],
            "conda": [_conda_document(change) for change in diff.conda],
        },
        "other": {
            "values": [_value_document(change) for change in diff.values],
            "distributions": [_distribution_document(change) for change in diff.same_files],
        },
    }


def _platform_document(row: PlatformDiff) -> dict[str, Any]:
    return {
        "platform": row.platform,
        "runtime_hash": {"old": row.old, "new": row.new},
        "conda_runtime_hash": {"old": row.old_conda, "new": row.new_conda},
        "stack": [_value_document(change) for change in row.stack],
    }


def _value_document(change: ValueChange) -> dict[str, Any]:
    return {"name": change.name, "old": change.old, "new": change.new}


def _distribution_document(change: DistributionChange) -> dict[str, Any]:
    return {
        "name": change.name,
        "change": str(change.kind),
        "cause": change.cause,
        "platforms": list(change.platforms),
        "old": _pin_document(change.old),
        "new": _pin_document(change.new),
        "wheels": [_wheels_document(wheel) for wheel in change.wheels],
    }


def _conda_document(change: CondaChange) -> dict[str, Any]:
    return {
        "name": change.name,
        "platforms": list(change.platforms),
        "old": None if change.old is None else asdict(change.old),
        "new": None if change.new is None else asdict(change.new),
    }


def _pin_document(pin: Pin | None) -> dict[str, Any] | None:
    if pin is None:
        return None
    return {"version": pin.version, "index": pin.index, "requires": list(pin.requires)}


def _wheels_document(wheel: WheelChange) -> dict[str, Any]:
    return {
        "platforms": list(wheel.platforms),
        "old": _wheel_document(wheel.old),
        "new": _wheel_document(wheel.new),
    }


def _wheel_document(wheel: Wheel | None) -> dict[str, Any] | None:
    if wheel is None:
        return None
    return {
        "file": wheel.file,
        "sha256": wheel.sha256,
        "digest": wheel.digest,
        "fixups": [{"place": row.place, "path": row.path, "sha256": row.sha256} for row in wheel.fixups],
    }
