"""What a process has loaded, held against what is locked (IDENTITY 6 and 8)."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from envlock.agent.cuda_names import is_of_driver, toolkit_family
from envlock.agent.facts import Facts
from envlock.agent.mapped import DELETED, KEPT, LoadedFacts, MappedFacts
from envlock.report import Finding, Severity
from envlock.report.model import Loaded, LoadedLibrary

COMPONENT = "loaded"
_SYSTEM = ("/lib/", "/lib32/", "/lib64/", "/usr/lib/", "/usr/lib32/", "/usr/lib64/")
_SHARED_BASES = ("", "/usr", "/usr/local")  # without the slash at their end
_SITE = re.compile(r"/(?:site|dist)-packages/")
# Where PyTorch, Triton and NVIDIA's compiler keep what they compiled on this host.
_COMPILED = re.compile(
    r"/torchinductor_[^/]+/|/torch_extensions/|/\.triton/|/torch/inductor/|/\.nv/ComputeCache/|/torch/kernels/"
)
CACHES = ("TORCHINDUCTOR_CACHE_DIR", "TORCH_EXTENSIONS_DIR", "TRITON_CACHE_DIR", "TRITON_HOME")
# Code that libffi writes itself, where the kernel forbids memory that is writable and executable.
_CLOSURES = re.compile(r"/memfd:libffi$|/(?:tmp|dev/shm)/ffi\w{6}$")


@dataclass(frozen=True, kw_only=True, slots=True)
class Owners:
    """Whose a mapped file is. `locked` names the locked libraries by their real paths, relative to the
    prefix where they are inside."""

    locked: Mapping[str, str]
    executable: str
    base_prefix: str
    prefix: str
    caches: tuple[str, ...]

    @property
    def names(self) -> Mapping[str, str]:
        """A locked library by its file name, and by `family:` what it is of the CUDA toolkit."""
        known = {posixpath.basename(path): path for path in self.locked.values()}
        families = {toolkit_family(name): path for name, path in known.items()}
        return {**known, **{f"family:{name}": path for name, path in families.items() if name}}


def judge_loaded(facts: Facts, loaded: LoadedFacts, owners: Owners) -> tuple[Loaded, tuple[Finding, ...]]:
    """Each mapped file with its owner, and what is found against them."""
    rows = [(mapped, owner_of(mapped["file"], owners)) for mapped in loaded["mapped"]]
    findings = [
        *_judge_executable(loaded, owners),
        *(finding for mapped, owner in rows for finding in _judge_mapped(mapped, owner, owners)),
        *_judge_modules(facts, loaded, owners),
        *_judge_imports(loaded),
        *_note_compiled([mapped["file"] for mapped, owner in rows if owner == "compiled"]),
    ]
    whole = Loaded(
        pid=loaded["pid"],
        imported=tuple(loaded["imported"]),
        libraries=tuple(LoadedLibrary(file=mapped["file"], owner=owner) for mapped, owner in rows),
    )
    return whole, tuple(findings)


def owner_of(file: str, owners: Owners) -> str:
    """`locked`, `interpreter`, `driver`, `system`, `compiled`, or `foreign`."""
    if file in owners.locked:
        return "locked"
    name = posixpath.basename(file)
    if _CLOSURES.search(file) or _COMPILED.search(file) or file.startswith(owners.caches):
        return "compiled"
    if is_of_driver(name):
        return "driver"
    if _rival(file, owners) is not None:
        return "foreign"
    if _is_of_interpreter(file, owners):
        return "interpreter"
    return "system" if file.startswith(_SYSTEM) and not _SITE.search(file) else "foreign"


def _rival(file: str, owners: Owners) -> str | None:
    """The locked library that this file is another one of: by name, or as a library of the CUDA toolkit."""
    name = posixpath.basename(file)
    return owners.names.get(name) or owners.names.get(f"family:{toolkit_family(name)}")


def _is_of_interpreter(file: str, owners: Owners) -> bool:
    base = owners.base_prefix.rstrip("/")
    if file == owners.executable:
        return True
    if _SITE.search(file) or not file.startswith(base + "/"):
        return False
    if re.search(r"/lib(?:64)?/(?:libpython[\d.]+\w*\.so[\d.]*$|python\d+\.\d+\w*/)", file[len(base) :]):
        return True
    return base not in _SHARED_BASES and base != owners.prefix and file.startswith(f"{base}/lib")


def _judge_executable(loaded: LoadedFacts, owners: Owners) -> Iterator[Finding]:
    if loaded["executable"] != owners.executable:
        yield Finding(
            code="loaded-foreign",
            severity=Severity.FOREIGN,
            component=COMPONENT,
            path=loaded["executable"],
            expected=owners.executable,
            observed=loaded["executable"],
            message=f"the process runs `{loaded['executable']}`, not the Python of this environment",
            hint="`--prefix DIR` names the environment that the process belongs to",
        )


def _judge_mapped(mapped: MappedFacts, owner: str, owners: Owners) -> Iterator[Finding]:
    file = mapped["file"]
    if owner == "foreign" and file != owners.executable:
        yield _foreign(file, owners)
    elif owner in ("locked", "interpreter") and mapped["state"] != KEPT:
        how = "was removed" if mapped["state"] == DELETED else "was replaced by another file"
        yield Finding(
            code="loaded-replaced",
            severity=Severity.DIFFERS,
            component=COMPONENT,
            path=owners.locked.get(file, file),
            message=f"`{file}` {how} after the process loaded it: what runs is not what is on disk",
            hint="start the job again",
        )


def _foreign(file: str, owners: Owners) -> Finding:
    rival = _rival(file, owners)
    instead = f" beside or in place of the locked `{rival}`" if rival is not None else ""
    return Finding(
        code="loaded-foreign",
        severity=Severity.FOREIGN,
        component=COMPONENT,
        path=file,
        expected=rival,
        observed=file,
        message=f"`{file}` is loaded{instead}"
        + ("" if rival is not None else ", and is neither locked nor of the system or the interpreter"),
        hint="unset LD_LIBRARY_PATH, LD_PRELOAD and PYTHONPATH, or lock what brings it",
    )


def _judge_modules(facts: Facts, loaded: LoadedFacts, owners: Owners) -> Iterator[Finding]:
    """Modules of the site directories are judged where they lie; what comes from elsewhere is named here."""
    sites = tuple({f"{item['directory']}/" for item in facts["distributions"]})
    roots = (*sites, *(os.path.realpath(site) + "/" for site in sites))
    for module in loaded["modules"]:
        file = module["file"]
        if file.startswith(roots) or _is_of_interpreter(file, owners):
            continue
        if module["name"].partition(".")[0] == "__main__" or _COMPILED.search(file):
            continue
        yield Finding(
            code="loaded-foreign",
            severity=Severity.FOREIGN,
            component=COMPONENT,
            path=file,
            observed=file,
            message=f"the module `{module['name']}` comes from `{file}`, outside of the environment",
            hint="unset PYTHONPATH, or lock what brings it",
        )


def _judge_imports(loaded: LoadedFacts) -> Iterator[Finding]:
    for name, reason in loaded["failed"].items():
        yield Finding(
            code="import-failed",
            severity=Severity.UNKNOWN,
            component=COMPONENT,
            observed=reason,
            message=f"`import {name}` fails, so what it loads is not known: {reason}",
            hint="`envlock verify --level content` tells whether its files are those of the lock",
        )


def _compiled(count: int) -> str:
    if count == 1:
        return "a library that was compiled on this host is"
    return f"{count} libraries that were compiled on this host are"


def _note_compiled(files: list[str]) -> Iterator[Finding]:
    if files:
        yield Finding(
            code="loaded-compiled",
            severity=Severity.NOTE,
            component=COMPONENT,
            path=files[0],
            message=f"{_compiled(len(files))} loaded: not locked",
        )
