"""What CPU this process really runs on: asked of the CPUID instruction, as the libraries themselves do.

/proc/cpuinfo tells the host's CPU even where an emulator gives the process another one.
"""

import ctypes
import mmap
import platform
import re
from typing import Dict, List, NamedTuple, Optional, Tuple

# push rbx; mov r8, rdx; mov eax, edi; mov ecx, esi; cpuid; four stores to [r8]; pop rbx; ret
_CPUID = bytes.fromhex("53 4989d0 89f8 89f1 0fa2 418900 41895804 41894808 4189500c 5b c3".replace(" ", ""))

# (leaf, register, bit) of the features that kernels are chosen by (Intel SDM volume 2, CPUID; AMD APM 3)
_FEATURES = {
    "sse4.2": (1, 2, 20),
    "avx": (1, 2, 28),
    "fma": (1, 2, 12),
    "avx2": (7, 1, 5),
    "avx512f": (7, 1, 16),
    "avx512vnni": (7, 2, 11),
    "avx512bf16": (0x10007, 0, 5),
    "avx512fp16": (7, 3, 23),
    "amx-bf16": (7, 3, 22),
}
_ARM_FEATURES = ("asimd", "asimdhp", "asimddp", "bf16", "i8mm", "sve", "sve2")


class Cpu(NamedTuple):
    """`vendor` as CPUID says it (`GenuineIntel`), or the implementer on Arm; `features` that matter."""

    vendor: str
    features: List[str]


def this_cpu() -> Cpu:
    """The CPU of this process."""
    if platform.machine() in ("x86_64", "AMD64"):
        registers = _ask_instruction()
        if registers is not None:
            return registers
    return _ask_kernel()


def _ask_instruction() -> Optional[Cpu]:
    """None where no memory may be executed (a hardened kernel), or the call convention is another."""
    if platform.system() != "Linux":
        return None
    try:
        memory = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    except (OSError, ValueError):
        return None
    memory.write(_CPUID)
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    kind = ctypes.CFUNCTYPE(None, ctypes.c_uint32, ctypes.c_uint32, ctypes.POINTER(ctypes.c_uint32 * 4))
    function = kind(address)

    def leaf(number: int, sub: int) -> Tuple[int, ...]:
        registers = (ctypes.c_uint32 * 4)()
        function(number, sub, ctypes.byref(registers))
        return tuple(registers)

    highest, *words = leaf(0, 0)
    vendor = b"".join(word.to_bytes(4, "little") for word in (words[0], words[2], words[1]))
    leaves: Dict[int, Tuple[int, ...]] = {1: leaf(1, 0)}
    if highest >= 7:
        leaves.update({7: leaf(7, 0), 0x10007: leaf(7, 1)})
    names = [
        name
        for name, (number, register, bit) in _FEATURES.items()
        if number in leaves and leaves[number][register] >> bit & 1
    ]
    return Cpu(vendor.decode("ascii", "replace"), names)


def _ask_kernel() -> Cpu:
    try:
        with open("/proc/cpuinfo") as file:
            text = file.read()
    except OSError:
        return Cpu(platform.processor() or platform.machine(), [])
    fields: Dict[str, str] = {}
    for name, value in re.findall(r"^([^\t:]+?)\s*:\s*(.*)$", text, re.MULTILINE):
        fields.setdefault(name, value)
    flags = set(fields.get("flags", fields.get("Features", "")).split())
    known = {name: name.replace(".", "_").replace("avx512vnni", "avx512_vnni") for name in _FEATURES}
    names = [name for name, flag in known.items() if flag in flags]
    names += [name for name in _ARM_FEATURES if name in flags]
    return Cpu(fields.get("vendor_id", fields.get("CPU implementer", platform.machine())), names)
