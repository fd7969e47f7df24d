"""What makers of environments leave behind, accepted by content (IDENTITY 6)."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

import envlock.agent
from envlock.agent.makers import accepted, kind_of
from envlock.agent.quoting import STYLES
from tests.support.environments import uv

PYTHON = sys.version_info[:2]
MAKERS = ["venv", "uv", "uv --relocatable", "virtualenv"]
PLACES = [
    ("env", ""),
    ("with space", "a project (dev) 2.0"),
    ("#1 (é)", "é & ünïcode; #1 100 <ok> | 你好"),
]
INJECTIONS = [
    "$(touch pwned)",
    "`touch pwned`",
    '"; touch pwned; "',
    "'; touch pwned; '",
    'x" != x ] ; touch pwned ; [ "x',
    "\\$(touch pwned)",
    "\\044(touch pwned)",
    "a\ntouch pwned\n",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Made:
    """An environment, and every file of it that no distribution owns."""

    maker: str
    prefix: Path
    prompt: str

    @property
    def files(self) -> Mapping[str, bytes]:
        folders = [self.prefix / "bin", *self.prefix.glob("lib/python*/site-packages")]
        found = [path for folder in folders for path in sorted(folder.iterdir())]
        return {str(path): path.read_bytes() for path in found if path.is_file() and not path.is_symlink()}

    def judge(self, path: str, content: bytes) -> str | None:
        return accepted(path, content, prefix=str(self.prefix), python=PYTHON)

    def refused(self) -> list[str]:
        return sorted(
            Path(path).name for path, content in self.files.items() if not self.judge(path, content)
        )


def make(maker: str, prefix: Path, prompt: str) -> Made:
    named = ["--prompt", prompt] if prompt else []
    if maker.startswith("uv"):
        flags = ["--relocatable"] if maker.endswith("relocatable") else []
        uv("venv", "--python", sys.executable, *flags, *named, prefix)
    else:
        module = [maker, "--without-pip", *(["--no-periodic-update"] if maker == "virtualenv" else [])]
        command = [sys.executable, "-m", *module, *named, str(prefix)]
        subprocess.run(command, check=True, capture_output=True)
    return Made(maker=maker, prefix=prefix, prompt=prompt)


@pytest.fixture(scope="module", params=MAKERS)
def maker(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def made(maker: str, tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make(maker, tmp_path_factory.mktemp("made") / "env-0", "a prompt")


# -- honest environments ------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "prompt"), PLACES)
def test_every_file_of_an_honest_environment_is_accepted(
    maker: str, name: str, prompt: str, tmp_path: Path
) -> None:
    environment = make(maker, tmp_path / name, prompt)
    assert len(environment.files) >= 4
    assert environment.refused() == []


def test_the_maker_is_named(made: Made) -> None:
    activate = str(made.prefix / "bin" / "activate")
    named = made.judge(activate, made.files[activate])
    assert named is not None
    assert made.maker.split()[0] in named


# uv pastes the prompt between single quotes: an apostrophe ends them, in csh, fish and Nushell.
BROKEN = {
    "venv": [],
    "uv": ["activate.csh", "activate.fish", "activate.nu"],
    "uv --relocatable": ["activate.fish", "activate.nu"],
    "virtualenv": [],
}


def test_an_apostrophe_is_accepted_where_the_maker_quotes_it(maker: str, tmp_path: Path) -> None:
    assert make(maker, tmp_path / "bob's env", "bob's prompt").refused() == BROKEN[maker]


def test_a_prefix_with_an_apostrophe_is_accepted(maker: str, tmp_path: Path) -> None:
    prompt = "" if maker.startswith("uv") else "x"
    assert make(maker, tmp_path / "bob's", prompt).refused() == []


def test_a_prefix_may_be_named_through_a_link(made: Made, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(made.prefix.parent)
    for path, content in made.files.items():
        assert accepted(path, content, prefix=str(link / made.prefix.name), python=PYTHON) is not None


# -- changed files ------------------------------------------------------------------------------


def test_a_changed_byte_is_refused(made: Made) -> None:
    for path, content in made.files.items():
        prompts = {i for text in (b"a prompt", b"env-0") for i in spans(content, text)}
        for index in range(0, len(content), 7):
            if index in prompts:
                continue  # another prompt is an honest prompt
            changed = content[:index] + bytes([content[index] ^ 1]) + content[index + 1 :]
            assert made.judge(path, changed) is None, (path, index)


def spans(content: bytes, text: bytes) -> Iterator[int]:
    at = content.find(text)
    while at >= 0:
        yield from range(at, at + len(text))
        at = content.find(text, at + 1)


@pytest.mark.parametrize("extra", [b"\n", b" ", b"touch pwned\n", b"\0"])
def test_an_added_line_is_refused(made: Made, extra: bytes) -> None:
    for path, content in made.files.items():
        assert made.judge(path, content + extra) is None
        assert made.judge(path, extra + content) is None
        assert made.judge(path, content.replace(b"\n", b"\n" + extra, 1)) is None


def test_a_truncated_file_is_refused(made: Made) -> None:
    for path, content in made.files.items():
        assert made.judge(path, content[:-1]) is None
        assert made.judge(path, content[: len(content) // 2]) is None
        assert made.judge(path, b"") is None


def test_another_prefix_is_refused(made: Made, tmp_path: Path) -> None:
    for path, content in made.files.items():
        names = str(made.prefix).encode() in content
        other = accepted(path, content, prefix=str(tmp_path / "other"), python=PYTHON)
        assert (other is None) == names, path


def test_another_python_is_refused(made: Made) -> None:
    for path, content in made.files.items():
        names = b"lib/python%d.%d/" % PYTHON in content
        other = accepted(path, content, prefix=str(made.prefix), python=(PYTHON[0], PYTHON[1] + 1))
        assert (other is None) == names, path


def test_content_of_another_kind_is_refused(made: Made) -> None:
    for path, content in made.files.items():
        name = "activate" if not path.endswith("/activate") else "activate.fish"
        assert made.judge(str(made.prefix / "bin" / name), content) is None
        assert made.judge(str(made.prefix / "bin" / "click.py"), content) is None


# -- prompts ------------------------------------------------------------------------------------


@pytest.mark.parametrize("prompt", INJECTIONS)
def test_an_accepted_prompt_runs_nothing(maker: str, prompt: str, tmp_path: Path) -> None:
    """Bash sources the script and shows its prompt: what is accepted must leave nothing behind."""
    environment = make(maker, tmp_path / "env", prompt)
    path = environment.prefix / "bin" / "activate"
    assert environment.judge(str(path), path.read_bytes()) is None or not is_pwned(path, tmp_path)


def test_some_prompts_would_run_code(tmp_path: Path) -> None:
    """The test above can fail: uv pastes the prompt between double quotes."""
    environment = make("uv", tmp_path / "env", INJECTIONS[0])
    assert is_pwned(environment.prefix / "bin" / "activate", tmp_path)


def is_pwned(activate: Path, folder: Path) -> bool:
    show = '. "$1"; printf %s "${PS1@P}" > shown'
    subprocess.run(["bash", "-c", show, "bash", str(activate)], cwd=folder, capture_output=True, check=False)
    return (folder / "pwned").exists()


@pytest.mark.parametrize("prompt", ["$(touch pwned)", "`touch pwned`", "a\\b"])
def test_what_a_shell_expands_later_is_refused_however_it_is_quoted(
    maker: str, prompt: str, tmp_path: Path
) -> None:
    environment = make(maker, tmp_path / "env", prompt)
    holding = [
        Path(path).name for path, text in environment.files.items() if b"pwned" in text or b"a\\b" in text
    ]
    assert "activate" in holding
    assert set(holding) <= set(environment.refused())


@pytest.mark.parametrize(
    "forged",
    [
        b'"; touch pwned; "',
        b'a" "b',
        b'a"\ntouch pwned\nX="',
        b"a$(touch pwned)",
        b"a`touch pwned`",
        b"a\\",
        b"a\xe2\x80\x9d",
    ],
)
def test_a_forged_prompt_is_refused(forged: bytes, tmp_path: Path) -> None:
    environment = make("uv", tmp_path / "env", "honest")
    for name in ("activate", "activate.ps1", "activate_this.py"):
        path = str(environment.prefix / "bin" / name)
        content = environment.files[path]
        assert b"honest" in content
        assert environment.judge(path, content.replace(b"honest", b"other")) is not None
        assert environment.judge(path, content.replace(b"honest", forged)) is None


# -- quoting ------------------------------------------------------------------------------------

VALUES = ["plain", "with space", "it's", "a'b'c''d", "é", "", "100%", "#"]


@pytest.mark.parametrize("style", sorted(set(STYLES) - {"version"}))
@pytest.mark.parametrize("value", VALUES)
def test_what_a_maker_quotes_is_read_back(style: str, value: str) -> None:
    text = f"set X={STYLES[style].quote(value)}\nrest"
    expected = None if style == "in-single-quotes" and "'" in value else (value, len(text) - len("\nrest"))
    assert STYLES[style].read(text, len("set X="), "\nrest") == expected


@pytest.mark.parametrize("style", sorted(set(STYLES)))
@pytest.mark.parametrize(
    "token",
    [
        "'a'; evil",
        "'a' 'b'",
        "'a'$(evil)",
        "'a'b'",
        "'a",
        '"a"b"',
        '"a$(evil)"',
        "a$b",
        "a`b`",
        "a\\",
        "r#'a'#b'#",
        "b'a'",
        "\x00",
        "'\x1b'",
    ],
)
def test_a_token_that_goes_on_as_code_is_no_token(style: str, token: str) -> None:
    read = STYLES[style].read(f"{token}|rest", 0, "|rest")
    assert read is None or is_one_literal(style, read[0])


def is_one_literal(style: str, value: str) -> bool:
    """Between quotes of the template nearly any text is one value; an escape character is a value too."""
    forbidden = {"in-single-quotes": "'\\\0\x1b"}.get(style, '"$`\\\0\x1b')
    return value == "\x1b" or (style.startswith("in-") and not set(value) & set(forbidden))


# -- setuptools and distributions ---------------------------------------------------------------


@pytest.fixture(scope="module")
def setuptools_files(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, bytes]:
    """The start-up code of setuptools, as uv installs it from the wheel that virtualenv embeds."""
    import virtualenv.seed.wheels.embed as embed

    wheel = sorted(Path(embed.__file__).parent.glob("setuptools-*.whl"))[-1]
    with zipfile.ZipFile(wheel) as archive:
        names = [
            name for name in archive.namelist() if name.startswith(("_distutils_hack/", "distutils-prec"))
        ]
        return {f"/env/lib/python3.11/site-packages/{name}": archive.read(name) for name in names}


def test_the_startup_code_of_setuptools_is_accepted(setuptools_files: Mapping[str, bytes]) -> None:
    assert sorted(kind_of(path) for path in setuptools_files) == [
        "_distutils_hack/__init__.py",
        "_distutils_hack/override.py",
        "distutils-precedence.pth",
    ]
    for path, content in setuptools_files.items():
        assert "setuptools" in (accepted(path, content, prefix="/env", python=(3, 11)) or "")
        assert accepted(path, content + b"\n", prefix="/env", python=(3, 11)) is None
        assert accepted(path, b"import evil\n", prefix="/env", python=(3, 11)) is None


SITECUSTOMIZE = b"""\
# install the apport exception handler if available
try:
    import apport_python_hook
except ImportError:
    pass
else:
    apport_python_hook.install()
"""


def test_the_sitecustomize_of_debian_is_accepted() -> None:
    path = "/usr/lib/python3.11/sitecustomize.py"
    named = accepted(path, SITECUSTOMIZE, prefix="/usr", python=(3, 11))
    assert named is not None
    assert named.startswith("python3 of Debian and Ubuntu")
    assert accepted(path, SITECUSTOMIZE + b"import evil\n", prefix="/usr", python=(3, 11)) is None
    assert (
        accepted("/usr/lib/python3.11/usercustomize.py", SITECUSTOMIZE, prefix="/usr", python=(3, 11)) is None
    )


# -- the libraries of Tcl -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tcl", "is_accepted"),
    [
        ("", True),
        ("/base/lib/tcl8.6", True),
        ("/usr/share/tcltk/tcl8.6", True),
        ("/tmp/lib/tcl8.6", False),
        ("/base/lib/../../tmp/lib/tcl8.6", False),
        ("/base/lib/evil", False),
    ],
)
def test_tcl_is_only_taken_from_the_base_python(tcl: str, is_accepted: bool, tmp_path: Path) -> None:
    """virtualenv writes where the base Python's Tcl is; a stub stands for a tkinter that is there."""
    environment = make("virtualenv", tmp_path / "env", "x")
    path = environment.prefix / "bin" / "activate"
    content = path.read_bytes().replace(b"TCL_LIBRARY=''", f"TCL_LIBRARY={tcl or chr(39) * 2}".encode())
    content = content.replace(b"if [ '' != \"\" ]", f'if [ {tcl or chr(39) * 2} != "" ]'.encode(), 1)
    named = accepted(str(path), content, prefix=str(environment.prefix), python=PYTHON, base_prefix="/base")
    assert (named is not None) == is_accepted


# -- how the agent carries it -------------------------------------------------------------------


def test_it_works_from_inside_a_zip(tmp_path: Path) -> None:
    package = Path(envlock.agent.__file__).parent
    archive = tmp_path / "agent.pyz"
    with zipfile.ZipFile(archive, "w") as file:
        for path in sorted(package.rglob("*")):
            if path.suffix in (".py", ".json"):
                file.write(path, f"envlock_agent/{path.relative_to(package)}")
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); from envlock_agent.makers import accepted; "
        "print(accepted('sitecustomize.py', sys.stdin.buffer.read(), prefix='/usr', python=(3, 11)))"
    )
    command = [sys.executable, "-I", "-S", "-c", program, str(archive)]
    done = subprocess.run(command, input=SITECUSTOMIZE, capture_output=True, check=True)
    assert done.stdout.decode().startswith("python3 of Debian and Ubuntu")


def test_importing_it_reads_no_data() -> None:
    program = (
        "import envlock.agent.makers, envlock.agent.scripts, sys; "
        "print(sorted({'json', 'ast'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)
    assert done.stdout == "[]\n"


def test_the_data_is_sorted_and_holds_no_path_of_a_machine() -> None:
    text = (Path(envlock.agent.__file__).parent / "data" / "makers.json").read_text("utf-8")
    document = json.loads(text)
    assert list(document) == sorted(document)
    for kind, rows in document.items():
        hashes = [row["sha256"] for row in rows]
        assert hashes == sorted(hashes), kind
        assert all(row["maker"] and len(row["sha256"]) == 64 for row in rows)
        assert {slot[2] for row in rows for slot in row["slots"]} <= set(STYLES)
    assert not [word for word in ("/tmp", "/root", "/home") if word in text]
