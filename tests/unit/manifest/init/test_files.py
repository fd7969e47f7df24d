"""The other files that `init` reads: what becomes a line, what a comment, and what is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from envlock.errors import ManifestInvalid
from tests.unit.manifest.init.starting import begun, choices, lists, nothing, refused

NEWEST = "nothing asks for one: the newest that PyTorch is well supported on; yours may be another"
PYTORCH = "https://download.pytorch.org/whl"
PROJECT = '[project]\nname = "demo"\nversion = "0"\ndependencies = ["torch", "numpy"]\n'
STAYS = "# requirements: the dependencies of pyproject.toml, which stay there.\n"
NOT_A_VERSION = "expected semicolon (after name with no version specifier) or end"
NOT_READ = "not carried over: envlock has no such key, so write what counts in `requirements`"
BY_NAME = "is asked only for what `index-of` names, so add what comes from there, like"
LINE_BY_LINE = "requirements.txt: has what cannot be locked, so its lines are taken over one by one"
AS_WHEEL = "comes as a wheel; to have conda's own build, write it into `packages` of [conda] instead"


def requirements(*rows: str) -> str:
    return "".join(("requirements = [\n", *(f"    {row}\n" for row in rows), "]\n"))


def conda(*rows: str, channels: str = "") -> str:
    python = '    "python",  # of the series above\n'
    return "".join(
        ("[conda]\n", channels, "packages = [\n", python, *(f"    {row}\n" for row in rows), "]\n")
    )


# Requirements


@pytest.mark.parametrize(
    ("text", "expected", "notes"),
    [
        (
            "six\n--no-index\n",
            requirements('"six",  # requirements.txt:1'),
            ("requirements.txt:2, --no-index: not carried over: envlock looks at indexes", LINE_BY_LINE),
        ),
        (
            "--pre\nsix\n",
            'requirements-files = [\n    "requirements.txt",  # stays as it is: 1 requirement\n]\n',
            ("requirements.txt:1: `--pre` is not read",),
        ),
        (
            "six --global-option x\nbad = 1\n",
            requirements(
                '"six",  # requirements.txt:1',
                f'# "bad = 1",  # requirements.txt:2: "bad = 1" is not a requirement: {NOT_A_VERSION}',
            ),
            (LINE_BY_LINE, "requirements.txt:1: `--global-option` is not read"),
        ),
        (
            f"-f {PYTORCH}/torch_stable.html\nsix\n",
            requirements('"six",  # requirements.txt:2'),
            (LINE_BY_LINE,),
        ),
    ],
)
def test_requirements(tmp_path: Path, text: str, expected: str, notes: tuple[str, ...]) -> None:
    result = begun(tmp_path, {"requirements.txt": text})
    assert (lists(result), result.notes) == (expected, notes)


def test_the_project_itself_with_extras(tmp_path: Path) -> None:
    """Only the file is read: what the project asks for is taken over."""
    files = {"pyproject.toml": PROJECT, "requirements.txt": "-e .[gpu,vis]\nsix\nbad = 1\n"}
    result = begun(tmp_path, files, "requirements.txt")
    assert lists(result) == requirements(
        '"torch",  # requirements.txt:1',
        '"numpy",  # requirements.txt:1',
        '"six",  # requirements.txt:2',
        f'# "bad = 1",  # requirements.txt:3: "bad = 1" is not a requirement: {NOT_A_VERSION}',
    )
    assert result.notes == (
        LINE_BY_LINE,
        'requirements.txt:1: asks for extras of the project: write `extras = ["gpu", "vis"]`',
    )
    both = begun(tmp_path, {})
    assert lists(both).count('"torch",') == 1


def test_of_what_cannot_be_locked_all_is_told(tmp_path: Path) -> None:
    """Where nothing else is asked for, there is no manifest to say it in."""
    with pytest.raises(ManifestInvalid) as caught:
        begun(tmp_path, {"requirements.txt": "six = 1\n./local\nsi\x01x\n"})
    assert caught.value.facts == (
        ("note", LINE_BY_LINE),
        (
            "left out",
            f'`six = 1` (requirements.txt:1): "six = 1" is not a requirement: {NOT_A_VERSION}',
        ),
        (
            "left out",
            "`./local` (requirements.txt:2): a lock has names and hashes, no URLs and no paths",
        ),
        ("left out", '`si\\x01x` (requirements.txt:3): "si\\x01x" has control characters in it'),
    )
    assert caught.value.hint is None


# environment.yml


@pytest.mark.parametrize(
    ("dependencies", "expected", "notes"),
    [
        *(
            (
                f"- pip: ['{line}']",
                "requirements = []  # not the dependencies of pyproject.toml\n\n"
                'requirements-files = [\n    "more.txt",  # stays as it is: 1 requirement\n]\n',
                (),
            )
            for line in ("-r more.txt", "--requirement more.txt", "--requirement=more.txt", "-rmore.txt")
        ),
        (
            "- pip: [\"six 'a\", attrs, '', [x], -r gone.txt, -r https://x.example/a.txt]",
            requirements(
                '"attrs",  # environment.yml:2',
                f'# "six \'a",  # environment.yml:2: "six \'a" is not a requirement: {NOT_A_VERSION}',
                '# "-r gone.txt",  # environment.yml:2: there is no file `gone.txt`',
                '# "-r https://x.example/a.txt",  # environment.yml:2: "https://x.example/a.txt" is not a '
                "relative path",
            ),
            (),
        ),
        (
            "- pip: [-e .]",
            requirements('"torch",  # environment.yml:2', '"numpy",  # environment.yml:2'),
            (),
        ),
        (
            "- python >=3.9|2.7\n- zlib",
            conda('"zlib",  # environment.yml:3'),
            (
                "environment.yml:2: `python >=3.9|2.7` was not carried over: alternatives cannot be asked "
                "for in one requirement",
            ),
        ),
        (
            "- pytorch-cpu\n- cudnn",
            requirements('"torch",  # environment.yml:2')
            + '\n# "cudnn",  # environment.yml:3: the wheel of PyTorch brings its own\n',
            (f"environment.yml:2: `pytorch-cpu`: {AS_WHEEL}",),
        ),
        (
            "- pytorch=2.6\n- torchvision>=0.2|1",
            requirements(
                '"torch==2.6.*",  # environment.yml:2',
                '# "torchvision>=0.2|1",  # environment.yml:3: alternatives cannot be asked for in one '
                "requirement",
            ),
            (f"environment.yml:2: `pytorch=2.6`: {AS_WHEEL}",),
        ),
        (
            "- numpy=1=a\n- scipy=1=b\n- {x: y}\n- 'zlib[x=y]'",
            conda(
                '"numpy ==1",  # environment.yml:2',
                '"scipy ==1",  # environment.yml:3',
                '"zlib",  # environment.yml:5',
            ),
            ("environment.yml:2: the build strings of 2 packages were left out; the lock has its own",),
        ),
        (
            "- zlib=1?2",
            None,
            ("left out: `zlib=1?2` (environment.yml:2): must be a conda specification like `ffmpeg >=6`",),
        ),
        (
            "- cuda=99.123\n- pytorch",
            requirements('"torch",  # environment.yml:3')
            + '\n# "cuda=99.123",  # environment.yml:2: the wheel of PyTorch brings its own\n',
            (
                "environment.yml:2: `cuda=99.123` leaves open which CUDA: write `cuda` by hand",
                f"environment.yml:3: `pytorch`: {AS_WHEEL}",
            ),
        ),
        (
            "- zlib\nchannels: [nodefaults, '', 'https://c.example/-', a b, 'https://u@h.example/main']",
            conda('"zlib",  # environment.yml:2', channels='channels = ["main"]  # environment.yml:3\n'),
            (
                "environment.yml:3: the channel `https://c.example/-` was not carried over: it has no name",
                "environment.yml:3: the channel `a b` was not carried over: it has no name",
            ),
        ),
        (
            "- zlib\nvariables: {A: 1, B: '', a b: 2, C: [1], D: \"a\\nb\"}",
            '[settings]\nA = "1"  # environment.yml:3\nB = ""  # environment.yml:3\n\n'
            + conda('"zlib",  # environment.yml:2'),
            tuple(
                f"environment.yml:3: the variable `{name}` was not carried over: no setting can be that"
                for name in ("a b", "C", "D")
            ),
        ),
        ("- zlib\n? [a]\n: b", conda('"zlib",  # environment.yml:2'), ()),
    ],
)
def test_environments(
    tmp_path: Path, dependencies: str, expected: str | None, notes: tuple[str, ...]
) -> None:
    files = {
        "environment.yml": f"dependencies:\n{dependencies}\n",
        "more.txt": "six\n",
        "pyproject.toml": PROJECT,
    }
    if expected is None:
        with pytest.raises(ManifestInvalid) as caught:
            begun(tmp_path, files, "environment.yml")
        assert tuple(f"{label}: {text}" for label, text in caught.value.facts) == notes
        return
    result = begun(tmp_path, files, "environment.yml")
    assert (lists(result), result.notes) == (expected, notes)


@pytest.mark.parametrize(
    ("spec", "python"),
    [("python", "3.14"), ("python>=3.9,<3.12", "3.11"), ("python 3.10.* 0_cpython", "3.10")],
)
def test_the_python_of_an_environment(tmp_path: Path, spec: str, python: str) -> None:
    result = begun(tmp_path, {"environment.yml": f"dependencies: ['{spec}', zlib]\n"})
    assert choices(result) == f'python = "{python}"  # environment.yml:1 = "{spec}"\n'


def test_a_python_that_nobody_locks(tmp_path: Path) -> None:
    result = begun(tmp_path, {"environment.yml": "dependencies: [python=2, zlib]\n"})
    assert result.notes == ("environment.yml:1: no Python that is known is within `python=2`",)


@pytest.mark.parametrize("text", ["", "- a\n", "a: !!x b\n", "dependencies: ffmpeg\n"])
def test_an_environment_of_nothing(tmp_path: Path, text: str) -> None:
    assert nothing(tmp_path, {"environment.yml": text}) == ()


def test_an_alias_of_nothing(tmp_path: Path) -> None:
    assert refused(tmp_path, {"environment.yml": "dependencies: [ffmpeg]\nx: *y\n"}) == [
        ("environment.yml, line 2, column 4", "not valid YAML: found undefined alias 'y'")
    ]


# setup.cfg, .python-version and scripts


INSTALL = "setup.cfg, options.install_requires"


@pytest.mark.parametrize(
    ("text", "expected", "notes"),
    [
        (
            "install_requires = file: a.txt, b.txt,",
            'requirements-files = [\n    "a.txt",  # stays as it is: 1 requirement\n'
            '    "b.txt",  # stays as it is: 1 requirement\n]\n',
            (),
        ),
        (
            "install_requires = file:\n  a.txt\n  gone.txt",
            'requirements-files = [\n    "a.txt",  # stays as it is: 1 requirement\n]\n',
            (f"{INSTALL}: there is no file `gone.txt`",),
        ),
        # setuptools splits one line at `;`
        (
            "install_requires = six; attrs>=20",
            requirements(f'"six",  # {INSTALL}', f'"attrs>=20",  # {INSTALL}'),
            (),
        ),
        (
            "python_requires = 3\ninstall_requires = six",
            requirements(f'"six",  # {INSTALL}'),
            ('setup.cfg, options.python_requires: not carried over: "3" is not a version specifier',),
        ),
    ],
)
def test_setup_cfg(tmp_path: Path, text: str, expected: str, notes: tuple[str, ...]) -> None:
    result = begun(tmp_path, {"setup.cfg": f"[options]\n{text}\n", "a.txt": "six\n", "b.txt": "attrs\n"})
    assert (lists(result), result.notes) == (expected, notes)


def test_a_setup_cfg_of_tools_only(tmp_path: Path) -> None:
    assert nothing(tmp_path, {"setup.cfg": "[flake8]\nmax-line-length = 100\n"}) == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1\n", "cannot be read: File contains no section headers."),
        (
            "[options]\nx = 1\nx = 2\n",
            "cannot be read: While reading from 'setup.cfg' [line  3]: option 'x' in section 'options' "
            "already exists",
        ),
    ],
)
def test_a_setup_cfg_that_cannot_be_read(tmp_path: Path, text: str, message: str) -> None:
    assert refused(tmp_path, {"setup.cfg": text}) == [("setup.cfg", message)]


@pytest.mark.parametrize(
    ("text", "read"),
    [("pypy3.9\n", ("requirements.txt",)), ("system\n3.10\n", (".python-version", "requirements.txt"))],
)
def test_a_python_version_of_another_python(tmp_path: Path, text: str, read: tuple[str, ...]) -> None:
    result = begun(tmp_path, {".python-version": text, "requirements.txt": "six\n"})
    assert result.read == read
    assert choices(result) == (
        f'python = "3.14"  # {NEWEST}\n'
        if len(read) == 1
        else 'python = "3.10"  # .python-version:2 = "3.10"\n'
    )


BLOCK = '# /// script\n# dependencies = ["six"]\n# ///\n'


def test_several_scripts(tmp_path: Path) -> None:
    told = "several scripts with dependencies; `envlock init a.py` takes that one"
    assert nothing(tmp_path, {"a.py": BLOCK, "b.py": BLOCK}) == (f"`a.py`, `b.py`: {told}",)


def test_a_script_is_looked_for_in_files_of_a_usual_size(tmp_path: Path) -> None:
    files = {"a.py": BLOCK, "big.py": BLOCK + "#" * (1 << 20), "folder.py/x": "", "b.py": "print()\n"}
    assert begun(tmp_path, files).read == ("a.py",)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("print()\n", ("a.py", "has no `# /// script` block")),
        (BLOCK + "\n" + BLOCK, ("a.py", "has more than one `# /// script` block")),
        (
            BLOCK.replace('"six"', "1"),
            ("a.py, dependencies[0]", "`dependencies[0]` must be a string, found the number 1"),
        ),
    ],
)
def test_a_script_that_cannot_be_read(tmp_path: Path, text: str, fault: tuple[str, str]) -> None:
    assert refused(tmp_path, {"a.py": text}, "a.py") == [fault]


# pyproject.toml


def index(name: str, url: str, more: str = "") -> str:
    return f'[[tool.uv.index]]\nname = "{name}"\nurl = "{url}"\n{more}\n'


AT = "pyproject.toml, tool"
COMPANY = "https://pypi.company.example/simple"
NO_URL = '"ftp://a.example/x" is not a URL that starts with `https://`, `http://` or `file:///`'


@pytest.mark.parametrize(
    ("text", "expected", "notes"),
    [
        # uv
        (
            f'[tool.uv]\nindex-url = "{COMPANY}"\nextra-index-url = ["https://10.0.0.1/simple"]\n'
            'exclude-newer = "soon"\n',
            f'\n[sources]\ndefault = "{COMPANY}"  # {AT}.uv.index-url\n'
            f'extra = "https://10.0.0.1/simple"  # {AT}.uv.extra-index-url\n',
            (
                f'{AT}.uv.extra-index-url: `extra` {BY_NAME} `our-lib = "extra"`',
                f"{AT}.uv.exclude-newer: not read: it is neither a date nor a time with an offset",
            ),
        ),
        (
            f'[[tool.uv.index]]\nname = "x"\n[[tool.uv.index]]\nurl = "{COMPANY}"\n',
            f'\n[sources]\ncompany = "{COMPANY}"  # {AT}.uv.index[1].url\n',
            (f'{AT}.uv.index[1].url: `company` {BY_NAME} `our-lib = "company"`',),
        ),
        (
            "".join(index(name, f"https://{name}.example/simple") for name in ("a", "A"))
            + index("pytorch", "https://p.example/simple"),
            '\n[sources]\na = "https://a.example/simple"'
            f'  # {AT}.uv.index[0].url\na-2 = "https://A.example/simple"  # {AT}.uv.index[1].url\n'
            f'pytorch-index = "https://p.example/simple"  # {AT}.uv.index[2].url\n',
            tuple(
                f'{AT}.uv.index[{number}].url: `{name}` {BY_NAME} `our-lib = "{name}"`'
                for number, name in enumerate(("a", "a-2", "pytorch-index"))
            ),
        ),
        (
            '[tool.uv.sources]\ntorch = [{ index = "gone", marker = "???" }, "x"]\n'
            'numpy = { branch = "x" }\n',
            "",
            (f"{AT}.uv.sources.torch: not carried over: there is no index `gone` in [[tool.uv.index]]",),
        ),
        (
            index("cu", f"{PYTORCH}/cu124", "explicit = true") + "[tool.uv.sources]\n"
            'torch = [{ index = "cu", extra = "gpu" }, { index = "cu", extra = "gpu" }]\n',
            f'\n[variants.gpu]  # {AT}.uv.sources.torch\ncuda = "12.4"\nextras = ["gpu"]\n',
            (),
        ),
        (index("cu", f"{PYTORCH}/cu124", "explicit = true"), "", ()),
        (
            index("ftp", "ftp://a.example/x") + '[tool.uv.sources]\nnumpy = { index = "ftp" }\n',
            "",
            (
                f"{AT}.uv.sources.numpy: not carried over: {NO_URL}",
                f"{AT}.uv.index[0].url: not carried over: {NO_URL}",
            ),
        ),
        # the index that stands in for the default one does so, too, where a distribution names it
        (
            index("company", COMPANY, "default = true")
            + '[tool.uv.sources]\nnumpy = { index = "company" }\n',
            f'\n[sources]\ndefault = "{COMPANY}"  # {AT}.uv.sources.numpy\n\n'
            f'[index-of]\nnumpy = "default"  # {AT}.uv.sources.numpy\n',
            (),
        ),
        # pdm
        ('[[tool.pdm.source]]\nname = "a"\n', "", ()),
        (
            '[[tool.pdm.source]]\nname = "a"\ntype = "find_links"\nurl = "https://a.example/x.html"\n'
            '[tool.pdm.resolution]\nexcludes = ["a"]\n',
            "",
            (
                f"{AT}.pdm.source[0].type: not carried over: `find_links` is a page of links, not an index",
                f"{AT}.pdm.resolution.excludes: {NOT_READ}",
            ),
        ),
        (
            f'[[tool.pdm.source]]\nname = "pypi"\nurl = "{COMPANY}"\n',
            f'\n[sources]\ndefault = "{COMPANY}"  # {AT}.pdm.source[0].url\n',
            (),
        ),
        (
            f'[[tool.pdm.source]]\nname = "a"\nurl = "{COMPANY}"\n'
            'include_packages = ["our-lib", "NUM*", "z*"]\n',
            f'\n[sources]\na = "{COMPANY}"  # {AT}.pdm.source[0].url\n\n'
            f'[index-of]\nour-lib = "a"  # {AT}.pdm.source[0].include_packages\n'
            f'numpy = "a"  # {AT}.pdm.source[0].include_packages\n',
            (),
        ),
    ],
)
def test_indexes_of_a_project(tmp_path: Path, text: str, expected: str, notes: tuple[str, ...]) -> None:
    result = begun(tmp_path, {"pyproject.toml": PROJECT + text})
    assert (lists(result), result.notes) == (STAYS + expected, notes)


def test_an_index_that_is_no_table(tmp_path: Path) -> None:
    assert refused(tmp_path, {"pyproject.toml": f"{PROJECT}[tool.uv]\nindex = [1]\n"}) == [
        (f"{AT}.uv.index[0]", "`index[0]` must be a table, found the number 1")
    ]


def test_a_page_of_pytorch_that_an_index_is_named_by(tmp_path: Path) -> None:
    """Of it the CUDA counts; nothing can be a mirror of it."""
    url = "https://mirror.example/whl/cu124/torch_stable.html"
    result = begun(tmp_path, {"pyproject.toml": PROJECT + index("old", url)})
    assert 'cuda = "12.4"  # pyproject.toml, tool.uv.index[0].url\n' in choices(result)
    assert (lists(result), result.notes) == (STAYS, ())


@pytest.mark.parametrize(
    ("text", "notes"),
    [
        (
            'requires-python = "3"\n',
            ('pyproject.toml, project.requires-python: not carried over: "3" is not a version specifier',),
        ),
        (
            'dynamic = ["dependencies"]\n',
            (
                "pyproject.toml, project.dynamic: `dependencies` are computed when the project is built, "
                "which is not done here",
            ),
        ),
        (
            'dynamic = ["dependencies"]\n[tool.setuptools.dynamic]\ndependencies = { file = "gone.txt" }\n',
            (f"{AT}.setuptools.dynamic.dependencies.file: there is no file `gone.txt`",),
        ),
        ('dynamic = ["version"]\n', ()),
    ],
)
def test_what_is_told_of_a_project(tmp_path: Path, text: str, notes: tuple[str, ...]) -> None:
    files = {"pyproject.toml": f'[project]\nname = "demo"\n{text}', "requirements.txt": "six\n"}
    assert begun(tmp_path, files).notes == notes


# poetry


def poetry(text: str) -> dict[str, str]:
    return {"pyproject.toml": f"[tool.poetry.dependencies]\nattrs = '*'\n{text}\n"}


ATTRS = f'"attrs",  # {AT}.poetry.dependencies.attrs'
SIX = f"{AT}.poetry.dependencies.six"


@pytest.mark.parametrize(
    ("text", "spelt", "reason"),
    [
        ('"~=1"', "\"six: version = '~=1'\"", '"~=1" is not a version constraint'),
        ('"^a"', "\"six: version = '^a'\"", '"a" is not a version'),
        ('" "', "\"six: version = ' '\"", "the constraint is empty"),
        ('"^!"', "\"six: version = '^!'\"", '"^!" is not a version constraint of poetry'),
        ('"~1.*"', "\"six: version = '~1.*'\"", '"~1.*" is not a version constraint'),
        (
            '"1 || 2"',
            "\"six: version = '1 || 2'\"",
            "alternatives other than whole ranges cannot be asked for in one requirement",
        ),
        ('{ version = "*", optional = true }', '"six"', "optional, of no extra"),
        (
            '{ path = "lib" }',
            '"six @ lib"',
            "comes from a path: no index has it, and a lock has names and hashes",
        ),
    ],
)
def test_what_poetry_asks_for_and_cannot_be_locked(
    tmp_path: Path, text: str, spelt: str, reason: str
) -> None:
    result = begun(tmp_path, poetry(f"six = {text}"))
    assert lists(result) == requirements(ATTRS, f"# {spelt},  # {SIX}: {reason}")


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ("six = 3", "six", "must be a version or a table, found the number 3"),
        ('python = "^a"', "python", '"a" is not a version'),
    ],
)
def test_what_no_poetry_can_read(tmp_path: Path, text: str, where: str, message: str) -> None:
    assert refused(tmp_path, poetry(text)) == [(f"{AT}.poetry.dependencies.{where}", message)]


@pytest.mark.parametrize(
    ("text", "expected", "notes"),
    [
        (
            'six = { version = "*", source = "gone" }\n',
            "",
            (f"{SIX}: not carried over: there is no source `gone` in [[tool.poetry.source]]",),
        ),
        (
            'six = { version = "*", source = "PyPI" }\n[[tool.poetry.source]]\nname = "PyPI"\n',
            "",
            (),
        ),
        (
            'six = { version = "*", source = "a" }\n[[tool.poetry.source]]\nname = "a"\n'
            'url = "ftp://a.example/x"\npriority = "explicit"\n',
            "",
            (
                f"{SIX}: not carried over: {NO_URL}",
                f"{AT}.poetry.source[0].url: not carried over: {NO_URL}",
            ),
        ),
        # the first primary source takes the place of the default index, also where a dependency names it
        (
            f'six = {{ version = "*", source = "Company" }}\n[[tool.poetry.source]]\nname = "company"\n'
            f'url = "{COMPANY}"\n[[tool.poetry.source]]\nname = "more"\nurl = "https://m.example/simple"\n'
            'priority = "supplemental"\n',
            f'\n[sources]\ndefault = "{COMPANY}"  # {SIX}\n'
            f'more = "https://m.example/simple"  # {AT}.poetry.source[1].url\n\n'
            f'[index-of]\nsix = "default"  # {SIX}\n',
            (f'{AT}.poetry.source[1].url: `more` {BY_NAME} `our-lib = "more"`',),
        ),
        (
            f'six = "*"\n[[tool.poetry.source]]\nname = "old"\nurl = "{COMPANY}"\ndefault = true\n',
            f'\n[sources]\ndefault = "{COMPANY}"  # {AT}.poetry.source[0].url\n',
            (),
        ),
    ],
)
def test_sources_of_poetry(tmp_path: Path, text: str, expected: str, notes: tuple[str, ...]) -> None:
    result = begun(tmp_path, poetry(text))
    assert (lists(result), result.notes) == (requirements(ATTRS, f'"six",  # {SIX}') + expected, notes)


def test_groups_of_poetry(tmp_path: Path) -> None:
    """Python of a group is no distribution; an optional group is there to be asked for."""
    text = (
        '[tool.poetry.group.more]\noptional = true\n[tool.poetry.group.more.dependencies]\npython = "^3"\n'
        'six = "*"\n[tool.poetry.dev-dependencies]\npytest = "*"\n'
    )
    assert lists(begun(tmp_path, poetry(text))) == requirements(
        ATTRS,
        f'# "six",  # {AT}.poetry.group.more.dependencies.six: the group `more`',
        f'# "pytest",  # {AT}.poetry.dev-dependencies.pytest: the group `dev`',
    )
