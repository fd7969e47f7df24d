"""/etc/ld.so.cache: which file stands behind a name where no search path has one (ldconfig(8)).

Source of the layout: glibc, sysdeps/generic/dl-cache.h (`struct cache_file_new`).
"""

import os
import struct
from typing import Dict

_MAGIC = b"glibc-ld.so.cache1.1"
_HEADER = struct.Struct("<20sII")
_HEADER_BYTES = 48
_ENTRY = struct.Struct("<iIIIQ")
_MOST_BYTES = 64 << 20
# FLAG_ELF_LIBC6 with the architecture, as ldconfig.h has them.
_FLAGS = {"x86_64": 0x0303, "aarch64": 0x0A03, "ppc64le": 0x0503, "s390x": 0x0403}


def read_cache(path: str = "/etc/ld.so.cache", machine: str = "") -> Dict[str, str]:
    """File by name, for this machine's kind of library. Empty where there is no cache, or no such one."""
    try:
        with open(path, "rb") as file:
            data = file.read(_MOST_BYTES)
        return _parse(data, _FLAGS.get(machine or os.uname().machine))
    except (OSError, struct.error, ValueError):
        return {}


def _parse(data: bytes, wanted: object) -> Dict[str, str]:
    # Before glibc 2.32 an older list may come first; positions count from the newer header.
    start = data.find(_MAGIC)
    if start < 0:
        return {}
    body = data[start:]
    _, count, _ = _HEADER.unpack_from(body)
    end = _HEADER_BYTES + count * _ENTRY.size
    found: Dict[str, str] = {}
    for flags, key, value, _, hwcap in _ENTRY.iter_unpack(body[_HEADER_BYTES:end]):
        if hwcap == 0 and wanted in (None, flags):
            found.setdefault(_text(body, key), _text(body, value))
    return found


def _text(body: bytes, at: int) -> str:
    return os.fsdecode(body[at : body.index(b"\0", at)])
