"""What the formats of pip share: pins with hashes, and the indexes that they need."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from envlock.emit.model import EmitOptions
from envlock.emit.quoting import one_line
from envlock.errors import LockfileInvalid, NoWheel, UsageFault
from envlock.lock import patterns
from envlock.lock.model import Distribution, Lock, Wheel
from envlock.lock.runtime import conda_runtime_hash, runtime_hash
from envlock.manifest.patterns import SOURCE_URL
from envlock.manifest.tables import Rule
from envlock.resolve.indexes import index_url
from envlock.resolve.model import DEFAULT_INDEX

_PLAIN_PATH = re.compile(r"[A-Za-z0-9_./+@][A-Za-z0-9_./+@~-]*")
_CREDENTIALS = re.compile(r"(?<=://)[^/]*@")


def locked(lock: Lock, options: EmitOptions) -> tuple[tuple[Distribution, Wheel], ...]:
    """What the platform installs, each value matched in full before it reaches another language."""
    if options.platform not in lock.platforms:
        raise NoWheel(
            f"the lock is not for {options.platform}",
            hint=f"add `{options.platform}` to `platforms` in the manifest and run `envlock lock`",
            facts=[("locked", ", ".join(lock.platforms))],
        )
    rows = tuple(lock.on(options.platform))
    for distribution, wheel in rows:
        _check("name", distribution.name, patterns.NAME)
        _check("version", distribution.version, patterns.VERSION)
        _check("file", wheel.file, patterns.WHEEL_FILE)
        _check("sha256", wheel.sha256, patterns.SHA256)
    return rows


def refuse_half(lock: Lock, platform: str, what: str) -> None:
    """Raise UsageFault where `what` holds the wheels alone and conda brings distributions beside them."""
    installers = ("pip", "setuptools", "wheel")
    brought = {name for row in lock.conda_on(platform) for name, _ in row.distributions}
    brought |= {"torch" for row in lock.conda_on(platform) if row.name == "pytorch"}
    missing = sorted(brought.difference(installers))
    if missing:
        names = ", ".join(f"`{name}`" for name in missing[:5]) + (", …" if len(missing) > 5 else "")
        come = "comes" if len(missing) == 1 else "come"
        raise UsageFault(
            f"{what} holds wheels alone, and {names} of the lock {come} from conda",
            hint="leave it to wheels (take it out of `packages` of `[conda]`), or use a conda prefix: "
            "`envlock sync --conda PREFIX`, `envlock build oci`",
        )


def pins(lock: Lock, options: EmitOptions) -> tuple[str, ...]:
    """`name==version --hash=sha256:…`, by name."""
    return tuple(
        f"{distribution.name}=={distribution.version} --hash=sha256:{wheel.sha256}"
        for distribution, wheel in locked(lock, options)
    )


def index_options(lock: Lock, options: EmitOptions) -> tuple[tuple[str, str], ...]:
    """(option of pip, value) pairs that say where the wheels are to be had.

    None where the installer's own default index has them all. Credentials are left out.
    """
    if options.wheelhouse is not None:
        return ("--no-index", ""), ("--find-links", _find_links(options.wheelhouse))
    default = options.sources.get(DEFAULT_INDEX)
    first = [("--index-url", _public(DEFAULT_INDEX, default))] if default is not None else []
    extra = [("--extra-index-url", url) for url in dict.fromkeys(_extra_urls(lock, options))]
    return (*first, *extra)


def has_extra_index(lock: Lock, options: EmitOptions) -> bool:
    return any(option == "--extra-index-url" for option, _ in index_options(lock, options))


def folder(path: Path) -> str:
    """A folder as text for a file, with `/`."""
    text = path.as_posix()
    try:
        return one_line(text)
    except LockfileInvalid as error:
        raise UsageFault(f"the wheelhouse {text!a} has control characters in its name") from error


def _find_links(path: Path) -> str:
    """A folder as an option in a requirements file, which pip splits at blanks and uv does not."""
    text = folder(path)
    if _PLAIN_PATH.fullmatch(text):
        return text
    if path.is_absolute():
        return path.as_uri()
    raise UsageFault(
        f"the wheelhouse {text!a} has characters in its name that pip and uv read differently",
        hint="give its absolute path, or rename it",
    )


def header(lock: Lock, options: EmitOptions, what: str) -> tuple[str, ...]:
    """The lines that every emitted file starts with."""
    prefix = conda_runtime_hash(lock, options.platform)
    return (
        f"made by `envlock emit {what}` from a lock: what is edited here is lost",
        f"platform {options.platform}, Python {lock.python}",
        f"runtime hash {runtime_hash(lock, options.platform)}",
        *([f"runtime hash of a conda prefix {prefix}"] if prefix else []),
    )


def _extra_urls(lock: Lock, options: EmitOptions) -> Iterator[str]:
    stack = lock.stack.get(options.platform)
    variant = None if stack is None else stack.variant
    for distribution, _ in locked(lock, options):
        if distribution.index != DEFAULT_INDEX:
            yield _public(distribution.index, index_url(distribution.index, options.sources, variant))


def _public(index: str, url: str) -> str:
    """`url` without credentials: what is emitted is committed and copied."""
    bare = _CREDENTIALS.sub("", url)
    if not SOURCE_URL.admits(bare):
        raise UsageFault(
            f"the source of index `{one_line(index)}` must be {SOURCE_URL.says}",
            hint="mend it in [tool.envlock.sources] or in the environment",
        )
    return bare


def _check(what: str, text: str, rule: Rule) -> None:
    if not rule.admits(text):
        raise LockfileInvalid(f"the {what} {text!a} of a distribution is not {rule.says}")
