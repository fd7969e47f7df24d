"""What a lock expects of a target, in the agent's words."""

from __future__ import annotations

from envlock.agent.expect import Expectation, ExpectedConda, ExpectedDistribution, ExpectedFixup
from envlock.lock.model import Lock


def expectation_of(lock: Lock, platform: str) -> Expectation:
    distributions = {
        distribution.name: ExpectedDistribution(
            distribution.version,
            wheel.digest,
            tuple(ExpectedFixup(fixup.place, fixup.path, fixup.sha256) for fixup in wheel.fixups),
        )
        for distribution, wheel in lock.on(platform)
    }
    conda = {
        package.name: ExpectedConda(
            package.version, package.paths, package.entry_points, package.depends, package.links
        )
        for package in lock.conda_on(platform)
    }
    return Expectation(distributions, tuple(sorted(lock.settings)), lock.project, conda)
