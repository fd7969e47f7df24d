"""Locks of real projects beside uv's own resolution of the same requirements."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from benchmarks.caches import Cache
from benchmarks.desk import Desk, do
from benchmarks.race import OURS, Entrant, Race
from benchmarks.subjects import Subject, bert, two_hundred

UV = "uv pip compile"
ROUNDS = 3


def cold(desk: Desk) -> Iterator[Race]:
    with desk.folder("lock-cold") as work:
        for subject, budget in ((bert(work), "uv + 1.0 s"), (two_hundred(work), "")):
            yield _cold(desk, subject, budget)


def _cold(desk: Desk, subject: Subject, budget: str) -> Race:
    ours, theirs = _caches(subject)
    entrants = (
        Entrant(
            who=OURS,
            command=subject.lock(),
            environment=ours.environment,
            prepare=lambda: _forget(subject.lockfile, ours),
        ),
        Entrant(
            who=UV,
            command=subject.compile(desk),
            environment=theirs.environment,
            prepare=lambda: _forget(subject.output, theirs),
        ),
    )
    return _race("lock-cold", "nothing cached", subject, entrants, budget)


def _forget(output: Path, cache: Cache | None = None) -> None:
    output.unlink(missing_ok=True)
    if cache is not None:
        cache.empty()


def warm(desk: Desk) -> Iterator[Race]:
    """All that was read is cached; first no lock is there, then the lock that would be written."""
    with desk.folder("lock-warm") as work:
        for subject in (bert(work), two_hundred(work)):
            ours, theirs = _caches(subject)
            lock = Entrant(who=OURS, command=subject.lock(), environment=ours.environment)
            compile_ = Entrant(who=UV, command=subject.compile(desk), environment=theirs.environment)
            fresh = (_without(lock, subject.lockfile), _without(compile_, subject.output))
            yield _race("lock-warm", "all cached, no lock there", subject, fresh)
            yield _race("lock-warm", "the lock is there, nothing changed", subject, (lock, compile_))


def check(desk: Desk) -> Iterator[Race]:
    """Is the lock still that of the manifest? uv is asked the same of its own lock."""
    with desk.folder("lock-check") as work:
        subject = bert(work)
        _, theirs = _caches(subject)
        project = ["--no-config", "--quiet", "--project", str(subject.project)]
        do([desk.uv, "lock", *project], theirs.environment)
        entrants = (
            Entrant(who=OURS, command=subject.lock("--check")),
            Entrant(
                who="uv lock --check",
                command=[desk.uv, "lock", "--check", *project],
                environment=theirs.environment,
            ),
        )
        yield replace(_race("lock-check", "nothing changed", subject, entrants, "0.25 s"), most=100)


def _without(entrant: Entrant, output: Path) -> Entrant:
    return replace(entrant, prepare=lambda: _forget(output))


def one_more(desk: Desk) -> Iterator[Race]:
    """A lock is there, and the manifest asks for one distribution more: the pins that stand stay."""
    with desk.folder("lock-one-more") as work:
        subject = bert(work)
        ours, theirs = _caches(subject)
        do(subject.compile(desk), theirs.environment)
        before = subject.output.read_text()
        do(subject.lock(), ours.environment)
        stood = subject.lockfile.read_text()
        _ask_for(subject, "rich==13.9.4")
        yield _race(
            "lock-one-more",
            "one requirement more, pins kept",
            subject,
            (
                Entrant(
                    who=OURS,
                    command=subject.lock(),
                    environment=ours.environment,
                    prepare=lambda: subject.lockfile.write_text(stood),
                ),
                Entrant(
                    who=UV,
                    command=subject.compile(desk),
                    environment=theirs.environment,
                    prepare=lambda: subject.output.write_text(before),
                ),
            ),
        )


def _ask_for(subject: Subject, requirement: str) -> None:
    manifest = subject.project / "pyproject.toml"
    text = manifest.read_text()
    asked = text.replace("dependencies = [", f'dependencies = ["{requirement}", ', 1)
    if asked == text:
        raise ValueError(f"{manifest} has no list of requirements")
    manifest.write_text(asked)


def _caches(subject: Subject) -> tuple[Cache, Cache]:
    """One for ours, one for the peers."""
    name = subject.project.name
    work = subject.project.parent
    return Cache(folder=work / f"{name}-ours"), Cache(folder=work / f"{name}-theirs")


def _race(row: str, title: str, subject: Subject, entrants: tuple[Entrant, ...], budget: str = "") -> Race:
    return Race(row=row, title=title, entrants=entrants, amount=subject.told, budget=budget, most=ROUNDS)


ROWS = {"lock-cold": cold, "lock-warm": warm, "lock-one-more": one_more, "lock-check": check}
