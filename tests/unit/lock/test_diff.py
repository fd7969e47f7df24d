"""What differs between two locks: every value of a lock is seen, each distribution once, causes first."""

from __future__ import annotations

import hashlib
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envlock.lock import CondaLock, Distribution, Fixup, ImageLock, ImagePlatform, Lock, Stack, Wheel
from envlock.lock.diff import DistributionChange, Kind, LockDiff, PlatformDiff, ValueChange, WheelChange, diff
from envlock.lock.graph import Graph
from envlock.lock.runtime import runtime_hash
from envlock.report.lock_diff import DiffLook, document, render
from tests.property.test_lock import locks
from tests.support.examples import examples
from tests.unit.lock import values

LINUX, ARM, MAC, WINDOWS = "linux-64", "linux-aarch64", "osx-arm64", "win-64"
LOOK = DiffLook(old="a.lock", new="b.lock")
MANYLINUX = "manylinux_2_28_x86_64"


def dist(
    name: str,
    version: str = "1.0",
    *requires: str,
    bytes_: str = "",
    tag: str = "py3-none-any",
    index: str = "default",
    platforms: tuple[str, ...] = (LINUX,),
) -> Distribution:
    """A distribution whose hashes follow from name, version, tag and `bytes_`."""
    seed = f"{name}{version}{tag}{bytes_}".encode()
    wheel = Wheel(
        file=f"{name.replace('-', '_')}-{version}-{tag}.whl",
        platforms=platforms,
        sha256=hashlib.sha256(b"file" + seed).hexdigest(),
        size=1000,
        unpacked=2000,
        files=3,
        digest=hashlib.sha256(b"digest" + seed).hexdigest(),
    )
    return Distribution(name=name, version=version, index=index, requires=requires, wheels=(wheel,))


def lock(*distributions: Distribution, **changed: Any) -> Lock:
    given_platforms = {platform for row in distributions for w in row.wheels for platform in w.platforms}
    platforms = tuple(sorted(given_platforms)) or (LINUX,)
    return replace(values.lock(*distributions), **{"platforms": platforms, "stack": {}, **changed})


def story(found: LockDiff) -> list[tuple[str, str, str | None]]:
    return [(change.name, str(change.kind), change.cause) for change in found.distributions]


# Nothing is passed over


def test_a_lock_against_itself() -> None:
    one = lock(dist("torch", "2.6.0", "numpy"), dist("numpy"))
    found = diff(one, one)
    assert found.is_empty
    assert not found.changes_runtime
    assert render(found, LOOK) == (
        f"equal: a.lock and b.lock say the same\n  linux-64  both {runtime_hash(one, LINUX)}"
    )


OTHER_IMAGE = ImageLock(base="python:3.11", digest=None, platforms={})
OTHER: dict[str, Any] = {
    "manifest": "1" * 64,
    "python": "3.12",
    "python_exact": "3.11.12",
    "platforms": (LINUX, MAC),
    "glibc": "2.31",
    "exclude_newer": "2025-03-01T00:00:00Z",
    "project": "demo",
    "stack": {LINUX: Stack(torch="2.6.0")},
    "settings": {"A": "1"},
    "distributions": (dist("demo", "2.0"),),
    "image": OTHER_IMAGE,
    "conda": CondaLock(channels=("conda-forge",), virtual_packages={}),
    "conda_packages": (values.conda_package("demo"),),
    "numerics": (values.reference(),),
}


def test_every_value_of_a_lock_is_here() -> None:
    assert {field.name for field in fields(Lock)} == set(OTHER)


@pytest.mark.parametrize("name", OTHER)
def test_another_value_is_seen(name: str) -> None:
    one = lock(dist("demo"))
    assert not diff(one, replace(one, **{name: OTHER[name]})).is_empty


OTHER_DISTRIBUTION: dict[str, Any] = {"version": "1.0.1", "index": "mine", "requires": ("demo",)}
OTHER_WHEEL: dict[str, Any] = {
    "file": "demo-1.0-py2.py3-none-any.whl",
    "sha256": "b" * 64,
    "size": 1,
    "unpacked": 1,
    "files": 1,
    "digest": "e" * 64,
    "fixups": (Fixup(place="lib", path="a", sha256=None),),
}


def test_every_value_of_a_distribution_is_here() -> None:
    assert {field.name for field in fields(Distribution)} == {*OTHER_DISTRIBUTION, "name", "wheels"}
    assert {field.name for field in fields(Wheel)} == {*OTHER_WHEEL, "platforms"}


@pytest.mark.parametrize("name", OTHER_DISTRIBUTION)
def test_another_value_of_a_distribution_is_seen(name: str) -> None:
    one = dist("demo")
    changed = replace(one, **{name: OTHER_DISTRIBUTION[name]})
    assert not diff(lock(one), lock(changed)).is_empty


@pytest.mark.parametrize("name", OTHER_WHEEL)
def test_another_value_of_a_wheel_is_seen_and_only_the_digest_changes_what_is_installed(name: str) -> None:
    one = dist("demo")
    changed = replace(one, wheels=(replace(one.wheels[0], **{name: OTHER_WHEEL[name]}),))
    found = diff(lock(one), lock(changed))
    assert not found.is_empty
    assert found.changes_runtime == (name == "digest")
    assert [change.kind for change in found.same_files] == ([] if name == "digest" else [Kind.SAME_FILES])


@pytest.mark.parametrize("field", [field.name for field in fields(Stack)])
def test_another_value_of_the_stack_is_seen(field: str) -> None:
    value: Any = ("sm_90",) if field == "gpu_archs" else "1.0"
    one = lock(dist("demo"), stack={LINUX: Stack()})
    other = lock(dist("demo"), stack={LINUX: replace(Stack(), **{field: value})})
    assert not diff(one, other).is_empty
    assert diff(one, other).platforms[0].stack == (
        ValueChange(name=field.replace("_", "-"), old=None, new="sm_90" if field == "gpu_archs" else "1.0"),
    )


# Properties


def mirrored(found: LockDiff) -> LockDiff:
    """The same difference, seen from the other side."""

    def value(each: ValueChange) -> ValueChange:
        return replace(each, old=each.new, new=each.old)

    def wheel(each: WheelChange) -> WheelChange:
        return replace(each, old=each.new, new=each.old)

    def change(each: DistributionChange) -> DistributionChange:
        turned = {Kind.ADDED: Kind.REMOVED, Kind.REMOVED: Kind.ADDED}
        kind, wheels = turned.get(each.kind, each.kind), tuple(map(wheel, each.wheels))
        return replace(each, kind=kind, old=each.new, new=each.old, wheels=wheels)

    def platform(each: PlatformDiff) -> PlatformDiff:
        return replace(
            each,
            old=each.new,
            new=each.old,
            old_conda=each.new_conda,
            new_conda=each.old_conda,
            stack=tuple(map(value, each.stack)),
        )

    return LockDiff(
        platforms=tuple(map(platform, found.platforms)),
        python=None if found.python is None else value(found.python),
        settings=tuple(map(value, found.settings)),
        distributions=tuple(map(change, found.distributions)),
        conda=tuple(replace(each, old=each.new, new=each.old) for each in found.conda),
        values=tuple(map(value, found.values)),
        same_files=tuple(map(change, found.same_files)),
    )


NAMES = ("a", "b", "c", "d", "e")


@st.composite
def small_locks(draw: st.DrawFn) -> Lock:
    """Locks that have much in common, so that pairs of them differ in a few places."""
    platforms = tuple(sorted(draw(st.sets(st.sampled_from([LINUX, ARM, MAC]), min_size=1))))
    names = sorted(draw(st.sets(st.sampled_from(NAMES))))
    rows = [
        dist(
            name,
            draw(st.sampled_from(["1.0", "2.0"])),
            *sorted(draw(st.sets(st.sampled_from(names), max_size=2))),
            bytes_=draw(st.sampled_from(["", "", "x"])),
            tag=draw(st.sampled_from(["py3-none-any", f"cp311-cp311-{MANYLINUX}"])),
            index=draw(st.sampled_from(["default", "default", "mine"])),
            platforms=tuple(sorted(draw(st.sets(st.sampled_from(platforms), min_size=1)))),
        )
        for name in names
    ]
    return lock(
        *rows,
        platforms=platforms,
        python=draw(st.sampled_from(["3.11", "3.11", "3.12"])),
        glibc=draw(st.sampled_from(["2.28", "2.31"])),
        settings=draw(st.sampled_from([{}, {"A": "1"}, {"A": "2"}])),
        stack=draw(st.sampled_from([{}, {platforms[0]: Stack(torch="2.6.0", driver="525.60.13")}])),
    )


PAIRS = st.tuples(small_locks(), small_locks()) | st.tuples(locks(), locks())


@given(PAIRS)
@settings(max_examples=examples(60))
def test_swapped_locks_give_the_mirrored_difference(pair: tuple[Lock, Lock]) -> None:
    assert diff(pair[1], pair[0]) == mirrored(diff(*pair))


@given(PAIRS)
@settings(max_examples=examples(60))
def test_a_difference_is_empty_only_of_one_lock(pair: tuple[Lock, Lock]) -> None:
    assert all(diff(each, each).is_empty for each in pair)
    assert diff(*pair).is_empty == (pair[0] == pair[1])


@given(PAIRS)
@settings(max_examples=examples(60))
def test_what_explains_a_hash_is_there_when_it_differs_and_only_then(pair: tuple[Lock, Lock]) -> None:
    found = diff(*pair)
    for row in found.platforms:
        touched = [each.platforms for each in found.distributions] + [each.platforms for each in found.conda]
        changed = any(row.platform in platforms for platforms in touched)
        explained = bool(found.python or found.settings) or changed
        assert row.differs == (row.is_shared and explained)


@given(PAIRS)
@settings(max_examples=examples(60))
def test_each_change_is_told_once(pair: tuple[Lock, Lock]) -> None:
    found = diff(*pair)
    rows = [
        (each.name, platform)
        for each in (*found.distributions, *found.same_files)
        for platform in each.platforms
    ]
    assert len(rows) == len(set(rows))
    standing = {each.name for each in found.distributions if each.cause is None}
    assert {each.cause for each in found.distributions} <= {None, "python", "glibc", *standing}
    text = render(found, replace(LOOK, verbose=True))
    for each in found.distributions:
        assert text.count(f"  {each.name} ") == sum(row.name == each.name for row in found.distributions)


# Who needs whom


def test_roots_are_what_nothing_else_needs_and_rings_as_a_whole() -> None:
    graph = Graph({"a": {"b"}, "b": set(), "c": {"d"}, "d": {"c", "e"}, "e": {"f"}, "f": {"e"}})
    assert graph.roots == {"a", "c", "d"}


@given(st.dictionaries(st.sampled_from(NAMES), st.sets(st.sampled_from(NAMES))))
def test_every_name_is_reached_from_the_roots(edges: dict[str, set[str]]) -> None:
    graph = Graph({name: {each for each in needed if each in edges} for name, needed in edges.items()})
    assert graph.reached(graph.roots) == set(edges)
    for gate in edges:
        behind = graph.only_through(gate)
        assert gate not in behind
        assert behind <= graph.reached([gate])


# Causes

OLD = lock(
    dist("torch", "2.6.0", "nvidia-cudnn-cu12", "sympy", "numpy"),
    dist("nvidia-cudnn-cu12", "9.1.0.70", "nvidia-cublas-cu12"),
    dist("nvidia-cublas-cu12", "12.4.5.8"),
    dist("sympy", "1.13.1"),
    dist("pandas", "2.2.3", "numpy"),
    dist("numpy", "2.1.2"),
    stack={LINUX: Stack(torch="2.6.0", cuda="12.4", cudnn="9.1.0.70", gpu_archs=("sm_50", "sm_90"))},
)
NEW = lock(
    dist("torch", "2.8.0", "nvidia-cudnn-cu12", "sympy", "numpy"),
    dist("nvidia-cudnn-cu12", "9.10.2.21", "nvidia-cublas-cu12"),
    dist("nvidia-cublas-cu12", "12.8.4.1"),
    dist("sympy", "1.13.1"),
    dist("pandas", "2.2.3", "numpy"),
    dist("numpy", "2.1.3"),
    stack={LINUX: Stack(torch="2.8.0", cuda="12.8", cudnn="9.10.2.21", gpu_archs=("sm_90", "sm_100"))},
)


def test_what_changed_because_of_another_stands_below_it() -> None:
    """cublas is below torch, not below cudnn, which is itself below torch. pandas needs numpy, too."""
    found = diff(OLD, NEW)
    assert story(found) == [
        ("torch", "version", None),
        ("numpy", "version", None),
        ("nvidia-cublas-cu12", "version", "torch"),
        ("nvidia-cudnn-cu12", "version", "torch"),
    ]
    assert render(found, LOOK) == (
        "differs: a.lock and b.lock install other files\n"
        f"  linux-64  old  {found.platforms[0].old}\n"
        f"            new  {found.platforms[0].new}\n"
        "            PyTorch 2.6.0 → 2.8.0, CUDA 12.4 → 12.8, cuDNN 9.1.0.70 → 9.10.2.21\n"
        "            GPUs: no longer built for sm_50, newly built for sm_100\n"
        "\n"
        "what changes the runtime hash:\n"
        "  torch 2.6.0 → 2.8.0\n"
        "    there only because of torch:\n"
        "      nvidia-cublas-cu12 12.4.5.8 → 12.8.4.1\n"
        "      nvidia-cudnn-cu12 9.1.0.70 → 9.10.2.21\n"
        "  numpy 2.1.2 → 2.1.3"
    )


def test_added_and_removed_are_judged_in_the_lock_that_has_them() -> None:
    one = lock(dist("torch", "2.6.0+cu118", "nvidia-cudnn-cu11"), dist("nvidia-cudnn-cu11", "9.1"))
    other = lock(dist("torch", "2.6.0+cu124", "nvidia-cudnn-cu12"), dist("nvidia-cudnn-cu12", "9.1"))
    assert story(diff(one, other)) == [
        ("torch", "version", None),
        ("nvidia-cudnn-cu11", "removed", "torch"),
        ("nvidia-cudnn-cu12", "added", "torch"),
    ]


def test_many_below_a_cause_are_shortened_and_other_bytes_are_not() -> None:
    names = tuple(f"part-{number:02}" for number in range(20))
    parts = [dist(name, "1.0") for name in names]
    moved = [dist(name, "2.0") for name in names[:-1]] + [dist(names[-1], "1.0", bytes_="x")]
    found = diff(lock(dist("app", "1.0", *names), *parts), lock(dist("app", "2.0", *names), *moved))
    lines = render(found, LOOK).splitlines()
    below = lines[lines.index("    there only because of app:") + 1 :]
    assert below[0] == "      part-19 1.0: SAME VERSION, OTHER BYTES"
    assert below[7:9] == ["      part-00 1.0 → 2.0", "      part-01 1.0 → 2.0"]
    assert below[-1] == "      … and 7 more (`-v` has them all)"
    assert "part-18 1.0 → 2.0" in render(found, replace(LOOK, verbose=True))


def test_the_same_versions_for_another_python_stand_below_it() -> None:
    old = [dist("numpy", tag=f"cp311-cp311-{MANYLINUX}"), dist("six")]
    new = [dist("numpy", tag=f"cp312-cp312-{MANYLINUX}"), dist("six")]
    found = diff(lock(*old), lock(*new, python="3.12", python_exact="3.12.8"))
    assert story(found) == [("numpy", "other-wheel", "python")]
    assert render(found, LOOK).partition("\n\n")[2] == (
        "what changes the runtime hash:\n"
        "  Python 3.11 → 3.12 (3.11.11 → 3.12.8 where one is installed)\n"
        "    the same versions, in the wheels of that Python:\n"
        "      numpy 1.0: same version, another wheel"
    )


def test_what_a_wheel_for_another_python_needs_anew_is_told() -> None:
    """Nothing stands below what stands below the Python, so nothing is lost there."""
    old = [dist("numpy", tag=f"cp311-cp311-{MANYLINUX}")]
    new = [dist("numpy", "1.0", "backport", tag=f"cp312-cp312-{MANYLINUX}"), dist("backport")]
    found = diff(lock(*old), lock(*new, python="3.12"))
    assert story(found) == [("numpy", "other-wheel", "python"), ("backport", "added", None)]
    assert "\n  backport 1.0 is new" in render(found, LOOK)


def test_the_same_versions_for_another_glibc_stand_below_it() -> None:
    old, new = (dist("numpy", tag=f"cp311-cp311-manylinux_2_{minor}_x86_64") for minor in (17, 28))
    found = diff(lock(old, glibc="2.17"), lock(new))
    assert render(found, LOOK).partition("\n\n")[2] == (
        "what changes the runtime hash:\n"
        "  glibc 2.17 → 2.28\n"
        "    the same versions, in the wheels for that glibc:\n"
        "      numpy 1.0: same version, another wheel"
    )


# Other bytes, the same files


def test_the_same_version_with_other_bytes_is_told_with_both_hashes_and_indexes() -> None:
    tag = "cp311-cp311-manylinux_2_27_x86_64"
    one, other = (
        dist("triton", "3.4.0", tag=tag),
        dist("triton", "3.4.0", tag=tag, bytes_="x", index="pytorch"),
    )
    found = diff(lock(one), lock(other))
    assert story(found) == [("triton", "other-bytes", None)]
    assert render(found, LOOK).partition("\n\n")[2] == (
        "what changes the runtime hash:\n"
        "  triton 3.4.0: SAME VERSION, OTHER BYTES (index `default` → `pytorch`)\n"
        "    old  triton-3.4.0-cp311-cp311-manylinux_2_27_x86_64.whl of the index `default`\n"
        f"         sha256 {one.wheels[0].sha256}\n"
        f"         digest {one.wheels[0].digest}\n"
        "    new  triton-3.4.0-cp311-cp311-manylinux_2_27_x86_64.whl of the index `pytorch`\n"
        f"         sha256 {other.wheels[0].sha256}\n"
        f"         digest {other.wheels[0].digest}"
    )


def test_what_leaves_the_hash_as_it_is_stands_apart() -> None:
    one = dist("demo")
    packed = replace(one, wheels=(replace(one.wheels[0], sha256="b" * 64),))
    moved = dist("other", index="mine")
    found = diff(
        lock(one, dist("other")),
        lock(packed, moved, manifest="1" * 64, exclude_newer="2025-03-01T00:00:00Z", python_exact="3.11.12"),
    )
    assert not found.changes_runtime
    assert render(found, LOOK) == (
        "differs: a.lock and b.lock, but the same files get installed\n"
        f"  linux-64  both {found.platforms[0].old}\n"
        "\n"
        "what does not change it:\n"
        "  exclude-newer none → 2025-03-01T00:00:00Z\n"
        "  the manifest is another one, or has changed\n"
        "  Python 3.11.11 → 3.11.12 where one is installed (conda, Docker)\n"
        "  the same files of the index `mine`, not `default`: other 1.0\n"
        "  the same files, packed anew: demo 1.0"
    )


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        (
            dist("demo"),
            replace(dist("demo"), requires=("other",)),
            "needs others of the locked: demo 1.0",
        ),
        (
            dist("demo", tag="py2.py3-none-any"),
            replace(
                dist("demo"),
                wheels=(
                    replace(dist("demo", tag="py2.py3-none-any").wheels[0], file="demo-1.0-py3-none-any.whl"),
                ),
            ),
            "the same files in a wheel of another name: demo 1.0",
        ),
        (
            dist("demo"),
            replace(dist("demo"), wheels=(replace(dist("demo").wheels[0], unpacked=2001),)),
            "the same files, told otherwise: demo 1.0",
        ),
        (
            dist("demo", index="mine"),
            replace(dist("demo"), wheels=(replace(dist("demo").wheels[0], sha256="b" * 64),)),
            "the same files of the index `default`, not `mine`, the same files, packed anew: demo 1.0",
        ),
    ],
)
def test_how_a_distribution_of_the_same_files_is_another(
    old: Distribution, new: Distribution, line: str
) -> None:
    found = diff(lock(old, dist("other")), lock(new, dist("other")))
    assert not found.changes_runtime
    assert render(found, LOOK).partition("\n\n")[2] == f"what does not change it:\n  {line}"


def test_an_image_is_told() -> None:
    image = ImageLock(
        base="python:3.11",
        digest="sha256:1",
        platforms={LINUX: ImagePlatform(manifest="sha256:2", diff_ids=("sha256:3", "sha256:4"))},
    )
    assert diff(lock(), lock(image=image)).values == (
        ValueChange(name="image.base", old=None, new="python:3.11"),
        ValueChange(name="image.digest", old=None, new="sha256:1"),
        ValueChange(name="image.linux-64.diff-ids", old=None, new="sha256:3 sha256:4"),
        ValueChange(name="image.linux-64.manifest", old=None, new="sha256:2"),
    )


# Settings and platforms


def test_settings() -> None:
    old, new = {"A": "1", "B": "1"}, {"B": "2", "C": "1"}
    found = diff(lock(settings=old), lock(settings=new))
    lines = render(found, LOOK).splitlines()
    assert lines[0] == "differs: a.lock and b.lock install the same files, under other settings"
    assert lines[-3:] == ["  setting A=1 is gone", "  setting B: 1 → 2", "  setting C=1 is new"]


def test_what_several_platforms_share_is_told_once() -> None:
    both = (LINUX, ARM)
    old = (dist("a", "1.0", platforms=both), dist("b", "1.0", platforms=both))
    new = (
        dist("a", "2.0", platforms=both),
        dist("b", "1.0", platforms=(LINUX,)),
        dist("b", "2.0", platforms=(ARM,)),
    )
    found = diff(lock(*old), lock(*new))
    assert [(change.name, change.platforms) for change in found.distributions] == [("a", both), ("b", (ARM,))]
    assert render(found, LOOK).partition("\n\n")[2] == (
        "what changes the runtime hash:\n  a 1.0 → 2.0\n  b 1.0 → 2.0 (on linux-aarch64)"
    )


def test_a_platform_that_only_one_lock_has_explains_nothing_of_the_others() -> None:
    one = lock(dist("a", platforms=(LINUX,)))
    other = lock(dist("a", platforms=(LINUX, WINDOWS)), dist("colorama", platforms=(WINDOWS,)))
    found = diff(one, other)
    assert (found.distributions, found.same_files, found.changes_runtime) == ((), (), False)
    assert render(found, LOOK) == (
        "differs: a.lock and b.lock, but the same files get installed on the platform of both\n"
        f"  linux-64  both {found.platforms[0].old}\n"
        f"  win-64    only b.lock has it: {found.platforms[1].new}"
    )


def test_locks_without_a_common_platform() -> None:
    found = diff(lock(dist("a", platforms=(LINUX,))), lock(dist("a", platforms=(MAC,))))
    assert not found.is_empty
    assert render(found, LOOK) == (
        "differs: a.lock and b.lock have no platform in common\n"
        f"  linux-64   only a.lock has it: {found.platforms[0].old}\n"
        f"  osx-arm64  only b.lock has it: {found.platforms[1].new}"
    )


def test_quiet_is_one_line() -> None:
    assert render(diff(OLD, NEW), replace(LOOK, quiet=True)) == (
        "differs: a.lock and b.lock install other files"
    )


def test_the_document_of_what_only_one_lock_has() -> None:
    gone, new = dist("gone"), dist("new")
    found = document(diff(lock(gone), lock(new)), old="a.lock", new="b.lock")
    rows = {row["name"]: row for row in found["runtime"]["distributions"]}
    assert (rows["gone"]["change"], rows["gone"]["new"]) == ("removed", None)
    assert [each["new"] for each in rows["gone"]["wheels"]] == [None]
    assert (rows["new"]["change"], rows["new"]["old"]) == ("added", None)
    assert [each["old"] for each in rows["new"]["wheels"]] == [None]


def test_the_document() -> None:
    old, new = dist("six", "1.16.0"), dist("six", "1.17.0")
    found = diff(lock(old, settings={"A": "1"}), lock(new, exclude_newer="2025-03-01T00:00:00Z"))
    assert document(found, old="a.lock", new="b.lock") == {
        "schema": "envlock.diff/1",
        "old": "a.lock",
        "new": "b.lock",
        "equal": False,
        "same_runtime": False,
        "platforms": [
            {
                "platform": "linux-64",
                "runtime_hash": {"old": found.platforms[0].old, "new": found.platforms[0].new},
                "conda_runtime_hash": {"old": None, "new": None},
                "stack": [],
            }
        ],
        "runtime": {
            "python": None,
            "settings": [{"name": "A", "old": "1", "new": None}],
            "distributions": [
                {
                    "name": "six",
                    "change": "version",
                    "cause": None,
                    "platforms": ["linux-64"],
                    "old": {"version": "1.16.0", "index": "default", "requires": []},
                    "new": {"version": "1.17.0", "index": "default", "requires": []},
                    "wheels": [
                        {
                            "platforms": ["linux-64"],
                            "old": {
                                "file": "six-1.16.0-py3-none-any.whl",
                                "sha256": old.wheels[0].sha256,
                                "digest": old.wheels[0].digest,
                                "fixups": [],
                            },
                            "new": {
                                "file": "six-1.17.0-py3-none-any.whl",
                                "sha256": new.wheels[0].sha256,
                                "digest": new.wheels[0].digest,
                                "fixups": [],
                            },
                        }
                    ],
                }
            ],
            "conda": [],
        },
        "other": {
            "values": [{"name": "exclude-newer", "old": None, "new": "2025-03-01T00:00:00Z"}],
            "distributions": [],
        },
    }
