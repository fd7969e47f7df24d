"""What the dist-info folders of a venv claim, beside the lock: a swapped build under an old version, an
edited RECORD, a script replaced. No file but scripts is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from envlock.agent.expect import Expectation, ExpectedConda, ExpectedDistribution, ExpectedFixup
from envlock.agent.facts import DistributionFacts, Facts
from envlock.agent.survey import ROOTS, Request, claims
from envlock.agent.target import Answers
from envlock.lock.model import Lock
from envlock.resolve.wheels.entries import EntryCache


def observe_roots(venv: Path, lock: Lock, platform: str, answers: Answers | None = None) -> Facts:
    """Facts at level roots, with the entry list of every locked distribution; none of the host."""
    expectation = Expectation(
        {
            distribution.name: ExpectedDistribution(
                distribution.version,
                "",  # no digest is this one, so every entry list is told
                tuple(ExpectedFixup(fixup.place, fixup.path, fixup.sha256) for fixup in wheel.fixups),
            )
            for distribution, wheel in lock.on(platform)
        },
        (),
        lock.project,
        {
            package.name: ExpectedConda(
                package.version, package.paths, package.entry_points, package.depends, package.links
            )
            for package in lock.conda_on(platform)
        },
    )
    return claims(Request(str(venv), ROOTS, expectation, {}, answers=answers))


def locked_in_site(facts: Facts) -> Mapping[str, DistributionFacts]:
    """The first of each name in the venv's own site directories."""
    found: dict[str, DistributionFacts] = {}
    for item in facts["distributions"]:
        if item["role"] == "site":
            found.setdefault(item["name"], item)
    return found


def differing(facts: Facts, lock: Lock, platform: str) -> Iterator[str]:
    """Names of the installed distributions that are not what the lock says, of the locked version or not."""
    installed = locked_in_site(facts)
    for distribution, wheel in lock.on(platform):
        item = installed.get(distribution.name)
        if item is not None and (item["digest"] != wheel.digest or has_faults(item)):
            yield distribution.name


def has_faults(item: DistributionFacts) -> bool:
    """A RECORD that cannot be read, or a script that is not its entry point's."""
    return bool(item["problems"]) or any(script["reason"] for script in item["scripts"])


def keep_entry_lists(facts: Facts, lock: Lock, platform: str, cache: EntryCache) -> None:
    """Store the entry lists that the lock proves, so that `verify` can name files (IDENTITY 8)."""
    installed = locked_in_site(facts)
    for distribution, wheel in lock.on(platform):
        item = installed.get(distribution.name)
        if item is not None and item["entries"] is not None and item["digest"] == wheel.digest:
            cache.keep_entries(item["entries"].encode())
