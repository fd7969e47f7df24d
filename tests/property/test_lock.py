"""Every lock survives the way to text and back; no text makes the reader do anything but refuse."""

from __future__ import annotations

import tomllib
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.version import Version

from envlock.agent.lockfile import parse_subset
from envlock.errors import LockfileInvalid
from envlock.lock import (
    CondaLock,
    CondaPackage,
    Distribution,
    Fixup,
    ImageLock,
    ImagePlatform,
    Lock,
    Stack,
    Wheel,
    dumps,
    loads,
)
from envlock.lock.conda.writer import conda_order
from envlock.manifest.platforms import Platform
from tests.property.mutations import mutated
from tests.support.examples import examples
from tests.unit.lock.conda.test_format import LOCK as CONDA
from tests.unit.lock.test_format import TEXT

_HEX = st.text("0123456789abcdef", min_size=64, max_size=64)
_HASH = _HEX.map(lambda text: f"sha256:{text}")
_NAMES = st.from_regex(r"[a-z0-9]{1,4}(-[a-z0-9]{1,4}){0,2}", fullmatch=True)
_VERSIONS = st.from_regex(r"[0-9]{1,2}(\.[0-9]{1,2}){0,2}(rc1|\.post2)?(\+cu[0-9]{2})?", fullmatch=True)
_INDEXES = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,6}", fullmatch=True)
_LINES = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=12)
_PARTS = st.text(
    st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="/\\"), min_size=1, max_size=6
)
_PATHS = st.lists(_PARTS.filter(lambda part: part not in (".", "..")), min_size=1, max_size=3).map("/".join)
_SIZES = st.integers(0, 2**53)


@st.composite
def fixups(draw: st.DrawFn) -> tuple[Fixup, ...]:
    keys = draw(
        st.sets(st.tuples(st.sampled_from(["lib", "scripts", "headers", "data"]), _PATHS), max_size=3)
    )
    return tuple(Fixup(place=place, path=path, sha256=draw(st.none() | _HEX)) for place, path in sorted(keys))


@st.composite
def wheels(draw: st.DrawFn, name: str, version: str, platforms: tuple[str, ...]) -> tuple[Wheel, ...]:
    """One wheel for all platforms, or one for each."""
    split = [(platform,) for platform in platforms] if draw(st.booleans()) else [platforms]
    stem = f"{name.replace('-', '_')}-{Version(version)}"
    return tuple(
        Wheel(
            file=f"{stem}-{number}-py3-none-any.whl",
            platforms=group,
            sha256=draw(_HEX),
            size=draw(_SIZES),
            unpacked=draw(_SIZES),
            files=draw(_SIZES),
            digest=draw(_HEX),
            fixups=draw(fixups()),
        )
        for number, group in enumerate(split, start=1)
    )


@st.composite
def distributions(draw: st.DrawFn, platforms: tuple[str, ...]) -> tuple[Distribution, ...]:
    names = sorted(draw(st.sets(_NAMES, max_size=5)))
    return tuple(
        Distribution(
            name=name,
            version=(version := draw(_VERSIONS)),
            index=draw(_INDEXES),
            requires=tuple(sorted(draw(st.sets(st.sampled_from(names), max_size=3)))),
            wheels=draw(wheels(name, version, platforms)),
        )
        for name in names
    )


_STACKS = st.builds(
    Stack,
    torch=st.none() | _VERSIONS,
    cuda=st.sampled_from([None, "cpu", "12.4"]),
    variant=st.sampled_from([None, "cpu", "cu124", "cu124.with.pypi"]),
    cudnn=st.none() | _VERSIONS,
    gpu_archs=st.lists(st.sampled_from(["sm_50", "sm_90a", "compute_120"])).map(tuple),
    driver=st.sampled_from([None, "525.60.13"]),
)


@st.composite
def images(draw: st.DrawFn, platforms: tuple[str, ...]) -> ImageLock:
    chosen = draw(st.sets(st.sampled_from(platforms)))
    return ImageLock(
        base=draw(st.sampled_from(["python:3.11", "oci:base/image"])),
        digest=draw(st.none() | _HASH),
        platforms={
            name: ImagePlatform(manifest=draw(_HASH), diff_ids=tuple(draw(st.lists(_HASH, max_size=2))))
            for name in chosen
        },
    )


_VIRTUAL = st.dictionaries(
    st.sampled_from(["__cuda", "__glibc", "__archspec"]), st.sampled_from(["12.9", "2.28", "1=x86_64"])
)
_SPECS = st.sampled_from(["__cuda >=12", "__glibc", "mine::p0 >=1,<2.0a0", "p1 =1.0", "p0"])


@st.composite
def conda_packages(draw: st.DrawFn, platform: str) -> CondaPackage:
    name, version, build = draw(_CONDA_NAMES), draw(_VERSIONS), draw(st.sampled_from(["h0_0", "py311_1"]))
    noarch = draw(st.sampled_from([None, "python", "generic"]))
    return CondaPackage(
        name=name,
        version=version,
        build=build,
        build_number=draw(_SIZES),
        subdir="noarch" if noarch else platform,
        noarch=noarch,
        platforms=(platform,),
        channel=draw(st.sampled_from(["conda-forge", "mine"])),
        file=f"{name}-{version}-{build}{draw(st.sampled_from(['.conda', '.tar.bz2']))}",
        sha256=draw(_HEX),
        md5=draw(st.none() | st.just("d" * 32)),
        size=draw(_SIZES),
        timestamp=draw(st.none() | _SIZES),
        depends=(),
        constrains=tuple(sorted(draw(st.sets(_SPECS)))),
        paths=draw(_HEX),
        distributions=draw(st.sampled_from([(), ((f"of-{name.strip('_').replace('.', '-')}", "1.0"),)])),
        entry_points=draw(st.sampled_from([(), ("a = b:c", "d-e = f.g:h.i")])),
        site_packages=draw(st.none() | _PATHS),
        link_scripts=draw(st.sampled_from([(), ("post-link", "pre-unlink")])),
        clobbers=tuple(sorted(draw(st.sets(_PATHS, max_size=2)))),
        links=tuple(f"{path} -> ../x y" for path in sorted(draw(st.sets(_PATHS, max_size=2)))),
    )


_CONDA_NAMES = st.sampled_from(["p0", "_p1", "p-2", "p.3"])


@st.composite
def conda_parts(draw: st.DrawFn, platforms: tuple[str, ...]) -> tuple[CondaLock, tuple[CondaPackage, ...]]:
    conda = CondaLock(
        channels=("mine", "conda-forge"),
        virtual_packages={name: draw(_VIRTUAL) for name in platforms},
    )
    packages: dict[tuple[str, str], CondaPackage] = {}
    for platform in platforms:
        for package in draw(st.lists(conda_packages(platform), max_size=3)):
            packages.setdefault((package.name, platform), package)
    depend = {platform: sorted(conda.virtual_packages[platform]) for platform in platforms}
    rows = (replace(row, depends=tuple(depend[row.platforms[0]])) for row in packages.values())
    return conda, tuple(sorted(rows, key=conda_order))


@st.composite
def locks(draw: st.DrawFn) -> Lock:
    platforms = tuple(sorted(draw(st.sets(st.sampled_from([str(name) for name in Platform]), min_size=1))))
    python = draw(st.sampled_from(["3.8", "3.11", "3.11.7", "3.14"]))
    conda, packages = draw(conda_parts(platforms)) if draw(st.booleans()) else (None, ())
    return Lock(
        manifest=draw(_HEX),
        python=python,
        python_exact=python if python.count(".") == 2 else f"{python}.{draw(st.integers(0, 20))}",
        platforms=platforms,
        glibc=draw(st.sampled_from(["2.17", "2.28"])),
        exclude_newer=draw(st.sampled_from([None, "2025-03-01T00:00:00Z", "2025-03-01T00:00:00.500000Z"])),
        project=draw(st.none() | _NAMES),
        stack={name: draw(_STACKS) for name in draw(st.sets(st.sampled_from(platforms)))},
        settings=draw(
            st.dictionaries(st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,6}", fullmatch=True), _LINES, max_size=3)
        ),
        distributions=draw(distributions(platforms)),
        image=draw(st.none() | images(platforms)),
        conda=conda,
        conda_packages=packages,
    )


@settings(max_examples=examples(150), deadline=None)
@given(lock=locks())
def test_there_and_back(lock: Lock) -> None:
    text = dumps(lock)
    assert loads(text, where="envlock.lock") == lock
    assert dumps(loads(text, where="envlock.lock")) == text
    assert "\r" not in text
    assert text.endswith("\n")


@settings(max_examples=examples(100), deadline=None)
@given(lock=locks(), data=st.data())
def test_order_does_not_count(lock: Lock, data: st.DataObject) -> None:
    shuffled = replace(
        lock,
        platforms=tuple(data.draw(st.permutations(lock.platforms))),
        stack=dict(data.draw(st.permutations(list(lock.stack.items())))),
        settings=dict(data.draw(st.permutations(list(lock.settings.items())))),
        distributions=tuple(
            replace(row, wheels=row.wheels[::-1], requires=row.requires[::-1])
            for row in data.draw(st.permutations(lock.distributions))
        ),
        conda_packages=tuple(
            replace(row, depends=row.depends[::-1], constrains=row.constrains[::-1])
            for row in data.draw(st.permutations(lock.conda_packages))
        ),
    )
    assert dumps(shuffled) == dumps(lock)


@settings(max_examples=examples(100), deadline=None)
@given(lock=locks())
def test_the_agent_reads_it_alike(lock: Lock) -> None:
    assert parse_subset(dumps(lock)) == tomllib.loads(dumps(lock))


def read_or_refuse(text: str) -> Lock | LockfileInvalid:
    try:
        return loads(text, where="envlock.lock")
    except LockfileInvalid as refusal:
        return refusal


@settings(max_examples=examples(400), deadline=None)
@given(text=mutated(TEXT) | mutated(dumps(CONDA)))
def test_a_mutated_lock(text: str) -> None:
    """Refused with printable words, or read as a lock that can be written and read again."""
    outcome = read_or_refuse(text)
    match outcome:
        case Lock():
            assert loads(dumps(outcome), where="envlock.lock") == outcome
        case LockfileInvalid():
            assert outcome.faults
            assert all(fault.where.isprintable() and fault.message.isprintable() for fault in outcome.faults)


@settings(max_examples=examples(100), deadline=None)
@given(text=st.text())
def test_any_text(text: str) -> None:
    assert isinstance(read_or_refuse(text), LockfileInvalid)
