"""A probe: a small computation whose bits are compared between hosts."""

import hashlib
from typing import Any, Callable, List, NamedTuple, Optional, Sequence

Arrays = Sequence[Any]


class Bench:
    """What a probe works with: the libraries of the target, a device, inputs that are the same everywhere.

    Inputs come from SHAKE-256 and never from a random stream: `torch.randn` itself differs between CPUs.
    """

    def __init__(self, torch: Any, numpy: Any, device: str = "cpu") -> None:
        self.torch = torch
        self.numpy = numpy
        self.device = device

    def floats(self, name: str, *shape: int) -> Any:
        """A float32 tensor in [-1, 1) on the device: 24 bits each, so that every conversion is exact."""
        torch = self.torch
        words = torch.frombuffer(bytearray(_words(name, shape)), dtype=torch.int32)
        return ((words >> 8).to(torch.float32) * 2.0**-23).reshape(shape).to(self.device)

    def integers(self, name: str, below: int, *shape: int) -> Any:
        """An int64 tensor in [0, below) on the device."""
        torch = self.torch
        words = torch.frombuffer(bytearray(_words(name, shape)), dtype=torch.int32)
        return (words.to(torch.int64) & 0x7FFFFFFF).remainder(below).reshape(shape).to(self.device)

    def array(self, name: str, *shape: int) -> Any:
        """A float64 NumPy array in [-1, 1), exact as `floats` is."""
        words = self.numpy.frombuffer(_words(name, shape), dtype="<i4")
        return ((words >> 8).astype("f8") * 2.0**-23).reshape(shape)

    def fill(self, module: Any) -> None:
        """Give a module weights that are the same on every CPU: those that torch draws need not be."""
        with self.torch.no_grad():
            for name, weight in module.named_parameters():
                weight.copy_(self.floats(name, *weight.shape) * 0.1)

    def generator(self, seed: int) -> Any:
        return self.torch.Generator(device=self.device).manual_seed(seed)


def _words(name: str, shape: Sequence[int]) -> bytes:
    count = 1
    for length in shape:
        count *= length
    return hashlib.shake_256(name.encode()).digest(4 * count)


class Probe(NamedTuple):
    """`may_move`: other hardware or another thread count may change its bits. Where it may not, a change
    is a fault wherever it is seen. `needs` is `numpy`, `torch`, `cuda`, `compiler`, `gloo` or `gpus`.
    `by_stopwatch`: which kernel runs is found by timing, so another process may get other bits."""

    name: str
    needs: str
    exercises: str
    may_move: bool
    run: Callable[[Bench], Arrays]
    by_stopwatch: bool = False


class Probes:
    """The probes of one module, in order. Used as a decorator: `@PROBES("matmul-f32", "…")`."""

    def __init__(self, needs: str) -> None:
        self.needs = needs
        self.all: List[Probe] = []

    def __call__(
        self,
        name: str,
        exercises: str,
        *,
        may_move: bool = True,
        needs: Optional[str] = None,
        by_stopwatch: bool = False,
    ) -> Callable[[Callable[[Bench], Arrays]], Callable[[Bench], Arrays]]:
        def add(run: Callable[[Bench], Arrays]) -> Callable[[Bench], Arrays]:
            self.all.append(Probe(name, needs or self.needs, exercises, may_move, run, by_stopwatch))
            return run

        return add
