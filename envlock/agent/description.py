"""What the running interpreter is, told as JSON.

The text of this file runs in an interpreter that is asked (`-I -S -B`), compiled each time: it imports
nothing but what has to be asked, and `json` takes longer than all of that.
"""

from __future__ import annotations

import os
import sys
import sysconfig

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def describe(prefix: str, is_venv: bool) -> dict[str, Any]:
    """Describe the running interpreter as the one of `prefix`. Runs inside the target: `-S` leaves
    sys.prefix at the base before Python 3.14, so the prefix is given.
    """
    import importlib.util
    import site

    scheme, variables = _scheme(prefix, is_venv)
    paths = sysconfig.get_paths(scheme, vars=variables) if scheme else sysconfig.get_paths()
    version = "python%d.%d%s" % (sys.version_info[0], sys.version_info[1], getattr(sys, "abiflags", ""))
    include = os.path.join(prefix, "include", "site", version) if is_venv else paths["include"]
    sites = site.getsitepackages([prefix]) if is_venv else site.getsitepackages()
    return {
        "implementation": sys.implementation.name,
        "version": list(sys.version_info[:3]),
        "full_version": sys.version.split()[0],
        "soabi": sysconfig.get_config_var("SOABI") or "",
        "abiflags": getattr(sys, "abiflags", ""),
        "debug": str(int(hasattr(sys, "gettotalrefcount"))),
        "gil_disabled": str(int(bool(sysconfig.get_config_var("Py_GIL_DISABLED")))),
        "cache_tag": sys.implementation.cache_tag or "",
        "magic": importlib.util.MAGIC_NUMBER.hex(),
        "prefix": prefix,
        "base_prefix": sys.base_prefix,
        "sites": _unique([paths["purelib"], paths["platlib"], *sites] if is_venv else sites),
        "user_site": _user_site(site),
        "scripts": paths["scripts"],
        "data": paths["data"],
        "include": include,
        "stdlib": _unique([sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")]),
        "stdlib_names": _stdlib_names(),
    }


def told(value: Any) -> str:
    """A description as JSON, in ASCII: a path may hold any byte.

    >>> told({"version": [3, 11], "prefix": "/x"})
    '{"version": [3, 11], "prefix": "/x"}'
    """
    if isinstance(value, dict):
        return "{%s}" % ", ".join("%s: %s" % (told(key), told(each)) for key, each in value.items())
    if isinstance(value, list):
        return "[%s]" % ", ".join(map(told, value))
    if not isinstance(value, str):
        return "%d" % value
    try:
        from _json import encode_basestring_ascii as quoted
    except ImportError:  # another implementation of Python
        from json import dumps as quoted
    return quoted(value)


def _scheme(prefix: str, is_venv: bool) -> tuple[str | None, dict[str, str]]:
    variables = {"base": prefix, "platbase": prefix, "installed_base": prefix, "installed_platbase": prefix}
    if not is_venv:
        return None, {}
    return ("venv" if "venv" in sysconfig.get_scheme_names() else "posix_prefix"), variables


def _user_site(site: Any) -> str:
    # -I switches the user site off for the probe; whether it counts for a job is judged elsewhere.
    try:
        return str(site.getusersitepackages())
    except Exception:  # a host without a home
        return ""


def _stdlib_names() -> list[str]:
    names = getattr(sys, "stdlib_module_names", None)
    if names is not None:
        return sorted(names)
    found = set(sys.builtin_module_names)
    for directory in (
        sysconfig.get_path("stdlib"),
        os.path.join(sysconfig.get_path("platstdlib"), "lib-dynload"),
    ):
        if os.path.isdir(directory):
            found.update(entry.split(".", 1)[0] for entry in os.listdir(directory))
    return sorted(name for name in found if name.isidentifier())


def _unique(paths: list[str]) -> list[str]:
    seen = set()
    kept = []
    for path in paths:
        real = os.path.realpath(path)
        if real not in seen:
            seen.add(real)
            kept.append(path)
    return kept
