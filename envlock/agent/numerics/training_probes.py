"""Probes of training as people do it: optimisers, loops, mixed precision, checkpoints, data order."""

from typing import Any, List

from .probe import Arrays, Bench, Probes

PROBES = Probes("torch")
_STEPS = 8


@PROBES("data-order", "a shuffling DataLoader with a seeded generator", may_move=False)
def data_order(bench: Bench) -> Arrays:
    torch = bench.torch
    source = torch.Generator().manual_seed(2026)
    data = torch.utils.data.TensorDataset(torch.arange(500))
    loader = torch.utils.data.DataLoader(data, batch_size=32, shuffle=True, generator=source)
    return [torch.cat([batch[0] for _ in range(2) for batch in loader])]


@PROBES("checkpoint", "a state dict saved and loaded again", may_move=False)
def checkpoint(bench: Bench) -> Arrays:
    import io

    torch = bench.torch
    state = {"weight": bench.floats("weight", 40, 50), "step": bench.integers("step", 1000, 4)}
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    loaded = torch.load(file, map_location=bench.device)
    return [loaded["weight"], loaded["step"]]


@PROBES("sgd", "SGD with momentum and weight decay")
def sgd(bench: Bench) -> Arrays:
    return _optimised(bench, lambda w: bench.torch.optim.SGD(w, lr=0.05, momentum=0.9, weight_decay=1e-4))


@PROBES("adam", "Adam and AdamW")
def adam(bench: Bench) -> Arrays:
    optim = bench.torch.optim
    first = _optimised(bench, lambda w: optim.Adam(w, lr=1e-2))
    return [*first, *_optimised(bench, lambda w: optim.AdamW(w, lr=1e-2, weight_decay=0.1))]


@PROBES("clipping", "gradient norm clipping and a cosine schedule")
def clipping(bench: Bench) -> Arrays:
    torch = bench.torch
    weight = bench.floats("weight", 100, 100).requires_grad_()
    optimiser = torch.optim.SGD([weight], lr=0.1)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, 5)
    for step in range(5):
        weight.grad = bench.floats("gradient%d" % step, 100, 100)
        torch.nn.utils.clip_grad_norm_([weight], 1.0)
        optimiser.step()
        schedule.step()
    return [weight]


@PROBES("training-f32", "eight training steps of a small convolutional network: weights and losses")
def training(bench: Bench) -> Arrays:
    return _trained(bench, _network(bench), amp=False)


@PROBES("training-amp", "the same steps under autocast, with a GradScaler on a GPU")
def training_amp(bench: Bench) -> Arrays:
    return _trained(bench, _network(bench), amp=True)


@PROBES("training-transformer", "four training steps of a small transformer encoder")
def training_transformer(bench: Bench) -> Arrays:
    torch, nn = bench.torch, bench.torch.nn
    layer = nn.TransformerEncoderLayer(32, 4, 64, dropout=0.0, batch_first=True)
    model = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False).to(bench.device)
    bench.fill(model)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3)
    losses: List[Any] = []
    for step in range(4):
        optimiser.zero_grad()
        loss = model(bench.floats("batch%d" % step, 8, 20, 32)).pow(2).mean()
        loss.backward()
        optimiser.step()
        losses.append(loss.detach().reshape(1))
    return [*losses, next(iter(model.parameters()))]


@PROBES("compiled", "`torch.compile` of the small network (needs a C++ compiler)", needs="compiler")
def compiled(bench: Bench) -> Arrays:
    return _trained(bench, bench.torch.compile(_network(bench)), amp=False)


def _optimised(bench: Bench, make: Any) -> Arrays:
    weight = bench.floats("weight", 200, 50).requires_grad_()
    optimiser = make([weight])
    for step in range(_STEPS):
        weight.grad = bench.floats("gradient%d" % step, 200, 50)
        optimiser.step()
    return [weight]


def _network(bench: Bench) -> Any:
    nn = bench.torch.nn
    convolutions = [nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 3)]
    model = nn.Sequential(*convolutions, nn.ReLU(), nn.Flatten(), nn.Linear(16 * 5 * 5, 10)).to(bench.device)
    bench.fill(model)
    return model


def _trained(bench: Bench, model: Any, *, amp: bool) -> Arrays:
    """The losses and the weights after some steps, on one batch that changes with the step."""
    torch = bench.torch
    optimiser = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    scaler = _scaler(bench, amp)
    losses = []
    for step in range(_STEPS):
        images, labels = bench.floats("images%d" % step, 32, 1, 16, 16), bench.integers("labels", 10, 32)
        optimiser.zero_grad()
        with torch.autocast(bench.device, enabled=amp, dtype=_half(bench)):
            loss = torch.nn.functional.cross_entropy(model(images).float(), labels)
        scaler.scale(loss).backward()
        scaler.step(optimiser)
        scaler.update()
        losses.append(loss.detach().reshape(1))
    return [torch.cat(losses), *[weight.detach() for weight in model.parameters()]]


def _half(bench: Bench) -> Any:
    return bench.torch.float16 if bench.device == "cuda" else bench.torch.bfloat16


def _scaler(bench: Bench, amp: bool) -> Any:
    amp_module = bench.torch.amp
    enabled = amp and bench.device == "cuda"
    if hasattr(amp_module, "GradScaler"):  # torch 2.3 and later
        return amp_module.GradScaler(bench.device, enabled=enabled)
    return bench.torch.cuda.amp.GradScaler(enabled=enabled)
