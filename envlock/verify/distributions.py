"""Locked and extra distributions (IDENTITY 2, 4, 6)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from envlock.agent.facts import DistributionFacts, Facts
from envlock.agent.full_pass import CONDA
from envlock.agent.identity import DATA, HEADERS, LIB, SCRIPTS, Entry, distribution_digest, parse_entry_list
from envlock.agent.installed import relative_to_prefix
from envlock.lock.model import Distribution, Lock, Wheel
from envlock.report import Finding, Severity

# Entry-point groups that a package loads by itself when it is imported or started: group -> package.
# torch: torch/__init__.py `_import_device_backends`; triton: python/triton/backends/__init__.py; pytest: the
# pytest11 group of its plugin documentation; jax: `jax_plugins`; vllm: its plugin documentation.
SELF_LOADED_GROUPS = {
    "torch.backends": "torch",
    "triton.backends": "triton",
    "pytest11": "pytest",
    "jax_plugins": "jax",
    "vllm.general_plugins": "vllm",
    "vllm.platform_plugins": "vllm",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Installation:
    """What is installed, set against a lock.

    `locked` has the first distribution in the prefix's own site directories for each locked name;
    `others` everything else, in the order of sys.path; `conda` those that a locked conda package brings.
    """

    facts: Facts
    project: str | None
    expected: Mapping[str, tuple[Distribution, Wheel]]
    locked: Mapping[str, DistributionFacts]
    others: tuple[DistributionFacts, ...]
    conda: tuple[DistributionFacts, ...] = ()

    @classmethod
    def of(cls, lock: Lock, facts: Facts, platform: str) -> Installation:
        own = {"site"} if any(lock.conda_on(platform)) else {"site", CONDA}
        expected = {distribution.name: (distribution, wheel) for distribution, wheel in lock.on(platform)}
        locked: dict[str, DistributionFacts] = {}
        others: list[DistributionFacts] = []
        conda: list[DistributionFacts] = []
        for item in facts["distributions"]:
            if item["role"] in own and item["name"] in expected and item["name"] not in locked:
                locked[item["name"]] = item
            elif item["role"] == CONDA and CONDA not in own and item["name"] not in expected:
                conda.append(item)
            else:
                others.append(item)
        return cls(
            facts=facts,
            project=lock.project,
            expected=expected,
            locked=locked,
            others=tuple(others),
            conda=tuple(conda),
        )

    @property
    def locked_top_level(self) -> Mapping[str, str]:
        """Importable name -> the locked distribution that provides it."""
        locked = (*self.conda, *self.locked.values())
        return {name: item["name"] for item in locked for name in item["top_level"]}

    @property
    def locked_names(self) -> frozenset[str]:
        """The locked distributions, those of conda packages included."""
        return frozenset(self.expected) | {item["name"] for item in self.conda}

    @property
    def standard_library(self) -> frozenset[str]:
        python = self.facts["python"]
        return frozenset(python["stdlib_names"] if python else ())

    def show(self, item: DistributionFacts, place: str, path: str) -> str:
        """How a finding names a placed file: relative to the prefix."""
        site = relative_to_prefix(item["directory"], self.facts["prefix"])
        roots = {LIB: f"{site}/", SCRIPTS: "bin/", HEADERS: f"include/…/{item['name']}/", DATA: ""}
        return f"{roots[place]}{path}"


def judge_distributions(
    installation: Installation, entries: Callable[[str], bytes | None], *, strict: bool
) -> Iterator[Finding]:
    """Every locked distribution, then everything that is there besides."""
    for name, (distribution, wheel) in installation.expected.items():
        item = installation.locked.get(name)
        if item is None:
            yield _missing(name, distribution.version)
        else:
            yield from _judge_locked(installation, item, distribution, wheel, entries)
    for item in installation.others:
        if item["name"] in installation.expected:
            yield _judge_second(installation, item)
        else:
            yield from _judge_extra(installation, item, strict)


def _missing(name: str, version: str) -> Finding:
    return Finding(
        code="distribution-missing",
        severity=Severity.DIFFERS,
        component=f"distribution:{name}",
        expected=version,
        message=f"{name} {version} is locked and not installed",
        hint="`envlock sync` installs it",
    )


def _judge_locked(
    installation: Installation,
    item: DistributionFacts,
    distribution: Distribution,
    wheel: Wheel,
    entries: Callable[[str], bytes | None],
) -> Iterator[Finding]:
    component = f"distribution:{item['name']}"
    if item["version"] != distribution.version:
        yield Finding(
            code="version-differs",
            severity=Severity.DIFFERS,
            component=component,
            path=relative_to_prefix(f"{item['directory']}/{item['info']}", installation.facts["prefix"]),
            expected=distribution.version,
            observed=item["version"],
            message=f"{item['name']} {item['version']} is installed, the lock has {distribution.version}",
            hint="`envlock sync` installs the locked one",
        )
    elif item["digest"] != wheel.digest and item["digest"] is not None:
        yield from _explain(installation, item, wheel, entries(wheel.digest))
    yield from _judge_description(installation, item)


def _judge_description(installation: Installation, item: DistributionFacts) -> Iterator[Finding]:
    component = f"distribution:{item['name']}"
    for path, reason in item["problems"]:
        yield Finding(
            code="bad-record",
            severity=Severity.DIFFERS,
            component=component,
            path=installation.show(item, LIB, path) if not path.startswith("..") else path,
            message=f"`{path}` {reason}",
            hint="`envlock sync --repair` restores it",
        )
    for path in item["present"]:
        yield Finding(
            code="file-added",
            severity=Severity.DIFFERS,
            component=component,
            path=path,
            message=f"`{path}` exists; the wheel lists it without having it",
            hint=f"remove `{path}`",
        )
    for script in item["scripts"]:
        if script["reason"]:
            missing = script["reason"] == "is missing"
            yield Finding(
                code="script-missing" if missing else "script-differs",
                severity=Severity.DIFFERS,
                component=component,
                path=script["file"],
                message=f"`{script['file']}` {script['reason']}",
                hint="`envlock sync --repair` writes it again",
            )


def _explain(
    installation: Installation, item: DistributionFacts, wheel: Wheel, known: bytes | None
) -> Iterator[Finding]:
    """Name the files that make the digest differ: by the entry list of the lock, else by RECORD."""
    observed = {(e.place, e.path): e for e in parse_entry_list((item["entries"] or "").encode())[2]}
    if known is not None:
        expected = {(e.place, e.path): e for e in parse_entry_list(known)[2]}
        yield from _differences(installation, item, expected, observed)
        return
    claimed = dict(observed)
    for change in item["changed"]:
        key = change["place"], change["path"]
        yield _file_finding(installation, item, key, change["claimed"], change["observed"])
        algorithm = observed[key].algorithm if key in observed else "sha256"
        claimed[key] = Entry(*key, algorithm, change["claimed"])
    if distribution_digest(item["name"], item["version"], claimed.values()) != wheel.digest:
        yield _record_edited(installation, item, wheel)


def _differences(
    installation: Installation,
    item: DistributionFacts,
    expected: Mapping[tuple[str, str], Entry],
    observed: Mapping[tuple[str, str], Entry],
) -> Iterator[Finding]:
    for key in sorted(expected.keys() | observed.keys()):
        wanted, found = expected.get(key), observed.get(key)
        if wanted != found:
            yield _file_finding(
                installation, item, key, wanted.hex if wanted else None, found.hex if found else None
            )


def _file_finding(
    installation: Installation,
    item: DistributionFacts,
    key: tuple[str, str],
    wanted: str | None,
    found: str | None,
) -> Finding:
    path = installation.show(item, *key)
    title = f"{item['name']} {item['version']}"
    code, message, hint = "file-differs", f"`{path}` is not the file of {title}", "restores it"
    if found is None:
        code, message = "file-missing", f"`{path}` of {title} is missing"
    elif wanted is None:
        code, message, hint = "file-added", f"`{path}` is no file of {title}", "restores the RECORD"
    elif key[0] != SCRIPTS and not any((c["place"], c["path"]) == key for c in item["changed"]):
        message += ", and RECORD was edited to match"
    return Finding(
        code=code,
        severity=Severity.DIFFERS,
        component=f"distribution:{item['name']}",
        path=path,
        expected=wanted,
        observed=found,
        message=message,
        hint=f"`envlock sync --repair` {hint}",
    )


def _record_edited(installation: Installation, item: DistributionFacts, wheel: Wheel) -> Finding:
    path = installation.show(item, LIB, f"{item['info']}/RECORD")
    return Finding(
        code="record-edited",
        severity=Severity.DIFFERS,
        component=f"distribution:{item['name']}",
        path=path,
        expected=wheel.digest,
        observed=item["digest"],
        message=f"`{path}` was edited: {item['name']} {item['version']} is not what was locked, "
        "and which file changed is not known without its entry list",
        hint="`envlock sync --repair` fetches the entry list and restores the files",
    )


def _judge_second(installation: Installation, item: DistributionFacts) -> Finding:
    """A second dist-info of a locked name (IDENTITY 6)."""
    first = installation.locked.get(item["name"])
    path = relative_to_prefix(f"{item['directory']}/{item['info']}", installation.facts["prefix"])
    distributions = installation.facts["distributions"]
    if first is None or item["directory"] == first["directory"]:
        severity, message = Severity.DIFFERS, f"`{path}` is a second {item['name']} in the same directory"
    elif distributions.index(item) < distributions.index(first):
        severity, message = Severity.DIFFERS, f"`{path}` comes before the locked {item['name']} on sys.path"
    elif set(item["top_level"]) - set(first["top_level"]):
        severity, message = Severity.DIFFERS, f"`{path}` adds modules to the locked {item['name']}"
    else:
        severity, message = Severity.NOTE, f"`{path}` is shadowed by the locked {item['name']}"
    return Finding(
        code="second-distribution",
        severity=severity,
        component=f"distribution:{item['name']}",
        path=path,
        observed=item["version"],
        message=message,
        hint=f"remove `{path}`" if severity is not Severity.NOTE else None,
    )


def _judge_extra(installation: Installation, item: DistributionFacts, strict: bool) -> Iterator[Finding]:
    """A distribution that is not locked: a note, unless it reaches into what is (IDENTITY 6)."""
    reasons = list(_extra_reasons(installation, item))
    component = f"distribution:{item['name']}"
    for path, reason in reasons:
        yield Finding(
            code="foreign-distribution",
            severity=Severity.FOREIGN,
            component=component,
            path=path,
            message=f"{item['name']} {item['version']} is not locked and {reason}",
            hint=f"lock it, or remove it: `uv pip uninstall {item['name']}`",
        )
    if not reasons:
        is_project = item["name"] == installation.project
        yield Finding(
            code="project" if is_project else "extra-distribution",
            severity=Severity.FOREIGN if strict and not is_project else Severity.NOTE,
            component=component,
            observed=item["version"],
            message=f"{item['name']} {item['version']} is "
            + ("the project itself" if is_project else "installed and not locked"),
        )


def _extra_reasons(installation: Installation, item: DistributionFacts) -> Iterator[tuple[str | None, str]]:
    is_project = item["name"] == installation.project
    for path in item["startup"]:
        if not (is_project and _is_own_path_file(item, path)):
            yield path, f"ships `{path}`, which runs when Python starts"
    for name in item["top_level"]:
        owner = installation.locked_top_level.get(name)
        if owner is not None:
            yield None, f"provides `{name}`, which belongs to the locked {owner}"
        elif name in installation.standard_library:
            yield None, f"provides `{name}`, a name of the standard library"
    for group in item["groups"]:
        loader = SELF_LOADED_GROUPS.get(group)
        if loader in installation.locked_names:
            yield None, f"has an entry point in `{group}`, which the locked {loader} loads by itself"


def _is_own_path_file(item: DistributionFacts, path: str) -> bool:
    """An editable `.pth` (or its finder) of the project that leads only to the project folder."""
    folder = item["editable"]
    if folder is None or not path.endswith(".pth"):
        return False
    lines = [line for line in item["path_lines"] if line["pth"].endswith("/" + path.rpartition("/")[2])]
    return bool(lines) and all(
        line["directory"] is not None and _inside(line["directory"], folder) for line in lines
    )


def _inside(path: str, folder: str) -> bool:
    return f"{path}/".startswith(f"{folder.rstrip('/')}/")
