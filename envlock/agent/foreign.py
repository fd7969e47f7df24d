"""Foreign code: what Python, the loader or a shell would pick up and no distribution owns (IDENTITY 6)."""

import os
import re
from typing import Callable, Dict, Iterable, List, NamedTuple, Optional, Set, Tuple

from . import elf
from .editable import finder_directories
from .hashing import ELF_MAGIC, Row, stat_row, without_waiting
from .identity import is_cached_bytecode
from .interpreter import Interpreter
from .prefix import Prefix
from .tree import Tree

_LIBRARY = re.compile(r"\.so(\.\d+)*$|\.dylib$")
_CUSTOMIZE = re.compile(r"(site|user)customize(\.py|\.pyc|\.[^/]*\.so|\.so)?$")
_ACTIVATE = re.compile(r"(?:de)?activate", re.IGNORECASE)
_SHELL_START = re.compile(r"(de)?activate|\.(sh|bash|csh|fish|nu|ps1|xsh|bat)$")
# glibc looks below a search path for these first (ld.so(8), glibc 2.33 and before 2.37).
_HWCAPS = tuple(f"glibc-hwcaps/{name}" for name in ("x86-64-v2", "x86-64-v3", "x86-64-v4"))
# Until glibc 2.36, in any nesting: sysdeps/x86/dl-hwcap.h and the platform's name.
_OLD_HWCAPS = ("tls", "haswell", "xeon_phi", "avx512_1", "x86_64", "aarch64", "atomics")
_OLD_DEPTH = 4

SITE, USER_SITE, SYSTEM_SITE = "site", "user-site", "system-site"
BIN, PTH, RPATH, PYTHONPATH, STDLIB = "bin", "pth", "rpath", "pythonpath", "stdlib"


WALKED = (SITE, USER_SITE, SYSTEM_SITE)


class Root(NamedTuple):
    """A directory that is searched for code, in the order of sys.path, and why it is."""

    directory: str
    role: str
    origin: str = ""


class Found(NamedTuple):
    """One piece of code without an owner. `kind` says who would pick it up."""

    path: str
    kind: str
    role: str
    detail: str


class PathLine(NamedTuple):
    """A line of a `.pth` file: a directory that it adds, or code that it runs.

    `is_finder`: a known editable finder maps names to the directory, which is not on sys.path.
    """

    pth: str
    directory: Optional[str]
    code: Optional[str]
    is_finder: bool = False


def site_roots(prefix: Prefix, interpreter: Interpreter, environment: Dict[str, str]) -> List[Root]:
    """Site directories in the order of sys.path: PYTHONPATH, the user's, the prefix's, the system's."""
    roots = [
        Root(os.path.abspath(part), PYTHONPATH, "PYTHONPATH")
        for part in (environment.get("PYTHONPATH") or os.devnull).split(os.pathsep)
        if part != os.devnull  # an empty part is the current directory
    ]
    user_site = job_user_site(interpreter, environment)
    user = [Root(user_site, USER_SITE, "user site")] if os.path.isdir(user_site) else []
    own = [Root(site, SITE, "site directory") for site in interpreter.sites]
    if not prefix.is_venv:
        return roots + user + own
    if not prefix.sees_system_site:
        return roots + own
    return roots + own + user + _system_sites(interpreter)


def job_user_site(interpreter: Interpreter, environment: Dict[str, str]) -> str:
    """The user site directory of a job with this environment (site.py); "" where it is switched off."""
    if environment.get("PYTHONNOUSERSITE"):
        return ""
    base = environment.get("PYTHONUSERBASE")
    if not base and environment.get("HOME"):
        base = os.path.join(environment["HOME"], ".local")
    if not base:
        return interpreter.user_site
    return os.path.join(os.path.expanduser(base), "lib", "python%d.%d" % interpreter.short, "site-packages")


def _system_sites(interpreter: Interpreter) -> List[Root]:
    base = interpreter.base_prefix
    version = "python%d.%d" % interpreter.short
    candidates = [
        os.path.join(base, "local/lib", version, "dist-packages"),
        os.path.join(base, "lib", version, "site-packages"),
        os.path.join(base, "lib64", version, "site-packages"),
        os.path.join(base, "lib/python3/dist-packages"),
    ]
    return [Root(path, SYSTEM_SITE, "pyvenv.cfg") for path in candidates if os.path.isdir(path)]


def path_lines(directory: str) -> List[PathLine]:
    """Every effective line of the `.pth` files of a site directory, as site.py reads them."""
    try:
        names = sorted(os.listdir(directory))
    except OSError:
        return []
    lines: List[PathLine] = []
    for name in names:
        # Hidden ones too: Python before 3.13 and its late patches read them (python/cpython#113659).
        if name.endswith(".pth"):
            lines.extend(_lines_of(f"{directory}/{name}", directory))
    return lines


def _lines_of(path: str, directory: str) -> Iterable[PathLine]:
    try:
        with open(path, encoding="utf-8-sig", errors="replace", opener=without_waiting) as file:
            content = file.read()
    except OSError:
        return
    for line in content.splitlines():
        text = line.rstrip()
        if not text.strip() or text.startswith("#"):
            continue
        if text.startswith(("import ", "import\t")):
            yield from _code_line(path, text, directory)
        else:
            yield PathLine(path, os.path.normpath(os.path.join(directory, text)), None)


def _code_line(path: str, text: str, directory: str) -> Iterable[PathLine]:
    folders = finder_directories(text, directory)
    if folders is None:
        yield PathLine(path, None, text)
    for folder in folders or ():
        yield PathLine(path, folder, None, is_finder=True)


def unowned_in_site(root: Root, tree: Tree, owned: Set[str]) -> List[Found]:
    """Code below a site directory that no distribution owns. Bytecode in __pycache__ is judged apart."""
    found = []
    start = root.directory + "/"
    for path in tree.files:
        if path.startswith(start) and path not in owned:
            kind = _kind_in_site(path, path[len(start) :])
            if kind is not None:
                found.append(Found(path, kind, root.role, leads_to(path)))
    return found


def _kind_in_site(path: str, relative: str) -> Optional[str]:
    head, _, name = relative.rpartition("/")
    if is_cached_bytecode(relative):
        return None
    if not head and is_startup(name):
        return "startup"
    if name.endswith((".py", ".pyc")):
        return "module"
    return "library" if _LIBRARY.search(name) or _is_elf(path) else None


def is_startup(name: str) -> bool:
    """A file of this name at the top of a site directory runs when the interpreter starts."""
    return name.endswith((".pth", ".start")) or bool(_CUSTOMIZE.match(name))


def is_customize(name: str) -> bool:
    return bool(_CUSTOMIZE.match(name))


def is_library_name(path: str) -> bool:
    return bool(_LIBRARY.search(path))


def top_level_names(paths: Iterable[str]) -> List[str]:
    """The names that `import` would find among paths relative to a site directory."""
    names = set()
    for head, separator in {path.partition("/")[:2] for path in paths}:
        if separator:
            name = head
        elif head.endswith((".py", ".pyc")) or _LIBRARY.search(head):
            name = head.partition(".")[0]
        else:
            continue
        if name.isidentifier() and name != "__pycache__":
            names.add(name)
    return sorted(names)


def modules_in(directory: str) -> List[str]:
    """Top-level names that a directory on sys.path would provide."""
    return top_level_names(_listed(directory))


def _listed(path: str) -> List[str]:
    """The entries of a directory or, as zipimport reads them, of a zip file or a folder inside one."""
    try:
        names = sorted(os.listdir(path))
    except OSError:
        return _zip_entries(path)
    return [name + "/" if os.path.isdir(os.path.join(path, name)) else name for name in names]


def _zip_entries(path: str) -> List[str]:
    import zipfile

    archive = path
    while not os.path.exists(archive):
        archive = os.path.dirname(archive)
    start = f"{path[len(archive) + 1 :]}/".lstrip("/")
    try:
        with open(archive, "rb", opener=without_waiting) as file, zipfile.ZipFile(file) as opened:
            inside = [name[len(start) :] for name in opened.namelist() if name.startswith(start)]
    except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError):
        return []
    return sorted({head + separator for head, separator, _ in (name.partition("/") for name in inside)})


def startup_in(directory: str) -> List[str]:
    """Files that start with every interpreter that has `directory` on its path."""
    names = (name.rstrip("/") for name in _listed(directory))
    return sorted(os.path.join(directory, name) for name in names if _CUSTOMIZE.match(name))


def unowned_in_bin(
    directory: str, tree: Tree, owned: Set[str], is_python: Callable[[str], bool]
) -> List[Found]:
    """Code in a script directory: executables, shell start-up files and, as `sys.path[0]`, modules."""
    found = []
    start = directory + "/"
    for path in tree.files:
        if not path.startswith(start) or path in owned or is_python(path):
            continue
        kind = _kind_in_bin(path, path[len(start) :], tree.files[path])
        if kind is not None:
            found.append(Found(path, kind, BIN, leads_to(path)))
    return found


def _kind_in_bin(path: str, relative: str, row: Optional[Row]) -> Optional[str]:
    head, _, name = relative.rpartition("/")
    if is_cached_bytecode(relative):
        return None
    if name.endswith((".py", ".pyc")) or _is_metadata(head, name):
        return "module"
    if _LIBRARY.search(name):
        return "library"
    if not head and _SHELL_START.search(name):
        return "shell"
    if row is None:
        return None
    if _is_elf(path):
        return "executable"
    return "executable" if row.mode & 0o111 and not head else None


def _is_metadata(head: str, name: str) -> bool:
    """As sys.path[0] a script directory is searched for entry points, too."""
    return name == "entry_points.txt" and head.endswith((".dist-info", ".egg-info"))


def is_start_of_shell(name: str) -> bool:
    """A script that people source to enter the environment."""
    return bool(_ACTIVATE.match(name))


def standard_paths(interpreter: Interpreter) -> List[Root]:
    """Where sys.path looks before the site directories: a zip file that no Unix has, then the library."""
    zipped = "python%d%d.zip" % interpreter.short
    paths = [f"{os.path.dirname(directory)}/{zipped}" for directory in interpreter.stdlib]
    paths += [*interpreter.stdlib, *(f"{directory}/lib-dynload" for directory in interpreter.stdlib)]
    return [Root(path, STDLIB, "the standard library") for path in paths]


def loader_directories(
    elf_files: Iterable[str], read: Callable[[str], Optional[elf.Dynamic]]
) -> Tuple[Dict[str, str], Set[str]]:
    """Directories that RPATH and RUNPATH of `elf_files` name by `$ORIGIN` (with the file that names
    them), and the sonames that these files need.
    """
    directories: Dict[str, str] = {}
    needed: Set[str] = set()
    resolved: Dict[str, str] = {}
    for path in elf_files:
        dynamic = read(path)
        if dynamic is None:
            continue
        needed.update(dynamic.needed)
        for directory in elf.origin_directories(dynamic, path, resolved):
            directories.setdefault(directory, path)
    return directories, needed


def search_directories(directory: str) -> List[str]:
    """A loader directory and the subdirectories that glibc searches first."""
    if not os.path.isdir(directory):
        return [directory]
    # Those that do not exist, too: the stat cache must notice when they appear.
    return [directory, *(f"{directory}/{part}" for part in _HWCAPS), *_old_hwcaps(directory, _OLD_DEPTH)]


def _old_hwcaps(directory: str, depth: int) -> Iterable[str]:
    for part in _OLD_HWCAPS if depth and os.path.isdir(directory) else ():
        yield f"{directory}/{part}"
        yield from _old_hwcaps(f"{directory}/{part}", depth - 1)


def unowned_libraries(directory: str, owned: Set[str], counts: Callable[[str], bool]) -> List[Found]:
    """ELF files directly in a loader directory that no distribution owns, by name or by magic."""
    found = []
    try:
        names = sorted(os.listdir(directory))
    except OSError:
        return []
    for name in names:
        path = f"{directory}/{name}"
        if path in owned or not counts(name) or not os.path.isfile(path):
            continue
        if _LIBRARY.search(name) or _is_elf(path):
            found.append(Found(path, "library", RPATH, leads_to(path)))
    return found


def _is_elf(path: str) -> bool:
    try:
        with open(path, "rb", buffering=0, opener=without_waiting) as file:
            return file.read(4) == ELF_MAGIC
    except OSError:
        return False


def leads_to(path: str) -> str:
    return f"leads to {os.path.realpath(path)}" if os.path.islink(path) else ""


def rows_of(paths: Iterable[str]) -> Dict[str, Optional[Row]]:
    return {path: stat_row(path) for path in paths}
