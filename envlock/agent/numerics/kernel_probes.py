"""Probes of torch's kernels, on whatever device the bench has."""

from typing import Any

from .probe import Arrays, Bench, Probes

PROBES = Probes("torch")


@PROBES("integers", "integer arithmetic, gather, unique, cumulative sums", may_move=False)
def integers(bench: Bench) -> Arrays:
    values = bench.integers("integers", 1 << 20, 20_000)
    picked = values.gather(0, bench.integers("places", 20_000, 5000))
    return [values.cumsum(0), (values * 7 + picked[:1]).remainder(1009), picked.unique()]


@PROBES("sort", "sort and topk of distinct values", may_move=False)
def sort(bench: Bench) -> Arrays:
    values = bench.floats("sort", 30_000)
    return [values.sort(stable=True)[0], values.topk(100)[0]]


@PROBES("matmul-f64", "dgemm")
def matmul_f64(bench: Bench) -> Arrays:
    return [bench.floats("a", 200, 300).double() @ bench.floats("b", 300, 160).double()]


@PROBES("matmul-f32", "sgemm, square and tall")
def matmul_f32(bench: Bench) -> Arrays:
    square = bench.floats("a", 256, 256) @ bench.floats("b", 256, 256)
    return [square, bench.floats("tall", 1500, 64) @ bench.floats("thin", 64, 10)]


@PROBES("matmul-bf16", "matrix product in bfloat16")
def matmul_bf16(bench: Bench) -> Arrays:
    return [bench.floats("a", 256, 256).bfloat16() @ bench.floats("b", 256, 256).bfloat16()]


@PROBES("matmul-f16", "matrix product in float16")
def matmul_f16(bench: Bench) -> Arrays:
    return [bench.floats("a", 128, 200).half() @ bench.floats("b", 200, 96).half()]


@PROBES("matmul-batched", "bmm and einsum over heads")
def matmul_batched(bench: Bench) -> Arrays:
    left, right = bench.floats("left", 12, 64, 48), bench.floats("right", 12, 48, 64)
    return [bench.torch.bmm(left, right), bench.torch.einsum("hik,hkj->ij", left, right)]


@PROBES("matvec", "matrix-vector and dot products")
def matvec(bench: Bench) -> Arrays:
    vector = bench.floats("vector", 1000)
    return [bench.floats("matrix", 400, 1000) @ vector, (vector @ vector).reshape(1)]


@PROBES("linear", "a linear layer forward and backward")
def linear(bench: Bench) -> Arrays:
    return _with_gradients(
        bench, bench.torch.nn.functional.linear, ("x", 64, 128), ("w", 96, 128), ("bias", 96)
    )


@PROBES("conv2d", "two-dimensional convolution forward and backward, float32")
def conv2d(bench: Bench) -> Arrays:
    return _with_gradients(bench, _padded(bench), ("x", 8, 16, 28, 28), ("w", 24, 16, 3, 3))


@PROBES("conv2d-bf16", "two-dimensional convolution in bfloat16")
def conv2d_bf16(bench: Bench) -> Arrays:
    image, weight = bench.floats("x", 8, 16, 28, 28), bench.floats("w", 24, 16, 3, 3)
    return [_padded(bench)(image.bfloat16(), weight.bfloat16())]


@PROBES("conv1d", "one-dimensional and grouped convolution")
def conv1d(bench: Bench) -> Arrays:
    functional = bench.torch.nn.functional
    grouped = functional.conv2d(bench.floats("x", 4, 16, 20, 20), bench.floats("w", 16, 1, 5, 5), groups=16)
    return [functional.conv1d(bench.floats("s", 8, 12, 400), bench.floats("k", 20, 12, 7)), grouped]


@PROBES("batch-norm", "batch normalisation forward and backward")
def batch_norm(bench: Bench) -> Arrays:
    def normalised(image: Any, weight: Any, bias: Any) -> Any:
        return bench.torch.nn.functional.batch_norm(image, None, None, weight, bias, training=True)

    return _with_gradients(bench, normalised, ("x", 8, 32, 14, 14), ("w", 32), ("b", 32))


@PROBES("layer-norm", "layer and group normalisation forward and backward")
def layer_norm(bench: Bench) -> Arrays:
    functional = bench.torch.nn.functional

    def normalised(values: Any, weight: Any, bias: Any) -> Any:
        return functional.layer_norm(values, (96,), weight, bias)

    grouped = functional.group_norm(bench.floats("g", 4, 32, 10, 10), 8)
    return [*_with_gradients(bench, normalised, ("x", 64, 96), ("w", 96), ("b", 96)), grouped]


@PROBES("softmax", "softmax, log-softmax, cross entropy and its gradient")
def softmax(bench: Bench) -> Arrays:
    functional = bench.torch.nn.functional
    logits = (bench.floats("logits", 128, 1000) * 8).requires_grad_()
    loss = functional.cross_entropy(logits, bench.integers("targets", 1000, 128))
    loss.backward()
    return [functional.softmax(logits, 1), loss.reshape(1), _gradient(logits)]


@PROBES("attention", "scaled dot-product attention forward and backward, float32")
def attention(bench: Bench) -> Arrays:
    attend = bench.torch.nn.functional.scaled_dot_product_attention
    shape = (2, 4, 48, 32)
    return _with_gradients(bench, attend, ("q", *shape), ("k", *shape), ("v", *shape))


@PROBES("attention-bf16", "causal attention in bfloat16")
def attention_bf16(bench: Bench) -> Arrays:
    query, key, value = (bench.floats(name, 2, 4, 64, 32).bfloat16() for name in "qkv")
    attend = bench.torch.nn.functional.scaled_dot_product_attention
    return [attend(query, key, value, is_causal=True)]


@PROBES("pooling", "average and adaptive pooling, bilinear interpolation")
def pooling(bench: Bench) -> Arrays:
    functional, image = bench.torch.nn.functional, bench.floats("image", 4, 8, 33, 33)
    scaled = functional.interpolate(image, scale_factor=1.7, mode="bilinear", align_corners=False)
    return [functional.avg_pool2d(image, 3), functional.adaptive_avg_pool2d(image, 5), scaled]


@PROBES("recurrent", "an LSTM over 20 steps, with its gradients")
def recurrent(bench: Bench) -> Arrays:
    torch = bench.torch
    layer = torch.nn.LSTM(24, 32).to(bench.device)
    bench.fill(layer)
    values = bench.floats("sequence", 20, 8, 24).requires_grad_()
    output = layer(values)[0]
    output.sum().backward()
    return [output, _gradient(values)]


@PROBES("sums-f32", "sums, means, variances and norms in float32")
def sums_f32(bench: Bench) -> Arrays:
    values = bench.floats("sums", 300, 1001)
    return [
        values.sum(0),
        values.sum(1),
        values.mean(1),
        values.var(1),
        values.norm(dim=1),
        values.sum().reshape(1),
    ]


@PROBES("sums-bf16", "sums and means in bfloat16 and float16")
def sums_bf16(bench: Bench) -> Arrays:
    values = bench.floats("sums", 300, 1001)
    return [values.bfloat16().sum(1), values.half().mean(1)]


@PROBES("cumulative", "cumulative sums and products, logsumexp")
def cumulative(bench: Bench) -> Arrays:
    values = bench.floats("cumulative", 60, 700)
    return [values.cumsum(1), (values * 0.01 + 1).cumprod(1), values.logsumexp(1)]


@PROBES("scatter", "scatter-add and index-add of floats: on a GPU their order is left to atomics")
def scatter(bench: Bench) -> Arrays:
    torch = bench.torch
    values, places = bench.floats("values", 20_000), bench.integers("places", 300, 20_000)
    empty = torch.zeros(300, device=bench.device)
    return [empty.scatter_add(0, places, values), empty.index_add(0, places, values)]


@PROBES("embedding", "gradients of an embedding")
def embedding(bench: Bench) -> Arrays:
    functional = bench.torch.nn.functional
    weight = bench.floats("weight", 500, 32).requires_grad_()
    functional.embedding(bench.integers("tokens", 500, 64, 40), weight).pow(2).sum().backward()
    return [_gradient(weight)]


@PROBES("functions", "exp, log, sin, tanh, erf, gelu, pow in float32")
def functions(bench: Bench) -> Arrays:
    torch, values = bench.torch, bench.floats("functions", 8000)
    positive = values.abs() + 0.25
    results = [values.exp(), positive.log(), (values * 40).sin(), values.tanh(), values.erf()]
    return [torch.cat([*results, torch.nn.functional.gelu(values), positive.pow(1.3)])]


@PROBES("roots", "sqrt, rsqrt and division in float32: correctly rounded where the hardware does it")
def roots(bench: Bench) -> Arrays:
    positive = bench.floats("roots", 8000).abs() + 2.0**-20
    return [positive.sqrt(), positive.rsqrt(), 1.0 / positive]


@PROBES("functions-f64", "exp, log and sin in float64")
def functions_f64(bench: Bench) -> Arrays:
    values = bench.floats("functions", 4000).double()
    return [values.exp(), (values.abs() + 0.25).log(), (values * 40).sin()]


@PROBES("quantised", "int8 quantisation and back", may_move=False)
def quantised(bench: Bench) -> Arrays:
    scaled = bench.torch.clamp(bench.torch.round(bench.floats("quantised", 5000) * 64.0), -128, 127)
    return [scaled.to(bench.torch.int8), scaled / 64.0]


@PROBES("fft", "FFT in one and two dimensions")
def fft(bench: Bench) -> Arrays:
    torch = bench.torch
    image = torch.fft.fft2(bench.floats("image", 8, 30, 30))
    return [torch.view_as_real(torch.fft.rfft(bench.floats("signal", 8, 1000))), torch.view_as_real(image)]


@PROBES("linalg", "solve, Cholesky, QR and singular values in float64")
def linalg(bench: Bench) -> Arrays:
    torch, matrix = bench.torch, bench.floats("linalg", 60, 60).double()
    positive = matrix @ matrix.T + torch.eye(60, dtype=torch.float64, device=bench.device)
    solved = torch.linalg.solve(positive, matrix[:, :5])
    upper = torch.linalg.qr(matrix)[1].diagonal().abs()
    return [solved, torch.linalg.cholesky(positive), torch.linalg.svdvals(matrix), upper]


def _padded(bench: Bench) -> Any:
    return lambda image, weight: bench.torch.nn.functional.conv2d(image, weight, padding=1)


def _with_gradients(bench: Bench, run: Any, *inputs: Any) -> Arrays:
    """The output of `run` over named inputs, and the gradient of each under a fixed weighting."""
    leaves = [bench.floats(*each).requires_grad_() for each in inputs]
    output = run(*leaves)
    output.backward(bench.floats("upstream", *output.shape))
    return [output, *map(_gradient, leaves)]


def _gradient(tensor: Any) -> Any:
    return tensor.grad
