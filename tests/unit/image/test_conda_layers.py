"""Conda packages as layers: which share one, and what does not depend on the machine."""

from __future__ import annotations

import json
from pathlib import Path

from envlock.image.conda_layers import CondaPrefix, conda_packages, history_item, record_bytes
from envlock.image.place import Site
from envlock.image.plan import Group
from envlock.install.model import Supply
from envlock.lock.model import CondaPackage
from tests.unit.lock.values import conda_package, lock, six, with_conda

LARGE = 9 << 20


def prefix(*packages: CondaPackage) -> CondaPrefix:
    supply = Supply(sources={}, environment={}, wheelhouse=None)
    folder = Path("/nowhere")
    return CondaPrefix(packages=packages, supply=supply, archives=folder, folder=folder)


def layers(made: CondaPrefix) -> list[tuple[str, list[str]]]:
    return [(group.what, [package.name for package in group.packages]) for group in made.groups()]


PYTHON = conda_package("python", version="3.11.9", size=LARGE)


def test_large_packages_are_alone_and_small_ones_together() -> None:
    made = prefix(conda_package("a"), conda_package("b"), PYTHON)
    assert layers(made) == [("python-1.0-h0_0.conda", ["python"]), ("2 small conda packages", ["a", "b"])]
    assert layers(prefix(conda_package("a"), PYTHON))[-1] == ("a-1.0-h0_0.conda", ["a"])
    assert layers(prefix(PYTHON)) == [("python-1.0-h0_0.conda", ["python"])]


def test_there_are_never_too_many_layers() -> None:
    many = [conda_package(f"p{number:02}", size=LARGE + number) for number in range(60)]
    found = layers(prefix(*many))
    assert len(found) == 41
    assert found[0][1] == ["p20"]
    assert found[-1] == ("20 small conda packages", [f"p{number:02}" for number in range(20)])


def test_a_layer_has_another_name_in_the_cache_when_any_package_is_another() -> None:
    one, other = prefix(conda_package("a"), PYTHON), prefix(conda_package("a", sha256="e" * 64), PYTHON)
    renamed = prefix(conda_package("a", channel="mirror"), PYTHON)
    keys = [made.key(made.groups()[0]) for made in (one, other, renamed)]
    assert len(set(keys)) == 3
    assert keys[0] == one.key(prefix(conda_package("a"), PYTHON).groups()[0])
    assert one.key(one.groups()[0]) != one.key(one.groups()[1])


def test_a_wheel_in_a_conda_prefix_has_its_headers_where_that_looks() -> None:
    made = prefix(PYTHON)
    assert made.site == Site(series="3.11", is_conda=True)
    assert made.site.locate("headers", "x.h", "greenlet") == "opt/env/include/python3.11/greenlet/x.h"
    assert Site(series="3.11").locate("headers", "x.h", "g") == "opt/env/include/site/python3.11/g/x.h"
    group = Group(what="six", wheels=(("six", six().wheels[0]),))
    assert group.key(made.site) != group.key(Site(series="3.11"))


def test_a_lock_whose_python_is_not_conda_s_makes_no_conda_prefix() -> None:
    mixed = with_conda(lock(), PYTHON, conda_package("a"))
    assert [row.name for row in conda_packages(mixed, "linux-64")] == ["a", "python"]
    assert conda_packages(mixed, "osx-arm64") == ()
    assert conda_packages(with_conda(lock(), conda_package("a")), "linux-64") == ()
    assert conda_packages(lock(), "linux-64") == ()


def test_records_do_not_tell_where_they_were_made() -> None:
    record = {
        "name": "a",
        "subdir": "noarch",
        "fn": "a-1.conda",
        "url": "http://127.0.0.1:8000/conda/noarch/a-1.conda",
        "channel": "http://127.0.0.1:8000/conda",
        "of_a_later_rattler": 1,
        "noarch": None,
        "files": ["b", "a"],
        "paths_data": {"paths_version": 1, "paths": [{"_path": "b"}, {"_path": "a"}]},
    }
    assert json.loads(record_bytes(record, {"a": "conda-forge"})) == {
        "name": "a",
        "subdir": "noarch",
        "fn": "a-1.conda",
        "url": "https://conda.anaconda.org/conda-forge/noarch/a-1.conda",
        "channel": "https://conda.anaconda.org/conda-forge",
        "files": ["a", "b"],
        "paths_data": {"paths_version": 1, "paths": [{"_path": "a"}, {"_path": "b"}]},
        "requested_spec": "",
    }
    ours = json.loads(record_bytes(record, {"a": "team/nightly"}))
    assert ours["url"] == "https://conda.anaconda.org/team/nightly/noarch/a-1.conda"


def test_conda_knows_the_prefix() -> None:
    assert history_item(Site(series="3.11", is_conda=True)).entry.path == "opt/env/conda-meta/history"
