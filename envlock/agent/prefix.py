"""An environment on disk: where its Python, its configuration and its places are."""

import os
import re
import stat
from typing import Dict, List, NamedTuple, Optional, Tuple

from .identity import DATA, HEADERS, LIB, SCRIPTS, normalized_name, strip_header_root
from .interpreter import Interpreter

_PYTHON_NAME = re.compile(r"python(\d+(\.\d+)?t?)?$|pypy\d?(\.\d+)?$")
_MAGICS = (b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"\xfe\xed\xfa\xcf")


class Prefix(NamedTuple):
    """A prefix and what its pyvenv.cfg says (empty outside a virtual environment)."""

    path: str
    executable: Optional[str]
    config: Dict[str, str]

    @property
    def is_venv(self) -> bool:
        return bool(self.config)

    @property
    def sees_system_site(self) -> bool:
        """As site.py decides: a virtual environment that does not say sees it."""
        return self.is_venv and self.config.get("include-system-site-packages", "true").lower() == "true"


class PythonFault(NamedTuple):
    """A file `bin/python*` that is not this environment's interpreter (IDENTITY 6)."""

    path: str
    reason: str


def open_prefix(path: str) -> Prefix:
    """Read what a prefix is without running anything in it."""
    config = read_config(os.path.join(path, "pyvenv.cfg"))
    directory = os.path.join(path, "bin")
    executable = None
    for name in ("python", "python3"):
        candidate = os.path.join(directory, name)
        if executable is None and os.path.exists(candidate):
            executable = candidate
    return Prefix(path, executable, config)


def prefix_of_executable(executable: str) -> str:
    """The prefix that `bin/python` stands in: of a virtual environment, or of the interpreter itself."""
    here = os.path.dirname(os.path.dirname(os.path.abspath(executable)))
    if os.path.exists(os.path.join(here, "pyvenv.cfg")):
        return here
    real = os.path.realpath(executable)
    return os.path.dirname(os.path.dirname(real))


def read_config(path: str) -> Dict[str, str]:
    """pyvenv.cfg as site.py reads it: the last of two equal keys counts, keys are case-insensitive."""
    try:
        with open(path, encoding="utf-8") as lines:
            pairs = [line.partition("=") for line in lines]
    except (OSError, UnicodeDecodeError):
        return {}
    return {key.strip().lower(): value.strip() for key, equals, value in pairs if equals}


def python_files(prefix: Prefix) -> List[str]:
    """Every `bin/python*` of the prefix, by the names that a shell or a shebang would use."""
    directory = os.path.join(prefix.path, "bin")
    try:
        names = sorted(os.listdir(directory))
    except OSError:
        return []
    return [os.path.join(directory, name) for name in names if _PYTHON_NAME.match(name)]


def is_python_name(name: str) -> bool:
    return bool(_PYTHON_NAME.match(name))


def check_python_files(prefix: Prefix) -> List[PythonFault]:
    """Name each `bin/python*` that is not the interpreter of `home`, or not an executable at all."""
    faults = _configuration_faults(prefix) if prefix.is_venv else []
    homes = _home_interpreters(prefix)
    first: Optional[str] = None
    for path in python_files(prefix):
        reason = _python_fault(path, homes)
        if reason is None and prefix.is_venv:
            first = first or path
            reason = None if _same_file(path, os.stat(path), first) else f"is another Python than `{first}`"
        if reason is not None:
            faults.append(PythonFault(path, reason))
    return faults


def _configuration_faults(prefix: Prefix) -> List[PythonFault]:
    """What Python reads before it finds its library: a second pyvenv.cfg or a path file beside it."""
    directory = os.path.join(prefix.path, "bin")
    try:
        names = sorted(os.listdir(directory))
    except OSError:
        names = []
    found = [
        PythonFault(os.path.join(directory, name), "tells Python to look elsewhere for its library")
        for name in names
        if name in ("pyvenv.cfg", "pybuilddir.txt") or name.endswith("._pth")
    ]
    # Python starts from the first `home`, site.py and others read the last.
    if _count_of_home(os.path.join(prefix.path, "pyvenv.cfg")) != 1:
        found.append(PythonFault(os.path.join(prefix.path, "pyvenv.cfg"), "does not name `home` once"))
    return found


def _count_of_home(path: str) -> int:
    try:
        with open(path, encoding="utf-8") as lines:
            return sum(line.partition("=")[0].strip().lower() == "home" for line in lines if "=" in line)
    except (OSError, UnicodeDecodeError):
        return 0


def trusted_executable(prefix: Prefix) -> Optional[str]:
    """The first `bin/python*` that may be asked what it is: an executable that passed the check."""
    faulty = {fault.path for fault in check_python_files(prefix)}
    preferred = [prefix.executable] if prefix.executable else []
    for path in preferred + python_files(prefix):
        if path not in faulty:
            return path
    return None


def _home_interpreters(prefix: Prefix) -> Optional[List[str]]:
    """Files of `home` that may stand behind bin/python; None where the prefix owns its interpreter."""
    home = prefix.config.get("home")
    if home is None:
        return [] if prefix.is_venv else None
    try:
        return [os.path.join(home, name) for name in sorted(os.listdir(home)) if _PYTHON_NAME.match(name)]
    except OSError:
        return []


def _python_fault(path: str, homes: Optional[List[str]]) -> Optional[str]:
    try:
        with open(path, "rb") as file:
            magic = file.read(4)
        mine = os.stat(path)
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    if magic not in _MAGICS:
        return (
            "is not an executable of this machine: a script or other bytes stand where the interpreter should"
        )
    if homes is None:
        return None
    for home in homes:
        if _same_file(path, mine, home):
            return None
    return "is not the interpreter that `home` in pyvenv.cfg names"


def _same_file(path: str, mine: os.stat_result, other: str) -> bool:
    try:
        theirs = os.stat(other)
    except OSError:
        return False
    if (mine.st_dev, mine.st_ino) == (theirs.st_dev, theirs.st_ino):
        return True
    if mine.st_size != theirs.st_size or not stat.S_ISREG(theirs.st_mode):
        return False
    with open(path, "rb") as left, open(other, "rb") as right:
        while True:
            block = left.read(1 << 20)
            if block != right.read(1 << 20):
                return False
            if not block:
                return True


class Layout(NamedTuple):
    """Directories of a target, to place a file (IDENTITY 2.2) and to find a placed one."""

    sites: Tuple[str, ...]
    scripts: str
    data: str
    include: str
    version: str

    def place(self, path: str, distribution: str) -> Optional[Tuple[str, str]]:
        """(place, path) of an absolute normalised path; None when it leaves the prefix."""
        for site in self.sites:
            if path.startswith(site + "/"):
                return LIB, path[len(site) + 1 :]
        if path.startswith(self.scripts + "/"):
            return SCRIPTS, path[len(self.scripts) + 1 :]
        if path.startswith(self.include + "/"):
            owner, _, rest = path[len(self.include) + 1 :].partition("/")
            if rest and normalized_name(owner) == distribution:
                return HEADERS, rest
        if path.startswith(self.data + "/"):
            rest = path[len(self.data) + 1 :]
            header = strip_header_root(rest, distribution, self.version)
            return (DATA, rest) if header is None else (HEADERS, header)
        return None

    def locate(self, place: str, path: str, distribution: str, site: str) -> str:
        """The absolute path of a placed file; `site` is the site directory of the distribution."""
        if place == LIB:
            return f"{site}/{path}"
        if place == SCRIPTS:
            return f"{self.scripts}/{path}"
        if place == HEADERS:
            return f"{self.include}/{self._header_folder(distribution)}/{path}"
        return f"{self.data}/{path}"

    def _header_folder(self, distribution: str) -> str:
        try:
            names = sorted(os.listdir(self.include))
        except OSError:
            return distribution
        return next((name for name in names if normalized_name(name) == distribution), distribution)


def layout_of(interpreter: Interpreter) -> Layout:
    return Layout(
        tuple(os.path.normpath(site) for site in interpreter.sites),
        os.path.normpath(interpreter.scripts),
        os.path.normpath(interpreter.data),
        os.path.normpath(interpreter.include),
        "python%d.%d" % interpreter.short,
    )
