"""Probes of torch's random streams: the same seed need not give the same values on another CPU."""

from .probe import Arrays, Bench, Probes

PROBES = Probes("torch")


@PROBES("random-integers", "randint and randperm", may_move=False)
def integers(bench: Bench) -> Arrays:
    torch, source = bench.torch, bench.generator(2026)
    first = torch.randint(0, 1 << 30, (4000,), generator=source, device=bench.device)
    return [first, torch.randperm(2000, generator=source, device=bench.device)]


@PROBES("random-uniform", "rand in float32 and float64")
def uniform(bench: Bench) -> Arrays:
    torch, source = bench.torch, bench.generator(2026)
    single = torch.rand(5000, generator=source, device=bench.device)
    return [single, torch.rand(5000, generator=source, device=bench.device, dtype=torch.float64)]


@PROBES("random-bfloat16", "rand in bfloat16")
def bfloat16(bench: Bench) -> Arrays:
    torch = bench.torch
    return [torch.rand(5000, generator=bench.generator(2026), device=bench.device, dtype=torch.bfloat16)]


@PROBES("random-normal", "randn, as weights and noise are drawn (vectorised Box-Muller)")
def normal(bench: Bench) -> Arrays:
    torch, source = bench.torch, bench.generator(2026)
    long = torch.randn(10_000, generator=source, device=bench.device)
    return [long, torch.randn(7, generator=source, device=bench.device)]


@PROBES("random-bernoulli", "bernoulli draws")
def bernoulli(bench: Bench) -> Arrays:
    chances = bench.floats("bernoulli", 5000).abs()
    return [bench.torch.bernoulli(chances, generator=bench.generator(2026))]


@PROBES("random-exponential", "exponential and multinomial draws")
def exponential(bench: Bench) -> Arrays:
    torch, source = bench.torch, bench.generator(2026)
    draws = torch.empty(5000, device=bench.device).exponential_(generator=source)
    weights = bench.floats("multinomial", 200).abs()
    return [draws, torch.multinomial(weights, 2000, replacement=True, generator=source)]


@PROBES("random-dropout", "the mask of dropout under `manual_seed`")
def dropout(bench: Bench) -> Arrays:
    bench.torch.manual_seed(2026)
    return [bench.torch.nn.functional.dropout(bench.floats("dropout", 100, 200), 0.3, training=True)]


@PROBES("random-initialisation", "layers as torch initialises them: Linear, Conv2d, LSTM, Embedding")
def initialisation(bench: Bench) -> Arrays:
    torch = bench.torch
    torch.manual_seed(2026)
    nn = torch.nn
    layers = [nn.Linear(64, 48), nn.Conv2d(8, 16, 3), nn.LSTM(20, 30), nn.Embedding(50, 16)]
    return [torch.cat([weight.reshape(-1) for layer in layers for weight in layer.parameters()])]
