"""Probes of what only a GPU has: TF32, cuDNN's choice of algorithm, the workspace of cuBLAS."""

import contextlib
from typing import Any, Iterator

from .probe import Arrays, Bench, Probes

PROBES = Probes("cuda")


@PROBES("tf32-matmul", "float32 matrix product with TF32 allowed")
def tf32_matmul(bench: Bench) -> Arrays:
    with _flag(bench.torch.backends.cuda.matmul, "allow_tf32", True):
        return [bench.floats("a", 512, 512) @ bench.floats("b", 512, 512)]


@PROBES("exact-matmul", "float32 matrix product with TF32 switched off")
def exact_matmul(bench: Bench) -> Arrays:
    with _flag(bench.torch.backends.cuda.matmul, "allow_tf32", False):
        return [bench.floats("a", 512, 512) @ bench.floats("b", 512, 512)]


@PROBES("tf32-conv2d", "cuDNN convolution with TF32 allowed, as it is by default")
def tf32_conv2d(bench: Bench) -> Arrays:
    with _flag(bench.torch.backends.cudnn, "allow_tf32", True):
        return _convolved(bench)


@PROBES("exact-conv2d", "cuDNN convolution with TF32 switched off")
def exact_conv2d(bench: Bench) -> Arrays:
    with _flag(bench.torch.backends.cudnn, "allow_tf32", False):
        return _convolved(bench)


@PROBES("cudnn-benchmark", "cuDNN convolution with the fastest algorithm of the moment", by_stopwatch=True)
def cudnn_benchmark(bench: Bench) -> Arrays:
    """Of another shape than its neighbours: torch keeps a plan by shape and flags, `benchmark` not among
    them (aten/src/ATen/native/cudnn/Conv_v8.cpp), and would take theirs."""
    with _flag(bench.torch.backends.cudnn, "benchmark", True):
        return _convolved(bench, images=12)


@PROBES("cudnn-deterministic", "cuDNN convolution with deterministic algorithms only")
def cudnn_deterministic(bench: Bench) -> Arrays:
    with _flag(bench.torch.backends.cudnn, "deterministic", True):
        return _convolved(bench)


@PROBES("cublas-streams", "matrix products on two streams: bitwise only with a fixed workspace")
def cublas_streams(bench: Bench) -> Arrays:
    torch = bench.torch
    left, right = bench.floats("a", 384, 640), bench.floats("b", 640, 320)
    torch.cuda.synchronize()
    results = []
    for stream in (torch.cuda.Stream(), torch.cuda.Stream()):
        with torch.cuda.stream(stream):
            results.append(left @ right)
    torch.cuda.synchronize()
    return results


def _convolved(bench: Bench, images: int = 16) -> Arrays:
    image = bench.floats("x", images, 32, 28, 28).requires_grad_()
    weight = bench.floats("w", 48, 32, 3, 3).requires_grad_()
    output = bench.torch.nn.functional.conv2d(image, weight, padding=1)
    output.backward(bench.floats("upstream", *output.shape))
    return [output, image.grad, weight.grad]


@contextlib.contextmanager
def _flag(owner: Any, name: str, value: bool) -> Iterator[None]:
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)
