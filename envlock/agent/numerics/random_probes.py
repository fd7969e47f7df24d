"""Probes of torch's random streams: the same seed need not give the same values on another CPU, nor with
another version of torch. One stream a probe, so that `envlock numerics compare` names it."""

from typing import Any

from .probe import Arrays, Bench, Probes

PROBES = Probes("torch")
_COUNT = 5000


@PROBES("random-integers", "randint below 1000", may_move=False)
def integers(bench: Bench) -> Arrays:
    return [_integers(bench, 1000)]


@PROBES("random-integers-wide", "randint below 2**30", may_move=False)
def integers_wide(bench: Bench) -> Arrays:
    return [_integers(bench, 1 << 30)]


@PROBES("random-permutation", "randperm, the order of a shuffling loader", may_move=False)
def permutation(bench: Bench) -> Arrays:
    return [bench.torch.randperm(2000, generator=bench.generator(2026), device=bench.device)]


@PROBES("random-uniform", "rand in float32")
def uniform(bench: Bench) -> Arrays:
    return [_uniform(bench, "float32")]


@PROBES("random-uniform-f64", "rand in float64")
def uniform_f64(bench: Bench) -> Arrays:
    return [_uniform(bench, "float64")]


@PROBES("random-bfloat16", "rand in bfloat16")
def bfloat16(bench: Bench) -> Arrays:
    return [_uniform(bench, "bfloat16")]


@PROBES("random-normal", "randn, as weights and noise are drawn (vectorised Box-Muller)")
def normal(bench: Bench) -> Arrays:
    torch, source = bench.torch, bench.generator(2026)
    long = torch.randn(10_000, generator=source, device=bench.device)
    return [long, torch.randn(7, generator=source, device=bench.device)]


@PROBES("random-bernoulli", "bernoulli draws, a chance for each")
def bernoulli(bench: Bench) -> Arrays:
    chances = bench.floats("bernoulli", _COUNT).abs()
    return [bench.torch.bernoulli(chances, generator=bench.generator(2026))]


@PROBES("random-bernoulli-scalar", "`bernoulli_(p)`, one chance for all")
def bernoulli_scalar(bench: Bench) -> Arrays:
    return [_empty(bench).bernoulli_(0.3, generator=bench.generator(2026))]


@PROBES("random-exponential", "exponential draws")
def exponential(bench: Bench) -> Arrays:
    return [_empty(bench).exponential_(generator=bench.generator(2026))]


@PROBES("random-multinomial", "multinomial draws with replacement")
def multinomial(bench: Bench) -> Arrays:
    return [_multinomial(bench, 2000, replacement=True)]


@PROBES("random-choice", "multinomial draws without replacement")
def choice(bench: Bench) -> Arrays:
    return [_multinomial(bench, 100, replacement=False)]


@PROBES("random-dropout", "the mask of dropout under `manual_seed`")
def dropout(bench: Bench) -> Arrays:
    bench.torch.manual_seed(2026)
    return [bench.torch.nn.functional.dropout(bench.floats("dropout", 100, 200), 0.3, training=True)]


@PROBES("random-initialisation", "layers as torch initialises them: Linear, Conv2d, LSTM, Embedding")
def initialisation(bench: Bench) -> Arrays:
    torch, nn, on = bench.torch, bench.torch.nn, {"device": bench.device}
    torch.manual_seed(2026)
    layers = [nn.Linear(64, 48, **on), nn.Conv2d(8, 16, 3, **on), nn.LSTM(20, 30, **on)]
    layers.append(nn.Embedding(50, 16, **on))
    return [torch.cat([weight.reshape(-1) for layer in layers for weight in layer.parameters()])]


def _integers(bench: Bench, below: int) -> Any:
    return bench.torch.randint(0, below, (_COUNT,), generator=bench.generator(2026), device=bench.device)


def _uniform(bench: Bench, dtype: str) -> Any:
    torch = bench.torch
    kind = getattr(torch, dtype)
    return torch.rand(_COUNT, generator=bench.generator(2026), device=bench.device, dtype=kind)


def _empty(bench: Bench) -> Any:
    return bench.torch.empty(_COUNT, device=bench.device)


def _multinomial(bench: Bench, count: int, *, replacement: bool) -> Any:
    weights = bench.floats("multinomial", 200).abs()
    source = bench.generator(2026)
    return bench.torch.multinomial(weights, count, replacement=replacement, generator=source)
