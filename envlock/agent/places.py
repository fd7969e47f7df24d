"""What a user's environment says of places: where envlock may keep things, and which environment is meant."""

import os
from typing import Mapping, Optional, Tuple

ACTIVE = ("VIRTUAL_ENV", "CONDA_PREFIX")


def cache_directory(environment: Mapping[str, str]) -> str:
    """`ENVLOCK_CACHE_DIR`, else `envlock` below XDG_CACHE_HOME or ~/.cache; without a home a folder that
    goes when the process ends."""
    if environment.get("ENVLOCK_CACHE_DIR"):
        return os.path.abspath(environment["ENVLOCK_CACHE_DIR"])
    base, home = environment.get("XDG_CACHE_HOME", ""), environment.get("HOME", "")
    if os.path.isabs(base):
        return os.path.join(base, "envlock")
    return os.path.join(home, ".cache", "envlock") if os.path.isabs(home) else _for_this_process()


def _for_this_process() -> str:
    import atexit
    import shutil
    import tempfile

    folder = tempfile.mkdtemp(prefix="envlock-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def environment_at_hand(environment: Mapping[str, str]) -> Optional[Tuple[str, str]]:
    """The environment that is meant where none is named, and by what: VIRTUAL_ENV, CONDA_PREFIX, ./.venv,
    in that order. None where there is none."""
    for variable in ACTIVE:
        if environment.get(variable):
            return environment[variable], variable
    return (".venv", "./.venv") if os.path.isdir(".venv") else None
