"""A manifest as values, and every fault of one at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from envlock.errors import ManifestInvalid
from envlock.manifest import CondaRequest, ImageRequest, Platform, read_manifest
from tests.unit.manifest.reading import asked, faults, read, told, write

FULL = """
[project]
name = "My.Project"
requires-python = ">=3.10,<3.13"
dependencies = ["numpy>=1.26"]
[tool.envlock]
python = "3.11"
cuda = "12.4"
platforms = ["linux-64", "osx-arm64"]
glibc = "2.35"
requirements = ["torch==2.6.0", "transformers[torch]>=4; python_version > '3.8'"]
exclude-newer = 2025-03-01
allow-sdist = ["Some_Thing"]
[tool.envlock.settings]
PYTHONHASHSEED = "0"
CUBLAS_WORKSPACE_CONFIG = ":4096:8"
[tool.envlock.conda]
packages = ["python", "ffmpeg >=6"]
virtual-packages = { __cuda = "12.4" }
[tool.envlock.image]
base = "docker.io/library/python:3.11-slim-bookworm"
[tool.envlock.sources]
pytorch = "https://mirror.example/whl/{variant}"
[tool.envlock.index-of]
Our_Lib = "company"
[tool.envlock.variants.cpu]
cuda = "cpu"
settings = { OMP_NUM_THREADS = "1" }
image = { user = "worker" }
"""


def test_every_key(tmp_path: Path) -> None:
    manifest = read_manifest(write(tmp_path, {"pyproject.toml": FULL}))
    assert manifest.path == tmp_path / "pyproject.toml"
    assert (manifest.root, manifest.lockfile) == (tmp_path, tmp_path / "envlock.lock")
    assert (manifest.variant, manifest.project_name, manifest.python) == (None, "my-project", "3.11")
    assert manifest.cuda == {Platform.LINUX_64: "12.4", Platform.OSX_ARM64: "cpu"}
    assert manifest.platforms == (Platform.LINUX_64, Platform.OSX_ARM64)
    assert manifest.glibc == (2, 35)
    assert asked(manifest) == ["torch==2.6.0", 'transformers[torch]>=4; python_version > "3.8"']
    assert manifest.requirements[0].origin == "pyproject.toml, tool.envlock.requirements"
    assert (manifest.constraints, manifest.exclude_newer) == ((), "2025-03-01T00:00:00Z")
    assert manifest.settings == {"PYTHONHASHSEED": "0", "CUBLAS_WORKSPACE_CONFIG": ":4096:8"}
    assert manifest.index_of == {"our-lib": "company"}
    assert manifest.sources == {"pytorch": "https://mirror.example/whl/{variant}"}
    assert manifest.conda == CondaRequest(
        channels=("conda-forge",), packages=("python", "ffmpeg >=6"), virtual_packages={"__cuda": "12.4"}
    )
    assert manifest.image == ImageRequest(base="docker.io/library/python:3.11-slim-bookworm", user="app")
    assert manifest.allow_sdist == ("some-thing",)
    assert manifest.notes == ("osx-arm64: there is no CUDA on macOS, so `cuda` counts as `cpu` there",)
    assert len(manifest.fingerprint) == 64


def test_a_variant_goes_over_the_rest(tmp_path: Path) -> None:
    manifest = read_manifest(write(tmp_path, {"pyproject.toml": FULL}), variant="cpu")
    assert (manifest.variant, manifest.lockfile.name) == ("cpu", "envlock.cpu.lock")
    assert manifest.cuda == {Platform.LINUX_64: "cpu", Platform.OSX_ARM64: "cpu"}
    assert manifest.settings["PYTHONHASHSEED"] == "0"
    assert manifest.settings["OMP_NUM_THREADS"] == "1"
    assert manifest.image == ImageRequest(base="docker.io/library/python:3.11-slim-bookworm", user="worker")


def test_defaults(tmp_path: Path) -> None:
    manifest = read(tmp_path, 'requirements = ["six"]')
    assert (manifest.python, manifest.glibc, manifest.platforms) == ("3.11", (2, 28), (Platform.LINUX_64,))
    assert manifest.cuda == {Platform.LINUX_64: "auto"}
    assert (manifest.conda, manifest.image, manifest.exclude_newer) == (None, None, None)
    assert (manifest.project_name, manifest.notes, dict(manifest.sources)) == (None, (), {})
    assert read_manifest(tmp_path, default_python="3.13").python == "3.13"


UNKNOWN_HERE = (
    "known here: `python`, `cuda`, `platforms`, `glibc`, `requirements`, `requirements-files`, `extras`, "
    "`groups`, "
    "`exclude-newer`, `allow-sdist`, `settings`, `conda`, `image`, `job`, `sources`, `index-of`, `variants`"
)
NEWER = "write `exclude-newer = 2025-03-01` or `exclude-newer = 2025-03-01T00:00:00Z`"
IMAGE = "an image reference like `docker.io/library/python:3.11-slim-bookworm`, or `oci:DIR`"
INDEX = "an index name like `pytorch` (`a-z`, `0-9`, `.`, `_`, `-`)"


@pytest.mark.parametrize(
    ("line", "key", "message", "hint"),
    [
        ("pythn = '3.11'", "pythn", "unknown key `pythn`", "did you mean `python`?"),
        ("zzz = 1", "zzz", "unknown key `zzz`", UNKNOWN_HERE),
        ('"a\\u001b[2J" = 1', '"a\\x1b[2J"', "unknown key `a\\x1b[2J`", UNKNOWN_HERE),
        ("python = 3.11", "python", "`python` must be a string, found the number 3.11", 'quote it: `"3.11"`'),
        (
            "python = '3.11; rm'",
            "python",
            '`python` must be a Python version like `3.11` or `3.11.7`, 3.8 or later, found "3.11; rm"',
            None,
        ),
        (
            "python = '3.7'",
            "python",
            '`python` must be a Python version like `3.11` or `3.11.7`, 3.8 or later, found "3.7"',
            None,
        ),
        (
            "cuda = '12'",
            "cuda",
            '`cuda` must be a CUDA toolkit version like `12.4`, `cpu` or `auto`, found "12"',
            None,
        ),
        ("cuda = 'cu124'", "cuda", "`cu124` is the variant of a wheel", 'write `cuda = "12.4"`'),
        ("cuda = true", "cuda", "`cuda` must be a string, found `true`", None),
        (
            "cuda = {linux-46 = 'cpu'}",
            "cuda.linux-46",
            "`linux-46` is not a platform that can be locked",
            "did you mean `linux-64`?",
        ),
        (
            "platforms = 'linux-64'",
            "platforms",
            '`platforms` must be a list of strings, found the string "linux-64"',
            'write `platforms = ["linux-64"]`',
        ),
        ("platforms = []", "platforms", "`platforms` is empty", 'the default is `["linux-64"]`'),
        ("platforms = ['linux-64', 'linux-64']", "platforms", "`linux-64` is there twice", None),
        (
            "platforms = ['linux-x86_64']",
            "platforms",
            "`linux-x86_64` is not a platform that can be locked",
            "did you mean `linux-64`?",
        ),
        (
            "platforms = [1]",
            "platforms[0]",
            "`platforms[0]` must be a string, found the number 1",
            'quote it: `"1"`',
        ),
        ("glibc = '2'", "glibc", '`glibc` must be a glibc version like `2.28`, found "2"', None),
        ("exclude-newer = 2025-03-01T10:00:00", "exclude-newer",
         "the time 2025-03-01T10:00:00 has no offset, so it means another instant on another machine", NEWER),
        ("exclude-newer = '2025-03'", "exclude-newer",
         'the string "2025-03" is neither a date nor a time with an offset', NEWER),
        ("exclude-newer = '2025-02-30'", "exclude-newer",
         'the string "2025-02-30" is no date of the calendar', NEWER),
        ("exclude-newer = 0001-01-01T00:00:00+10:00", "exclude-newer",
         "the time 0001-01-01T00:00:00+10:00 is out of range", NEWER),
        ("exclude-newer = 10:00:00", "exclude-newer",
         "the time 10:00:00 is neither a date nor a time with an offset", NEWER),
        ("glibc = 2025-03-01", "glibc", "`glibc` must be a string, found the date 2025-03-01", None),
        ("exclude-newer = 7", "exclude-newer",
         "the number 7 is neither a date nor a time with an offset", NEWER),
        ("settings = {A = 1}", "settings.A", "`A` must be a string, found the number 1", 'quote it: `"1"`'),
        ("settings = {A = \"x\\ny\"}", "settings.A",
         '`A` must be one line of text without control characters, found "x\\ny"', None),
        ("settings = {'A B' = '1'}", 'settings."A B"',
         "`A B` must be the name of an environment variable", None),
        ("settings = 1", "settings", "`settings` must be a table, found the number 1", None),
        ("settings = {A = [1]}", "settings.A", "`A` must be a string, found a list", None),
        ("image = {apt = ['git']}", "image.apt[0]",
         '"git" is not a Debian package with its version like `git=1:2.39.5-0+deb12u2`',
         "`apt-cache policy git` on the base says which version there is"),
        ("image = {apt = ['a b', 'git=1']}", "image.apt[0]",
         '"a b" is not a Debian package with its version like `git=1:2.39.5-0+deb12u2`', None),
        ("image = {jupyter = 1}", "image.jupyter", "`jupyter` must be `true` or `false`, found the number 1",
         None),
        ("job = {nodes = 0}", "job.nodes", "`nodes` must be at least 1", None),
        ("job = {gpus = -1}", "job.gpus", "`gpus` must be a whole number, not negative, found the number -1",
         None),
        ("variants = {cpu = 1}", "variants.cpu", "`cpu` must be a table, found the number 1", None),
        ("conda = {chanels = []}", "conda.chanels", "unknown key `chanels`", "did you mean `channels`?"),
        ("conda = {channels = ['https://x']}", "conda.channels[0]",
         "`channels[0]` must be the name of a conda channel; where it lies is said in `sources`, found \"https://x\"",
         None),
        ("conda = {packages = ['a; rm -rf']}", "conda.packages[0]",
         '`packages[0]` must be a conda specification like `ffmpeg >=6`, found "a; rm -rf"', None),
        ("conda = {virtual-packages = {cuda = '12'}}", "conda.virtual-packages.cuda",
         "`cuda` must be the name of a virtual package like `__cuda`", None),
        ("image = {base = 'python:3.11 AS x'}", "image.base",
         f'`base` must be {IMAGE}, found "python:3.11 AS x"', None),
        ("image = {user = 'root'}", "image.user", "`root` cannot be the user of the image",
         "leave `user` out: the default is `app`"),
        ("image = {user = 'a b'}", "image.user", '`user` must be a user name like `app`, found "a b"', None),
        ("index-of = {a = 'X'}", "index-of.a", f'`a` must be {INDEX}, found "X"', None),
        ("index-of = {a-b = 'x', a_b = 'y'}", "index-of", "`a-b` is given two indexes: `x`, `y`", None),
        ("sources = {pytorch = 'ftp://h/x'}", "sources.pytorch",
         'must be a URL that starts with `https://`, `http://` or `file:///`, found "ftp://h/x"', None),
        ("sources = {pytorch = 'https://h/{cuda}'}", "sources.pytorch", "unknown placeholder `{cuda}`",
         "only `{variant}` is replaced"),
        ("sources = {pytorch = 'https://me:pw@h/x'}", "sources.pytorch",
         '"https://***@h/x" holds a user name or password',
         "keep credentials in netrc, a keyring or the environment"),
        ("requirements = ['torch=2.6.0']", "requirements",
         '"torch=2.6.0" is not a requirement: '
         "expected semicolon (after name with no version specifier) or end",
         "did you mean `torch==2.6.0`?"),
        ("requirements = ['foo @ https://h/foo-1.0%2Bcu124-py3-none-any.whl']", "requirements",
         '`foo` points to "https://h/foo-1.0%2Bcu124-py3-none-any.whl"; '
         "a lock has names and hashes, no URLs and no paths",
         "ask for `foo==1.0+cu124`; an index of its own is named in `index-of` and `sources`"),
        ("requirements = ['a===1$x']", "requirements", '"===1$x" is not a version that can be locked', None),
        ("requirements = [\"a\\nb\"]", "requirements[0]",
         '`requirements[0]` must be a string without control characters, found "a\\nb"', None),
        ("requirements-files = ['/etc/passwd']", "requirements-files[0]",
         '`requirements-files[0]` must be a path relative to the manifest, with `/`, '
         'found "/etc/passwd"', None),
        ("requirements-files = ['no.txt']", "requirements-files", "there is no file `no.txt`", None),
        ("extras = ['x']", "extras", "pyproject.toml has no extra `x`", None),
        ("groups = ['x']", "groups", "pyproject.toml has no dependency group `x`", None),
        ("variants = {cpu = {cuda = 'x'}}", "variants.cpu.cuda",
         '`cuda` must be a CUDA toolkit version like `12.4`, `cpu` or `auto`, found "x"', None),
        ("variants = {cpu = {variants = {}}}", "variants.cpu.variants", "unknown key `variants`", None),
        ("variants = {'../x' = {}}", 'variants."../x"',
         "`../x` must be a variant name like `cpu` (`a-z`, `0-9`, `_`, `-`)", None),
    ],
)  # fmt: skip
def test_one_fault(tmp_path: Path, line: str, key: str, message: str, hint: str | None) -> None:
    text = line if line.startswith("requirements =") else f'requirements = ["six"]\n{line}'
    found = faults(tmp_path, text)
    if hint is None and message == "unknown key `variants`":
        hint = UNKNOWN_HERE.replace(", `variants`", "")
    assert found == [(f"envlock.toml, {key}", message, hint)]


def test_all_faults_at_once(tmp_path: Path) -> None:
    text = (
        "[tool.envlock]\npythn = '3.11'\ncuda = 12.4\nplatforms = ['linux']\nrequirements-files = ['r.txt']\n"
    )
    write(tmp_path, {"pyproject.toml": text, "r.txt": "six\nfoo=1\n"})
    with pytest.raises(ManifestInvalid) as caught:
        read_manifest(tmp_path)
    assert str(caught.value) == "`pyproject.toml` has 4 faults"
    assert [fault.where for fault in caught.value.faults] == [
        "pyproject.toml, tool.envlock.pythn",
        "pyproject.toml, tool.envlock.cuda",
        "pyproject.toml, tool.envlock.platforms",
        "r.txt:2",
    ]
    assert caught.value.exit_status == 3


def test_nothing_is_asked_for(tmp_path: Path) -> None:
    hint = "write `requirements`, or `dependencies` of [project]"
    assert faults(tmp_path, "") == [("envlock.toml", "nothing is asked for", hint)]


def test_cuda_per_platform(tmp_path: Path) -> None:
    cuda = "cuda = {linux-64 = '12.4', win-64 = 'cpu'}"
    text = f"requirements = ['torch']\nplatforms = ['linux-64', 'linux-aarch64']\n{cuda}"
    manifest = read(tmp_path, text)
    assert manifest.cuda == {Platform.LINUX_64: "12.4", Platform.LINUX_AARCH64: "auto"}
    assert manifest.notes == ("cuda of win-64 is not used: it is not among `platforms`",)


def test_cuda_asked_for_on_macos(tmp_path: Path) -> None:
    text = "requirements = ['torch']\nplatforms = ['osx-arm64']\ncuda = {osx-arm64 = '12.4'}"
    message = "there is no CUDA on macOS"
    assert faults(tmp_path, text) == [("envlock.toml, cuda.osx-arm64", message, 'write `osx-arm64 = "cpu"`')]
    manifest = read(tmp_path, text.replace("12.4", "cpu"))
    assert (manifest.cuda, manifest.notes) == ({Platform.OSX_ARM64: "cpu"}, ())


@pytest.mark.parametrize(
    ("requires", "python"),
    [
        (">=3.9,<3.13", "3.9"),
        (">=3.10.4", "3.10"),
        ("==3.11.*", "3.11"),
        ("==3.12.1", "3.12.1"),
        ("~=3.10", "3.10"),
        (">3.9, >=3.10", "3.10"),
        ("<3.13", "3.11"),
        (">=3", "3.11"),
        (">=3.6", "3.11"),
        ("", "3.11"),
    ],
)
def test_python_from_requires_python(tmp_path: Path, requires: str, python: str) -> None:
    project = f'[project]\nname = "p"\nrequires-python = "{requires}"\n'
    assert read(tmp_path, 'requirements = ["six"]', pyproject_toml=project).python == python


def test_a_python_that_the_project_does_not_allow(tmp_path: Path) -> None:
    project = '[project]\nname = "p"\nrequires-python = ">=3.12"\n'
    assert faults(tmp_path, 'requirements = ["six"]\npython = "3.11"', pyproject_toml=project) == [
        (
            "envlock.toml, python",
            "Python 3.11 is not allowed by requires-python `>=3.12`",
            "change one of the two",
        )
    ]
    upper = '[project]\nname = "p"\nrequires-python = "<3.10"\n'
    assert faults(tmp_path, 'requirements = ["six"]', pyproject_toml=upper) == [
        (
            "pyproject.toml, project.requires-python",
            "Python 3.11 is not allowed by requires-python `<3.10`",
            'set `python`, like `python = "3.11"`',
        )
    ]
    odd = '[project]\nname = "p"\nrequires-python = "three"\n'
    assert faults(tmp_path, 'requirements = ["six"]', pyproject_toml=odd) == [
        ("pyproject.toml, project.requires-python", '"three" is not a version specifier', None)
    ]


@pytest.mark.parametrize(
    ("value", "instant"),
    [
        ("2025-03-01", "2025-03-01T00:00:00Z"),
        ('"2025-03-01"', "2025-03-01T00:00:00Z"),
        ("2025-03-01T02:00:00+02:00", "2025-03-01T00:00:00Z"),
        ("2025-03-01 10:00:00Z", "2025-03-01T10:00:00Z"),
        ('"2025-03-01t10:00:00.5z"', "2025-03-01T10:00:00.500000Z"),
    ],
)
def test_exclude_newer(tmp_path: Path, value: str, instant: str) -> None:
    assert read(tmp_path, f'requirements = ["six"]\nexclude-newer = {value}').exclude_newer == instant


def test_an_unknown_variant(tmp_path: Path) -> None:
    write(tmp_path, {"envlock.toml": 'requirements = ["six"]\n[variants.cu124]\n[variants.cpu]\n'})
    assert told(tmp_path, variant="cu126") == [
        ("envlock.toml, variants", "there is no variant `cu126`", "did you mean `cu124`?")
    ]
    write(tmp_path, {"envlock.toml": 'requirements = ["six"]\n'})
    assert told(tmp_path, variant="../x") == [
        ("envlock.toml, variants", "there is no variant `../x`", 'add the table `[variants."../x"]`')
    ]


@pytest.mark.parametrize(
    ("base", "notes"),
    [
        ("python:3.11-slim", ()),
        ("localhost:5000/team/python@sha256:" + "0" * 64, ()),
        ("oci:images/base", ()),
        ("python", ("the image base `python` has no exact tag, so what it is will change without notice",)),
        ("a:80/python:latest",
         ("the image base `a:80/python:latest` has no exact tag, so what it is will change without notice",)),
    ],
)  # fmt: skip
def test_the_image_base(tmp_path: Path, base: str, notes: tuple[str, ...]) -> None:
    manifest = read(tmp_path, f'requirements = ["six"]\n[image]\nbase = "{base}"')
    assert manifest.image == ImageRequest(base=base, user="app")
    assert manifest.notes == notes


@pytest.mark.parametrize(
    "base",
    [
        "",
        " ",
        "python:3.11\nRUN x",
        "python;x",
        "$(x)",
        "-v",
        "oci:",
        "oci:/../\n",
        "a/B",
        "a//b",
        "http://a",
    ],
)
def test_what_is_no_image_reference(tmp_path: Path, base: str) -> None:
    text = 'requirements = ["six"]\n[image]\nbase = "{}"'.format(base.replace("\n", "\\n"))
    assert [row[0] for row in faults(tmp_path, text)] == ["envlock.toml, image.base"]


def test_a_number_too_long_to_be_written(tmp_path: Path) -> None:
    text = f'requirements = ["six"]\nglibc = 0x{"f" * 5000}'
    assert faults(tmp_path, text) == [
        ("envlock.toml, glibc", "`glibc` must be a string, found a number", None)
    ]


# -- the Python that files beside a manifest name ------------------------------------------------


def _requirements(root: Path, comment: str) -> Path:
    path = root / "requirements.txt"
    path.write_text(f"{comment}\nsix==1.17.0\n")
    return path


@pytest.mark.parametrize(
    ("stated", "python"),
    [
        ("3.12\n", "3.12"),
        ("3.12.4\n", "3.12"),
        ("# ours\ncpython@3.10\n", "3.10"),
        ("pypy3.10\n", "3.14"),
        ("", "3.14"),
    ],
)
def test_a_python_version_file_names_the_python(stated: str, python: str, tmp_path: Path) -> None:
    (tmp_path / ".python-version").write_text(stated)
    _requirements(tmp_path, "")
    manifest = read_manifest(tmp_path, default_python="3.14")
    assert manifest.python == python
    told = (f"Python {python}, as .python-version says",) if python != "3.14" else ()
    assert manifest.notes == ("locking requirements.txt with defaults", *told)


@pytest.mark.parametrize(
    ("comment", "python"),
    [
        (
            "#\n# This file is autogenerated by pip-compile with Python 3.11\n# by the following command:",
            "3.11",
        ),
        ("#    uv pip compile requirements.in --python-version 3.12 -o requirements.txt", "3.12"),
        ("#    uv pip compile requirements.in --python-version=3.12.3", "3.12"),
        ("#    uv pip compile requirements.in", "3.14"),
    ],
)
def test_a_compiled_requirements_file_names_the_python(comment: str, python: str, tmp_path: Path) -> None:
    _requirements(tmp_path, comment)
    assert read_manifest(tmp_path, default_python="3.14").python == python


def test_what_the_manifest_says_goes_before_the_files_beside_it(tmp_path: Path) -> None:
    (tmp_path / ".python-version").write_text("3.12\n")
    path = tmp_path / "pyproject.toml"
    project = '[project]\nname = "me"\ndependencies = ["six"]\n'
    path.write_text(f'{project}[tool.envlock]\npython = "3.13"\n')
    assert (read_manifest(tmp_path).python, read_manifest(tmp_path).notes) == ("3.13", ())
    path.write_text(f'{project}requires-python = ">=3.10"\n[tool.envlock]\n')
    assert read_manifest(tmp_path).python == "3.12"
    path.write_text(f'{project}requires-python = ">=3.13"\n[tool.envlock]\n')
    assert read_manifest(tmp_path).python == "3.13"


NEWEST = "the newest that PyTorch and its release before have wheels for, as nothing asks for one"
BESIDE = "a file `.python-version` with `3.11` in it takes another"
INSIDE = '`python = "3.11"` in the manifest takes another'


@pytest.mark.parametrize(
    ("name", "text", "because"),
    [
        ("envlock.toml", 'requirements = ["six"]\n', f"{NEWEST}; {INSIDE}"),
        ("envlock.toml", 'requirements = ["six"]\npython = "3.12"\n', None),
        ("requirements.txt", "six\n", f"{NEWEST}; {BESIDE}"),
        (
            "pyproject.toml",
            '[project]\nname = "a"\nversion = "1"\nrequires-python = ">=3.10"\ndependencies = ["six"]\n',
            f"the lowest of requires-python; {INSIDE}",
        ),
    ],
)
def test_a_python_that_nobody_named_has_its_reason(
    tmp_path: Path, name: str, text: str, because: str | None
) -> None:
    assert read_manifest(write(tmp_path, {name: text})).python_because == because
