"""An image around its environment, from what was seen of its layers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from envlock.lock.model import BuiltImage, ImageLock, ImagePlatform, Lock
from envlock.observe.image import ImageFacts
from envlock.report import Finding, Report, Severity, Verdict
from envlock.verify.image import judge_image
from tests.unit.lock.values import lock as make_lock
from tests.unit.lock.values import six
from tests.unit.verify.observed import observed, told

BASE = ("sha256:1", "sha256:2")
BUILT = BuiltImage(format=1, id="sha256:b", manifest="sha256:m", diff_ids=("sha256:3",))
MATCH = Report(
    verdict=Verdict.MATCH, expected="rt1:a", observed="rt1:a", level="content", target="/opt/env", findings=()
)


def locked(built: BuiltImage | None = None) -> Lock:
    platform = ImagePlatform(manifest="sha256:0", diff_ids=BASE, built=built)
    return replace(
        make_lock(six()), image=ImageLock(base="debian:12", digest=None, platforms={"linux-64": platform})
    )


def seen(**changed: Any) -> ImageFacts:
    found = {
        "facts": observed(),
        "id": "sha256:b",
        "diff_ids": (*BASE, "sha256:3"),
        "changed": (),
        "added": (),
    }
    return ImageFacts(**{**found, **changed})


def judged(lock: Lock | None = None, **changed: Any) -> list[tuple[Any, ...]]:
    report = judge_image(lock or locked(), "linux-64", MATCH, seen(**changed), "image.tar")
    return [told(each) for each in report.findings]


def test_the_built_image_on_its_base_is_no_finding() -> None:
    report = judge_image(locked(BUILT), "linux-64", MATCH, seen(), "image.tar")
    assert report == replace(MATCH, target="image.tar")


def test_findings_of_the_environment_and_the_image_are_one_report_in_order() -> None:
    inner = Finding(code="z", severity=Severity.NOTE, component="path", message="z")
    inside = replace(MATCH, findings=(inner,))
    report = judge_image(
        locked(), "linux-64", inside, seen(changed=("bin/sh",), added=("opt/x",)), "image.tar"
    )
    assert report.verdict is Verdict.MISMATCH
    assert [each.code for each in report.findings] == ["base-file-differs", "image-files", "z"]


@pytest.mark.parametrize(
    "lock", [make_lock(six()), replace(locked(), image=ImageLock(base="x", digest=None, platforms={}))]
)
def test_a_base_that_is_not_locked(lock: Lock) -> None:
    """And nothing else is told of the image."""
    assert judged(lock, changed=("bin/sh",), diff_ids=()) == [
        (
            "base-not-locked",
            "note",
            "image",
            None,
            None,
            None,
            "the lock has no base image, so interpreter and system of this one are not proved",
            "name a base in [tool.envlock.image] and run `envlock lock`",
        )
    ]


@pytest.mark.parametrize(
    ("diff_ids", "number", "wanted", "found"),
    [
        (("sha256:9", "sha256:2"), 1, "sha256:1", "sha256:9"),
        (("sha256:1", "sha256:9", "sha256:3"), 2, "sha256:2", "sha256:9"),
        (("sha256:1",), 2, "sha256:2", None),
        ((), 1, "sha256:1", None),
    ],
)
def test_another_base(diff_ids: tuple[str, ...], number: int, wanted: str, found: str | None) -> None:
    assert judged(diff_ids=diff_ids, changed=("bin/sh",)) == [
        (
            "base-differs",
            "differs",
            "image",
            None,
            wanted,
            found,
            f"the image is not on the locked base: layer {number} of its 2 is another",
            "build the image again from the lock; `envlock lock --upgrade` takes the base of today",
        )
    ]


def test_seen_from_inside() -> None:
    assert judged(inside=True) == [
        (
            "seen-from-inside",
            "note",
            "image",
            None,
            None,
            None,
            "seen from inside: the image's own Python was trusted to look at the environment",
            "without `--inside` the layers are read, and what they do to the base is told",
        )
    ]


def changed(path: str, more: str = "") -> tuple[Any, ...]:
    return (
        "base-file-differs",
        "differs",
        "image",
        f"/{path}",
        None,
        None,
        f"`/{path}` of the base image was changed or removed by a layer above it{more}",
        "leave the base as it is, or lock another base that has the change",
    )


def added(path: str) -> tuple[Any, ...]:
    return (
        "base-file-added",
        "foreign",
        "image",
        f"/{path}",
        None,
        None,
        f"`/{path}` was added by a layer above the base, and comes before what is locked",
        "leave it out, or lock another base that has it",
    )


def others(path: str, counted: str) -> tuple[Any, ...]:
    message = f"layers above the base add {counted} outside of the environment"
    return ("image-files", "note", "image", f"/{path}", None, None, message, None)


CODE = [
    "bin/sh",
    "etc/ld.so.conf.d/x.conf",
    "etc/ld.so.preload",
    "homes/a",
    "usr/bin/python3",
    "usr/lib/python3.11/json/__init__.py",
    "usr/shared/a",
]
FIRST = [
    "etc/ld.so.conf",
    "etc/ld.so.conf.d/x.conf",
    "etc/ld.so.preload",
    "home/a/sitecustomize.py",
    "lib/python3/dist-packages/a\nb.pth",
    "lib/python3/dist-packages/a.py",
    "sitecustomize",
    "usr/lib/python311.zip",
    "usr/local/lib/python3.11/site-packages/a.py",
    "var/usercustomize.cpython-311.pyc",
]
OURS = [
    "etc",
    "etc/hosts",
    "home/a/.bashrc",
    "root/.cache/x",
    "tmp",
    "usr/include/a.h",
    "usr/share/doc/a",
    "usr/src/a",
    "var/cache/a",
]


def test_code_of_the_base_that_was_changed() -> None:
    assert judged(changed=(*OURS, *CODE)) == [changed(path) for path in CODE]


def test_what_was_added_before_what_is_locked() -> None:
    assert judged(added=(*OURS, *FIRST)) == [added(path) for path in FIRST]


def test_other_files_that_were_added_are_one_note() -> None:
    assert judged(added=(*OURS, "opt/b", "usr/lib/x.so")) == [others("opt/b", "2 files")]
    assert judged(added=("opt/b",)) == [others("opt/b", "1 file")]


@pytest.mark.parametrize(
    ("count", "more"), [(20, None), (21, ""), (22, ", and so is 1 more"), (23, ", and so are 2 more")]
)
def test_twenty_files_are_named_and_the_rest_counted(count: int, more: str | None) -> None:
    paths = [f"bin/{number:02}" for number in range(count)]
    rest = [] if more is None else [changed(paths[20], more)]
    assert judged(changed=tuple(paths)) == [*map(changed, paths[:20]), *rest]


def test_another_image_than_the_one_that_is_built() -> None:
    assert judged(locked(BUILT), id="sha256:c") == [
        (
            "other-image",
            "note",
            "image",
            None,
            "sha256:b",
            "sha256:c",
            "this is another image than `envlock build oci` makes of the lock",
            None,
        )
    ]
