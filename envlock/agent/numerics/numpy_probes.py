"""Probes of the target's NumPy."""

from .probe import Arrays, Bench, Probes

PROBES = Probes("numpy")


@PROBES("numpy-integers", "PCG64 integers and shuffles: no floating point", may_move=False)
def integers(bench: Bench) -> Arrays:
    stream = bench.numpy.random.default_rng(2026)
    return [stream.integers(0, 1 << 40, 1000), stream.permutation(1000)]


@PROBES("numpy-sort", "sorting and searching of integers (SIMD sorts)", may_move=False)
def sort(bench: Bench) -> Arrays:
    values = bench.numpy.floor(bench.array("numpy-sort", 20_000) * 2.0**23).astype("i8")
    return [bench.numpy.sort(values), bench.numpy.unique(values % 1000)]


@PROBES("numpy-normal", "PCG64 normal, exponential and gamma streams")
def normal(bench: Bench) -> Arrays:
    stream = bench.numpy.random.default_rng(2026)
    draws = [stream.standard_normal(5000), stream.exponential(size=5000), stream.gamma(2.0, size=2000)]
    return [bench.numpy.concatenate(draws)]


@PROBES("numpy-legacy-normal", "MT19937 as `numpy.random.seed` gives it")
def legacy_normal(bench: Bench) -> Arrays:
    stream = bench.numpy.random.RandomState(2026)
    return [stream.randn(5000), stream.uniform(size=5000)]


@PROBES("numpy-matmul-f64", "dgemm of the BLAS that NumPy carries")
def matmul_f64(bench: Bench) -> Arrays:
    return [bench.array("a", 256, 300) @ bench.array("b", 300, 200)]


@PROBES("numpy-matmul-f32", "sgemm of the BLAS that NumPy carries")
def matmul_f32(bench: Bench) -> Arrays:
    return [bench.array("a", 256, 300).astype("f4") @ bench.array("b", 300, 200).astype("f4")]


@PROBES("numpy-dot", "dot products and matrix-vector products of the BLAS")
def dot(bench: Bench) -> Arrays:
    matrix, vector = bench.array("dot", 300, 1000).astype("f4"), bench.array("v", 1000).astype("f4")
    return [matrix @ vector, (vector @ vector).reshape(1)]


@PROBES("numpy-sums", "pairwise sums, means, variances and cumulative sums in float32")
def sums(bench: Bench) -> Arrays:
    values = bench.array("sums", 200, 1003).astype("f4")
    numpy = bench.numpy
    return [values.sum(0), values.sum(1), values.mean(1), values.var(1), numpy.cumsum(values[0])]


@PROBES("numpy-functions", "exp, log, sin, tanh, power in float32 (SIMD loops)")
def functions(bench: Bench) -> Arrays:
    numpy, values = bench.numpy, bench.array("functions", 8000).astype("f4")
    positive = numpy.abs(values) + numpy.float32(0.5)
    results = [numpy.exp(values), numpy.log(positive), numpy.sin(values * 50), numpy.tanh(values)]
    return [numpy.concatenate([*results, positive ** numpy.float32(1.7)])]


@PROBES("numpy-fft", "FFT of real and complex input")
def fft(bench: Bench) -> Arrays:
    spectrum = bench.numpy.fft.rfft(bench.array("fft", 16, 1000))
    return [bench.numpy.ascontiguousarray(spectrum.real), bench.numpy.ascontiguousarray(spectrum.imag)]


@PROBES("numpy-linalg", "LAPACK: solve, SVD, eigenvalues of a symmetric matrix")
def linalg(bench: Bench) -> Arrays:
    numpy, matrix = bench.numpy, bench.array("linalg", 80, 80)
    solved = numpy.linalg.solve(matrix + 10 * numpy.eye(80), matrix[:, :8])
    values = numpy.linalg.svd(matrix, compute_uv=False)
    return [solved, values, numpy.linalg.eigvalsh(matrix + matrix.T)]
