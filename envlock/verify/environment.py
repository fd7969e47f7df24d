"""Settings and the variables that can change code or numbers (IDENTITY 7)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from envlock.agent.environment import WATCHED
from envlock.agent.facts import Facts, LibraryFacts
from envlock.lock.model import Lock
from envlock.report import Finding, Severity


def observed_settings(lock: Lock, facts: Facts) -> Mapping[str, str]:
    """Each locked setting with the value of the environment; unset, the locked value counts."""
    return {name: facts["environment"].get(name, value) for name, value in lock.settings.items()}


def judge_environment(lock: Lock, facts: Facts, *, in_job: bool) -> Iterator[Finding]:
    """Locked settings first, then the other variables that are set."""
    for name, value in lock.settings.items():
        yield from _judge_setting(name, value, facts["environment"].get(name), in_job)
    for name, value in facts["environment"].items():
        if name not in lock.settings and name in WATCHED and value:
            yield Finding(
                code="environment-variable",
                severity=Severity.NOTE,
                component=f"environment:{name}",
                observed=value,
                message=f"`{name}={value}` is set and not locked; it can change {WATCHED[name]}",
                hint=f"unset it, or lock it under [tool.envlock.settings]: {name} = {_quoted(value)}",
            )
    yield from _judge_library_of_python(facts)
    yield from _judge_libraries(facts)


def _judge_library_of_python(facts: Facts) -> Iterator[Finding]:
    """PYTHONHOME and PYTHONPLATLIBDIR: no module of the job comes from where it was looked for."""
    base = facts["python"]["base_prefix"] if facts["python"] else ""
    for name, usual in (("PYTHONHOME", {base}), ("PYTHONPLATLIBDIR", {"lib", "lib64"})):
        value = facts["environment"].get(name)
        if value and value not in usual:
            yield Finding(
                code="shadowing-path",
                severity=Severity.FOREIGN,
                component=f"environment:{name}",
                path=value,
                message=f"`{name}={value}` makes Python take its standard library from elsewhere",
                hint=f"`unset {name}`",
            )


def _judge_setting(name: str, wanted: str, found: str | None, in_job: bool) -> Iterator[Finding]:
    if found is None:
        yield Finding(
            code="setting-unset",
            severity=Severity.DIFFERS if in_job else Severity.NOTE,
            component=f"setting:{name}",
            expected=wanted,
            message=f"`{name}` is not set here; the lock has `{wanted}`",
            hint='`eval "$(envlock env)"` sets it for this shell',
        )
    elif found != wanted:
        yield Finding(
            code="setting-differs",
            severity=Severity.DIFFERS,
            component=f"setting:{name}",
            expected=wanted,
            observed=found,
            message=f"`{name}` is `{found}`, the lock has `{wanted}`",
            hint='`eval "$(envlock env)"` sets it for this shell',
        )


def _judge_libraries(facts: Facts) -> Iterator[Finding]:
    for library in facts["libraries"]:
        variable, file, shadows = library["variable"], library["file"], library["shadows"]
        message = _shadows(library) if shadows else f"`{variable}` loads `{file}` into every process"
        yield Finding(
            code="shadowing-library" if shadows else "preloaded-library",
            severity=Severity.FOREIGN,
            component=f"environment:{variable}",
            path=file,
            expected=library["instead"] or None,
            observed=file if shadows else None,
            message=message,
            hint=f"`unset {variable}`",
        )
    yield from _note_loader(facts)


def _shadows(library: LibraryFacts) -> str:
    """What is put before what, and who gets it: RPATH goes before the variable, RUNPATH after it."""
    file, name, takers = library["file"], library["shadows"], library["takers"]
    is_installed = library["instead"].rpartition("/")[2] == name and not library["instead"].startswith("/")
    before = f"the installed `{name}`" if is_installed else f"`{library['instead'] or name}`"
    more = f" and {len(takers) - 1} more" if len(takers) > 1 else ""
    taken = f"; `{takers[0].rpartition('/')[2]}`{more} would load it" if takers else ""
    return f"`{library['variable']}` puts `{file}` before {before}{taken}"


def _note_loader(facts: Facts) -> Iterator[Finding]:
    for name, files in facts["loader"]["providers"].items():
        yield Finding(
            code="several-providers",
            severity=Severity.NOTE,
            component=f"library:{name}",
            path=files[0],
            observed=" ".join(files),
            message=f"locked libraries find different files behind `{name}`: "
            + ", ".join(f"`{file}`" for file in files),
            hint="`envlock verify --level loaded` tells which one a process has",
        )
    for name, files in facts["loader"]["unresolved"].items():
        yield Finding(
            code="library-not-found",
            severity=Severity.NOTE,
            component=f"library:{name}",
            path=files[0],
            message=f"the loader finds no `{name}`, which `{files[0]}` needs",
            hint="install what brings it, if that part of the package is used",
        )


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
