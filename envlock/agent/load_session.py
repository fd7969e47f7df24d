"""Import what is locked in the target's own Python, and say what that loaded.

Runs in a process of its own: `load_session OUTPUT NAMES`, the names in JSON.
"""

import contextlib
import json
import os
import sys
from typing import Any, Dict, List

from .mapped import LoadedFacts, ModuleFacts, read_process

_PACKAGE = __name__.partition(".")[0]


def main() -> None:
    """Import, touch what is loaded late, and write the document to the file: libraries write what they like
    to standard output."""
    output, names = sys.argv[1], json.loads(sys.argv[2])
    document = load(names)
    with open(output, "w") as file:
        json.dump(document, file, sort_keys=True)


def load(names: List[str]) -> LoadedFacts:
    """Import each module by name; one that fails is told with its reason."""
    imported: List[str] = []
    failed: Dict[str, str] = {}
    for name in names:
        try:
            __import__(name)
        except BaseException as error:
            failed[name] = f"{type(error).__name__}: {error}"
        else:
            imported.append(name)
    torch = sys.modules.get("torch")
    if torch is not None and "torch" in imported:
        _touch_late_libraries(torch)
    document = read_process(os.getpid())
    document["modules"], document["imported"], document["failed"] = imported_modules(), imported, failed
    return document


def _touch_late_libraries(torch: Any) -> None:
    """cuDNN opens its parts at the first call, and cuBLAS is opened by the first product on a GPU."""
    with contextlib.suppress(Exception):
        torch.backends.cudnn.version()
    with contextlib.suppress(Exception):
        if torch.cuda.is_available():
            image = torch.ones(1, 1, 8, 8, device="cuda")
            torch.nn.functional.conv2d(image, torch.ones(1, 1, 3, 3, device="cuda")).sum().item()
            torch.ones(8, 8, device="cuda").mm(torch.ones(8, 8, device="cuda")).sum().item()


def imported_modules() -> List[ModuleFacts]:
    """The modules that came from a file, by name. A module's spec tells: some set `__file__` to what they
    like."""
    found = []
    for name, module in sorted(sys.modules.items()):
        spec = getattr(module, "__spec__", None)
        origin = getattr(spec, "origin", None)
        if name.partition(".")[0] == _PACKAGE or not getattr(spec, "has_location", False):
            continue
        if isinstance(origin, str) and os.path.isabs(origin):
            found.append(ModuleFacts(name=name, file=origin))
    return found
