"""Reference results of the numeric probes, by class of host: outside the runtime hash, inside the lock.

They are of what was installed when they were recorded: a lock that resolves to another runtime hash loses
those of that platform.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from envlock.lock import patterns
from envlock.lock.spelling import text
from envlock.manifest import patterns as manifest_patterns
from envlock.manifest.tables import Table, code

if TYPE_CHECKING:
    from envlock.lock.model import Lock


@dataclass(frozen=True, kw_only=True, slots=True)
class ProbeReference:
    """`sha256` of all bits; `sample` is base64 of up to 64 little-endian values of `dtype`."""

    name: str
    dtype: str
    sha256: str
    sample: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Reference:
    """What the probes gave on one class of host. `runtime` is the runtime hash that they were recorded
    under, `class_name` is `nc1:…`, `host` the values that it is made of."""

    class_name: str
    platform: str
    runtime: str
    host: Mapping[str, str]
    probes: tuple[ProbeReference, ...]


def read_references(table: Table) -> tuple[Reference, ...]:
    """The `[[numerics]]` tables of a lockfile, in order of platform and class. Faults go to the table."""
    found = [_reference(row) for row in table.tables("numerics")]
    keys = [(each.platform, each.class_name) for each in found]
    for platform, name in sorted({key for key in keys if keys.count(key) > 1}):
        table.fault("numerics", f"two references of the class {code(name)} for {platform}")
    return tuple(sorted(found, key=lambda each: (each.platform, each.class_name)))


def spelled(reference: Reference) -> Iterator[str]:
    """The lines of one `[[numerics]]` table."""
    yield "[[numerics]]"
    yield f"class = {text(reference.class_name)}"
    yield f"platform = {text(reference.platform)}"
    yield f"runtime = {text(reference.runtime)}"
    rows = ", ".join(f"{key} = {text(value)}" for key, value in sorted(reference.host.items()))
    yield f"host = {{ {rows} }}"
    yield "probes = ["
    for probe in sorted(reference.probes, key=lambda probe: probe.name):
        yield f"    {_spelled_probe(probe)},"
    yield "]"


def recorded(lock: Lock, reference: Reference) -> Lock:
    """The lock with a reference added, in the place of an older one of its class and platform."""
    key = (reference.platform, reference.class_name)
    kept = [each for each in lock.numerics if (each.platform, each.class_name) != key]
    rows = sorted([*kept, reference], key=lambda each: (each.platform, each.class_name))
    return replace(lock, numerics=tuple(rows))


def _spelled_probe(probe: ProbeReference) -> str:
    rows = (("name", probe.name), ("dtype", probe.dtype), ("sha256", probe.sha256), ("sample", probe.sample))
    return f"{{ {', '.join(f'{key} = {text(value)}' for key, value in rows)} }}"


def _reference(table: Table) -> Reference:
    table.only(("class", "platform", "runtime", "host", "probes"))
    table.require(("class", "platform", "runtime", "host", "probes"))
    probes = tuple(_probe(row) for row in table.tables("probes"))
    names = [probe.name for probe in probes]
    for name in sorted({name for name in names if name and names.count(name) > 1}):
        table.fault("probes", f"{code(name)} is there twice")
    return Reference(
        class_name=table.text("class", patterns.NUMERICS_CLASS) or "",
        platform=table.text("platform", manifest_patterns.PLATFORM) or "",
        runtime=table.text("runtime", patterns.RUNTIME_HASH) or "",
        host=table.named_texts("host", patterns.CLASS_KEY, manifest_patterns.SETTING_VALUE),
        probes=tuple(sorted(probes, key=lambda probe: probe.name)),
    )


def _probe(table: Table) -> ProbeReference:
    table.only(("name", "dtype", "sha256", "sample"))
    table.require(("name", "dtype", "sha256", "sample"))
    return ProbeReference(
        name=table.text("name", patterns.PROBE) or "",
        dtype=table.text("dtype", patterns.DTYPE) or "",
        sha256=table.text("sha256", patterns.SHA256) or "",
        sample=table.text("sample", patterns.SAMPLE) or "",
    )
