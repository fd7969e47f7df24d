"""What a process has mapped as code: the truth about what the loader did (proc_pid_maps(5))."""

import os
from typing import Dict, Iterator, List, Optional, Tuple, TypedDict

from .prefix import is_python_name

SCHEMA = "envlock.loaded/1"
DELETED, REPLACED, KEPT = "deleted", "replaced", ""
_DELETED = " (deleted)"


class MappedFacts(TypedDict):
    """A file that is mapped executable. `state` says whether it is still the file of that name."""

    file: str
    state: str


class ModuleFacts(TypedDict):
    """An imported module and the file that it came from."""

    name: str
    file: str


class LoadedFacts(TypedDict):
    """What one process runs on. `modules`, `imported` and `failed` are those of a process that was asked."""

    schema: str
    pid: int
    executable: str
    mapped: List[MappedFacts]
    modules: List[ModuleFacts]
    imported: List[str]
    failed: Dict[str, str]


def read_process(pid: int) -> LoadedFacts:
    """What a process of this host has mapped. Raises OSError where it is not there or not ours to see."""
    return LoadedFacts(
        schema=SCHEMA,
        pid=pid,
        executable=os.readlink(f"/proc/{pid}/exe"),
        mapped=mapped_code(_lines(pid), pid),
        modules=[],
        imported=[],
        failed={},
    )


def mapped_code(lines: List[str], pid: int) -> List[MappedFacts]:
    """Every file that has an executable mapping, in the order of its name."""
    found: Dict[str, MappedFacts] = {}
    for span, inode, name in _code(lines):
        file = name[: -len(_DELETED)] if name.endswith(_DELETED) else name
        gone = file != name and not os.path.exists(name)
        state = _state(name, inode, span, pid) if not gone else REPLACED if os.path.exists(file) else DELETED
        if file not in found or found[file]["state"] == KEPT:
            found[file] = MappedFacts(file=file, state=state)
    return [found[name] for name in sorted(found)]


def mapped_names(pid: int) -> List[str]:
    """The names of all that is mapped executable, as the kernel gives them. Raises OSError."""
    return [name for _, _, name in _code(_lines(pid))]


def _lines(pid: int) -> List[str]:
    with open(f"/proc/{pid}/maps", "rb") as file:
        return os.fsdecode(file.read()).split("\n")  # of a name only this is escaped


def _code(lines: List[str]) -> Iterator[Tuple[str, int, str]]:
    """Span, inode and name of each mapping of a file that holds code."""
    for line in lines:
        fields = line.split(None, 5)
        if len(fields) == 6 and "x" in fields[1] and fields[5].startswith("/"):
            yield fields[0], int(fields[4]), fields[5].replace("\\012", "\n")


def _state(file: str, inode: int, span: str, pid: int) -> str:
    """Is the file of this name the mapped one? Some layered file systems number their files otherwise in
    this list: then what is mapped itself tells."""
    try:
        now = os.stat(file)
    except OSError:
        return DELETED
    if now.st_ino == inode:
        return KEPT
    try:
        mapped = os.stat(f"/proc/{pid}/map_files/{span}")
    except OSError:
        return REPLACED
    return KEPT if (mapped.st_ino, mapped.st_dev) == (now.st_ino, now.st_dev) else REPLACED


def process_environment(pid: int) -> Dict[str, str]:
    """The variables that a process was started with. Raises OSError."""
    with open(f"/proc/{pid}/environ", "rb") as file:
        pairs = (os.fsdecode(part).partition("=") for part in file.read().split(b"\0") if part)
        return {name: value for name, _, value in pairs}


def process_python(pid: int) -> Optional[str]:
    """The interpreter as the process was called by: its link in `bin` names the environment, which
    /proc/PID/exe no longer does. None where no file is behind the word. Raises OSError."""
    with open(f"/proc/{pid}/cmdline", "rb") as file:
        word = os.fsdecode(file.read().split(b"\0", 1)[0])
    here = os.readlink(f"/proc/{pid}/cwd")
    if "/" in word:
        candidates = [os.path.join(here, word)]
    else:
        folders = process_environment(pid).get("PATH", "").split(":")
        candidates = [os.path.join(here, folder, word) for folder in folders]
    executable = os.path.realpath(f"/proc/{pid}/exe")
    is_called_so = (os.path.realpath(path) == executable for path in candidates)
    found = next((path for path, same in zip(candidates, is_called_so) if same), None)
    return found if found is not None and is_python_name(os.path.basename(found)) else None


def same_files(pid: int) -> bool:
    """Does the process see the files that we see? In a container it does not. Raises OSError."""
    return os.path.samestat(os.stat(f"/proc/{pid}/root"), os.stat("/")) and (
        os.readlink(f"/proc/{pid}/ns/mnt") == os.readlink("/proc/self/ns/mnt")
    )
