"""Exact pins of another tool's lock -> the wheels that a platform takes. Nothing is resolved anew.

1  route    each pin to a named index: as the manifest says, else as that tool took it
2  look up  the files of that version, and keep those whose hash the lock has
3  again    on the PyTorch index, for what was not there and may be its own
4  choose   the one wheel that this platform takes
5  judge    the CUDA that came against the one asked for
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import InvalidVersion, Version

from envlock import stack
from envlock.errors import CannotAdopt
from envlock.manifest.model import AUTO
from envlock.resolve.exact import exact_pins
from envlock.resolve.indexes import index_url
from envlock.resolve.model import (
    DEFAULT_INDEX,
    PYTORCH_INDEX,
    AdoptedPin,
    Candidate,
    Chosen,
    Pin,
    PlatformResolution,
)
from envlock.resolve.request import Request
from envlock.resolve.stack import TORCH, check_build, read_stack
from envlock.resolve.tags import best_wheel, series, supported_tags, tags_of
from envlock.resolve.uv_compile import Indexes

_TORCH = canonicalize_name(TORCH)
_VARIANT = re.compile(r"cpu|cu\d{3}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Missing:
    """A pin that no wheel stands for, and why."""

    pin: AdoptedPin
    why: str

    @property
    def fact(self) -> tuple[str, str]:
        return "cannot", f"`{self.pin.name}` {self.pin.version} ({self.pin.origin}): {self.why}"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Routes:
    """Which pin comes from which named index, and the CUDA variant that the PyTorch index is asked for."""

    index: Mapping[NormalizedName, str]
    variant: str | None


def resolve_adopted(request: Request, pins: Iterable[AdoptedPin]) -> PlatformResolution:
    """The wheels of `pins` on the platform of `request`, sorted by name.

    Raises CannotAdopt with every pin that has none, WrongBuild, SourceFailed, UsageFault.
    """
    wanted = {pin.name: pin for pin in sorted(pins, key=lambda pin: pin.name)}
    routes = _routes(request, wanted)
    found = _looked_up(request, wanted, routes)
    later = _of_pytorch(wanted, found, routes)
    if later:
        found = {**found, **_looked_up(request, later, replace(routes, index=_all_on_pytorch(later)))}
    chosen, missing = _chosen(request, wanted, found)
    if missing:
        raise cannot_adopt(missing, _python_hint(request))
    resolution = PlatformResolution(platform=request.platform, chosen=chosen)
    stacked = read_stack(resolution.versions, request.platform)
    check_build(stacked, request.cuda, platform=request.platform, where=request.cuda_origin)
    return resolution


def cannot_adopt(missing: Iterable[Missing], hint: str | None = None) -> CannotAdopt:
    """One error for all of them, each once: several platforms may miss the same."""
    facts = tuple(dict.fromkeys(each.fact for each in missing))
    count = "1 pin" if len(facts) == 1 else f"{len(facts)} pins"
    advice = "a lock names wheels of an index: publish a wheel of it, or leave the distribution out"
    return CannotAdopt(f"{count} cannot be adopted", hint=hint or advice, facts=facts)


def _python_hint(request: Request) -> str | None:
    """A requirements file cannot say which Python it is for."""
    path = request.manifest.path
    if path.suffix not in (".txt", ".in"):
        return None
    return (
        f"if {path.name} is for another Python than {request.manifest.python}, write an envlock.toml with "
        f'`python = "3.11"`, say, and `requirements-files = ["{path.name}"]`'
    )


def _routes(request: Request, pins: Mapping[NormalizedName, AdoptedPin]) -> _Routes:
    sources = request.manifest.sources
    variants = dict.fromkeys(_variants(request, pins))
    index = {name: _index(request, pin, sources) for name, pin in pins.items()}
    return _Routes(
        index={name: each for name, each in index.items() if each != DEFAULT_INDEX},
        variant=next(iter(variants), None),
    )


def _variants(request: Request, pins: Mapping[NormalizedName, AdoptedPin]) -> Iterator[str]:
    """What tells the variant of this platform, the surest first."""
    torch = pins.get(_TORCH)
    if torch is not None and (local := _local(torch.version)):
        yield local
    for pin in pins.values():
        named = _pytorch_variant(pin.index_url, request.manifest.sources)
        yield from (named,) if named else ()
    yield from filter(None, (_local(pin.version) for pin in pins.values()))
    if request.cuda != AUTO:
        yield stack.variant_of(request.cuda)


def _index(request: Request, pin: AdoptedPin, sources: Mapping[str, str]) -> str:
    if pin.name in request.manifest.index_of:
        return request.manifest.index_of[pin.name]
    if _pytorch_variant(pin.index_url, sources) or _local(pin.version):
        return PYTORCH_INDEX
    url = _trimmed(pin.index_url)
    return next((name for name, each in sources.items() if url and _trimmed(each) == url), DEFAULT_INDEX)


def _local(version: str) -> str | None:
    """The CUDA variant in the local part of a version: `cu124` of `2.6.0+cu124`."""
    try:
        local = Version(version).local
    except InvalidVersion:
        return None
    return local if local is not None and _VARIANT.fullmatch(local) else None


def _pytorch_variant(url: str | None, sources: Mapping[str, str]) -> str | None:
    """The variant in the URL of a PyTorch index: the published one, or the mirror that `sources` names."""
    templates = (sources.get(PYTORCH_INDEX), stack.default_source(PYTORCH_INDEX))
    for template in templates if url else ():
        before, named, after = (template or "").partition("{variant}")
        pattern = f"{re.escape(before)}({_VARIANT.pattern}){re.escape(after.rstrip('/'))}"
        match = re.fullmatch(pattern, _trimmed(url) or "") if named else None
        if match is not None:
            return match[1]
    return None


def _trimmed(url: str | None) -> str | None:
    return None if url is None else url.rstrip("/")


def _looked_up(
    request: Request, pins: Mapping[NormalizedName, AdoptedPin], routes: _Routes
) -> dict[NormalizedName, Pin]:
    """What the indexes have of each pin, all hashes; a name that has nothing is left out."""
    sources = request.manifest.sources
    names = {each for name, each in routes.index.items() if name in pins}
    indexes = Indexes(
        default=sources.get(DEFAULT_INDEX),
        named={index: index_url(index, sources, routes.variant) for index in names},
        routes=routes.index,
    )
    versions = {name: pin.version for name, pin in pins.items()}
    return dict(exact_pins(request.target, indexes, versions, request.environment))


def _of_pytorch(
    pins: Mapping[NormalizedName, AdoptedPin], found: Mapping[NormalizedName, Pin], routes: _Routes
) -> dict[NormalizedName, AdoptedPin]:
    """Pins that the PyTorch index may have where the default one has other bytes (pytorch#195141): a
    requirements file has hashes and no index."""
    own = stack.pytorch_index_distributions() if routes.variant else frozenset()
    return {
        name: pin
        for name, pin in pins.items()
        if name in own and name not in routes.index and not _fitting(pin, found.get(name))
    }


def _all_on_pytorch(pins: Iterable[NormalizedName]) -> dict[NormalizedName, str]:
    return dict.fromkeys(pins, PYTORCH_INDEX)


def _fitting(adopted: AdoptedPin, pin: Pin | None) -> dict[str, Candidate]:
    """The files whose hash the lock has, by name."""
    candidates = () if pin is None else pin.candidates
    return {each.file: each for each in candidates if each.sha256 in adopted.sha256}


def _chosen(
    request: Request, pins: Mapping[NormalizedName, AdoptedPin], found: Mapping[NormalizedName, Pin]
) -> tuple[tuple[Chosen, ...], tuple[Missing, ...]]:
    tags = supported_tags(request.platform, series(request.manifest.python), request.manifest.glibc)
    chosen, missing = [], []
    for name, adopted in pins.items():
        pin = found.get(name)
        fitting = _fitting(adopted, pin)
        file = best_wheel(fitting, tags)
        if pin is None or file is None:
            missing.append(Missing(pin=adopted, why=_why(request, adopted, pin)))
        else:
            wheel = fitting[file]
            chosen.append(Chosen(name=name, version=pin.version, index=pin.index, wheel=wheel))
    return tuple(chosen), tuple(missing)


def _why(request: Request, adopted: AdoptedPin, pin: Pin | None) -> str:
    if pin is None or not pin.candidates:
        return f"no index that is asked has a wheel of it for {request.spoken_target()}"
    fitting = _fitting(adopted, pin)
    if fitting:
        tags = ", ".join(tags_of(fitting))
        return f"none of its wheels is for {request.spoken_target()} (there are: {tags})"
    if all(each.sha256 is None for each in pin.candidates):
        return f"index `{pin.index}` gives no hashes to hold its wheels against"
    target = request.spoken_target()
    return f"no wheel of it for {target} on index `{pin.index}` has one of the hashes that are pinned"
