"""Code that no installed distribution owns, and directories that sys.path gets (IDENTITY 5 and 6)."""

from __future__ import annotations

from collections.abc import Iterator

from envlock.agent.facts import Facts, ForeignFacts, PathFacts
from envlock.report import Finding, Severity
from envlock.verify.distributions import SELF_LOADED_GROUPS, Installation

_KINDS = {
    "startup": ("startup-file", "runs when Python starts"),
    "module": ("foreign-module", "can be imported"),
    "library": ("foreign-library", "can be loaded"),
    "executable": ("foreign-executable", "can be started"),
    "shell": ("foreign-executable", "is read by shells"),
    "link": ("foreign-link", "leads to files that nobody has looked at"),
}


def judge_foreign(installation: Installation, facts: Facts) -> Iterator[Finding]:
    """Foreign files, bytecode, the system's site directories and other directories on sys.path."""
    for item in facts["foreign"]:
        yield _judge_file(installation, item)
    for bytecode in facts["bytecode"]:
        yield Finding(
            code="bytecode-differs",
            severity=Severity.DIFFERS,
            component="bytecode",
            path=bytecode["file"],
            message=f"`{bytecode['file']}` is not what `{bytecode['source']}` compiles to: "
            + bytecode["reason"],
            hint="remove it: Python writes it again",
        )
    if facts["sees_system_site"]:
        yield Finding(
            code="system-site-packages",
            severity=Severity.FOREIGN,
            component="python",
            path="pyvenv.cfg",
            message="`pyvenv.cfg` lets the system's site-packages in, which are not locked",
            hint="set `include-system-site-packages = false`, or make the environment again: `envlock sync`",
        )
    for path in facts["paths"]:
        yield from _judge_path(installation, path)


def _judge_file(installation: Installation, item: ForeignFacts) -> Finding:
    code, effect = _KINDS[item["kind"]]
    detail = f" ({item['detail']})" if item["detail"] else ""
    if item["system"]:
        return Finding(
            code="system-file",
            severity=Severity.NOTE,
            component="host",
            path=item["file"],
            message=f"`{item['file']}` belongs to the system's packages",
        )
    name = item["file"].rpartition("/")[2].partition(".")[0]
    owner = installation.locked_top_level.get(name)
    if item["role"] == "bin" and item["kind"] == "module" and owner is not None:
        effect = f"shadows the locked {owner} in every console script"
    return Finding(
        code=code,
        severity=Severity.FOREIGN,
        component="files",
        path=item["file"],
        message=f"no installed distribution owns `{item['file']}`{detail}, and it {effect}",
        hint=f"remove `{item['file']}`, or lock the distribution that it belongs to",
    )


def _judge_path(installation: Installation, path: PathFacts) -> Iterator[Finding]:
    """PYTHONPATH and `.pth` targets: judged by what they change, not by being there."""
    reasons = list(_path_reasons(installation, path))
    for reason in reasons:
        yield Finding(
            code="shadowing-path",
            severity=Severity.FOREIGN,
            component=f"path:{path['origin']}",
            path=path["directory"],
            message=f"`{path['directory']}` is on sys.path by {path['origin']} and {reason}",
            hint=_HINTS.get(path["role"]) or f"remove `{path['origin']}`",
        )
    if not reasons and path["role"] != "stdlib":
        yield Finding(
            code="extra-path",
            severity=Severity.NOTE,
            component=f"path:{path['origin']}",
            path=path["directory"],
            message=f"`{path['directory']}` is on sys.path by {path['origin']}",
        )


_HINTS = {"pythonpath": "`unset PYTHONPATH`", "stdlib": "install that Python again"}


def _before_the_library(installation: Installation, path: PathFacts) -> Iterator[str]:
    """Names that the standard library's own directories take from a locked distribution."""
    is_zip = path["directory"].endswith(".zip")
    for name in path["modules"]:
        owner = installation.locked_top_level.get(name)
        if is_zip and (owner is not None or name in installation.standard_library):
            yield f"comes before every other `{name}`"
        elif owner is not None and name not in installation.standard_library:
            yield f"shadows `{name}` of the locked {owner}"


def _path_reasons(installation: Installation, path: PathFacts) -> Iterator[str]:
    if path["role"] == "stdlib":
        yield from _before_the_library(installation, path)
        return
    for group in path["groups"]:
        loader = SELF_LOADED_GROUPS.get(group)
        if loader in installation.locked_names:
            yield f"has an entry point in `{group}`, which the locked {loader} loads by itself"
    for file in path["startup"]:
        yield f"has `{file.rpartition('/')[2]}`, which runs when Python starts"
    if path["role"] == "pythonpath":
        for name in path["modules"]:
            owner = installation.locked_top_level.get(name)
            if owner is not None:
                yield f"shadows `{name}` of the locked {owner}"
            elif name in installation.standard_library:
                yield f"shadows `{name}` of the standard library"
        for info in path["infos"]:
            name = info.partition("-")[0].lower().replace("_", "-")
            if name in installation.locked_names:
                yield f"has `{info}`, which comes before the locked one"
    elif _owner_is_locked(installation, path["origin"]):
        for name in path["modules"]:
            yield f"provides `{name}`, which no distribution owns"


def _owner_is_locked(installation: Installation, origin: str) -> bool:
    return any(
        line["pth"].endswith("/" + origin)
        for item in installation.locked.values()
        for line in item["path_lines"]
    )
