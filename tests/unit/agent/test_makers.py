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
from tests.support.unmeasured import unmeasured

PYTHON = sys.version_info[:2]
SLOWLY = pytest.mark.slow  # the quick suite asks one maker, CI all of them
MAKERS = ["uv", *(pytest.param(name, marks=SLOWLY) for name in ("venv", "uv --relocatable", "virtualenv"))]
PLACES = [
    ("env", ""),
    ("with space", "a project (dev) 2.0"),
    ("#1 (é)", "é & ünïcode; #1 100 <ok> | 你好"),
    ("∥ ∧", ""),  # the bytes 88 A5 and 88 A7: virtualenv prints them with a command in csh
    ("plain", "∥ é ^ = ∧"),
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

VALUES = [
    "plain",
    "with space",
    "it's",
    "a'b'c''d",
    "é",
    "",
    "100%",
    "#",
    "é'é",
    "'é it's",
    "∥",
    "a ∧ 你 ^100%",
]
FOR_SHELLS = ["!", "a\\b!", "\\!^%%é\\", "∥!^%\\"]
ESCAPING = [style for style in STYLES if not style.startswith(("in-", "version"))]


def is_written(style: str, value: str) -> bool:
    """Does a maker write this value in this style? virtualenv prints what holds such bytes with a command."""
    if style == "in-single-quotes":
        return "'" not in value
    by_command = "∥" in value or "∧" in value
    return not style.endswith("-literal" if by_command else "-command")


@pytest.mark.parametrize("style", sorted(set(STYLES) - {"version"}))
@pytest.mark.parametrize("value", VALUES)
def test_what_a_maker_quotes_is_read_back(style: str, value: str) -> None:
    assert_read_back(style, value)


@pytest.mark.parametrize("style", sorted(set(ESCAPING)))
@pytest.mark.parametrize("value", FOR_SHELLS)
def test_what_means_something_to_shells_is_read_back(style: str, value: str) -> None:
    assert_read_back(style, value)


def assert_read_back(style: str, value: str) -> None:
    text = f"set X={STYLES[style].quote(value)}\nrest"
    text = text.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")
    expected = (value, len(text) - len("\nrest")) if is_written(style, value) else None
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


# -- values that are not ASCII ------------------------------------------------------------------

POSIX, CSH = STYLES["posix-octal"].quote, STYLES["csh-bytes"].quote
TCSH_SHOWN, CSH_SHOWN = STYLES["tcsh-prompt-command"].quote, STYLES["csh-prompt-command"].quote
XONSH, XONSH_PATH = STYLES["xonsh"].quote, STYLES["xonsh-path"].quote
COMMAND = POSIX("é")
FORGED = {
    "posix-octal": [
        "é",
        "'é'",
        "\"$(touch pwned)\"",
        COMMAND.replace("'\\", "'$(touch pwned)\\"),
        COMMAND.replace("')", "'; touch pwned)"),
        COMMAND.replace("')", "'|sh)"),
        COMMAND.replace(":;", "touch pwned;"),
        COMMAND.replace(";", "; touch pwned;"),
        COMMAND.replace("\\printf", "printf"),
        COMMAND.replace("\\printf", "\\eval"),
        COMMAND.replace("%b", "%s"),
        COMMAND + ";touch pwned",
        COMMAND + " touch pwned",
        COMMAND + "$(touch pwned)",
        COMMAND + COMMAND,  # two commands where one is written
        COMMAND + "''",
        "''" + COMMAND,
        "'a'" + COMMAND,  # quoted without need
        COMMAND + "'it'",
        COMMAND[:-1],
        COMMAND[1:-1],
        COMMAND.replace("\\0303", "\\0101"),  # a letter
        COMMAND.replace("\\0303\\0251", "\\0044\\0050\\0051"),  # $()
        COMMAND.replace("\\0251", "\\0012"),
        COMMAND.replace("\\0251", ""),  # half a character
        COMMAND.replace("\\0303", "\\0300"),
        COMMAND.replace("\\0303", "\\303"),
        COMMAND.replace("\\0303", "\\0703"),
        COMMAND.replace("\\0303", "\\0083"),
        COMMAND.replace("\\0303", "\\00303"),
        COMMAND.replace("\\0303\\0251", ""),
    ],
    "csh-bytes": [
        "'é'",
        CSH("é")[1:],
        CSH("é")[:-1],
        CSH("é") + ";touch pwned",
        CSH("é") + "'a'",
        CSH("é").replace("''", "", 1),
        CSH("é").replace("''", "'`touch pwned`'", 1),
        CSH("é").replace("''", "' '", 1),
        CSH("é").replace("''", "';touch pwned;'", 1),
        CSH("é").replace("''", "''" * 2, 1),
        "'a''b'",
        "'!'",
        '"' + CSH("é")[1:-1] + '"',
    ],
    "tcsh-prompt-command": [
        "'(∥) '",
        TCSH_SHOWN("é"),  # written as it is
        TCSH_SHOWN("a"),
        CSH_SHOWN("∥^"),
        CSH_SHOWN("∥%"),
        "\"`touch pwned`\"' '",
        TCSH_SHOWN("∥").replace("'`", "';touch pwned`"),
        TCSH_SHOWN("∥").replace("'`", "'|sh`"),
        TCSH_SHOWN("∥").replace("$_virtualenv_printf", "/bin/sh -c"),
        TCSH_SHOWN("∥").replace("$_virtualenv_printf", "touch"),
        TCSH_SHOWN("∥").replace("' '", "' '`touch pwned`"),
        TCSH_SHOWN("∥").replace("' '", "'x'"),
        TCSH_SHOWN("∥").replace("\\0050", "\\0133"),
        TCSH_SHOWN("∥").replace("\\0051", "\\0135"),
        TCSH_SHOWN("∥").replace("\\0050", ""),
        TCSH_SHOWN("∥").replace("\\0342", "\\042"),
        TCSH_SHOWN("∥").replace("\\0342", "\\0742"),
        TCSH_SHOWN("∥").replace("\\0051", "\\0041\\0051"),  # a `!` that is not escaped
        TCSH_SHOWN("∥") + TCSH_SHOWN("∥"),
    ],
    "csh-prompt-command": [
        "'(∥) '",
        CSH_SHOWN("é"),
        CSH_SHOWN("∥").replace("'`", "';touch pwned`"),
        CSH_SHOWN("∥").replace("$_virtualenv_printf", "touch"),
        CSH_SHOWN("∥").replace("\\0051", "\\0041\\0051"),
    ],
    "tcsh-prompt-literal": ["'∥'", "'é`touch pwned`", "'é' 'x'", "'%'", "'^'"],
    "csh-prompt-literal": ["'∥'", "'x∧y'", "'é' 'x'", "'!'"],
    "xonsh": [
        "'é'",
        '"a"',
        "'a~b'",
        "'a+b'",
        "'$(touch pwned)' or __import__('os').system('touch pwned')",
        "__import__('os').system('touch pwned')",
        XONSH("é").replace("233", "97"),  # written as it is
        XONSH("é").replace("233", "0xe9"),
        XONSH("é").replace("233", "0233"),
        XONSH("é").replace("233", "9999999"),  # no character
        XONSH("é").replace("233", "9" * 30),
        XONSH("é").replace("233", "233 or evil()"),
        XONSH("é").replace("(233,)", "()"),
        XONSH("é").replace("(233,)", "(233)"),
        XONSH("éa").replace(", ", ","),
        XONSH("é").replace(".chr", ".eval"),
        XONSH("é").replace("chr", "exec"),
        XONSH("é").replace("builtins", "os"),
        XONSH("é").replace("''", "'x'"),
        XONSH("é") + "(touch pwned)",
        XONSH("é")[:-1],
        XONSH_PATH("é"),  # of paths only
    ],
    "xonsh-path": [
        XONSH("é"),
        XONSH_PATH("é").replace("c3a9", "61"),
        XONSH_PATH("é").replace("c3a9", "C3A9"),
        XONSH_PATH("é").replace("c3a9", "c3 a9"),
        XONSH_PATH("é").replace("c3a9", "c3"),
        XONSH_PATH("é").replace("c3a9", ""),
        XONSH_PATH("é").replace("c3a9", "c3a9' + evil() + '"),
        XONSH_PATH("é").replace("bytes", "eval"),
        XONSH_PATH("é") + ".evil()",
        "'é'",
        "b'\\xc3\\xa9'",
    ],
}  # fmt: skip


@pytest.mark.parametrize(("style", "forged"), [(style, token) for style in FORGED for token in FORGED[style]])
def test_only_what_the_maker_writes_is_a_token(style: str, forged: str) -> None:
    honest = STYLES[style].quote("é" if is_written(style, "é") else "∥")
    assert STYLES[style].read(f"X={honest}\nrest", 2, "\nrest") is not None
    assert STYLES[style].read(f"X={forged}\nrest", 2, "\nrest") is None


BY_COMMAND, LITERALLY = "é∥^ honest", "é^ honest"
HOLDING = [
    ("activate", "posix-octal", BY_COMMAND),
    ("activate.csh", "csh-bytes", BY_COMMAND),
    ("activate.csh", "tcsh-prompt-command", BY_COMMAND),
    ("activate.csh", "csh-prompt-command", BY_COMMAND),
    ("activate.csh", "tcsh-prompt-literal", LITERALLY),
    ("activate.csh", "csh-prompt-literal", LITERALLY),
    ("activate.xsh", "xonsh", BY_COMMAND),
]


@pytest.fixture(scope="module")
def by_prompt(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Made]:
    prompts = (BY_COMMAND, LITERALLY)
    return {prompt: make("virtualenv", tmp_path_factory.mktemp("made") / "é", prompt) for prompt in prompts}


@pytest.mark.parametrize(("name", "style", "prompt"), HOLDING)
def test_a_forged_token_is_refused_where_it_stands(
    name: str, style: str, prompt: str, by_prompt: Mapping[str, Made]
) -> None:
    environment = by_prompt[prompt]
    path = str(environment.prefix / "bin" / name)
    content = environment.files[path].decode("utf-8", "surrogateescape")
    token = STYLES[style].quote(prompt)
    assert token in content
    other = content.replace(token, STYLES[style].quote(f"another {prompt}"))
    assert environment.judge(path, other.encode("utf-8", "surrogateescape")) is not None
    forged = [*FORGED[style], STYLES[style].quote(f"$(touch pwned) {prompt}")]
    forged += [STYLES[style].quote(f"`touch pwned`{prompt}"), STYLES[style].quote(f"{prompt}\n")]
    for text in (content.replace(token, word) for word in forged):
        assert environment.judge(path, text.encode("utf-8", "surrogateescape")) is None, text


@pytest.mark.parametrize("name", ["activate", "activate.csh", "activate.xsh"])
def test_another_prefix_that_is_not_ascii_is_refused(name: str, by_prompt: Mapping[str, Made]) -> None:
    environment = by_prompt[LITERALLY]
    path = str(environment.prefix / "bin" / name)
    assert environment.judge(path, environment.files[path]) is not None
    for other in ("è", "e", "éé"):
        prefix = str(environment.prefix.parent / other)
        assert accepted(path, environment.files[path], prefix=prefix, python=PYTHON) is None


@pytest.mark.parametrize("value", ["/\0", "/\ud800"])
def test_a_prefix_that_no_file_can_have_is_refused(value: str, by_prompt: Mapping[str, Made]) -> None:
    environment = by_prompt[LITERALLY]
    path = str(environment.prefix / "bin" / "activate.xsh")
    honest = XONSH_PATH(str(environment.prefix)).encode()
    assert honest in environment.files[path]
    assert environment.judge(path, environment.files[path].replace(honest, XONSH(value).encode())) is None


@pytest.mark.parametrize("prompt", ["é", "é'é \"a\" it's 你好", "∥"])
def test_bash_reads_the_value_that_was_read(prompt: str, tmp_path: Path) -> None:
    environment = make("virtualenv", tmp_path / "é'ü", prompt)
    assert environment.refused() == []
    show = '. "$1"; printf "%s\\n%s" "$VIRTUAL_ENV" "$VIRTUAL_ENV_PROMPT"'
    command = ["bash", "-c", show, "bash", str(environment.prefix / "bin" / "activate")]
    done = subprocess.run(command, capture_output=True, check=True)
    assert done.stdout.decode() == f"{environment.prefix}\n{prompt}"


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
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, check=True, text=True, env=unmeasured())
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
