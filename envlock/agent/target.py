"""The environment that is observed: its prefix, its interpreter and the places that it has."""

import os
from typing import Any, Dict, List, Optional, Tuple

from . import prefix as prefixes
from .conda.meta import is_conda
from .description import describe
from .hashing import stat_row
from .installed import relative_to_prefix
from .interpreter import Interpreter, NoAnswer, ask, from_json
from .prefix import Layout, Prefix, PythonFault, layout_of


class Target:
    """A prefix with an interpreter that said what it is."""

    def __init__(self, prefix: Prefix, interpreter: Interpreter, faults: List[PythonFault]) -> None:
        self.prefix = prefix
        self.interpreter = interpreter
        self.layout: Layout = layout_of(interpreter)
        self.faults = faults
        self.executable = prefixes.trusted_executable(prefix)

    def name(self, path: str) -> str:
        """How a document names a file: relative to the prefix where it is inside, else as it is."""
        return relative_to_prefix(path, self.prefix.path)

    def is_prefix_python(self, path: str) -> bool:
        """Does a shebang that names `path` (absolute, or relative to `bin`) start this prefix's Python?"""
        path = os.path.join(self.layout.scripts, path)
        if not self.prefix.is_venv:
            mine = self.executable
            return mine is not None and os.path.realpath(path) == os.path.realpath(mine)
        # As the kernel would: `..` after a link leads to the parent of where the link leads.
        folder, name = os.path.split(path)
        mine = os.path.join(self.prefix.path, "bin")
        if folder != mine and os.path.realpath(folder) != os.path.realpath(mine):
            return False
        is_fault = any(fault.path == os.path.join(mine, name) for fault in self.faults)
        return not is_fault and os.path.exists(path) and prefixes.is_python_name(name)

    def compiler(self) -> Optional[str]:
        """The interpreter that compiles as the target would; None for the running one."""
        home = self.prefix.config.get("home")
        return self.executable or (os.path.join(home, "python3") if home else None)


class Answers:
    """What the interpreters of virtual environments said, for as long as all of it stands as it did then:
    the files `bin/python*` and what they lead to, pyvenv.cfg, and what is wrong with them."""

    def __init__(self) -> None:
        self._known: Dict[Tuple[str, str], Tuple[object, Interpreter]] = {}

    def ask(self, executable: str, prefix: Prefix, faults: List[PythonFault]) -> Interpreter:
        """Raises NoAnswer."""
        of_conda = is_conda(prefix.path)
        if of_conda or not prefix.is_venv:  # an installation may exchange the standard library, too
            return ask(executable, prefix.path, prefix.is_venv, from_source=of_conda)
        files = [executable, os.path.join(prefix.path, "pyvenv.cfg"), *prefixes.python_files(prefix)]
        now = prefix, faults, [(file, os.path.realpath(file), stat_row(file)) for file in files]
        then, answer = self._known.get((executable, prefix.path), (None, None))
        if answer is None or then != now:
            answer = ask(executable, prefix.path, True)
            self._known[executable, prefix.path] = now, answer
        return answer


def open_target(
    path: str,
    in_process: bool,
    described: Optional[Dict[str, Any]] = None,
    answers: Optional[Answers] = None,
) -> Tuple[Optional[Target], Prefix, List[PythonFault], str]:
    """The target, or None with the reason why no interpreter answered; one `described` is not asked."""
    answers = answers or Answers()
    prefix = prefixes.open_prefix(path)
    faults = prefixes.check_python_files(prefix)
    if described is not None:
        return Target(prefix, from_json(described), faults), prefix, faults, ""
    if in_process:
        return Target(prefix, from_json(describe(path, prefix.is_venv)), faults), prefix, faults, ""
    reason = "there is no bin/python"
    for executable in _candidates(prefix):
        try:
            return Target(prefix, answers.ask(executable, prefix, faults), faults), prefix, faults, ""
        except NoAnswer as error:
            reason = str(error)
    return None, prefix, faults, reason


def stand_in(prefix: Prefix, faults: List[PythonFault]) -> Target:
    """A target that nobody described: its places are those of any prefix."""
    nothing: Dict[str, Any] = dict.fromkeys(Interpreter._fields, "")
    nothing.update(version=(0, 0, 0), sites=[], stdlib=[], stdlib_names=[])
    nothing.update(prefix=prefix.path, scripts=os.path.join(prefix.path, "bin"), data=prefix.path)
    return Target(prefix, Interpreter(**nothing), faults)


def _candidates(prefix: Prefix) -> List[str]:
    """Interpreters that may be asked. Where bin/python is not to be trusted, its home still says where
    things are."""
    home = prefix.config.get("home")
    names = [prefixes.trusted_executable(prefix)]
    names += [os.path.join(home, name) for name in ("python3", "python")] if home else []
    return [name for name in names if name is not None and os.path.exists(name)]
