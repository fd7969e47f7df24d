"""What a lock expects of one platform, as the target needs it: a small JSON document.

The judging happens where the lock is. The target needs this much to hash the right bytes: which
distributions count, and where their RECORDs do not tell the truth.
"""

from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Tuple

SCHEMA = "envlock.expect/1"


class ExpectedFixup(NamedTuple):
    """A member whose value comes from the lock (IDENTITY 2.4); `sha256` None: it must be absent."""

    place: str
    path: str
    sha256: Optional[str]


class ExpectedDistribution(NamedTuple):
    version: str
    digest: str
    fixups: Tuple[ExpectedFixup, ...]


class Expectation(NamedTuple):
    """The expected distributions by name, and the names of the settings that are locked."""

    distributions: Mapping[str, ExpectedDistribution]
    settings: Tuple[str, ...]
    project: Optional[str]


NOTHING = Expectation({}, (), None)


def to_json(expectation: Expectation) -> Dict[str, Any]:
    distributions = {
        name: {
            "version": expected.version,
            "digest": expected.digest,
            "fixups": [list(fixup) for fixup in expected.fixups],
        }
        for name, expected in sorted(expectation.distributions.items())
    }
    return {
        "schema": SCHEMA,
        "distributions": distributions,
        "settings": list(expectation.settings),
        "project": expectation.project,
    }


def from_json(document: Mapping[str, Any]) -> Expectation:
    """Read the document. Raises ValueError, KeyError or TypeError on anything else."""
    if document["schema"] != SCHEMA:
        raise ValueError("not an expectation of envlock")
    distributions: Dict[str, ExpectedDistribution] = {}
    for name, value in document["distributions"].items():
        fixups: List[ExpectedFixup] = [ExpectedFixup(*fixup) for fixup in value["fixups"]]
        distributions[name] = ExpectedDistribution(value["version"], value["digest"], tuple(fixups))
    return Expectation(distributions, tuple(document["settings"]), document.get("project"))
