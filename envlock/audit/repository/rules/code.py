"""Python code: seeds, determinism, and calls of PyTorch that are on their way out."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from packaging.version import Version

from envlock.audit.repository.content import Call, Code, Repository
from envlock.audit.repository.model import Edit, Hit, Level, Rule

_SEEDS = (
    *("manual_seed", "manual_seed_all", "seed_everything", "set_seed", "seed_all", "set_random_seed"),
    "deterministic",
)
_SEEDED = ("random.seed", "numpy.random.seed", "numpy.random.default_rng", "transformers.set_seed")
_AMP = {"torch.cuda.amp.autocast": "autocast", "torch.cuda.amp.GradScaler": "GradScaler"}
_AMP_SINCE = Version("2.4")


def _calls(code: Iterable[Code]) -> Iterator[Call]:
    for each in code:
        yield from each.calls


def _uses_torch(repository: Repository) -> bool:
    return any(_top(one.module) == "torch" for each in repository.own_code for one in each.imports)


def _top(module: str) -> str:
    return module.partition(".")[0]


def _last(name: str) -> str:
    return name.rpartition(".")[2]


def _is_true(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is True


def training(repository: Repository) -> Call | None:
    """The first step of gradient descent that is written out; frameworks seed themselves."""
    if not _uses_torch(repository):
        return None
    return next((each for each in _calls(repository.own_code) if _last(each.name) == "backward"), None)


def seeds(repository: Repository) -> bool:
    return any(_last(each.name) in _SEEDS or each.name in _SEEDED for each in _calls(repository.own_code))


def no_seed(repository: Repository) -> Iterator[Hit]:
    first = training(repository)
    if first is not None and not seeds(repository):
        yield Hit(place=first.place, message="the code trains, and nowhere sets a seed")


def no_determinism(repository: Repository) -> Iterator[Hit]:
    first = training(repository)
    if first is None or any(_asks_determinism(each) for each in repository.own_code):
        return
    yield Hit(place=first.place, message="the code trains, and nowhere asks for deterministic kernels")


def _asks_determinism(code: Code) -> bool:
    flags = any(
        each.name.endswith("cudnn.deterministic") and _is_true(each.value) for each in code.assignments
    )
    return flags or any(
        _last(each.name) in ("use_deterministic_algorithms", "set_deterministic", "deterministic")
        or _is_true(each.keyword("deterministic"))
        or _is_true(each.keyword("full_determinism"))
        for each in code.calls
    )


def cudnn_benchmark(repository: Repository) -> Iterator[Hit]:
    for code in repository.code:
        for each in code.assignments:
            if each.name.endswith("cudnn.benchmark") and _is_true(each.value):
                yield Hit(
                    place=each.place, message="`cudnn.benchmark = True` times kernels and takes the fastest"
                )
        for call in code.calls:
            if _last(call.name) == "Trainer" and _is_true(call.keyword("benchmark")):
                yield Hit(place=call.place, message="`benchmark=True` times kernels and takes the fastest")


def _is_older(repository: Repository) -> bool:
    """Is PyTorch pinned to one that is older than the deprecation?"""
    pins = [each.exact for each in repository.declared if each.name in ("torch", "pytorch") and each.exact]
    return bool(pins) and all(Version(each) < _AMP_SINCE for each in pins)


def deprecated_amp(repository: Repository) -> Iterator[Hit]:
    if _is_older(repository):
        return
    for code in repository.code:
        for call in code.calls:
            short = _AMP.get(call.name)
            if short is not None:
                message = f"`{call.name}` is deprecated since PyTorch 2.4"
                yield Hit(place=call.place, message=message, edit=_amp_edit(call, short))


def _amp_edit(call: Call, short: str) -> Edit | None:
    """Where it is spelled in full and no argument stands by its place alone, which is another one's there."""
    if call.node.args or ast.unparse(call.node.func) != call.name or call.place.cell is not None:
        return None
    comma = ", " if call.node.keywords else ""
    place = call.place
    old = f"{call.name}(" if comma else f"{call.name}()"
    new = f'torch.amp.{short}("cuda"{comma}' if comma else f'torch.amp.{short}("cuda")'
    return Edit(file=place.file, line=place.line, old=old, new=new)


def legacy_memory_history(repository: Repository) -> Iterator[Hit]:
    for call in _calls(repository.code):
        if _last(call.name) == "_record_memory_history" and _is_legacy(call):
            message = "this is the signature of `_record_memory_history` in PyTorch 2.0, legacy since 2.1"
            yield Hit(place=call.place, message=message)


def _is_legacy(call: Call) -> bool:
    first = call.node.args[0] if call.node.args else call.keyword("enabled")
    is_flag = isinstance(first, ast.Constant) and isinstance(first.value, bool)
    old = ("trace_alloc_max_entries", "record_context", "trace_alloc_record_context", "record_context_cpp")
    return is_flag or any(call.keyword(name) is not None for name in old)


def worker_seed(repository: Repository) -> Iterator[Hit]:
    if not seeds(repository):
        return
    for code in repository.own_code:
        for call in code.calls:
            is_loader = _last(call.name) == "DataLoader" and not call.passes_on
            is_seeded = call.keyword("worker_init_fn") or call.keyword("generator")
            if is_loader and not is_seeded and _has_workers(call, code):
                message = "workers without `worker_init_fn` and `generator`, where seeds are set otherwise"
                yield Hit(place=call.place, message=message)


def _has_workers(call: Call, code: Code) -> bool:
    """Not where the number is 0, or a name that is nothing but 0 in the file."""
    match call.keyword("num_workers"):
        case None | ast.Constant(value=None | 0):
            return False
        case ast.Name(id=name):
            return code.constants.get(name) != 0
        case _:
            return True


RULES = (
    Rule(
        id="no-seed",
        title="training without a seed",
        level=Level.WARNING,
        weight=8,
        why="weights and batches are drawn anew in every run, so no two runs can be compared",
        do="`torch.manual_seed(N)` before anything is drawn; `envlock.deterministic(N)` seeds all there is",
        check=no_seed,
    ),
    Rule(
        id="no-determinism",
        title="training with whatever kernels are fastest",
        level=Level.WARNING,
        weight=5,
        why="atomic additions and autotuning give other bits in every run, also with seeds",
        do="`torch.use_deterministic_algorithms(True)` and `CUBLAS_WORKSPACE_CONFIG=:4096:8`, or "
        "`envlock.deterministic(N)`",
        check=no_determinism,
    ),
    Rule(
        id="cudnn-benchmark",
        title="cuDNN chooses kernels by timing them",
        level=Level.WARNING,
        weight=5,
        why="another kernel wins when the machine is busy, and its sums are in another order",
        do="`torch.backends.cudnn.benchmark = False` where results must repeat",
        check=cudnn_benchmark,
    ),
    Rule(
        id="worker-seed",
        title="workers of a DataLoader without seeds of their own",
        level=Level.WARNING,
        weight=3,
        why="what they draw depends on what was drawn before them, and on libraries that nobody seeded there",
        do="give `worker_init_fn` and `generator=torch.Generator().manual_seed(N)`",
        check=worker_seed,
    ),
    Rule(
        id="deprecated-amp",
        title="`torch.cuda.amp`, deprecated since PyTorch 2.4",
        level=Level.WARNING,
        weight=2,
        why="it warns today and is gone one day, and then the code runs only with an old PyTorch",
        do='`torch.amp.autocast("cuda")` and `torch.amp.GradScaler("cuda")`',
        check=deprecated_amp,
    ),
    Rule(
        id="legacy-memory-history",
        title="`_record_memory_history` as it was in PyTorch 2.0",
        level=Level.WARNING,
        weight=2,
        why="releases since 2.1 take the old arguments for now, and record other things",
        do="`torch.cuda.memory._record_memory_history(max_entries=N)`; `enabled=None` ends it",
        check=legacy_memory_history,
    ),
)
