"""The whole resolution: all platforms, the identity of every wheel, who needs whom, the stacks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from packaging.requirements import Requirement

from envlock.agent.identity import Entry, clashes, parse_entry_list
from envlock.errors import FileClash
from envlock.lock.model import Stack
from envlock.manifest.platforms import Platform
from envlock.resolve.conda.model import CondaResolution
from envlock.resolve.graph import Graph, dependency_graph, marker_environment
from envlock.resolve.model import Candidate, Chosen, PlatformResolution
from envlock.resolve.request import Request
from envlock.resolve.stack import read_stack
from envlock.resolve.tags import PythonSeries
from envlock.resolve.wheels.entries import EntryCache
from envlock.resolve.wheels.identity import WheelIdentity, WheelSource, hash_mismatch, identify_all

Identities = Mapping[str, WheelIdentity]


@dataclass(frozen=True, kw_only=True, slots=True)
class Resolved:
    """One platform, resolved and identified; the graph has every chosen name that something needs."""

    platform: Platform
    chosen: tuple[Chosen, ...]
    graph: Graph
    stack: Stack
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Resolution:
    """What a lock is made of; `identities` by the URL of the wheel, `conda` None where it asks for none."""

    platforms: tuple[Resolved, ...]
    identities: Identities
    conda: CondaResolution | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Identifying:
    """How wheels are identified. `whole`: every byte is fetched and hashed, whatever the cache knows."""

    python: PythonSeries
    cache: EntryCache | None = None
    whole: bool = False
    on_progress: Callable[[WheelIdentity], None] | None = None


def wheels_of(pins: Iterable[PlatformResolution]) -> tuple[Candidate, ...]:
    """Every wheel that some platform takes, once."""
    by_url = {chosen.wheel.url: chosen.wheel for each in pins for chosen in each.chosen}
    return tuple(by_url[url] for url in sorted(by_url))


def identify_wheels(wheels: Iterable[Candidate], how: Identifying) -> Identities:
    """Identify wheels: URL -> identity. Raises SourceFailed, BadWheel, RecordLies."""
    found: dict[str, WheelIdentity] = {}
    for batch in _batches(wheels):
        known = _identify(batch, how)
        found.update({candidate.url: known[file] for file, candidate in batch.items()})
    return found


def _batches(wheels: Iterable[Candidate]) -> Iterator[dict[str, Candidate]]:
    """Wheels by file name: one name can have two contents, as triton's on two indexes (pytorch#195141)."""
    batches: list[dict[str, Candidate]] = []
    for candidate in wheels:
        batch = next((batch for batch in batches if candidate.file not in batch), None)
        if batch is None:
            batches.append(batch := {})
        batch[candidate.file] = candidate
    yield from batches


def _identify(batch: Mapping[str, Candidate], how: Identifying) -> dict[str, WheelIdentity]:
    # Without a hash to go by, nothing can be taken from a part of the file, nor from the cache.
    sources = [_source(candidate, hashed=not how.whole) for candidate in batch.values()]
    known = identify_all(sources, python=how.python, cache=how.cache, on_progress=how.on_progress)
    for file, identity in known.items():
        listed = batch[file].sha256
        if listed not in (None, identity.sha256):
            raise hash_mismatch(file, str(listed), identity.sha256)
    return known


def _source(wheel: Candidate, *, hashed: bool) -> WheelSource:
    sha256, size = (wheel.sha256, wheel.size) if hashed else (None, None)
    return WheelSource(file=wheel.file, url=wheel.url, sha256=sha256, size=size)


def completed(request: Request, pins: PlatformResolution, identities: Identities) -> Resolved:
    """Draw the edges, drop what only we asked for and nothing needs, refuse files that clash."""
    graph = _graph(request, pins, identities)
    chosen = tuple(each for each in pins.chosen if each.name in graph.requires or each.name not in pins.extra)
    _refuse_clashes(chosen, identities)
    stack = read_stack({each.name: each.version for each in chosen}, pins.platform)
    return Resolved(platform=pins.platform, chosen=chosen, graph=graph, stack=stack, notes=pins.notes)


def _graph(request: Request, pins: PlatformResolution, identities: Identities) -> Graph:
    requires = {each.name: identities[each.wheel.url].requires_dist for each in pins.chosen}
    roots = [row.requirement for row in request.asked()]
    # Adopted pins need not hang together from what the manifest asks for: a group of uv's, say.
    roots += [Requirement(each.name) for each in pins.chosen if each.name not in pins.extra]
    return dependency_graph(roots, requires, marker_environment(request.platform, request.manifest.python))


def _refuse_clashes(chosen: Iterable[Chosen], identities: Identities) -> None:
    """IDENTITY 2.7: "Two distributions may own one path with one hash […]. With different hashes the lock
    fails: `file-clash`, naming both"."""
    owners = [(each.name, _entries(identities[each.wheel.url])) for each in chosen]
    found = clashes(owners)
    if not found:
        return
    place, path, first, second = found[0]
    message = f"`{first}` and `{second}` both install `{place}/{path}`, with different bytes"
    hint = f"leave one of the two out, or ask for versions of `{first}` and `{second}` that do not clash"
    facts = [("clash", f"{row[0]}/{row[1]} of `{row[2]}` and `{row[3]}`") for row in found[1:]]
    raise FileClash(message, hint=hint, facts=facts)


def _entries(identity: WheelIdentity) -> list[Entry]:
    return parse_entry_list(identity.entries)[2]
