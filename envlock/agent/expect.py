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


class ExpectedConda(NamedTuple):
    """A conda package: its paths digest, `name = module:attr` of the scripts that its installer writes, what
    it depends on, as match specifications, and where its links to folders lead, as `path -> target`."""

    version: str
    paths: str
    entry_points: Tuple[str, ...]
    depends: Tuple[str, ...]
    links: Tuple[str, ...] = ()


class Expectation(NamedTuple):
    """The expected distributions and conda packages by name, and the names of the locked settings."""

    distributions: Mapping[str, ExpectedDistribution]
    settings: Tuple[str, ...]
    project: Optional[str]
    conda: Mapping[str, ExpectedConda] = {}

    @property
    def is_nothing(self) -> bool:
        return not (self.distributions or self.conda)


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
    conda = {name: expected._asdict() for name, expected in sorted(expectation.conda.items())}
    return {
        "schema": SCHEMA,
        "distributions": distributions,
        "conda": conda,
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
    conda = {name: _conda(value) for name, value in document.get("conda", {}).items()}
    return Expectation(distributions, tuple(document["settings"]), document.get("project"), conda)


def _conda(value: Mapping[str, Any]) -> ExpectedConda:
    return ExpectedConda(
        value["version"],
        value["paths"],
        tuple(value["entry_points"]),
        tuple(value["depends"]),
        tuple(value.get("links", ())),
    )
