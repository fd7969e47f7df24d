"""Facts as values: a prefix `/env` with six installed as `tests.unit.lock.values` locks it."""

from __future__ import annotations

from typing import Any, cast

from envlock.agent.facts import DistributionFacts, Facts, PathFacts, PythonFacts
from envlock.agent.gpu import nothing
from envlock.report import Finding
from tests.unit.lock.values import SIX

SITE = "/env/lib/python3.11/site-packages"


def told(finding: Finding) -> tuple[Any, ...]:
    """Code, severity, component, path, expected, observed, message and hint of a finding."""
    return (
        finding.code,
        str(finding.severity),
        finding.component,
        finding.path,
        finding.expected,
        finding.observed,
        finding.message,
        finding.hint,
    )


def installed(name: str = "six", version: str = "1.17.0", **changed: Any) -> DistributionFacts:
    found = {
        "name": name,
        "version": version,
        "info": f"{name}-{version}.dist-info",
        "directory": SITE,
        "role": "site",
        "digest": SIX if name == "six" else None,
        "entries": None,
        "changed": [],
        "present": [],
        "scripts": [],
        "problems": [],
        "top_level": [name],
        "startup": [],
        "groups": [],
        "editable": None,
        "path_lines": [],
    }
    return cast(DistributionFacts, {**found, **changed})


def python(**changed: Any) -> PythonFacts:
    found = {
        "executable": "/usr/bin/python3.11",
        "implementation": "cpython",
        "version": "3.11.7",
        "soabi": "cpython-311-x86_64-linux-gnu",
        "abiflags": "",
        "debug": "0",
        "gil_disabled": "0",
        "base_prefix": "/usr",
        "stdlib_names": ["json", "re"],
        "standard_library": None,
    }
    return cast(PythonFacts, {**found, **changed})


def on_path(directory: str, **changed: Any) -> PathFacts:
    found = {"role": "pth", "origin": "x.pth", "modules": [], "startup": [], "infos": [], "groups": []}
    return cast(PathFacts, {"directory": directory, **found, **changed})


def observed(*distributions: DistributionFacts, **changed: Any) -> Facts:
    """Nothing besides what is given. The prefix is `/env`, the host that of the lock's floor."""
    found = {
        "schema": "envlock.facts/1",
        "level": "content",
        "prefix": "/env",
        "is_venv": True,
        "sees_system_site": False,
        "host": {"libc": "glibc 2.36"},
        "gpu": nothing(),
        "kernels": {},
        "python": python(),
        "python_faults": [],
        "distributions": list(distributions),
        "conda": None,
        "foreign": [],
        "accepted": {},
        "paths": [],
        "libraries": [],
        "library_files": [],
        "loader": {"providers": {}, "unresolved": {}},
        "bytecode": [],
        "environment": {},
        "unreadable": [],
        "counts": {"files": 7},
        "timing": {"total": 0.5},
    }
    return cast(Facts, {**found, **changed})


__all__ = ["SITE", "installed", "observed", "on_path", "python", "told"]
