"""Foreign files, bytecode and directories on sys.path, judged from facts alone: each finding whole."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from envlock.lock.model import Lock
from envlock.verify.distributions import Installation
from envlock.verify.foreign import judge_foreign
from tests.unit.lock.values import lock as make_lock
from tests.unit.lock.values import six
from tests.unit.verify.observed import SITE, installed, observed, on_path, told


def judged(*, lock: Lock | None = None, six_facts: dict[str, Any] | None = None, **changed: Any) -> list[Any]:
    facts = observed(installed(**(six_facts or {})), **changed)
    installation = Installation.of(lock or make_lock(six()), facts, "linux-64")
    return [told(each) for each in judge_foreign(installation, facts)]


def file(name: str, kind: str, **changed: Any) -> dict[str, Any]:
    return {"file": name, "kind": kind, "role": "site", "detail": "", "system": False, **changed}


def test_nothing_foreign() -> None:
    assert judged() == []


@pytest.mark.parametrize(
    ("kind", "detail", "code", "effect"),
    [
        ("startup", "", "startup-file", ", and it runs when Python starts"),
        ("module", "", "foreign-module", ", and it can be imported"),
        ("library", "ELF", "foreign-library", " (ELF), and it can be loaded"),
        ("executable", "", "foreign-executable", ", and it can be started"),
        ("shell", "", "foreign-executable", ", and it is read by shells"),
        ("link", "to `/x`", "foreign-link", " (to `/x`), and it leads to files that nobody has looked at"),
    ],
)
def test_a_file_without_an_owner(kind: str, detail: str, code: str, effect: str) -> None:
    assert judged(foreign=[file("lib/six.py", kind, detail=detail)]) == [
        (
            code,
            "foreign",
            "files",
            "lib/six.py",
            None,
            None,
            f"no installed distribution owns `lib/six.py`{effect}",
            "remove `lib/six.py`, or lock the distribution that it belongs to",
        )
    ]


@pytest.mark.parametrize(
    ("name", "kind", "role", "effect"),
    [
        ("bin/six.tar.py", "module", "bin", "shadows the locked six in every console script"),
        ("/opt/base/bin/six.py", "module", "bin", "shadows the locked six in every console script"),
        ("bin/seven.py", "module", "bin", "can be imported"),
        ("bin/six", "executable", "bin", "can be started"),
        ("lib/six.py", "module", "site", "can be imported"),
    ],
)
def test_a_module_beside_the_scripts_shadows(name: str, kind: str, role: str, effect: str) -> None:
    [found] = judged(foreign=[file(name, kind, role=role)])
    assert found[6] == f"no installed distribution owns `{name}`, and it {effect}"


def test_a_file_of_the_system() -> None:
    assert judged(foreign=[file("/usr/lib/python3/six.py", "module", system=True)]) == [
        (
            "system-file",
            "note",
            "host",
            "/usr/lib/python3/six.py",
            None,
            None,
            "`/usr/lib/python3/six.py` belongs to the system's packages",
            None,
        )
    ]


def test_bytecode() -> None:
    row = {"file": "a/__pycache__/x.pyc", "source": "a/x.py", "reason": "another constant"}
    assert judged(bytecode=[row]) == [
        (
            "bytecode-differs",
            "differs",
            "bytecode",
            "a/__pycache__/x.pyc",
            None,
            None,
            "`a/__pycache__/x.pyc` is not what `a/x.py` compiles to: another constant",
            "remove it: Python writes it again",
        )
    ]


def test_the_site_directories_of_the_system() -> None:
    assert judged(sees_system_site=True) == [
        (
            "system-site-packages",
            "foreign",
            "python",
            "pyvenv.cfg",
            None,
            None,
            "`pyvenv.cfg` lets the system's site-packages in, which are not locked",
            "set `include-system-site-packages = false`, or make the environment again: `envlock sync`",
        )
    ]


def test_a_directory_that_changes_nothing_is_a_note() -> None:
    assert judged(paths=[on_path("/x", modules=["mine"])]) == [
        ("extra-path", "note", "path:x.pth", "/x", None, None, "`/x` is on sys.path by x.pth", None)
    ]
    assert judged(paths=[on_path("/usr/lib/python3.11", role="stdlib", modules=["json"])]) == []


def paths_of(reasons: list[str], origin: str, hint: str) -> list[Any]:
    return [
        (
            "shadowing-path",
            "foreign",
            f"path:{origin}",
            "/x",
            None,
            None,
            f"`/x` is on sys.path by {origin} and {reason}",
            hint,
        )
        for reason in reasons
    ]


def test_pythonpath() -> None:
    path = on_path(
        "/x",
        role="pythonpath",
        origin="PYTHONPATH",
        modules=["six", "json", "mine"],
        startup=["/x/sitecustomize.py"],
        infos=["Six-1.0-py3.egg-info", "mine-1.0.dist-info"],
    )
    reasons = [
        "has `sitecustomize.py`, which runs when Python starts",
        "shadows `six` of the locked six",
        "shadows `json` of the standard library",
        "has `Six-1.0-py3.egg-info`, which comes before the locked one",
    ]
    assert judged(paths=[path]) == paths_of(reasons, "PYTHONPATH", "`unset PYTHONPATH`")


def test_a_name_with_an_underscore_is_one_with_a_dash() -> None:
    lock = make_lock(replace(six(), name="my-six"))
    path = on_path("/x", role="pythonpath", origin="PYTHONPATH", infos=["my_six-1.0.dist-info"])
    [found] = judged(lock=lock, paths=[path])
    assert found[6] == (
        "`/x` is on sys.path by PYTHONPATH and has `my_six-1.0.dist-info`, which comes before the locked one"
    )


def test_a_path_file_of_a_locked_distribution_leads_to_modules() -> None:
    line = {"pth": f"{SITE}/x.pth", "directory": "/x", "code": None}
    path = on_path("/x", modules=["mine"])
    reasons = ["provides `mine`, which no distribution owns"]
    assert judged(six_facts={"path_lines": [line]}, paths=[path]) == paths_of(
        reasons, "x.pth", "remove `x.pth`"
    )
    other = {**line, "pth": f"{SITE}/xx.pth"}
    assert [each[0] for each in judged(six_facts={"path_lines": [other]}, paths=[path])] == ["extra-path"]


def test_entry_points_that_a_locked_package_loads() -> None:
    lock = make_lock(replace(six(), name="pytest"))
    path = on_path("/x", groups=["pytest11", "torch.backends", "other"])
    reasons = ["has an entry point in `pytest11`, which the locked pytest loads by itself"]
    assert judged(lock=lock, paths=[path]) == paths_of(reasons, "x.pth", "remove `x.pth`")


def test_directories_of_the_standard_library() -> None:
    again = "install that Python again"
    path = on_path("/x", role="stdlib", origin="python", modules=["six", "json", "mine"])
    assert judged(paths=[path]) == paths_of(["shadows `six` of the locked six"], "python", again)
    both = judged(paths=[{**path, "directory": "/x.zip"}])
    assert [each[6] for each in both] == [
        "`/x.zip` is on sys.path by python and comes before every other `six`",
        "`/x.zip` is on sys.path by python and comes before every other `json`",
    ]
    library = judged(six_facts={"top_level": ["json"]}, paths=[{**path, "modules": ["json"]}])
    assert library == []
