"""What a process has loaded, judged from facts alone: whose each file is, and each finding whole."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from envlock.agent.mapped import DELETED, KEPT, LoadedFacts
from envlock.report import Finding
from envlock.report.model import Loaded
from envlock.verify.loaded import Owners, judge_loaded, owner_of
from tests.unit.verify.observed import SITE, installed, observed, told

CUDNN = f"{SITE}/nvidia/cudnn/lib/libcudnn.so.9"
PYTHON = "/opt/python/bin/python3.11"
OWNERS = Owners(
    locked={CUDNN: "lib/python3.11/site-packages/nvidia/cudnn/lib/libcudnn.so.9"},
    executable=PYTHON,
    base_prefix="/opt/python/",
    prefix="/env",
    caches=(),
)


@pytest.mark.parametrize(
    ("file", "owner"),
    [
        (CUDNN, "locked"),
        ("/usr/lib/x86_64-linux-gnu/libcuda.so.550.54", "driver"),
        ("/usr/lib/libcudnn.so.9", "foreign"),
        ("/usr/lib/libcudnn.so.8", "foreign"),
        (PYTHON, "interpreter"),
        ("/opt/python/lib/libpython3.11.so.1.0", "interpreter"),
        ("/opt/python/lib/python3.11/lib-dynload/_ssl.so", "interpreter"),
        ("/opt/python/lib/libssl.so.3", "interpreter"),
        ("/opt/python/lib/python3.11/site-packages/x.so", "foreign"),
        ("/opt/python/share/x.so", "foreign"),
        ("/lib/x86_64-linux-gnu/libc.so.6", "system"),
        ("/usr/lib/python3/dist-packages/x.so", "foreign"),
        ("/home/u/lib/x.so", "foreign"),
        ("/tmp/torchinductor_root/ab/x.so", "compiled"),
        ("/root/.triton/cache/x.so", "compiled"),
        ("/memfd:libffi", "compiled"),
        ("/tmp/ffiAbCd12", "compiled"),
        ("/scratch/cache/x.so", "foreign"),
    ],
)
def test_whose_a_file_is(file: str, owner: str) -> None:
    assert owner_of(file, OWNERS) == owner


def test_a_file_with_the_name_of_a_locked_one_that_is_not_of_cuda() -> None:
    owners = replace(OWNERS, locked={f"{SITE}/torch/lib/libc10.so": "lib/libc10.so"})
    assert owner_of("/usr/lib/libc10.so", owners) == "foreign"
    assert owner_of("/usr/lib/libc11.so", owners) == "system"


def test_a_base_is_taken_by_its_whole_name() -> None:
    owners = replace(OWNERS, base_prefix="/opt/X/")
    assert owner_of("/opt/X/lib/libssl.so.3", owners) == "interpreter"
    assert owner_of("/opt/lib/libssl.so.3", owners) == "foreign"


def test_the_caches_of_the_job() -> None:
    assert owner_of("/scratch/cache/x.so", replace(OWNERS, caches=("/scratch/cache/",))) == "compiled"


@pytest.mark.parametrize("base", ["/", "/usr", "/usr/", "/usr/local"])
def test_a_python_that_shares_its_base_owns_only_its_library(base: str) -> None:
    owners = replace(OWNERS, base_prefix=base, executable="/usr/bin/python3.11")
    root = base.rstrip("/")
    assert owner_of(f"{root}/lib/python3.11/lib-dynload/_ssl.so", owners) == "interpreter"
    assert owner_of(f"{root}/lib/libpython3.11.so.1.0", owners) == "interpreter"
    assert owner_of(f"{root}/library/x.so", owners) == "foreign"
    assert owner_of("/usr/lib/libssl.so.3", owners) == "system"


def test_a_python_in_the_prefix_itself_owns_only_its_library() -> None:
    owners = replace(OWNERS, base_prefix="/env")
    assert owner_of("/env/lib/libssl.so.3", owners) == "foreign"
    assert owner_of("/env/lib/libpython3.11.so.1.0", owners) == "interpreter"


def judged(owners: Owners = OWNERS, **changed: Any) -> tuple[Loaded, tuple[Finding, ...]]:
    loaded = {"pid": 7, "executable": PYTHON, "imported": [], "failed": {}, "mapped": [], "modules": []}
    return judge_loaded(observed(installed()), cast(LoadedFacts, {**loaded, **changed}), owners)


def found(**changed: Any) -> list[Any]:
    return [told(each) for each in judged(**changed)[1]]


def test_a_process_that_has_what_is_locked() -> None:
    whole, findings = judged(imported=["torch"], mapped=[{"file": CUDNN, "state": KEPT}])
    assert findings == ()
    assert (whole.pid, whole.imported) == (7, ("torch",))
    assert [(each.file, each.owner) for each in whole.libraries] == [(CUDNN, "locked")]


def test_another_executable() -> None:
    message = "the process runs `/usr/bin/python3`, not the Python of this environment"
    hint = "`--prefix DIR` names the environment that the process belongs to"
    row = (
        "loaded-foreign",
        "foreign",
        "loaded",
        "/usr/bin/python3",
        PYTHON,
        "/usr/bin/python3",
        message,
        hint,
    )
    assert found(executable="/usr/bin/python3") == [row]


UNSET = "unset LD_LIBRARY_PATH, LD_PRELOAD and PYTHONPATH, or lock what brings it"


def test_files_of_nobody_and_in_place_of_a_locked_one() -> None:
    mapped = [{"file": "/x/mine.so", "state": KEPT}, {"file": "/x/libcudnn.so.9", "state": KEPT}]
    rival = OWNERS.locked[CUDNN]
    nobody = "`/x/mine.so` is loaded, and is neither locked nor of the system or the interpreter"
    instead = f"`/x/libcudnn.so.9` is loaded beside or in place of the locked `{rival}`"
    assert found(mapped=mapped) == [
        ("loaded-foreign", "foreign", "loaded", "/x/mine.so", None, "/x/mine.so", nobody, UNSET),
        (
            "loaded-foreign",
            "foreign",
            "loaded",
            "/x/libcudnn.so.9",
            rival,
            "/x/libcudnn.so.9",
            instead,
            UNSET,
        ),
    ]


@pytest.mark.parametrize(
    ("state", "how"), [(DELETED, "was removed"), ("replaced", "was replaced by another file")]
)
def test_a_file_that_changed_under_the_process(state: str, how: str) -> None:
    mapped = [{"file": CUDNN, "state": state}, {"file": "/lib/libc.so.6", "state": state}]
    message = f"`{CUDNN}` {how} after the process loaded it: what runs is not what is on disk"
    assert found(mapped=mapped) == [
        (
            "loaded-replaced",
            "differs",
            "loaded",
            OWNERS.locked[CUDNN],
            None,
            None,
            message,
            "start the job again",
        )
    ]


def test_a_library_of_the_interpreter_that_changed_is_named_as_it_is() -> None:
    file = "/opt/python/lib/libpython3.11.so.1.0"
    [row] = found(mapped=[{"file": file, "state": DELETED}])
    assert (row[0], row[3]) == ("loaded-replaced", file)


def test_modules_under_the_real_path_of_a_linked_site_directory(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    facts = observed(installed(directory=str(tmp_path / "link")))
    modules = [{"name": "six", "file": str(tmp_path / "real" / "six.py")}]
    loaded = {"pid": 7, "executable": PYTHON, "imported": [], "failed": {}, "mapped": [], "modules": modules}
    assert judge_loaded(facts, cast(LoadedFacts, loaded), OWNERS)[1] == ()


def test_modules_from_elsewhere() -> None:
    modules = [
        {"name": "six", "file": f"{SITE}/six.py"},
        {"name": "json", "file": "/opt/python/lib/python3.11/json/__init__.py"},
        {"name": "__main__", "file": "/job/train.py"},
        {"name": "__main__.part", "file": "/job/part.py"},
        {"name": "kernel", "file": "/root/.triton/cache/kernel.py"},
        {"name": "mine", "file": "/job/mine.py"},
    ]
    message = "the module `mine` comes from `/job/mine.py`, outside of the environment"
    hint = "unset PYTHONPATH, or lock what brings it"
    assert found(modules=modules) == [
        ("loaded-foreign", "foreign", "loaded", "/job/mine.py", None, "/job/mine.py", message, hint)
    ]


def test_an_import_that_fails() -> None:
    reason = "ImportError: libcudnn.so.9"
    message = f"`import torch` fails, so what it loads is not known: {reason}"
    hint = "`envlock verify --level content` tells whether its files are those of the lock"
    assert found(failed={"torch": reason}) == [
        ("import-failed", "unknown", "loaded", None, None, reason, message, hint)
    ]


@pytest.mark.parametrize(
    ("count", "which"),
    [
        (1, "a library that was compiled on this host is"),
        (2, "2 libraries that were compiled on this host are"),
    ],
)
def test_what_was_compiled_here(count: int, which: str) -> None:
    mapped = [{"file": f"/root/.triton/{each}.so", "state": KEPT} for each in range(count)]
    assert found(mapped=mapped) == [
        (
            "loaded-compiled",
            "note",
            "loaded",
            "/root/.triton/0.so",
            None,
            None,
            f"{which} loaded: not locked",
            None,
        )
    ]
