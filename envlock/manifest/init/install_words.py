"""Commands of pip, uv and conda in a shell line -> what they ask for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from envlock.manifest.init.shell_words import program

_PIP = re.compile(r"pip(?:[23](?:\.[0-9]+)?)?")
_PYTHON = re.compile(r"python(?:[23](?:\.[0-9]+)?)?")
_LONG = {
    "-r": "--requirement",
    "-c": "--constraint",
    "-e": "--editable",
    "-i": "--index-url",
    "-f": "--find-links",
    "--requirements": "--requirement",
    "--constraints": "--constraint",
    "--default-index": "--index-url",
    "--index": "--extra-index-url",
}
_TAKEN = (
    *("--requirement", "--constraint", "--editable"),
    *("--index-url", "--extra-index-url", "--find-links"),
)
# Options of pip and of `uv pip` that a word follows, and that say nothing about what is installed.
_WITH_WORD = (
    *("-t", "--target", "--prefix", "--root", "--python", "-p", "--python-version", "--platform"),
    *("--python-platform", "--abi", "--implementation", "--cache-dir", "--timeout", "--retries"),
    *("--trusted-host", "--allow-insecure-host", "--proxy", "--cert", "--client-cert", "--no-binary"),
    *("--only-binary", "--src", "--upgrade-strategy", "--global-option", "--config-settings", "-C"),
    *("--progress-bar", "--log", "--use-feature", "--index-strategy", "--resolution", "--prerelease"),
    *("--link-mode", "--exclude-newer", "--upgrade-package", "--torch-backend", "--root-user-action"),
    *("--group", "--extra", "--report", "--exists-action", "--override", "--build-constraint"),
)
_CONDA_WITH_WORD = (
    *("-n", "--name", "-p", "--prefix", "--solver", "--repodata-fn", "--subdir", "--platform", "-r"),
    *("--root-prefix", "--rc-file", "--experimental-solver"),
)


@dataclass(kw_only=True, slots=True)
class Wanted:
    """What a command asks for. `lines` are in pip's grammar; `specs` and `files` (environment.yml) are
    conda's; `backend` is uv's `--torch-backend`; `projects` are tools that read pyproject.toml."""

    lines: list[str] = field(default_factory=list)
    specs: list[str] = field(default_factory=list)
    channels: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    projects: list[str] = field(default_factory=list)
    system: list[str] = field(default_factory=list)
    backend: str | None = None


def read_command(words: Sequence[str]) -> Wanted | None:
    """What one command asks for; None: it installs nothing that is known."""
    match [program(words[0]), *words[1:]]:
        case [name, "install", *rest] if _PIP.fullmatch(name):
            return _pip(rest)
        case [name, *others] if _PYTHON.fullmatch(name):
            return _python(others)
        case ["uv", "pip", "install", *rest]:
            return _pip(rest)
        case ["uv", "pip", "sync", *rest]:
            files = [word for word in rest if not word.startswith("-")]
            return Wanted(lines=[f"--requirement {word}" for word in files])
        case ["poetry" | "uv" | "pdm" as tool, "install" | "sync" as verb, *_]:
            return Wanted(projects=[f"{tool} {verb}"])
        case ["conda" | "mamba" | "micromamba", *rest]:
            return _conda(rest)
        case ["apt-get" | "apt" | "yum" | "dnf" | "apk" as tool, *rest] if {"install", "add"} & set(rest):
            return Wanted(system=[tool])
        case _:
            return None


def _python(words: Sequence[str]) -> Wanted | None:
    """`python -m pip install`, options of Python before it included."""
    match _past_options(words, ("-X", "-W"), until="-m"):
        case ["-m", "pip" | "uv" as tool, *rest]:
            return read_command((tool, *rest))
        case _:
            return None


def _pip(words: Sequence[str]) -> Wanted:
    wanted = Wanted()
    for option, value in _options(words, (*_TAKEN, *_WITH_WORD)):
        if option is None:
            wanted.lines.append(value)
        elif option in _TAKEN:
            wanted.lines.append(f"{option} {value}")
        elif option == "--torch-backend":
            wanted.backend = value
    return wanted


def _conda(words: Sequence[str]) -> Wanted | None:
    match _past_options(words, ()):
        case ["run", *rest]:
            inner = _past_options(rest, _CONDA_WITH_WORD)
            return read_command(inner) if inner else None
        case ["env", "create" | "update", *rest]:
            files = [
                value
                for option, value in _options(rest, (*_CONDA_WITH_WORD, "-f", "--file"))
                if option in ("-f", "--file")
            ]
            return Wanted(files=files or ["environment.yml"])
        case ["install" | "create" | "update", *rest]:
            return _conda_install(rest)
        case _:
            return None


def _conda_install(words: Sequence[str]) -> Wanted:
    wanted, with_word = Wanted(), (*_CONDA_WITH_WORD, "-c", "--channel", "-f", "--file")
    for option, value in _options(words, with_word):
        if option is None:
            wanted.specs.append(value)
        elif option in ("-c", "--channel"):
            wanted.channels.append(value)
        elif option in ("-f", "--file"):
            wanted.files.append(value)
    return wanted


def _past_options(words: Sequence[str], with_word: Sequence[str], until: str | None = None) -> list[str]:
    """The words from the first one on that is no option, or `until`."""
    rest = list(words)
    while rest and rest[0].startswith("-") and rest[0] != until:
        rest = rest[2 if rest[0] in with_word else 1 :]
    return rest


def _options(words: Sequence[str], with_word: Sequence[str]) -> Iterator[tuple[str | None, str]]:
    """(long option or None, value) of each word; flags without a value are passed over."""
    rest = iter(words)
    for word in rest:
        if not word.startswith("-") or word == "-":
            yield None, word
            continue
        option, equals, value = word.partition("=") if word.startswith("--") else _short(word, with_word)
        option = _long(option, with_word)
        if option in with_word:
            yield option, value if equals else next(rest, "")


def _long(option: str, with_word: Sequence[str]) -> str:
    return _LONG[option] if _LONG.get(option) in with_word else option


def _short(word: str, with_word: Sequence[str]) -> tuple[str, str, str]:
    """(option, what separates, value) of `-rFILE`, `-r=FILE` and `-qr`: flags may stand before it."""
    for place, letter in enumerate(word[1:], start=2):
        if _long(f"-{letter}", with_word) in with_word:
            return f"-{letter}", word[place:], word[place:].removeprefix("=")
    return word, "", ""
