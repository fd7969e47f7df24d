"""`pytest --envlock`: the tests run only in the environment that the lock promises."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from envlock.errors import EnvlockError

if TYPE_CHECKING:
    from envlock.job.require import Level
    from envlock.report import Report

LEVELS: tuple[Level, ...] = ("roots", "warm", "content")
_FOUND = pytest.StashKey["Report"]()
_AFTER = pytest.StashKey[EnvlockError]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("envlock", "the locked environment")
    group.addoption(
        "--envlock",
        action="store_true",
        help="run the tests only where this interpreter's environment is what the lock says",
    )
    group.addoption("--envlock-lock", metavar="FILE", help="the lockfile (default: envlock.lock in rootdir)")
    group.addoption("--envlock-level", choices=LEVELS, help="how closely to look (default: warm)")
    group.addoption(
        "--envlock-after", action="store_true", help="look once more after the tests, at every byte"
    )
    parser.addini("envlock_lock", "the lockfile, relative to rootdir", default="envlock.lock")
    parser.addini("envlock_level", "how closely --envlock looks", default="warm")


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    config = session.config
    if not _is_asked(config):
        return
    try:
        config.stash[_FOUND] = _looked(config, _level(config))
    except EnvlockError as error:
        pytest.exit(str(error), returncode=error.exit_status)


def pytest_report_header(config: pytest.Config) -> str | None:
    report = config.stash.get(_FOUND, None)
    return f"envlock: {report.verdict} {report.observed} ({report.level})" if report else None


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    config = session.config
    if _FOUND not in config.stash or not config.getoption("--envlock-after"):
        return
    try:
        _looked(config, "content")
    except EnvlockError as error:
        config.stash[_AFTER] = error
        session.exitstatus = error.exit_status


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    error = config.stash.get(_AFTER, None)
    if error is not None:
        terminalreporter.section("envlock: after the tests", red=True)
        terminalreporter.write_line(str(error))


def _is_asked(config: pytest.Config) -> bool:
    """Once per run: the workers of pytest-xdist live in the environment that their controller looked at."""
    return bool(config.getoption("--envlock")) and not hasattr(config, "workerinput")


def _level(config: pytest.Config) -> Level:
    asked = config.getoption("--envlock-level") or config.getini("envlock_level")
    for level in LEVELS:
        if level == asked:
            return level
    raise pytest.UsageError(f"envlock_level is `{asked}`; it is one of {', '.join(LEVELS)}")


def _looked(config: pytest.Config, level: Level) -> Report:
    """A report of a match. Raises as `require` does, and with the same words."""
    from envlock.job.require import require

    named = config.getoption("--envlock-lock")
    lock = config.invocation_params.dir / named if named else config.rootpath / config.getini("envlock_lock")
    return require(lock, level=level)
