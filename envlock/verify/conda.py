"""Conda packages: the records of a prefix, and every file of theirs (IDENTITY 3, node `conda`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from envlock.agent.facts import ClobberFacts, CondaFacts, CondaFileFacts, CondaPackageFacts, Facts
from envlock.agent.merkle import conda_value
from envlock.lock.model import CondaPackage, Lock
from envlock.report import Finding, Severity

_REPAIR = "`envlock sync --conda PREFIX --repair` restores it"
_SYNC = "`envlock sync --conda PREFIX` installs the locked one"


@dataclass(frozen=True, kw_only=True, slots=True)
class CondaPrefix:
    """The packages of a prefix, set against a lock. `installed` has the first record of each name."""

    facts: CondaFacts
    expected: Mapping[str, CondaPackage]
    installed: Mapping[str, CondaPackageFacts]

    @classmethod
    def of(cls, lock: Lock, facts: Facts, platform: str) -> CondaPrefix | None:
        """None where the lock has no conda packages for the platform, or the target is no conda prefix."""
        expected = {package.name: package for package in lock.conda_on(platform)}
        if not expected or facts["conda"] is None:
            return None
        installed: dict[str, CondaPackageFacts] = {}
        for package in facts["conda"]["packages"]:
            installed.setdefault(package["name"], package)
        return cls(facts=facts["conda"], expected=expected, installed=installed)

    def observed(self) -> dict[str, str] | None:
        """The values of the node `conda` as observed; None where a file could not be read."""
        found: dict[str, str] = {}
        for name in self.expected:
            if name in self.installed:
                each = self.installed[name]
                if each["digest"] is None:
                    return None
                found[name] = conda_value(each["version"], each["build"], each["subdir"], each["digest"])
        return found


def judge_conda(prefix: CondaPrefix) -> Iterator[Finding]:
    """Every locked package, then what is there besides."""
    for name, package in prefix.expected.items():
        item = prefix.installed.get(name)
        if item is None:
            yield _missing(package)
        else:
            yield from _judge_package(prefix, item, package)
    for item in prefix.facts["packages"]:
        if item["name"] not in prefix.expected:
            yield _extra(item)
        elif item is not prefix.installed[item["name"]]:
            yield _second(item)
    for file, reason in prefix.facts["problems"]:
        yield _bad_record(file, reason)
    for clobber in prefix.facts["clobbers"]:
        yield _clobber(clobber)
    if prefix.facts["extra"]:
        yield _extra_files(prefix.facts)


def _judge_package(prefix: CondaPrefix, item: CondaPackageFacts, package: CondaPackage) -> Iterator[Finding]:
    difference = _difference(item, package)
    if difference is not None:
        yield difference
        return
    if item["claimed"] != package.paths:
        yield _edited(item, package, item["claimed"])
    elif item["digest"] not in (None, package.paths) and not item["changed"]:
        yield _edited(item, package, item["digest"])  # facts that contradict themselves
    for problem in item["problems"]:
        yield _bad_record(item["record"], problem)
    taken = {c["file"] for c in prefix.facts["clobbers"] if c["found"] not in (c["due"], None)}
    for changed in item["changed"]:
        if changed["file"] not in taken:
            yield _changed(item, changed)
    for script in item["scripts"]:
        if script["reason"]:
            missing = script["reason"] == "is missing"
            yield Finding(
                code="script-missing" if missing else "script-differs",
                severity=Severity.DIFFERS,
                component=f"conda:{item['name']}",
                path=script["file"],
                message=f"`{script['file']}` {script['reason']}",
                hint=_REPAIR,
            )


def _title(package: CondaPackage | CondaPackageFacts) -> str:
    if isinstance(package, CondaPackage):
        return f"{package.name} {package.version} {package.build}"
    return f"{package['name']} {package['version']} {package['build']}"


def _missing(package: CondaPackage) -> Finding:
    return Finding(
        code="conda-package-missing",
        severity=Severity.DIFFERS,
        component=f"conda:{package.name}",
        expected=f"{package.version} {package.build}",
        message=f"{_title(package)} is locked and has no record in `conda-meta`",
        hint=_SYNC,
    )


def _difference(item: CondaPackageFacts, package: CondaPackage) -> Finding | None:
    """Another version, build or archive than the locked one."""
    wanted = (package.version, package.build, package.build_number, package.subdir)
    found = (item["version"], item["build"], item["build_number"], item["subdir"])
    hashes = (package.sha256, item["sha256"]), (package.md5, item["md5"])
    other = [(locked, recorded) for locked, recorded in hashes if locked and recorded not in (locked, None)]
    if wanted == found and not other:
        return None
    if wanted != found:
        message = f"{_title(item)} ({item['subdir']}) is installed, the lock has {_title(package)}"
        message += f" ({package.subdir})"
        values: tuple[str | None, str | None] = " ".join(map(str, wanted)), " ".join(map(str, found))
    else:
        message = f"{_title(item)} was installed from another archive than the locked `{package.file}`"
        values = other[0]
    return Finding(
        code="conda-package-differs",
        severity=Severity.DIFFERS,
        component=f"conda:{item['name']}",
        path=item["record"],
        expected=values[0],
        observed=values[1],
        message=message,
        hint=_SYNC,
    )


def _edited(item: CondaPackageFacts, package: CondaPackage, observed: str | None) -> Finding:
    return Finding(
        code="conda-record-edited",
        severity=Severity.DIFFERS,
        component=f"conda:{item['name']}",
        path=item["record"],
        expected=package.paths,
        observed=observed,
        message=f"`{item['record']}` does not have the files of {_title(package)}: it was edited, and which "
        "file it is about is not known without the archive",
        hint=_REPAIR,
    )


def _changed(item: CondaPackageFacts, changed: CondaFileFacts) -> Finding:
    code, message = "file-differs", f"`{changed['file']}` is not the file of {_title(item)}"
    if changed["reason"] == "is missing":
        code, message = "file-missing", f"`{changed['file']}` of {_title(item)} is missing"
    elif changed["reason"] != "differs":
        code, message = "link-differs", f"`{changed['file']}` of {_title(item)} {changed['reason']}"
    return Finding(
        code=code,
        severity=Severity.DIFFERS,
        component=f"conda:{item['name']}",
        path=changed["file"],
        expected=changed["expected"],
        observed=changed["observed"],
        message=message,
        hint=_REPAIR,
    )


def _extra(item: CondaPackageFacts) -> Finding:
    return Finding(
        code="foreign-conda-package",
        severity=Severity.FOREIGN,
        component=f"conda:{item['name']}",
        path=item["record"],
        observed=f"{item['version']} {item['build']}",
        message=f"{_title(item)} is installed and not locked",
        hint=f"lock it, or remove it: `conda remove {item['name']}`",
    )


def _second(item: CondaPackageFacts) -> Finding:
    return Finding(
        code="second-conda-record",
        severity=Severity.DIFFERS,
        component=f"conda:{item['name']}",
        path=item["record"],
        observed=f"{item['version']} {item['build']}",
        message=f"`{item['record']}` is a second record of {item['name']}",
        hint=f"remove `{item['record']}`, then `envlock sync --conda PREFIX --repair`",
    )


def _bad_record(file: str, reason: str) -> Finding:
    return Finding(
        code="bad-conda-record",
        severity=Severity.DIFFERS,
        component="conda",
        path=file,
        message=f"`{file}` {reason}",
        hint=_REPAIR,
    )


def _clobber(clobber: ClobberFacts) -> Finding:
    names = ", ".join(clobber["packages"][:-1]) + f" and {clobber['packages'][-1]}"
    found = f"that of {clobber['found']} is there" if clobber["found"] else "none of theirs is there"
    is_due = clobber["found"] == clobber["due"]
    due = "" if is_due else f", that of {clobber['due']} is due"
    return Finding(
        code="clobber",
        severity=Severity.NOTE if is_due else Severity.DIFFERS,
        component=f"conda:{clobber['due']}",
        path=clobber["file"],
        expected=clobber["due"],
        observed=clobber["found"],
        message=f"{names} each have a `{clobber['file']}`: {found}{due}",
        hint=None if is_due else _REPAIR,
    )


def _extra_files(facts: CondaFacts) -> Finding:
    count, first = facts["extra_count"], facts["extra"][0]
    more = f" and {count - 1} more files belong" if count > 1 else " belongs"
    return Finding(
        code="extra-files",
        severity=Severity.NOTE,
        component="conda",
        path=first,
        observed=str(count),
        message=f"`{first}`{more} to no package, and nothing loads them by itself"
        if count > 1
        else f"`{first}`{more} to no package, and nothing loads it by itself",
    )
