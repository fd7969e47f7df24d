"""What is asked for: pinned, hashed, declared, locked; or whatever the index has on the day."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from functools import cache

from envlock.audit.repository.content import Declared, Import, Repository
from envlock.audit.repository.model import Hit, Level, Place, Rule
from envlock.audit.repository.modules import OF_THE_SYSTEM, distributions_of

_TOOLS = (
    "pip",
    "setuptools",
    "wheel",
    "python",
    "pytest",
    "ruff",
    "black",
    "mypy",
    "flake8",
    "pre-commit",
    "isort",
)
_COMMIT = re.compile(r"[0-9a-f]{7,40}")
_TAG = re.compile(r"v?\d[\w.+-]*|[\w-]+-v?\d[\w.+-]*")
_ARCHIVE = re.compile(
    r"/(?:archive|zipball|tarball|zip)/(?:refs/heads/)?(?P<ref>[^/#]+?)(?:\.zip|\.tar\.gz)?(?:#.*)?$"
)
_LOCKED_NAME = re.compile(r"(?m)^\s*-?\s*\"?name\"?\s*[=:]\s*\"?([A-Za-z0-9._-]+)")
_PYTHON_SAID = re.compile(r"(?m)^\s*\"?(?:requires-python|python_requires|python)\"?\s*[=:]")
_BASE_WITH_PYTHON = re.compile(
    r"(?:^|/)(?:python|pytorch|miniconda3|mambaforge|pyspark|tensorflow|micromamba)(?::|$)"
)
# What an image brings whose name says PyTorch.
_FRAMEWORKS = ("tensorflow", "mxnet", "paddlepaddle")
_OF_NGC = ("numpy", "packaging", "apex", "nvidia-dali")
_OF_IMAGE = ("torch", "torchvision", "torchaudio", "numpy")


def _folder(file: str) -> str:
    return file.rpartition("/")[0]


def is_locked(repository: Repository, file: str) -> bool:
    """Does a lockfile stand beside `file`, or in a folder above it?"""
    folder = _folder(file)
    places = {_folder(lock) for lock in repository.locks}
    return any(place in ("", folder) or folder.startswith(f"{place}/") for place in places)


def _is_hashed(repository: Repository, file: str) -> bool:
    """Is the file a lock by itself: every row of it with its hash?"""
    rows = repository.declared_by.get(file, ())
    return bool(rows) and all(each.has_hash for each in rows)


def _open(repository: Repository) -> Iterator[Declared]:
    """What is asked for where no lock decides."""
    for each in repository.declared:
        file = each.place.file
        if not each.is_optional and each.name not in _TOOLS and not is_locked(repository, file):
            yield each


def unpinned(repository: Repository) -> Iterator[Hit]:
    for each in _open(repository):
        if each.url is None and each.exact is None and not _is_hashed(repository, each.place.file):
            yield Hit(place=each.place, message=_left_open(each), level=_level_of(each))


def _left_open(each: Declared) -> str:
    """What is chosen on the day: anything, something of a range, or the last part of a version."""
    clauses = list(each.specifier)
    if not clauses:
        return f"`{each.text}` without a version: whatever is newest on the day"
    if len(clauses) == 1 and clauses[0].operator == "==":
        line = clauses[0].version.removesuffix(".*")
        return f"`{each.text}`: the newest {line} of the day, in whatever build"
    return f"`{each.text}`: the newest of the day that fits"


def _level_of(each: Declared) -> Level | None:
    """What CI installs for itself is not what results are made with."""
    return Level.NOTE if each.kind == "ci" else None


def unhashed(repository: Repository) -> Iterator[Hit]:
    by_file: dict[str, list[Declared]] = {}
    for each in _open(repository):
        by_file.setdefault(each.place.file, []).append(each)
    for file, rows in by_file.items():
        if not any(each.kind == "requirements" for each in rows):
            continue
        pinned = [each for each in rows if each.exact is not None and not each.has_hash]
        if pinned:
            count = "1 pin" if len(pinned) == 1 else f"{len(pinned)} pins"
            yield Hit(place=pinned[0].place, message=f"{count} of {file} without a hash")


def branch_reference(repository: Repository) -> Iterator[Hit]:
    for each in repository.declared:
        ref = None if each.url is None else _moving_ref(each.url)
        if ref is not None and not is_locked(repository, each.place.file):
            what = f"the branch `{ref}`" if ref else "the default branch"
            message = f"`{each.name}` is {what} of a repository, as it is on the day"
            yield Hit(place=each.place, message=message, level=_level_of(each))


def _moving_ref(url: str) -> str | None:
    """The branch that is meant, empty for the default one; None where it is a commit or a tag."""
    if url.startswith(("git+", "hg+", "svn+")):
        ref = url.partition("#")[0].rpartition("/")[2].partition("@")[2]
        path = url.partition("#")[0].partition("://")[2]
        ref = ref or (
            path.rpartition("@")[2] if path.rpartition("@")[1] and "/" in path.rpartition("@")[0] else ""
        )
    else:
        match = _ARCHIVE.search(url)
        if match is None:
            return None
        ref = match["ref"]
    return None if _COMMIT.fullmatch(ref) or _TAG.fullmatch(ref) else ref


# Imports


def undeclared_import(repository: Repository) -> Iterator[Hit]:
    if not _asked(repository) or not repository.is_folder:
        return
    known = (
        {each.name for each in repository.declared}
        | set(locked_names(repository))
        | set(_brought(repository))
    )
    known |= {name.replace(".", "-") for name in known}
    linked = [each.name for each in repository.declared if each.url is not None]
    for top, each in _foreign(repository).items():
        names = distributions_of(top)
        if not known & set(names) and not any(_may_bring(name, names[0]) for name in linked):
            message = f"`{top}` is imported, and nothing asks for `{names[0]}`"
            yield Hit(place=each.place, message=message)


def _asked(repository: Repository) -> list[Declared]:
    """What is asked for, CI's own tools apart."""
    return [each for each in repository.declared if each.kind != "ci"]


def _may_bring(repository: str, wanted: str) -> bool:
    """A link names a repository, and not always the distribution: `taming` of `taming-transformers`."""
    return repository.startswith(f"{wanted}-") or repository.endswith(f"-{wanted}")


def _foreign(repository: Repository) -> dict[str, Import]:
    """Top-level modules that are neither Python's nor the repository's own -> their first import."""
    own = _own_modules(repository)
    found: dict[str, Import] = {}
    for code in repository.own_code:
        for each in code.imports:
            top = each.module.partition(".")[0]
            is_known = top in own or top in sys.stdlib_module_names
            if not each.is_optional and not is_known and not _is_surrounding(each):
                found.setdefault(top, each)
    return found


def _is_surrounding(each: Import) -> bool:
    """Does it come with what runs the file: the system, Colab, the kernel of a notebook, a build?"""
    top = each.module.partition(".")[0]
    is_of_kernel = top == "IPython" and each.place.cell is not None
    is_of_build = top in ("setuptools", "pkg_resources") and each.place.file.endswith("setup.py")
    is_of_colab = f"{each.module}.".startswith("google.colab.")
    return top in OF_THE_SYSTEM or is_of_kernel or is_of_build or is_of_colab


def _own_modules(repository: Repository) -> set[str]:
    """Every folder and every file that could be a module of the repository's own."""
    found = {"__main__", "__future__"}
    for name in repository.names:
        *folders, base = name.split("/")
        found.update(folders)
        if base.endswith(".py"):
            found.add(base.removesuffix(".py"))
    return found


def locked_names(repository: Repository) -> Iterator[str]:
    """What the lockfiles hold, by name."""
    for lock in repository.locks:
        for name in _LOCKED_NAME.findall(repository.lock_texts.get(lock, "")):
            yield name.lower().replace("_", "-").replace(".", "-")


def _brought(repository: Repository) -> Iterator[str]:
    used = [each.reference for each in repository.images if not each.is_told]
    if any("pytorch" in each for each in used):
        yield from _OF_IMAGE
    for name in _FRAMEWORKS:
        if any(f"{name}:" in each for each in used):
            yield name
    if any(each.startswith("nvcr.io/nvidia/") for each in used):
        yield from _OF_NGC
    if any(name.rpartition("/")[2] == "cog.yaml" for name in repository.names):
        yield "cog"


def nothing_declared(repository: Repository) -> Iterator[Hit]:
    foreign = _foreign(repository) if repository.is_folder else {}
    if foreign and not repository.declared and not repository.locks:
        names = ", ".join(f"`{name}`" for name in sorted(foreign)[:5])
        first = next(iter(foreign.values()))
        yield Hit(
            place=first.place,
            message=f"{names} are imported, and no file asks for anything"
            if len(foreign) > 1
            else f"{names} is imported, and no file asks for anything",
        )


# Locks


def no_lock(repository: Repository) -> Iterator[Hit]:
    rows = [each for each in _open(repository) if each.kind not in ("shell", "ci")]
    rows.sort(key=lambda each: each.kind in ("dockerfile", "notebook", "cog", "setup"))  # manifests first
    files = dict.fromkeys(each.place.file for each in rows)
    bare = [file for file in files if not _is_hashed(repository, file)]
    if bare and repository.is_folder:
        what = bare[0] if len(bare) == 1 else f"{bare[0]} and {len(bare) - 1} more"
        yield Hit(place=Place(file=bare[0]), message=f"no lockfile stands beside {what}")


def stale_lock(repository: Repository) -> Iterator[Hit]:
    for lock, reasons in repository.stale.items():
        for reason in reasons:
            yield Hit(place=Place(file=lock), message=reason)


def python_unstated(repository: Repository) -> Iterator[Hit]:
    asked = _asked(repository)
    if repository.locks or not repository.is_folder or not asked:
        return
    texts = (text for file, text in repository.texts.items() if _states_python(file))
    if any(_PYTHON_SAID.search(text) for text in texts):
        return
    if any(each.name == "python" for each in repository.declared) or _has_python_file(repository):
        return
    if any(_BASE_WITH_PYTHON.search(each.reference) for each in repository.images if not each.is_told):
        return
    yield Hit(place=asked[0].place, message="no file says which Python")


@cache
def _states_python(file: str) -> bool:
    return file.rpartition("/")[2] in ("pyproject.toml", "setup.py", "setup.cfg", "envlock.toml", "Pipfile")


def _has_python_file(repository: Repository) -> bool:
    return any(name.rpartition("/")[2] in (".python-version", "runtime.txt") for name in repository.names)


RULES = (
    Rule(
        id="no-lock",
        title="no lockfile",
        level=Level.WARNING,
        weight=15,
        why="what the dependencies themselves ask for is chosen anew at every installation",
        do="`envlock init`, then `envlock lock`; `envlock resurrect --date DAY` locks what was current then",
        check=no_lock,
    ),
    Rule(
        id="stale-lock",
        title="a lock that is not that of its manifest",
        level=Level.ERROR,
        weight=15,
        why="what is asked for and what is locked are two environments; either may be that of the results",
        do="`envlock lock`",
        check=stale_lock,
    ),
    Rule(
        id="nothing-declared",
        title="imports, and no file that asks for them",
        level=Level.ERROR,
        weight=20,
        why="which versions the results are from is not written down at all",
        do="write requirements.txt from the environment that still runs: `pip freeze`",
        check=nothing_declared,
    ),
    Rule(
        id="undeclared-import",
        title="an import that nothing asks for",
        level=Level.WARNING,
        weight=6,
        why="it is there only where something else happens to bring it, in whatever version that wants",
        do="declare the distribution; if it is optional, import it in `try … except ImportError`",
        check=undeclared_import,
    ),
    Rule(
        id="unpinned",
        title="a dependency without one exact version",
        level=Level.WARNING,
        weight=12,
        why="an installation next year takes other versions, with other defaults and other numbers",
        do="lock it (`envlock lock`), or pin it with `==`",
        check=unpinned,
    ),
    Rule(
        id="unhashed",
        title="pins without hashes",
        level=Level.WARNING,
        weight=3,
        why="one version can be several files, and other bytes on another index",
        do="`envlock lock` holds the hash of each file; `envlock emit requirements` writes them out",
        check=unhashed,
    ),
    Rule(
        id="branch-reference",
        title="a dependency that is a branch",
        level=Level.ERROR,
        weight=10,
        why="the branch has moved since, and may be rewritten or gone",
        do="name the commit: `git+https://…@COMMIT`",
        check=branch_reference,
    ),
    Rule(
        id="python-unstated",
        title="no Python is named",
        level=Level.WARNING,
        weight=4,
        why="wheels exist for some Pythons only, so this decides which versions can be had at all",
        do='`requires-python = ">=3.11,<3.12"`, or a line in `.python-version`',
        check=python_unstated,
    ),
)
