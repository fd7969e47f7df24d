"""The lockfile's text, whole; and each thing that makes one invalid, by its message."""

from __future__ import annotations

from dataclasses import replace

import pytest

from envlock.agent.lockfile import parse_subset
from envlock.errors import LockfileInvalid
from envlock.lock import Fixup, ImageLock, ImagePlatform, Stack, dumps, loads
from tests.unit.lock.values import SIX, WIDGETS, lock, six, wheel, widgets

RUNTIME = "rt1:e48fe2d1115c52cdd39ec34861aede2569f9bb8a3f4a802f3d745461a700f9c1"
REMAKE = "restore it from version control, or remove it and run `envlock lock`"

FULL = replace(
    lock(
        widgets(),
        replace(
            six(),
            wheels=(
                replace(
                    six().wheels[0],
                    fixups=(
                        Fixup(place="lib", path="gone.py", sha256=None),
                        Fixup(place="data", path='share/é"x', sha256="e" * 64),
                    ),
                ),
            ),
        ),
    ),
    exclude_newer="2025-03-01T00:00:00Z",
    project="my-project",
    stack={"linux-64": Stack(torch="2.6.0", cuda="12.4", variant="cu124", gpu_archs=("sm_50", "sm_90"))},
    settings={"PYTHONHASHSEED": "0", "A": 'a\\b"c é'},
    image=ImageLock(
        base="docker.io/library/python:3.11",
        digest=f"sha256:{'1' * 64}",
        platforms={
            "linux-64": ImagePlatform(manifest=f"sha256:{'2' * 64}", diff_ids=(f"sha256:{'3' * 64}",))
        },
    ),
)

TEXT = f"""\
# made by envlock, not to be edited: `envlock lock` writes it
version = 1
manifest = "{"0" * 64}"
python = "3.11"
python-exact = "3.11.11"
glibc = "2.28"
exclude-newer = "2025-03-01T00:00:00Z"
project = "my-project"
platforms = ["linux-64"]

[stack.linux-64]
torch = "2.6.0"
cuda = "12.4"
variant = "cu124"
gpu-archs = ["sm_50", "sm_90"]

[settings]
A = "a\\\\b\\"c é"
PYTHONHASHSEED = "0"

[runtime.linux-64]
wheels = "{RUNTIME}"

[image]
base = "docker.io/library/python:3.11"
digest = "sha256:{"1" * 64}"

[image.platforms.linux-64]
manifest = "sha256:{"2" * 64}"
diff-ids = ["sha256:{"3" * 64}"]

[[distribution]]
name = "jupyterlab-widgets"
version = "3.0.13"
index = "default"
requires = ["six"]
wheels = [
    {{ file = "jupyterlab_widgets-3.0.13-py3-none-any.whl", platforms = ["linux-64"], sha256 = "{"a" * 64}", \
size = 11050, unpacked = 36903, files = 5, digest = "{WIDGETS}" }},
]

[[distribution]]
name = "six"
version = "1.17.0"
index = "default"
requires = []
wheels = [
    {{ file = "six-1.17.0-py2.py3-none-any.whl", platforms = ["linux-64"], sha256 = "{"a" * 64}", \
size = 11050, unpacked = 36903, files = 5, digest = "{SIX}", \
fixups = [{{ place = "data", path = "share/é\\"x", sha256 = "{"e" * 64}" }}, \
{{ place = "lib", path = "gone.py", absent = true }}] }},
]
"""


def faults(text: str) -> list[tuple[str, str, str | None]]:
    with pytest.raises(LockfileInvalid) as caught:
        loads(text, where="envlock.lock")
    return [
        (fault.where.removeprefix("envlock.lock, "), fault.message, fault.hint)
        for fault in caught.value.faults
    ]


def changed(old: str, new: str) -> str:
    assert old in TEXT
    return TEXT.replace(old, new, 1)


def test_the_text() -> None:
    assert dumps(FULL) == TEXT


def test_there_and_back() -> None:
    lock = loads(TEXT, where="envlock.lock")
    assert dumps(lock) == TEXT
    assert lock == replace(
        FULL,
        distributions=(
            FULL.distributions[0],
            replace(
                FULL.distributions[1],
                wheels=(
                    replace(
                        FULL.distributions[1].wheels[0],
                        fixups=FULL.distributions[1].wheels[0].fixups[::-1],
                    ),
                ),
            ),
        ),
    )


def test_order_is_the_writer_s() -> None:
    backwards = replace(
        FULL,
        distributions=FULL.distributions[::-1],
        settings=dict(sorted(FULL.settings.items(), reverse=True)),
    )
    assert dumps(backwards) == TEXT


def test_no_settings_no_table() -> None:
    text = dumps(lock(six()))
    assert "[settings]" not in text
    assert loads(text, where="x") == lock(six())


def test_the_agent_reads_it_alike() -> None:
    import tomllib

    assert parse_subset(TEXT) == tomllib.loads(TEXT)


ONE_OF = "`lib`, `scripts`, `headers` or `data`"
SHA = "64 hexadecimal digits in lower case"
CUT = "a" * 63


@pytest.mark.parametrize(
    ("old", "new", "where", "message", "hint"),
    [
        ("project =", "projct =", "projct", "unknown key `projct`", "did you mean `project`?"),
        ('manifest = "0', 'manifest = "x0', "manifest",
         f'`manifest` must be {SHA}, found "x{"0" * 64}"', None),
        ('python = "3.11"\n', "", "python", "`python` is missing", None),
        ('python-exact = "3.11.11"', 'python-exact = "3.12.1"', "python-exact",
         "Python 3.12.1 is not a 3.11", None),
        ('python-exact = "3.11.11"', 'python-exact = "3.11"', "python-exact",
         '`python-exact` must be an exact Python version like `3.11.7`, found "3.11"', None),
        ('platforms = ["linux-64"]\n\n', "platforms = []\n\n", "platforms", "names no platform", None),
        ('platforms = ["linux-64"]\n\n', 'platforms = ["linux"]\n\n', "platforms[0]",
         '`platforms[0]` must be a platform, found "linux"', None),
        ('glibc = "2.28"', "glibc = 2.28", "glibc", "`glibc` must be a string, found the number 2.28",
         'quote it: `"2.28"`'),
        ("2025-03-01T00:00:00Z", "2025-03-01", "exclude-newer",
         '`exclude-newer` must be a time in UTC like `2025-03-01T00:00:00Z`, found "2025-03-01"', None),
        ("[stack.linux-64]", "[stack.win-64]", "stack.win-64", "`win-64` is not among `platforms`", None),
        ("[stack.linux-64]", "[stack.linux]", "stack.linux", "`linux` must be a platform", None),
        ('cuda = "12.4"', 'cuda = "12"', "stack.linux-64.cuda",
         '`cuda` must be a CUDA toolkit version like `12.4`, or `cpu`, found "12"', None),
        ("sm_50", "sm_5", "stack.linux-64.gpu-archs[0]",
         '`gpu-archs[0]` must be a GPU architecture like `sm_90`, found "sm_5"', None),
        ("PYTHONHASHSEED = ", '"A B" = ', 'settings."A B"',
         "`A B` must be the name of an environment variable", None),
        (RUNTIME, "rt1:" + "0" * 64, "runtime.linux-64.wheels",
         "the runtime hash does not follow from the lock: it was edited, or merged", None),
        (RUNTIME, "rt2:" + "0" * 64, "runtime.linux-64.wheels",
         f'`wheels` must be `rt1:` and {SHA}, found "rt2:{"0" * 64}"', None),
        ("[runtime.linux-64]", "[runtime.linux-64]\nconda = 'x'", "runtime.linux-64.conda",
         f'`conda` must be `rt1:` and {SHA}, found "x"', None),
        ("[runtime.linux-64]", f"[runtime.linux-64]\nconda = 'rt1:{'0' * 64}'", "runtime.linux-64.conda",
         "the lock has no conda package for linux-64", None),
        ('PYTHONHASHSEED = "0"', 'PYTHONHASHSEED = "1"', "runtime.linux-64.wheels",
         "the runtime hash does not follow from the lock: it was edited, or merged", None),
        (WIDGETS, "0" * 64, "runtime.linux-64.wheels",
         "the runtime hash does not follow from the lock: it was edited, or merged", None),
        ("docker.io/library/python:3.11", "python:3.11 AS x", "image.base",
         "`base` must be an image reference like `docker.io/library/python:3.11-slim-bookworm`, "
         "or `oci:DIR`, "
         'found "python:3.11 AS x"', None),
        (f'"sha256:{"3" * 64}"', "3", "image.platforms.linux-64.diff-ids[0]",
         "`diff-ids[0]` must be a string, found the number 3", 'quote it: `"3"`'),
        ('name = "six"', 'name = "Six"', "distribution[1].name",
         '`name` must be a normalised distribution name (PEP 503), found "Six"', None),
        ('name = "jupyterlab-widgets"', 'name = "widgets"', "distribution.widgets.wheels",
         "`jupyterlab_widgets-3.0.13-py3-none-any.whl` is not a wheel of widgets 3.0.13", None),
        ('version = "1.17.0"', 'version = "1.16.0"', "distribution.six.wheels",
         "`six-1.17.0-py2.py3-none-any.whl` is not a wheel of six 1.16.0", None),
        ('version = "1.17.0"', "version = 1", "distribution.six.version",
         "`version` must be a string, found the number 1", 'quote it: `"1"`'),
        ("[runtime.linux-64]", f"[runtime.win-64]\nwheels = 'rt1:{'0' * 64}'\n\n[runtime.linux-64]",
         "runtime.win-64", "`win-64` is not among `platforms`", None),
        ('version = "1.17.0"', 'version = "1.x-"', "distribution.six.version",
         "`1.x-` is not a version (PEP 440)", None),
        ("six-1.17.0-py2.py3-none-any.whl", "six-1.17.0.whl", "distribution.six.wheels",
         "`six-1.17.0.whl` is not the file name of a wheel: "
         "invalid wheel filename (wrong number of parts)", None),
        ("six-1.17.0-py2.py3-none-any.whl", "../six.whl", "distribution.six.wheels[0].file",
         '`file` must be the file name of a wheel, found "../six.whl"', None),
        ('index = "default"', 'index = "https://h"', "distribution.jupyterlab-widgets.index",
         "`index` must be an index name like `pytorch` (`a-z`, `0-9`, `.`, `_`, `-`), "
         'found "https://h"', None),
        ('requires = ["six"]', 'requires = ["seven"]', "distribution.jupyterlab-widgets.requires",
         "`seven` is not locked", None),
        ('requires = ["six"]', 'requires = ["six", "six"]', "distribution.jupyterlab-widgets.requires",
         "`six` is there twice", None),
        ('platforms = ["linux-64"], sha256', 'platforms = [], sha256',
         "distribution.jupyterlab-widgets.wheels[0].platforms", "names no platform", None),
        ("size = 11050", "size = -1", "distribution.jupyterlab-widgets.wheels[0].size",
         "`size` must be a whole number, not negative, found the number -1", None),
        ("size = 11050", "size = true", "distribution.jupyterlab-widgets.wheels[0].size",
         "`size` must be a whole number, not negative, found `true`", None),
        ("size = 11050, ", "", "distribution.jupyterlab-widgets.wheels[0].size", "`size` is missing", None),
        ("size = 11050", "sise = 1, size = 2", "distribution.jupyterlab-widgets.wheels[0].sise",
         "unknown key `sise`", "did you mean `size`?"),
        (f'sha256 = "{"a" * 64}"', f'sha256 = "{CUT}"', "distribution.jupyterlab-widgets.wheels[0].sha256",
         f'`sha256` must be {SHA}, found "{CUT}"', None),
        ('path = "gone.py"', 'path = "../gone.py"', "distribution.six.wheels[0].fixups[1].path",
         '`path` must be a relative path without `..` and control characters, found "../gone.py"', None),
        ('place = "lib"', 'place = "home"', "distribution.six.wheels[0].fixups[1].place",
         f'`place` must be {ONE_OF}, found "home"', None),
        ("absent = true", "absent = false", "distribution.six.wheels[0].fixups[1].sha256",
         "a fixup has either `sha256` or `absent = true`", None),
        ('path = "gone.py"', 'path = "gone.py", sha256 = "' + "f" * 64 + '"',
         "distribution.six.wheels[0].fixups[1].sha256",
         "a fixup has either `sha256` or `absent = true`", None),
        ("[settings]", "[settings", "line 17, column 10",
         "not valid TOML: expected ']' at the end of a table declaration", None),
    ],
)  # fmt: skip
def test_one_fault(old: str, new: str, where: str, message: str, hint: str | None) -> None:
    assert faults(changed(old, new)) == [(where, message, hint)]


def test_all_faults_at_once() -> None:
    text = changed('glibc = "2.28"', "").replace('index = "default"', 'indx = "default"', 1)
    with pytest.raises(LockfileInvalid) as caught:
        loads(text, where="envlock.lock")
    assert str(caught.value) == "`envlock.lock` has 3 faults"
    assert (caught.value.where, caught.value.hint, caught.value.exit_status) == ("envlock.lock", REMAKE, 3)
    assert [(fault.where, fault.message, fault.hint) for fault in caught.value.faults] == [
        ("envlock.lock, glibc", "`glibc` is missing", None),
        ("envlock.lock, distribution.jupyterlab-widgets.indx", "unknown key `indx`", "did you mean `index`?"),
        ("envlock.lock, distribution.jupyterlab-widgets.index", "`index` is missing", None),
    ]


@pytest.mark.parametrize(
    ("version", "message", "hint"),
    [
        ("2", "lockfile version 2 needs a newer envlock: this one reads version 1",
         "`pip install --upgrade torch-envlock`"),
        ("0", "is not a lockfile of version 1", REMAKE),
        ("true", "is not a lockfile of version 1", REMAKE),
        ("1.0", "is not a lockfile of version 1", REMAKE),
        ('"1"', "is not a lockfile of version 1", REMAKE),
    ],
)  # fmt: skip
def test_another_format(version: str, message: str, hint: str) -> None:
    with pytest.raises(LockfileInvalid) as caught:
        loads(f"version = {version}\nnothing = 'else is judged'\n", where="envlock.lock")
    assert [(fault.where, fault.message) for fault in caught.value.faults] == [
        ("envlock.lock, version", message)
    ]
    assert caught.value.hint == hint


def test_a_file_that_is_no_lockfile_is_not_to_be_removed() -> None:
    with pytest.raises(LockfileInvalid) as caught:
        loads("[project]\nname = 'x'\n", where="pyproject.toml")
    assert [(fault.where, fault.message) for fault in caught.value.faults] == [
        ("pyproject.toml, version", "is not a lockfile of version 1")
    ]
    assert caught.value.hint == "`-l FILE` names a lockfile, `envlock lock` writes one"


def test_contradictions() -> None:
    twice = replace(lock(six(), six()), platforms=("linux-64",))
    assert faults(dumps(twice)) == [
        ("distribution.six", "`six` 1.17.0 of the index `default` is there twice", None),
        ("distribution.six.wheels", "two wheels of `six` for linux-64", None),
    ]
    two_wheels = replace(six(), wheels=(*six().wheels, wheel("six-1.17.0-py3-none-any.whl")))
    assert faults(dumps(lock(two_wheels))) == [
        ("distribution.six.wheels", "two wheels of `six` for linux-64", None)
    ]
    elsewhere = replace(six(), wheels=(wheel("six-1.17.0-py3-none-any.whl", platforms=("win-64",)),))
    assert faults(dumps(lock(elsewhere))) == [
        ("distribution.six.wheels", "`win-64` is not among `platforms`", None)
    ]
    assert faults(dumps(lock(replace(six(), wheels=())))) == [
        ("distribution.six.wheels", "has no wheel", None)
    ]
    fixup = Fixup(place="lib", path="a", sha256=None)
    fixed = replace(six(), wheels=(replace(six().wheels[0], fixups=(fixup, fixup)),))
    assert faults(dumps(lock(fixed))) == [
        ("distribution.six.wheels", "two fixups for `lib/a` of `six-1.17.0-py2.py3-none-any.whl`", None)
    ]


def test_a_stack_that_is_not_what_is_locked() -> None:
    torch = replace(
        six(),
        name="torch",
        version="2.6.0+cu124",
        wheels=(wheel("torch-2.6.0+cu124-cp311-cp311-linux_x86_64.whl"),),
    )
    fine = replace(lock(torch), stack={"linux-64": Stack(torch="2.6.0")})
    assert loads(dumps(fine), where="x") == fine
    wrong = replace(fine, stack={"linux-64": Stack(torch="2.5.1")})
    assert faults(dumps(wrong)) == [("stack.linux-64.torch", "torch 2.6.0+cu124 is locked, not 2.5.1", None)]


def test_one_name_in_two_versions_for_two_platforms() -> None:
    other = replace(
        six(), version="1.16.0", wheels=(wheel("six-1.16.0-py2.py3-none-any.whl", platforms=("osx-arm64",)),)
    )
    both = replace(lock(other, six()), platforms=("linux-64", "osx-arm64"))
    assert loads(dumps(both), where="x") == both


def test_versions_are_compared_as_versions() -> None:
    """The folder of dist-info may spell a version otherwise than the file name does."""
    spelled = replace(six(), version="1.17.0.post1", wheels=(wheel("six-1.17.0.post1-py3-none-any.whl"),))
    odd = replace(spelled, version="1.17.0-1")
    assert loads(dumps(lock(odd)), where="x") == lock(odd)


@pytest.mark.parametrize(
    "path", ["", "/x", "../x", "a/../x", "a/..", "..", ".", "a/./b", "a//b", "a/", "a\\b", "a\x00", "a\nb"]
)
def test_paths_that_may_not_be_followed(path: str) -> None:
    fixed = replace(
        six(), wheels=(replace(six().wheels[0], fixups=(Fixup(place="lib", path=path, sha256=None),)),)
    )
    assert [row[0] for row in faults(dumps(lock(fixed)))] == ["distribution.six.wheels[0].fixups[0].path"]


@pytest.mark.parametrize("path", ["a", "a/b.py", "..a/b..", ".hidden/x", "a b/é"])
def test_paths_that_may(path: str) -> None:
    fixed = replace(
        six(), wheels=(replace(six().wheels[0], fixups=(Fixup(place="lib", path=path, sha256=None),)),)
    )
    assert loads(dumps(lock(fixed)), where="x") == lock(fixed)


def test_a_missing_runtime() -> None:
    text = TEXT.replace(f'[runtime.linux-64]\nwheels = "{RUNTIME}"\n', "[runtime]\n")
    assert faults(text) == [("runtime.linux-64", "`linux-64` is missing", None)]


def test_a_merge_conflict() -> None:
    text = changed("[settings]", "<<<<<<< HEAD\n[settings]")
    assert faults(text) == [
        ("line 17, column 1", "not valid TOML: invalid statement", "resolve the merge conflict first")
    ]
