"""Requirements files, and pip itself as the oracle of their grammar."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from virtualenv.seed.wheels.embed import BUNDLE_FOLDER

from envlock.manifest import Manifest, read_manifest
from envlock.manifest.requirement import canonical
from tests.unit.manifest.reading import asked, told, write

H1, H2 = "a" * 64, "b" * 64
URL_HINT = "ask for it by name and version, and name its index in `index-of` and `sources`"

AWKWARD = f"""# a comment
six==1.17.0  # why
-r more/base.txt
--requirement=more/base.txt
-cpins.txt
numpy[extra , other] >= 1.26 , <3 ; python_version > "3.8" and sys_platform == 'linux'  #note
torch==2.6.0 \\
    --hash=sha256:{H1} \\
    --hash sha256:{H2}  # via something
rich\\
>=13 # joined
# ends with a backslash \\
click
Foo_Bar~=1.0
a#b
""".replace("a#b\n", "")
BASE = "attrs\n-c ../pins.txt\n-r deep/one.txt\n"
PINS = "six<2\nidna==3.10\n-r more/from-pins.txt\n"
FILES = {
    "requirements.txt": AWKWARD,
    "more/base.txt": BASE,
    "more/deep/one.txt": "pluggy",
    "more/from-pins.txt": "certifi>=2024",
    "pins.txt": PINS,
}

# The parser of pip, in its own process; only names, hashes and what is a constraint are compared.
_PIP = """
import json, sys
sys.path.insert(0, sys.argv[1])
from pip._internal.req.req_file import parse_requirements
rows = []
for row in parse_requirements(sys.argv[2], session=None):
    hashes = (row.options or {}).get("hashes", {})
    rows.append([row.requirement, sorted(f"{a}:{h}" for a in hashes for h in hashes[a]), row.constraint])
print(json.dumps(rows))
"""

Row = tuple[str, tuple[str, ...]]


def by_pip(path: Path) -> tuple[set[Row], set[Row]]:
    """(requirements, constraints) as pip's own parser reads them."""
    wheel = sorted(Path(BUNDLE_FOLDER).glob("pip-*.whl"))[-1]
    command = [sys.executable, "-I", "-c", _PIP, str(wheel), str(path)]
    rows = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    texts = [(canonical(Requirement(text)), tuple(hashes), constraint) for text, hashes, constraint in rows]
    return {row[:2] for row in texts if not row[2]}, {row[:2] for row in texts if row[2]}


def by_us(manifest: Manifest) -> tuple[set[Row], set[Row]]:
    both = (manifest.requirements, manifest.constraints)
    first, second = (
        {(canonical(row.requirement), tuple(sorted(row.hashes))) for row in rows} for rows in both
    )
    return first, second


def test_read_as_pip_reads(tmp_path: Path) -> None:
    write(tmp_path, FILES)
    requirements, constraints = by_us(read_manifest(tmp_path))
    assert (requirements, constraints) == by_pip(tmp_path / "requirements.txt")
    assert len(requirements) == 9
    assert {text for text, _ in constraints} == {"six<2", "idna==3.10"}


def test_places(tmp_path: Path) -> None:
    manifest = read_manifest(write(tmp_path, FILES))
    places = {row.requirement.name: row.origin for row in (*manifest.requirements, *manifest.constraints)}
    assert places["torch"] == "requirements.txt:7"
    assert places["click"] == "requirements.txt:13"
    assert places["pluggy"] == "more/deep/one.txt:1"
    assert places["idna"] == "pins.txt:2"


def test_files_below_a_pyproject(tmp_path: Path) -> None:
    text = '[tool.envlock]\nrequirements = ["rich"]\nrequirements-files = ["a/r.txt", "../b.txt"]\n'
    root = tmp_path / "project"
    write(tmp_path, {"project/pyproject.toml": text, "project/a/r.txt": "six", "b.txt": "idna"})
    manifest = read_manifest(root)
    assert asked(manifest) == ["rich", "six", "idna"]
    assert [row.origin for row in manifest.requirements][1:] == ["a/r.txt:1", "../b.txt:1"]


def test_utf_16_as_powershell_writes_it(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_bytes("\ufeffsix==1.17.0\r\nidna\r\n".encode("utf-16-le"))
    assert asked(read_manifest(tmp_path)) == ["six==1.17.0", "idna"]


def test_variables(tmp_path: Path) -> None:
    write(tmp_path, {"requirements.txt": "six==${SIX}\n-r ${DIR}/x.txt\n", "d/x.txt": "idna # ${NO}\n"})
    manifest = read_manifest(tmp_path, environment={"SIX": "1.17.0", "DIR": "d"})
    assert asked(manifest) == ["six==1.17.0", "idna"]
    assert told(tmp_path, environment={"SIX": "1"}) == [
        ("requirements.txt:2", "the environment variable `DIR` is not set", None)
    ]


PROJECT = (
    '[project]\nname = "demo"\ndependencies = ["numpy"]\n[project.optional-dependencies]\ndev = ["rich"]\n'
)


@pytest.mark.parametrize("line", ["-e .[dev]", ".[dev]", "-e ./[dev]", "--editable=.[dev]", "./[dev]"])
def test_the_project_itself(tmp_path: Path, line: str) -> None:
    write(tmp_path, {"pyproject.toml": PROJECT, "requirements.txt": f"six\n{line}\n"})
    assert asked(read_manifest(tmp_path)) == ["six", "numpy", "rich"]


def test_the_project_from_a_file_below_it(tmp_path: Path) -> None:
    files = {
        "envlock.toml": 'requirements-files = ["r/dev.txt"]',
        "r/dev.txt": "-e ..\n",
        "pyproject.toml": PROJECT,
    }
    assert asked(read_manifest(write(tmp_path, files))) == ["numpy"]


def test_a_project_that_cannot_be_read(tmp_path: Path) -> None:
    write(tmp_path, {"setup.py": "", "requirements.txt": "six\n-e .\n"})
    assert told(tmp_path) == [
        (
            "requirements.txt:2",
            "asks for the project itself, whose dependencies cannot be read",
            "give pyproject.toml a [project] table with `dependencies`; setup.py is not run",
        )
    ]


NO_LINKS = "a lock has names and hashes, no URLs and no paths"
UNKNOWN = "unknown option `--no-such`"


@pytest.mark.parametrize(
    ("line", "message", "hint"),
    [
        ("foo=1",
         '"foo=1" is not a requirement: expected semicolon (after name with no version specifier) or end',
         "did you mean `foo==1`?"),
        ("https://me:pw@h/foo-1.0-py3-none-any.whl",
         f'asks for "https://***@h/foo-1.0-py3-none-any.whl"; {NO_LINKS}',
         "ask for `foo==1.0`; an index of its own is named in `index-of` and `sources`"),
        ("foo @ git+ssh://git@h/x", f'`foo` points to "git+ssh://***@h/x"; {NO_LINKS}', URL_HINT),
        ("-e ../other", f'asks for "../other"; {NO_LINKS}', URL_HINT),
        ("-e git+https://h/x#egg=x", f'asks for "git+https://h/x#egg=x"; {NO_LINKS}', URL_HINT),
        ("./wheels/foo-1.0-py3-none-any.whl", f'asks for "./wheels/foo-1.0-py3-none-any.whl"; {NO_LINKS}',
         "ask for `foo==1.0`; an index of its own is named in `index-of` and `sources`"),
        ("/srv/foo", f'asks for "/srv/foo"; {NO_LINKS}', URL_HINT),
        ("-r no.txt", "there is no file `no.txt`", None),
        ("-r https://h/r.txt", '"https://h/r.txt" is not a relative path',
         "a file that is locked has to lie in the repository"),
        ("-r requirements.txt",
         "requirements files include one another: requirements.txt → requirements.txt", None),
        ("-r", "`--requirement` has no value", None),
        ("--requirment x", "unknown option `--requirment`", "did you mean `--requirement`?"),
        ("six --hash=md5:00", '"md5:00" is not a hash that can be locked', "give it as `sha256:…`"),
        ("six --hsh=x", "unknown option `--hsh`", "did you mean `--hash`?"),
        ("six --hash='x", '"--hash=\'x" cannot be read: no closing quotation', None),
    ],
)  # fmt: skip
def test_lines_at_fault(tmp_path: Path, line: str, message: str, hint: str | None) -> None:
    write(tmp_path, {"requirements.txt": f"rich\n{line}\n"})
    assert told(tmp_path) == [("requirements.txt:2", message, hint)]


def test_files_that_include_one_another(tmp_path: Path) -> None:
    write(tmp_path, {"requirements.txt": "six\n-r a/b.txt", "a/b.txt": "-c ../requirements.txt"})
    cycle = "requirements files include one another: requirements.txt → a/b.txt → requirements.txt"
    assert told(tmp_path) == [("a/b.txt:1", cycle, None)]


def test_options_that_say_nothing_about_a_lock(tmp_path: Path) -> None:
    lines = "--require-hashes\n--prefer-binary\n--only-binary :all:\n--trusted-host h\n--pre\n--no-binary=x\n"
    lines += "six --global-option=x"
    manifest = read_manifest(write(tmp_path, {"requirements.txt": lines}))
    assert asked(manifest) == ["six"]
    assert manifest.notes[1:] == (
        "requirements.txt:5: `--pre` is not read",
        "requirements.txt:6: `--no-binary` is not read",
        "requirements.txt:7: `--global-option` is not read",
    )


@pytest.mark.parametrize(
    ("line", "shown", "words"),
    [
        ("--extra-index-url https://t:k@h.example/whl/cu118", "--extra-index-url https://***@h.example/whl/cu118",
         '`cuda = "11.8"`'),
        ("--index-url=https://h.example/whl/cpu/", "--index-url https://h.example/whl/cpu/",
         '`cuda = "cpu"`'),
        ("-i https://h.example/simple", "--index-url https://h.example/simple", "`sources` and `index-of`"),
        ("-f ./wheels", "--find-links ./wheels", "`sources` and `index-of`"),
        ("--no-index", "--no-index", "`sources` and `index-of`"),
    ],
)  # fmt: skip
def test_an_index_is_not_dropped_without_a_word(tmp_path: Path, line: str, shown: str, words: str) -> None:
    write(tmp_path, {"requirements.txt": f"{line}\nsix\n"})
    message = f"`{shown}` is not read from a requirements file"
    hint = f'say it with {words} in an envlock.toml with `requirements-files = ["requirements.txt"]`'
    assert told(tmp_path) == [("requirements.txt:1", message, hint)]
    write(tmp_path, {"envlock.toml": 'requirements-files = ["requirements.txt"]\n'})
    assert told(tmp_path) == [("requirements.txt:1", message, f"say it with {words}")]
    said = 'cuda = "11.8"\n[index-of]\nsix = "company"\n'
    write(tmp_path, {"envlock.toml": f'requirements-files = ["requirements.txt"]\n{said}'})
    assert read_manifest(tmp_path).notes == (f"requirements.txt:1: {message}",)
