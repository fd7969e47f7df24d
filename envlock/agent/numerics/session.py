"""Run the probes in this process, print one JSON document (`envlock.numerics/1`)."""

import shutil
import sys
import time
import warnings
from types import MappingProxyType
from typing import Any, Callable, Dict, Iterator, List, Mapping, NamedTuple, Optional, Tuple

from . import cuda_probes, kernel_probes, numpy_probes, random_probes, reduce_probes, training_probes
from .document import SCHEMA, NumericsFacts, ProbeFacts
from .fingerprint import Fingerprint, fingerprint
from .host_class import class_name, class_of
from .probe import Bench, Probe
from .ranks import GPUS

ON_GPU = "cuda:"
IMPORT = "import "  # before the name of a library: what runs before the probes
CLASS = "class"  # what runs when the probes are through


class Choice(NamedTuple):
    """Which probes run: those `named` (all where empty); `compile` adds those that need a C++ compiler;
    `skipped` are left out. `environment` is the one that the libraries see."""

    named: Tuple[str, ...] = ()
    compile: bool = False
    repeats: int = 2
    skipped: Tuple[str, ...] = ()
    environment: Mapping[str, str] = MappingProxyType({})


def all_probes() -> List[Probe]:
    on_cpu = (numpy_probes, random_probes, kernel_probes, training_probes, reduce_probes)
    return [probe for module in (*on_cpu, cuda_probes) for probe in module.PROBES.all]


def may_move(name: str) -> bool:
    """May a probe's bits differ between hosts? An unknown one may: it is of another version."""
    plain = name[len(ON_GPU) :] if name.startswith(ON_GPU) else name
    return next((probe.may_move for probe in all_probes() if probe.name == plain), True)


def exercises(name: str) -> str:
    """What a probe exercises; empty for one of another version."""
    plain = name[len(ON_GPU) :] if name.startswith(ON_GPU) else name
    return next((probe.exercises for probe in all_probes() if probe.name == plain), "")


def measure(choice: Choice, at: Optional[Callable[[str], None]] = None) -> NumericsFacts:
    """Import what the target has, run the probes, describe the host. Failures are part of the document.

    `at` is told each probe's name before it runs: one that ends the process can be named then. So is
    `IMPORT` with the name of a library.
    """
    say = at or (lambda _name: None)
    started = time.perf_counter()
    broken: Dict[str, str] = {}
    numpy, torch = (_imported(name, choice, say, broken) for name in ("numpy", "torch"))
    if torch is not None and not choice.named:
        _import_late_parts()
    imported = time.perf_counter()
    probes: Dict[str, ProbeFacts] = {}
    failed: Dict[str, str] = {}
    for name, probe, bench in _planned(choice, torch, numpy):
        say(name)
        try:
            probes[name] = _measured(probe, bench, choice.repeats)
        except Exception as error:  # a probe that this build cannot run says so, and the others run
            failed[name] = last_words(error)
    say(CLASS)
    values = class_of(torch, numpy, choice.environment)
    return {
        "schema": SCHEMA,
        "class": class_name(values),
        "host": values,
        "versions": {each.__name__: str(each.__version__) for each in (numpy, torch) if each is not None},
        "probes": probes,
        "failed": failed,
        "broken": broken,
        "seconds": {
            "import": round(imported - started, 3),
            "probes": round(time.perf_counter() - imported, 3),
        },
    }


def _imported(name: str, choice: Choice, say: Callable[[str], None], broken: Dict[str, str]) -> Any:
    """A library of the target, or None. Of one that is there and does not load `broken` has the reason."""
    import importlib
    import importlib.util

    if IMPORT + name in choice.skipped or importlib.util.find_spec(name) is None:
        return None
    say(IMPORT + name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return importlib.import_module(name)
        except Exception as error:  # OSError of a missing library, RuntimeError of a CPU feature, and others
            broken[name] = last_words(error)
            return None


def _import_late_parts() -> None:
    """What torch imports for the first optimiser, seconds of it: the time of the probes is theirs alone."""
    import importlib

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            importlib.import_module("torch._dynamo")
        except Exception:  # torch 1 has none, and the probes do without it where it fails
            return


def last_words(error: BaseException) -> str:
    """What an exception says, in a line: its first words, and its last where it has many lines."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = lines[:1] + lines[-1:] * (len(lines) > 1)
    return ": ".join(
        [type(error).__name__, " … ".join(line[:300] for line in said)] if said else [type(error).__name__]
    )


def _planned(choice: Choice, torch: Any, numpy: Any) -> Iterator[Tuple[str, Probe, Bench]]:
    on_gpu = torch is not None and torch.cuda.is_available()
    for device in ("cpu", "cuda") if on_gpu else ("cpu",):
        bench = Bench(torch, numpy, device)
        for probe in all_probes():
            name = probe.name if device == "cpu" else ON_GPU + probe.name
            wanted = name in choice.named if choice.named else name not in choice.skipped
            if wanted and _applies(probe, bench, choice):
                yield name, probe, bench


def _applies(probe: Probe, bench: Bench, choice: Choice) -> bool:
    if probe.needs == "numpy":
        return bench.numpy is not None and bench.device == "cpu"
    if bench.torch is None:
        return False
    if probe.needs == "compiler":
        return choice.compile and bool(shutil.which("c++") or shutil.which("g++"))
    if probe.needs == "gloo":
        return bench.device == "cpu" and _has_gloo(bench.torch)
    if probe.needs == GPUS:
        return bench.device == "cuda" and bench.torch.cuda.device_count() > 1 and _has_nccl(bench.torch)
    return probe.needs == "torch" or bench.device == "cuda"


def _has_gloo(torch: Any) -> bool:
    """Some builds have no `torch.distributed`, or one without gloo."""
    distributed = torch.distributed
    return bool(distributed.is_available()) and hasattr(distributed, "ProcessGroupGloo")


def _has_nccl(torch: Any) -> bool:
    return bool(torch.distributed.is_available() and torch.distributed.is_nccl_available())


def _measured(probe: Probe, bench: Bench, repeats: int) -> ProbeFacts:
    """The fingerprint, and whether it repeats: what does not has no reference. Told by doing it again in
    this process, which says nothing where a stopwatch chose the kernel once for the whole process."""
    started = time.perf_counter()
    first = _run(probe, bench)
    again = () if probe.by_stopwatch else range(repeats - 1)
    same = all(_run(probe, bench).sha256 == first.sha256 for _ in again)
    return ProbeFacts(
        sha256=first.sha256,
        dtype=first.dtype,
        size=first.size,
        sample=first.sample,
        repeats=same and not probe.by_stopwatch,
        seconds=round(time.perf_counter() - started, 3),
    )


def _run(probe: Probe, bench: Bench) -> Fingerprint:
    if bench.torch is not None:  # nothing of a probe depends on the one before it
        bench.torch.manual_seed(2026)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return fingerprint(probe.run(bench))


def main(arguments: Optional[List[str]] = None) -> None:
    """`session OUTPUT CHOICE`, the choice in JSON. The document goes to a file, since libraries write what
    they like to standard output; the name of the running probe goes to `OUTPUT.at`."""
    import json

    output, text = sys.argv[1:] if arguments is None else arguments
    wanted = json.loads(text)
    choice = Choice(
        tuple(wanted["named"]),
        wanted["compile"],
        skipped=tuple(wanted["skipped"]),
        environment=wanted["environment"],
    )

    def at(name: str) -> None:
        with open(output + ".at", "w") as file:
            file.write(name)

    document = measure(choice, at)
    with open(output, "w") as file:
        json.dump(document, file, sort_keys=True)
