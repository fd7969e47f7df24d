"""`envlock init`: each kind of file, the manifest that comes of it whole, and what our reader says of it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
import tomli

from envlock import api
from envlock.api import InitRequest, InitResult
from envlock.cli import cli
from envlock.cli.boundary import run
from envlock.errors import ManifestInvalid, UsageFault
from envlock.manifest import Manifest, read_manifest
from tests.support.stacks import TorchIndex
from tests.unit.manifest.reading import asked, write

PYTORCH = "https://download.pytorch.org/whl"
BUILT_IN = "https://pypi." + "org/simple"
SHA256 = "0" * 64
NEWEST = "nothing asks for one: the newest that PyTorch is well supported on; yours may be another"

Envlock = Callable[..., tuple[int, str, str]]


@pytest.fixture
def envlock(capsys: pytest.CaptureFixture[str]) -> Envlock:
    def ran(*words: str) -> tuple[int, str, str]:
        status = run(cli, list(words))
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return ran


def init(folder: Path, files: Mapping[str, str], path: str = ".") -> tuple[InitResult, Manifest]:
    """What init makes of `files`, and that manifest as `envlock lock` would read it."""
    write(folder, files)
    result = api.init(InitRequest(path=folder / path), environment={})
    assert result.path.read_text() == result.text
    return result, read_manifest(result.path.parent)


def body(result: InitResult) -> str:
    """The manifest below its head."""
    return result.text.partition("\n\n")[2]


def head(result: InitResult) -> str:
    return result.text.partition("\n\n")[0]


# requirements files


def test_a_requirements_file_stays_the_truth(tmp_path: Path) -> None:
    result, manifest = init(
        tmp_path,
        {
            "requirements.txt": f"-r more.txt\n-c pins.txt\ntorch==2.6.0 --hash=sha256:{SHA256}\n",
            "more.txt": "scipy\n",
            "pins.txt": "numpy<2\n",
            "requirements-dev.txt": "pytest\n",
            "requirements-gpu.txt": "flash-attn\n",
        },
    )
    assert result.text == (
        "# Written by `envlock init` from requirements.txt. From here on it is yours.\n"
        "\n"
        f'python = "3.13"  # {NEWEST}\n'
        "\n"
        "requirements-files = [\n"
        '    "requirements.txt",  # stays as it is: 2 requirements, with those of 2 included, with hashes\n'
        '    # "requirements-gpu.txt",  # not taken: another set of requirements\n'
        '    # "requirements-dev.txt",  # not taken: for work on the code\n'
        "]\n"
    )
    assert sorted(asked(manifest)) == ["scipy", "torch==2.6.0"]
    assert [row.hashes for row in manifest.requirements if row.hashes] == [(f"sha256:{SHA256}",)]
    assert [str(row.requirement) for row in manifest.constraints] == ["numpy<2"]


@pytest.mark.parametrize(
    ("options", "cuda"),
    [
        (f"--extra-index-url {PYTORCH}/cu118", "11.8"),
        (f"--index-url {PYTORCH}/cu126", "12.6"),
        (f"-i {PYTORCH}/cpu", "cpu"),
        (f"-f {PYTORCH}/cu118/torch_stable.html", "11.8"),
        (f"--index-url {BUILT_IN}\n--extra-index-url={PYTORCH}/cu118/", "11.8"),
    ],
)
def test_the_pytorch_index_is_a_cuda(tmp_path: Path, options: str, cuda: str) -> None:
    """Its own address is not written down, so that a mirror can stand in for it."""
    result, manifest = init(tmp_path, {"requirements.txt": f"{options}\ntorch==2.6.0\n"})
    assert f'cuda = "{cuda}"  # requirements.txt:' in result.text
    assert manifest.cuda == {"linux-64": cuda}
    assert manifest.sources == {}
    assert result.notes == ()


def test_a_mirror_of_the_pytorch_index_is_a_source(tmp_path: Path) -> None:
    _result, manifest = init(
        tmp_path, {"requirements.txt": "-i https://mirror.example/whl/cu118\ntorch==2.6.0\n"}
    )
    assert manifest.sources == {"pytorch": "https://mirror.example/whl/{variant}"}
    assert manifest.cuda == {"linux-64": "11.8"}


def test_a_mirror_that_is_no_url(tmp_path: Path) -> None:
    result, manifest = init(
        tmp_path, {"requirements.txt": "-i xhttps://mirror.example/whl/cu118\ntorch==2.6.0\n"}
    )
    assert result.notes == (
        'requirements.txt:1, --index-url: not carried over: "xhttps://mirror.example/whl" is not a URL that '
        "starts with `https://`, `http://` or `file:///`",
    )
    assert (manifest.sources, manifest.cuda) == ({}, {"linux-64": "11.8"})


def test_a_local_version_is_a_cuda_too(tmp_path: Path) -> None:
    result, _manifest = init(tmp_path, {"requirements.txt": "torch==2.6.0+cu118\n"})
    assert 'cuda = "11.8"  # requirements.txt:1\n' in result.text
    assert result.notes == ()


def test_indexes_of_a_company(tmp_path: Path) -> None:
    """The built-in index says nothing; credentials stay out; a further index is asked by name only."""
    result, manifest = init(
        tmp_path,
        {
            "requirements.txt": f"--index-url {BUILT_IN}\n"
            "--extra-index-url https://me:secret@pypi.company.example/simple\n"
            "--find-links https://wheels.example/page.html\n"
            "torch==2.6.0\n"
        },
    )
    assert manifest.sources == {"company": "https://pypi.company.example/simple"}
    assert "secret" not in result.text
    where = "requirements.txt:2, --extra-index-url"
    assert result.notes == (
        f"{where}: the user name and password of the index were left out; keep them in netrc, a keyring or "
        "the environment",
        f"{where}: `company` is asked only for what `index-of` names, so add what comes from there, like "
        '`our-lib = "company"`',
        "requirements.txt:3, --find-links: not carried over: `https://wheels.example/page.html` is a page of "
        "links, not an index",
    )


def test_the_built_in_index_alone_changes_nothing(tmp_path: Path) -> None:
    result, _ = init(tmp_path, {"requirements.txt": f"--index-url {BUILT_IN}\nsix\n"})
    assert body(result) == (
        f'python = "3.14"  # {NEWEST}\n'
        "\n"
        "requirements-files = [\n"
        '    "requirements.txt",  # stays as it is: 1 requirement\n'
        "]\n"
    )


DIRTY = f"""torch>=2.0,<2.7
git+https://me:token@code.example/foo/bar.git@main#egg=bar
-e .
./local/pkg[extra]
foo @ https://example.org/foo-1.0-py3-none-any.whl
baz = 1.0
six==1.17.0 --hash=sha256:{SHA256}
tqdm ; sys_platform == "linux"
-c pins.txt
-r gone.txt
token-${{UNSET}}
"""


def test_what_cannot_be_locked_is_told_line_by_line(tmp_path: Path) -> None:
    result, manifest = init(tmp_path, {"requirements.txt": DIRTY, "pins.txt": "six<2\nnumpy<2\n"})
    names = "a lock has names and hashes, no URLs and no paths"
    assert body(result).partition("\n\n")[2] == (
        "requirements = [\n"
        '    "six<2",  # pins.txt:1\n'
        '    # "numpy<2",  # pins.txt:2: a constraint, and nothing here asks for `numpy` by name\n'
        '    "torch<2.7,>=2.0",  # requirements.txt:1\n'
        f'    # "git+https://***@code.example/foo/bar.git@main#egg=bar",  # requirements.txt:2: {names}\n'
        '    # "-e .",  # requirements.txt:3: the project itself, which has no [project] table to read; '
        "setup.py is not run\n"
        f'    # "./local/pkg[extra]",  # requirements.txt:4: {names}\n'
        f'    # "foo @ https://example.org/foo-1.0-py3-none-any.whl",  # requirements.txt:5: {names}\n'
        '    # "baz = 1.0",  # requirements.txt:6: "baz = 1.0" is not a requirement: expected semicolon '
        "(after name with no version specifier) or end\n"
        '    "six==1.17.0",  # requirements.txt:7\n'
        "    'tqdm; sys_platform == \"linux\"',  # requirements.txt:8\n"
        '    # "-r gone.txt",  # requirements.txt:10: there is no file `gone.txt`\n'
        '    # "token-${UNSET}",  # requirements.txt:11: the environment variable `UNSET` is not set\n'
        "]\n"
    )
    assert "token@" not in result.text
    assert result.notes == (
        "requirements.txt: has what cannot be locked, so its lines are taken over one by one",
        "requirements.txt:1: hashes were left out; the lock has those of its wheels",
    )
    assert [row.where for row in result.left_out] == [
        "pins.txt:2",
        *(f"requirements.txt:{line}" for line in (2, 3, 4, 5, 6, 10, 11)),
    ]
    assert asked(manifest) == ["six<2", "torch<2.7,>=2.0", "six==1.17.0", 'tqdm; sys_platform == "linux"']


def test_several_sets_without_a_main_one(tmp_path: Path) -> None:
    files = {"requirements-cpu.txt": "torch\n", "requirements-gpu.txt": "torch\n"}
    with pytest.raises(ManifestInvalid) as caught:
        init(tmp_path, files)
    assert caught.value.message == "nothing here asks for a distribution"
    assert caught.value.facts == (
        (
            "note",
            "`requirements-cpu.txt`, `requirements-gpu.txt`: which of them belongs here is not known; "
            "`envlock init requirements-cpu.txt` takes that one",
        ),
    )
    result, manifest = init(tmp_path, {}, "requirements-gpu.txt")
    assert result.read == ("requirements-gpu.txt",)
    assert asked(manifest) == ["torch"]


@pytest.mark.parametrize(
    ("files", "taken"),
    [
        ({"requirements.in": "six\n", "requirements.txt": "six==1.17.0\n"}, "requirements.txt"),
        ({"requirements.in": "six\n"}, "requirements.in"),
        ({"requirements/base.txt": "six\n", "requirements/train.txt": "six\n"}, "requirements/base.txt"),
        ({"dev-requirements.txt": "pytest\n", "app-requirements.txt": "six\n"}, "app-requirements.txt"),
    ],
)
def test_which_file_is_taken(tmp_path: Path, files: dict[str, str], taken: str) -> None:
    result, _ = init(tmp_path, files)
    assert result.read == (taken,)


def test_a_file_that_is_included_is_no_other_set(tmp_path: Path) -> None:
    result, _ = init(
        tmp_path, {"requirements.txt": "-r requirements/base.txt\n", "requirements/base.txt": "six\n"}
    )
    assert result.left_out == ()


# pyproject.toml


def test_a_project_stays_the_truth(tmp_path: Path) -> None:
    result, manifest = init(
        tmp_path,
        {
            "pyproject.toml": '[project]\nname = "demo"\nversion = "0"\nrequires-python = ">=3.9,<3.13"\n'
            'dependencies = ["torch==2.6.0", "numpy"]\n'
            'optional-dependencies = { vis = ["matplotlib"] }\n'
            '[dependency-groups]\ndev = ["pytest"]\n'
        },
    )
    assert result.text == (
        "# Written by `envlock init` from pyproject.toml. From here on it is yours.\n"
        "\n"
        'python = "3.12"  # pyproject.toml, project.requires-python = ">=3.9,<3.13"\n'
        "\n"
        "# requirements: the dependencies of pyproject.toml, which stay there.\n"
        "\n"
        '# extras = ["vis"]  # pyproject.toml, project.optional-dependencies: there to be asked for\n'
        '# groups = ["dev"]  # pyproject.toml, dependency-groups: there to be asked for\n'
    )
    assert asked(manifest) == ["torch==2.6.0", "numpy"]
    # the lines that are offered work as they stand
    (tmp_path / "envlock.toml").write_text(
        result.text.replace("# extras", "extras").replace("# groups", "groups")
    )
    assert asked(read_manifest(tmp_path)) == ["torch==2.6.0", "numpy", "matplotlib", "pytest"]


def test_a_project_and_a_requirements_file(tmp_path: Path) -> None:
    result, manifest = init(
        tmp_path,
        {
            "pyproject.toml": '[project]\nname = "demo"\nversion = "0"\ndependencies = ["torch"]\n',
            "requirements.txt": "torch==2.6.0\n-e .\n",
        },
    )
    assert result.read == ("pyproject.toml", "requirements.txt")
    assert asked(manifest) == ["torch", "torch==2.6.0"]


def test_a_requirements_file_that_is_named_beside_a_project(tmp_path: Path) -> None:
    """Only what is named counts, though the manifest will lie beside the project."""
    result, manifest = init(
        tmp_path,
        {
            "pyproject.toml": '[project]\nname = "demo"\nversion = "0"\ndependencies = ["numpy"]\n',
            "gpu.txt": "torch==2.6.0\n",
        },
        "gpu.txt",
    )
    assert "requirements = []  # not the dependencies of pyproject.toml\n" in result.text
    assert asked(manifest) == ["torch==2.6.0"]


UV = f"""[project]
name = "demo"
version = "0"
dependencies = ["torch>=2.5", "mylib", "here", "numpy"]

[tool.uv]
exclude-newer = "2025-06-01T00:00:00Z"
override-dependencies = ["numpy<2"]

[[tool.uv.index]]
name = "pytorch-cu124"
url = "{PYTORCH}/cu124"
explicit = true

[[tool.uv.index]]
name = "company"
url = "https://pypi.company.example/simple"
explicit = true

[tool.uv.sources]
torch = [
    {{ index = "pytorch-cu124", marker = "sys_platform == 'linux'" }},
    {{ index = "nowhere", marker = "sys_platform == 'darwin'" }},
]
mylib = {{ git = "https://code.example/mylib" }}
here = {{ workspace = true }}
numpy = {{ index = "company" }}
"""


def test_a_project_of_uv(tmp_path: Path) -> None:
    result, manifest = init(tmp_path, {"pyproject.toml": UV})
    no_index = "no index has it, and a lock has names and hashes"
    assert result.text == (
        "# Written by `envlock init` from pyproject.toml. From here on it is yours.\n"
        "#\n"
        "# What was not carried over, or wants a look:\n"
        "# - pyproject.toml, tool.uv.override-dependencies: not carried over: envlock has no such key, so "
        "write what counts in `requirements`\n"
        "\n"
        f'python = "3.13"  # {NEWEST}\n'
        'cuda = "12.4"  # pyproject.toml, tool.uv.sources.torch\n'
        'exclude-newer = "2025-06-01T00:00:00Z"  # pyproject.toml, tool.uv.exclude-newer\n'
        "\n"
        "requirements = [\n"
        '    "torch>=2.5",  # pyproject.toml, project.dependencies\n'
        '    # "mylib @ https://code.example/mylib",  # pyproject.toml, tool.uv.sources.mylib: comes from '
        f"git: {no_index}\n"
        f'    # "here",  # pyproject.toml, tool.uv.sources.here: comes from the workspace: {no_index}\n'
        '    "numpy",  # pyproject.toml, project.dependencies\n'
        "]\n"
        "\n"
        "[sources]\n"
        'company = "https://pypi.company.example/simple"  # pyproject.toml, tool.uv.sources.numpy\n'
        "\n"
        "[index-of]\n"
        'numpy = "company"  # pyproject.toml, tool.uv.sources.numpy\n'
    )
    assert asked(manifest) == ["torch>=2.5", "numpy"]
    assert manifest.exclude_newer == "2025-06-01T00:00:00Z"
    assert manifest.index_of == {"numpy": "company"}


def test_extras_that_choose_a_build_are_variants(tmp_path: Path) -> None:
    """As uv's guide to PyTorch has it."""
    rows = "".join(
        f'[[tool.uv.index]]\nname = "pytorch-{variant}"\nurl = "{PYTORCH}/{variant}"\nexplicit = true\n'
        for variant in ("cpu", "cu126")
    )
    result, manifest = init(
        tmp_path,
        {
            "pyproject.toml": '[project]\nname = "demo"\nversion = "0"\ndependencies = ["numpy"]\n'
            '[project.optional-dependencies]\ncpu = ["torch==2.6.0"]\ncu126 = ["torch==2.6.0"]\n'
            f"{rows}[tool.uv.sources]\n"
            'torch = [{ index = "pytorch-cpu", extra = "cpu" }, '
            '{ index = "pytorch-cu126", extra = "cu126" }]\n'
        },
    )
    assert "cuda" not in body(result).partition("[variants")[0]
    assert manifest.cuda == {"linux-64": "auto"}
    for variant, cuda in (("cpu", "cpu"), ("cu126", "12.6")):
        chosen = read_manifest(tmp_path, variant=variant)
        assert chosen.cuda == {"linux-64": cuda}
        assert asked(chosen) == ["numpy", "torch==2.6.0"]


POETRY = f"""[tool.poetry]
name = "demo"
version = "0.1"

[tool.poetry.dependencies]
python = "^3.10"
torch = {{ version = "2.6.0+cu124", source = "pytorch" }}
transformers = "^4.40"
lib = {{ git = "https://me:token@code.example/lib.git", branch = "main" }}
pandas = [{{ version = "^1.5", python = "<3.11" }}, {{ version = "^2.0", python = ">=3.11" }}]
opt = {{ version = "*", optional = true }}
gap = "^1 || ^3"
mac = {{ version = "~1.2", platform = "darwin" }}

[tool.poetry.extras]
more = ["opt"]

[tool.poetry.group.dev.dependencies]
pytest = "^8"

[tool.poetry.group.train.dependencies]
accelerate = {{ version = "*", extras = ["rich"] }}

[[tool.poetry.source]]
name = "pytorch"
url = "{PYTORCH}/cu124"
priority = "explicit"

[[tool.poetry.source]]
name = "unused"
url = "{PYTORCH}/cu118"
priority = "explicit"
"""


def test_a_project_of_poetry(tmp_path: Path) -> None:
    result, manifest = init(tmp_path, {"pyproject.toml": POETRY})
    at = "pyproject.toml, tool.poetry"
    assert result.text == (
        "# Written by `envlock init` from pyproject.toml. From here on it is yours.\n"
        "\n"
        f'python = "3.13"  # {at}.dependencies.python = "^3.10"\n'
        f'cuda = "12.4"  # {at}.dependencies.torch\n'
        "\n"
        "requirements = [\n"
        f'    "torch==2.6.0+cu124",  # {at}.dependencies.torch\n'
        f'    "transformers<5.0,>=4.40",  # {at}.dependencies.transformers\n'
        f'    # "lib @ https://***@code.example/lib.git",  # {at}.dependencies.lib: comes from git: no index '
        "has it, and a lock has names and hashes\n"
        f"    'pandas<2.0,>=1.5; python_version < \"3.11\"',  # {at}.dependencies.pandas[0]\n"
        f"    'pandas<3.0,>=2.0; python_version >= \"3.11\"',  # {at}.dependencies.pandas[1]\n"
        f'    # "opt",  # {at}.dependencies.opt: optional, of the extra `more`\n'
        f"    # \"gap: version = '^1 || ^3'\",  # {at}.dependencies.gap: alternatives with a gap between "
        "them cannot be asked for in one requirement\n"
        f"    'mac<1.3,>=1.2; sys_platform == \"darwin\"',  # {at}.dependencies.mac\n"
        f'    # "pytest<9,>=8",  # {at}.group.dev.dependencies.pytest: the group `dev`\n'
        f'    "accelerate[rich]",  # {at}.group.train.dependencies.accelerate\n'
        "]\n"
    )
    assert len(asked(manifest)) == 6


def test_a_project_of_pdm(tmp_path: Path) -> None:
    result, manifest = init(
        tmp_path,
        {
            "pyproject.toml": '[project]\nname = "demo"\nversion = "0"\nrequires-python = "==3.11.*"\n'
            'dependencies = ["torch==2.6.0", "company-lib"]\n'
            '[tool.pdm.dev-dependencies]\ntest = ["pytest", "-e file:///${PROJECT_ROOT}/x#egg=x"]\n'
            '[[tool.pdm.source]]\nname = "private"\nurl = "https://index.company.example/simple"\n'
            'include_packages = ["company-*"]\n'
        },
    )
    group = "pyproject.toml, tool.pdm.dev-dependencies.test: the group `test`"
    assert body(result) == (
        'python = "3.11"  # pyproject.toml, project.requires-python = "==3.11.*"\n'
        "\n"
        "# requirements: the dependencies of pyproject.toml, which stay there.\n"
        f'# "pytest",  # {group}\n'
        f'# "-e file:///${{PROJECT_ROOT}}/x#egg=x",  # {group}\n'
        "\n"
        "[sources]\n"
        'private = "https://index.company.example/simple"  # pyproject.toml, tool.pdm.source[0].url\n'
        "\n"
        "[index-of]\n"
        'company-lib = "private"  # pyproject.toml, tool.pdm.source[0].include_packages\n'
    )
    assert asked(manifest) == ["torch==2.6.0", "company-lib"]


def test_dependencies_that_setuptools_reads_from_a_file(tmp_path: Path) -> None:
    result, manifest = init(
        tmp_path,
        {
            "pyproject.toml": '[project]\nname = "demo"\nversion = "0"\ndynamic = ["dependencies"]\n'
            '[tool.setuptools.dynamic]\ndependencies = { file = ["deps.txt"] }\n',
            "deps.txt": "torch==2.6.0\n",
        },
    )
    assert result.read == ("pyproject.toml", "deps.txt")
    assert asked(manifest) == ["torch==2.6.0"]


# setup.cfg, .python-version, scripts


def test_setup_cfg_is_read_and_setup_py_is_not_run(tmp_path: Path) -> None:
    result, manifest = init(
        tmp_path,
        {
            "setup.cfg": "[metadata]\nname = demo\n[options]\npython_requires = >=3.8,<3.12\n"
            "install_requires =\n    torch>=2.0\n    # a comment\n"
            '    numpy; python_version < "3.12"\n    foo @ git+https://code.example/foo\n',
            "setup.py": f"open({str(tmp_path / 'ran')!r}, 'w')\n",
        },
    )
    at = "setup.cfg, options.install_requires"
    assert body(result) == (
        'python = "3.11"  # setup.cfg, options.python_requires = ">=3.8,<3.12"\n'
        "\n"
        "requirements = [\n"
        f'    "torch>=2.0",  # {at}\n'
        f"    'numpy; python_version < \"3.12\"',  # {at}\n"
        f'    # "foo @ git+https://code.example/foo",  # {at}: a lock has names and hashes, no URLs and no '
        "paths\n"
        "]\n"
    )
    assert asked(manifest) == ["torch>=2.0", 'numpy; python_version < "3.12"']
    assert not (tmp_path / "ran").exists()


def test_setup_py_alone(tmp_path: Path) -> None:
    with pytest.raises(ManifestInvalid) as caught:
        init(tmp_path, {"setup.py": "setup(install_requires=['torch'])\n"})
    note = "setup.py: not run, so what its `install_requires` asks for is not known here"
    assert caught.value.facts == (("note", note),)
    with pytest.raises(ManifestInvalid) as caught:
        init(tmp_path, {}, "setup.py")
    assert (caught.value.message, caught.value.hint) == (
        "setup.py is a program, and is not run",
        "write its `install_requires` as `dependencies` under [project] in pyproject.toml",
    )


@pytest.mark.parametrize("text", ["3.11.7\n", "cpython-3.11.7\n", "# for pyenv\n3.11\n", "3.11\n"])
def test_the_python_that_is_named_goes_before_a_range(tmp_path: Path, text: str) -> None:
    result, manifest = init(
        tmp_path, {".python-version": text, "setup.cfg": SETUP_CFG.replace(">=3.12", ">=3.9")}
    )
    assert result.text.count('python = "3.11"  # .python-version:') == 1
    assert manifest.python == "3.11"
    assert result.notes == ()


def test_a_python_that_is_too_old(tmp_path: Path) -> None:
    result, _ = init(tmp_path, {".python-version": "3.6.9\n", "requirements.txt": "torch==2.6.0\n"})
    assert result.notes == (".python-version:1: Python 3.6.9 cannot be locked: 3.8 is the oldest",)


def test_two_pythons_that_do_not_fit(tmp_path: Path) -> None:
    write(tmp_path, {".python-version": "3.11\n", "setup.cfg": SETUP_CFG})
    result = api.init(InitRequest(path=tmp_path), environment={})
    assert result.notes == (
        "setup.cfg, options.python_requires: `>=3.12` does not admit the Python 3.11 of .python-version:1",
    )


SETUP_CFG = "[options]\npython_requires = >=3.12\ninstall_requires = six\n"
SCRIPT = f"""# /// script
# requires-python = ">=3.11"
# dependencies = ["torch==2.6.0", "einops"]
# [[tool.uv.index]]
# url = "{PYTORCH}/cu118"
# ///
import torch
"""


@pytest.mark.parametrize("path", [".", "train.py"])
def test_a_script(tmp_path: Path, path: str) -> None:
    result, manifest = init(tmp_path, {"train.py": SCRIPT, "plain.py": "print()\n"}, path)
    assert result.text == (
        "# Written by `envlock init` from train.py. From here on it is yours.\n"
        "#\n"
        "# What was not carried over, or wants a look:\n"
        "# - train.py: is a manifest by itself, too: `envlock lock -p train.py` locks it with defaults\n"
        "\n"
        'python = "3.13"  # train.py, requires-python = ">=3.11"\n'
        'cuda = "11.8"  # train.py, tool.uv.index[0].url\n'
        "\n"
        "requirements = [\n"
        '    "torch==2.6.0",  # train.py, dependencies\n'
        '    "einops",  # train.py, dependencies\n'
        "]\n"
    )
    assert asked(manifest) == ["torch==2.6.0", "einops"]


# environment.yml

CONDA = """name: old
channels: [pytorch, nvidia, conda-forge, https://conda.company.example/channels/tools]
dependencies:
  - python=3.9.7
  - pytorch::pytorch=1.12.1=py3.9_cuda11.3_cudnn8.3.2_0
  - torchvision=0.13
  - cudatoolkit=11.3
  - numpy=1.23.5=py39h3d75532_0
  - ffmpeg>=4.3,<5
  - conda-forge::gcc
  - broken[
  - pip
  - pip:
      - -e git+https://code.example/foo.git#egg=foo
      - transformers==4.20.0
      - torchvision==0.13.1
      - -r requirements.txt
platforms: [linux-64, linux-s390x]
variables:
  PYTHONHASHSEED: 0
prefix: /home/ada/envs/old
"""


def test_an_environment_of_conda(tmp_path: Path) -> None:
    result, manifest = init(
        tmp_path, {"environment.yml": CONDA, "requirements.txt": "tqdm\n"}, "environment.yml"
    )
    at = "environment.yml"
    assert result.text == (
        "# Written by `envlock init` from environment.yml and requirements.txt. From here on it is yours.\n"
        "#\n"
        "# What was not carried over, or wants a look:\n"
        f"# - {at}:5: `pytorch::pytorch=1.12.1=py3.9_cuda11.3_cudnn8.3.2_0`: PyTorch publishes no conda "
        "packages any more (pytorch#138506), so it comes as a wheel\n"
        f"# - {at}:8: the build strings of `numpy` were left out; the lock has its own\n"
        f"# - {at}:2: the channel `pytorch` was left out: what came from it comes as wheels\n"
        f"# - {at}:2: the channel `nvidia` was left out: what came from it comes as wheels\n"
        f"# - {at}:18: the platform `linux-s390x` cannot be locked\n"
        "# - PyTorch 1.12.1 is older than what is known here (2.0.0 and later): whether it can still be had "
        "for CUDA 11.3 is seen when it is locked\n"
        "\n"
        f'python = "3.9"  # {at}:4 = "python=3.9.7"\n'
        f'cuda = "11.3"  # {at}:5\n'
        f'platforms = ["linux-64"]  # {at}:18\n'
        "\n"
        "requirements = [\n"
        f'    "transformers==4.20.0",  # {at}:15\n'
        f'    "torchvision==0.13.1",  # {at}:16\n'
        f'    # "-e git+https://code.example/foo.git#egg=foo",  # {at}:14: a lock has names and hashes, no '
        "URLs and no paths\n"
        f'    "torch==1.12.1",  # {at}:5\n'
        f'    # "torchvision==0.13.*",  # {at}:6: `torchvision==0.13.1` is asked for already ({at}:16)\n'
        "]\n"
        "\n"
        "requirements-files = [\n"
        '    "requirements.txt",  # stays as it is: 1 requirement\n'
        "]\n"
        "\n"
        "[settings]\n"
        f'PYTHONHASHSEED = "0"  # {at}:20\n'
        "\n"
        "[conda]\n"
        f'channels = ["conda-forge", "tools"]  # {at}:2\n'
        "packages = [\n"
        '    "python",  # of the series above\n'
        f'    # "broken[",  # {at}:11: "broken[" is not a conda specification\n'
        f'    # "cudatoolkit=11.3",  # {at}:7: the wheel of PyTorch brings its own\n'
        f'    "numpy ==1.23.5",  # {at}:8\n'
        f'    "ffmpeg >=4.3,<5",  # {at}:9\n'
        f'    "gcc",  # {at}:10\n'
        f'    # "pip",  # {at}:12: makes environments; envlock needs none in them\n'
        "]\n"
        "\n"
        "[sources]\n"
        f'tools = "https://conda.company.example/channels/tools"  # {at}:2\n'
    )
    assert asked(manifest) == ["transformers==4.20.0", "torchvision==0.13.1", "torch==1.12.1", "tqdm"]
    assert manifest.conda is not None
    assert manifest.conda.channels == ("conda-forge", "tools")
    assert manifest.conda.packages == ("python", "numpy ==1.23.5", "ffmpeg >=4.3,<5", "gcc")
    assert (manifest.settings, manifest.python) == ({"PYTHONHASHSEED": "0"}, "3.9")


def test_what_can_no_longer_be_had_from_conda(tmp_path: Path) -> None:
    """An environment of nothing but PyTorch needs no conda; the combination never was."""
    text = "channels: [pytorch]\ndependencies: [python=3.10, pytorch==2.6.0, pytorch-cuda=12.1]\n"
    result, manifest = init(tmp_path, {"environment.yml": text})
    assert result.notes == (
        "environment.yml:2: `pytorch==2.6.0`: PyTorch publishes no conda packages any more (pytorch#138506), "
        "so it comes as a wheel",
        "PyTorch 2.6.0 was never built for CUDA 12.1; 2.6.0 with 11.8, 12.4 (default), 12.6, cpu · CUDA 12.1 "
        'with 2.1.0 to 2.5.1; `cuda = "12.4"` runs on every driver that 12.1 runs on (525.60.13 or newer)',
    )
    assert manifest.conda is None
    assert asked(manifest) == ["torch==2.6.0"]


@pytest.mark.parametrize(
    ("package", "cuda"),
    [
        ("cpuonly", "cpu"),
        ("cudatoolkit=11.8", "11.8"),
        ("cuda-version 12.4.*", "12.4"),
        ("pytorch-cuda==11.8", "11.8"),
        ("pytorch[version='2.0.*', build='*cuda11.7*']", "11.7"),
        ("cuda-version>=12", "auto"),
    ],
)
def test_the_cuda_of_an_environment(tmp_path: Path, package: str, cuda: str) -> None:
    result, manifest = init(tmp_path, {"environment.yml": f'dependencies: ["{package}", pytorch, ffmpeg]\n'})
    assert manifest.cuda == {"linux-64": cuda}
    left_open = [note for note in result.notes if "leaves open which CUDA" in note]
    assert bool(left_open) == (cuda == "auto")


def test_without_pytorch_cuda_stays_condas(tmp_path: Path) -> None:
    _, manifest = init(tmp_path, {"environment.yml": "dependencies: [tensorflow-gpu, cudatoolkit=11.2]\n"})
    assert manifest.conda is not None
    assert manifest.conda.packages == ("python", "tensorflow-gpu", "cudatoolkit 11.2.*")
    assert manifest.cuda == {"linux-64": "auto"}


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ("a: [b\n", "environment.yml, line 2, column 1", "not valid YAML: expected ',' or ']', but got"),
        ("a: &a [*a]\n", "environment.yml", "not valid YAML: "),
        ("a: \x01\n", "environment.yml", "not valid YAML: "),
    ],
)
def test_what_is_no_yaml(tmp_path: Path, text: str, where: str, message: str) -> None:
    with pytest.raises(ManifestInvalid) as caught:
        init(tmp_path, {"environment.yml": text})
    fault = caught.value.faults[0]
    assert fault.where == where
    assert fault.message.startswith(message)


def test_a_bomb_of_aliases_is_small(tmp_path: Path) -> None:
    rows = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 40))
    text = f"a0: &a0 [x]\n{rows}dependencies: [ffmpeg]\n"
    result, _ = init(tmp_path, {"environment.yml": text})
    assert result.read == ("environment.yml",)


# Dockerfile

DOCKERFILE = r"""# syntax=docker/dockerfile:1
ARG VERSION=2.6.0
FROM alpine AS unused
RUN pip install nothing

FROM pytorch/pytorch:${VERSION}-cuda11.8-cudnn8-runtime AS base
ENV CUBLAS_WORKSPACE_CONFIG=:4096:8 PATH="/x:$PATH"
RUN apt-get update && apt-get install -y git ffmpeg
WORKDIR /app
COPY requirements/base.txt /tmp/reqs.txt
# the lines
RUN --mount=type=cache,target=/root/.cache pip install --no-cache-dir -U \
    # a comment in between
    -r /tmp/reqs.txt \
    && python3 -m pip install "numpy<2" git+https://code.example/foo.git
RUN conda install -y -c conda-forge ffmpeg=6 pip && bash -lc 'uv pip install --torch-backend cu126 einops'

FROM base
COPY . /app
RUN <<END
pip install tqdm torch==2.7.0
END
USER trainer
CMD ["python", "train.py"]
"""


def test_a_dockerfile(tmp_path: Path) -> None:
    result, manifest = init(
        tmp_path, {"Dockerfile": DOCKERFILE, "requirements/base.txt": "scipy\n"}, "Dockerfile"
    )
    tag = "pytorch/pytorch:2.6.0-cuda11.8-cudnn8-runtime"
    assert result.notes == (
        "Dockerfile:3: the stage `unused` is not part of the last one",
        f"Dockerfile:6: the base `{tag}` was left out: its PyTorch and CUDA come as wheels",
        "Dockerfile:8: packages of the system (apt-get) are not carried over",
        "Dockerfile:16, --torch-backend: cuda `12.6` was passed over for that of Dockerfile:6",
        f"Dockerfile:6: `{tag}` was never published; images of 2.6.0 have CUDA 11.8, 12.4 or 12.6 and cuDNN "
        "9, and end in -runtime or -devel",
    )
    assert body(result) == (
        f'python = "3.13"  # {NEWEST}\n'
        'cuda = "11.8"  # Dockerfile:6\n'
        "\n"
        "requirements = [\n"
        '    "torch==2.6.0",  # Dockerfile:6\n'
        '    "numpy<2",  # Dockerfile:12\n'
        '    # "git+https://code.example/foo.git",  # Dockerfile:12: a lock has names and hashes, no URLs '
        "and no paths\n"
        '    "einops",  # Dockerfile:16\n'
        '    "tqdm",  # Dockerfile:20\n'
        '    # "torch==2.7.0",  # Dockerfile:20: `torch==2.6.0` is asked for already (Dockerfile:6)\n'
        "]\n"
        "\n"
        "requirements-files = [\n"
        '    "requirements/base.txt",  # stays as it is: 1 requirement\n'
        "]\n"
        "\n"
        "[settings]\n"
        'CUBLAS_WORKSPACE_CONFIG = ":4096:8"  # Dockerfile:7\n'
        "\n"
        "[conda]\n"
        'channels = ["conda-forge"]  # Dockerfile:16\n'
        "packages = [\n"
        '    "python",  # of the series above\n'
        '    "ffmpeg 6.*",  # Dockerfile:16\n'
        '    # "pip",  # Dockerfile:16: makes environments; envlock needs none in them\n'
        "]\n"
        "\n"
        "[image]\n"
        'user = "trainer"  # Dockerfile:23\n'
    )
    assert asked(manifest) == ["torch==2.6.0", "numpy<2", "einops", "tqdm", "scipy"]


@pytest.mark.parametrize(
    ("lines", "python", "cuda", "base"),
    [
        ("FROM python:3.10-slim-bookworm", "3.10", "auto", "docker.io/library/python:3.10-slim-bookworm"),
        ("FROM nvidia/cuda:12.4.1-devel-ubuntu22.04", "3.13", "12.4", None),
        ("ARG P=3.12\nFROM docker.io/library/python:${P}", "3.12", "auto", "docker.io/library/python:3.12"),
        ("FROM ubuntu:22.04\nENV X=1", "3.13", "auto", None),
    ],
)
def test_the_base_of_a_dockerfile(
    tmp_path: Path, lines: str, python: str, cuda: str, base: str | None
) -> None:
    _, manifest = init(tmp_path, {"Dockerfile": f"{lines}\nRUN pip install torch==2.6.0\n"})
    assert (manifest.python, manifest.cuda) == (python, {"linux-64": cuda})
    assert (manifest.image.base if manifest.image else None) == base


def test_a_base_that_moves(tmp_path: Path) -> None:
    result, _ = init(tmp_path, {"Dockerfile": "FROM pytorch/pytorch\nRUN pip install einops\n"})
    assert result.notes[0] == "Dockerfile:1: `pytorch/pytorch` names no version of PyTorch"
    assert "names another image every time" in result.notes[1]


def test_a_dockerfile_beside_other_files(tmp_path: Path) -> None:
    """It adds what they do not say, and reads nothing twice."""
    result, manifest = init(
        tmp_path,
        {
            "requirements.txt": "torch==2.6.0\n",
            "Dockerfile": "FROM python:3.11\nCOPY . /src\nWORKDIR /src\n"
            "RUN pip install -r requirements.txt && pip install torch==2.5.1 einops && pip install -e .\n",
        },
    )
    assert result.read == ("requirements.txt", "Dockerfile")
    assert asked(manifest) == ["einops", "torch==2.6.0"]
    assert [(row.text, row.left_out) for row in result.left_out] == [
        ("torch==2.5.1", "`torch==2.6.0` is asked for already (requirements.txt:1)"),
        ("-e .", "the project itself, which has no [project] table to read; setup.py is not run"),
    ]


def test_what_is_no_dockerfile(tmp_path: Path) -> None:
    with pytest.raises(ManifestInvalid) as caught:
        init(tmp_path, {"Dockerfile": "RUN pip install torch\n"})
    assert caught.value.faults[0].message == "has no FROM, so it is no Dockerfile"


# What the facts say


def test_a_build_that_never_existed_is_told(tmp_path: Path) -> None:
    result, manifest = init(tmp_path, {"requirements.txt": f"-i {PYTORCH}/cu121\ntorch==2.6.0\n"})
    assert result.notes == (
        "PyTorch 2.6.0 was never built for CUDA 12.1; 2.6.0 with 11.8, 12.4 (default), 12.6, cpu · CUDA 12.1 "
        'with 2.1.0 to 2.5.1; `cuda = "12.4"` runs on every driver that 12.1 runs on (525.60.13 or newer)',
    )
    assert f"# - {result.notes[0]}\n" in result.text
    assert manifest.cuda == {"linux-64": "12.1"}


def test_a_pytorch_that_is_older_than_the_facts(tmp_path: Path) -> None:
    result, _ = init(tmp_path, {"requirements.txt": "torch==1.13.1+cu117\n"})
    assert result.notes == (
        "PyTorch 1.13.1+cu117 is older than what is known here (2.0.0 and later): whether it can still be "
        "had for CUDA 11.7 is seen when it is locked",
    )


def test_two_cudas(tmp_path: Path) -> None:
    result, manifest = init(
        tmp_path,
        {"requirements.txt": f"-i {PYTORCH}/cu118\n--extra-index-url {PYTORCH}/cu124\ntorch==2.6.0\n"},
    )
    assert result.notes == (
        "requirements.txt:2, --extra-index-url: cuda `12.4` was passed over for that of requirements.txt:1, "
        "--index-url",
    )
    assert manifest.cuda == {"linux-64": "11.8"}


# The command


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write(tmp_path, {"requirements.txt": "six\ngit+https://code.example/foo\n"})
    monkeypatch.chdir(tmp_path)
    return tmp_path


NOTES = (
    "note: requirements.txt: has what cannot be locked, so its lines are taken over one by one\n"
    "left out: `git+https://code.example/foo` (requirements.txt:2): a lock has names and hashes, no URLs and "
    "no paths\n"
)


def test_it_writes_and_says_what_it_left_out(here: Path, envlock: Envlock) -> None:
    assert envlock("init") == (
        0,
        "wrote envlock.toml from requirements.txt\n",
        f"{NOTES}hint: look it over, then `envlock lock`\n",
    )
    assert tomli.loads((here / "envlock.toml").read_text()) == {"python": "3.14", "requirements": ["six"]}


def test_a_dry_run_prints_and_writes_nothing(here: Path, envlock: Envlock) -> None:
    status, out, err = envlock("init", "--dry-run")
    assert (status, err) == (0, NOTES)
    assert tomli.loads(out) == {"python": "3.14", "requirements": ["six"]}
    assert not (here / "envlock.toml").exists()
    assert envlock("init", "--dry-run", "-q") == (0, out, "")


def test_as_json(here: Path, envlock: Envlock) -> None:
    status, out, err = envlock("init", "--json")
    document = json.loads(out)
    assert (status, err) == (0, "")
    assert document == {
        "schema": "envlock.init/1",
        "manifest": "envlock.toml",
        "written": True,
        "read": ["requirements.txt"],
        "left_out": [
            {
                "text": "git+https://code.example/foo",
                "where": "requirements.txt:2",
                "reason": "a lock has names and hashes, no URLs and no paths",
            }
        ],
        "notes": ["requirements.txt: has what cannot be locked, so its lines are taken over one by one"],
        "text": (here / "envlock.toml").read_text(),
    }


def test_what_is_there_is_not_written_over(here: Path, envlock: Envlock) -> None:
    (here / "envlock.toml").write_text("mine\n")
    assert envlock("init") == (
        2,
        "",
        "error: there is an envlock.toml already [usage]\n"
        "  where  envlock.toml\n"
        "\n"
        "hint: `--force` writes over it; `--dry-run` shows what would be written\n",
    )
    assert (here / "envlock.toml").read_text() == "mine\n"
    assert envlock("init", "--dry-run", "-q")[0] == 0
    assert envlock("init", "--force", "-q")[0] == 0
    assert (here / "envlock.toml").read_text().startswith("# Written by `envlock init`")


def test_a_manifest_in_pyproject_stays_the_only_one(here: Path, envlock: Envlock) -> None:
    (here / "pyproject.toml").write_text('[tool.envlock]\npython = "3.11"\n')
    assert envlock("init", "--force") == (
        2,
        "",
        "error: pyproject.toml is the manifest already: it has [tool.envlock] [usage]\n"
        "  where  pyproject.toml\n"
        "\n"
        "hint: `envlock lock` locks it; `--dry-run` shows what would be written\n",
    )


def test_another_place(here: Path, envlock: Envlock) -> None:
    """What the manifest names is told from where it will lie."""
    (here / "requirements.txt").write_text("six\n")
    (here / "locked").mkdir()
    assert envlock("init", "-q", "-o", "locked/envlock.toml")[0] == 0
    assert asked(read_manifest(here / "locked")) == ["six"]
    assert '"../requirements.txt"' in (here / "locked" / "envlock.toml").read_text()


def test_a_name_that_no_manifest_has(here: Path) -> None:
    with pytest.raises(UsageFault) as caught:
        api.init(InitRequest(path=here, output=here / "lock.toml"), environment={})
    assert caught.value.message == "a manifest is called envlock.toml, not `lock.toml`"


def test_nothing_to_read(tmp_path: Path, envlock: Envlock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    status, out, err = envlock("init")
    assert (status, out) == (3, "")
    assert err.startswith("error: nothing here asks for a distribution [manifest-invalid]\n")
    assert "hint: read are `.python-version`, `pyproject.toml`, `requirements*.txt`" in err
    assert envlock("init", "gone")[0] == 3
    (tmp_path / "notes.md").write_text("torch\n")
    assert "`notes.md` is of no kind that is read" in envlock("init", "notes.md")[2]


def test_what_cannot_be_parsed(tmp_path: Path, envlock: Envlock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text("[project\n")
    status, out, err = envlock("init")
    assert (status, out) == (3, "")
    assert err.startswith("error: `pyproject.toml` has 1 fault [manifest-invalid]\n")
    assert "pyproject.toml, line 1, column" in err
    assert not (tmp_path / "envlock.toml").exists()


def test_a_folder_that_is_not_there(here: Path, envlock: Envlock) -> None:
    assert envlock("init", "-o", "gone/envlock.toml")[::2] == (
        6,
        "error: the manifest cannot be written: no such file or directory [disk-failed]\n"
        "  where  gone/envlock.toml\n"
        "\n"
        "hint: `-o DIR/envlock.toml` names another, `--dry-run` prints it\n",
    )


# Locked


@pytest.fixture(scope="module")
def stack() -> Iterator[TorchIndex]:
    with TorchIndex() as index:
        yield index


@pytest.mark.parametrize(
    ("files", "torch"),
    [
        ({"requirements.txt": f"-i {PYTORCH}/cu118\ntorch==2.6.0\n"}, "2.6.0+cu118"),
        ({"requirements.txt": f"--extra-index-url {PYTORCH}/cu118\ntorch==2.6.0+cu118\n"}, "2.6.0+cu118"),
        ({"pyproject.toml": POETRY.replace("2.6.0+cu124", "2.6.0").replace("lib = {", "other = {")}, "2.6.0"),
        ({"train.py": SCRIPT}, "2.6.0+cu118"),
    ],
    ids=["index", "local-version", "poetry", "script"],
)
def test_what_is_written_can_be_locked(
    tmp_path: Path, stack: TorchIndex, files: dict[str, str], torch: str
) -> None:
    texts = {name: _only_torch(text) for name, text in files.items()}
    _result, _ = init(tmp_path, texts)
    environment = {
        **os.environ,
        "ENVLOCK_SOURCE_DEFAULT": stack.url,
        "ENVLOCK_SOURCE_PYTORCH": stack.pytorch_source,
    }
    locked = api.lock(api.LockRequest(project=tmp_path), environment=environment).lock
    assert {row.name: row.version for row in locked.distributions}["torch"] == torch


def _only_torch(text: str) -> str:
    """The small index has no more."""
    names = ("transformers", "pandas", "accelerate", "mac")
    kept = [line for line in text.splitlines() if not line.startswith(names)]
    return "\n".join(kept).replace(', "einops"', "") + "\n"


@pytest.mark.slow
def test_a_real_repository_is_locked(tmp_path: Path) -> None:
    """From the installer's own index, with hashes and all."""
    write(tmp_path, {"requirements.txt": "torch==2.6.0\nnumpy<3\n", ".python-version": "3.11\n"})
    api.init(InitRequest(path=tmp_path), environment={})
    result = api.lock(api.LockRequest(project=tmp_path), environment=os.environ)
    assert result.lock.stack["linux-64"].variant == "cu124"
    assert api.check(api.LockRequest(project=tmp_path), environment=os.environ) == ()
