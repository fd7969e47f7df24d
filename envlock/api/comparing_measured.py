"""Each route of `compare` made twice, verified, and held against itself. What was made is gone afterwards."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from envlock.api.building import OciOrder, build_oci
from envlock.api.building_docker import DockerOrder, DockerResult, build_docker
from envlock.api.syncing import SyncOrder, sync
from envlock.api.verifying import ImageRequest, verify_image
from envlock.audit.compare.looking import disk_of, tree_of, unshared
from envlock.audit.compare.model import Compared, Measured, Rebuild, Route
from envlock.audit.compare.trees import held_against
from envlock.errors import DiskFailed
from envlock.image.docker import connect, told_failures
from envlock.install.inode import disk_failed
from envlock.report import Report
from envlock.report.text import size
from envlock.resolve.model import Event, OnEvent
from envlock.resolve.oci.layered import open_saved


@dataclass(frozen=True, kw_only=True, slots=True)
class Bench:
    """Where one route is made, with caches of its own, so that its first run is a cold one."""

    lock: Path
    environment: Mapping[str, str]
    folder: Path
    python: str | None = None
    wheelhouse: Path | None = None

    @property
    def cache(self) -> Path:
        return self.folder / "cache"

    @property
    def own(self) -> Mapping[str, str]:
        """The user's variables, with a cache of uv that nobody has filled."""
        return {**self.environment, "UV_CACHE_DIR": str(self.folder / "uv")}


@contextmanager
def make_room(scratch: Path) -> Iterator[Path]:
    """A private folder that is gone afterwards, also when it is stopped."""
    try:
        scratch.mkdir(parents=True, exist_ok=True)
        folder = tempfile.TemporaryDirectory(
            prefix="envlock-compare-", dir=scratch, ignore_cleanup_errors=True
        )
    except OSError as error:
        raise disk_failed(scratch, error) from error
    with folder as name:
        yield Path(name)


def room_for(scratch: Path, routes: Sequence[Compared]) -> None:
    """Raise DiskFailed where the largest route would not fit: routes are made one after the other."""
    wanted = max((_room(each) for each in routes), default=0)
    there = next(folder for folder in (scratch, *scratch.absolute().parents) if folder.exists())
    free = shutil.disk_usage(there).free
    if wanted > free:
        raise DiskFailed(
            f"measuring takes about {size(wanted)}, and {size(free)} are free",
            where=str(there),
            hint="`--scratch DIR` names a larger place, `--routes` leaves some out, `--plan` makes nothing",
        )


def _room(compared: Compared) -> int:
    """Downloads, what a cache unpacks, and the result; an image twice, to hold one against the other."""
    weight = compared.weight
    unpacked = sum(3 * each.download if each.unpacked is None else each.unpacked for each in weight.shares)
    return 4 * weight.download if compared.route is Route.OCI else weight.download + 2 * unpacked


def measured(route: Route, bench: Bench, on_event: OnEvent) -> Measured:
    """Make a route twice. Raises what `sync`, `build_docker` and `build_oci` raise."""
    makers: dict[Route, Callable[[Bench, OnEvent], Measured]] = {
        Route.VENV: _environment,
        Route.CONDA: _prefix,
        Route.DOCKER: _docker,
        Route.OCI: _oci,
    }
    bench.folder.mkdir(parents=True)
    try:
        return makers[route](bench, lambda event: on_event(replace(event, step=f"{route}: {event.step}")))
    finally:
        shutil.rmtree(bench.folder, ignore_errors=True)


@dataclass(slots=True)
class _Watch:
    """Passes events on, and notes when the looking begins after the making."""

    on_event: OnEvent
    started: float = field(default_factory=time.perf_counter)
    verifying: float | None = None

    def __call__(self, event: Event) -> None:
        if event.step == "verify" and self.verifying is None:
            self.verifying = time.perf_counter()
        self.on_event(event)

    def seconds(self) -> tuple[float, float]:
        """(making, verifying), now that both are done."""
        ended = time.perf_counter()
        middle = self.verifying or ended
        return middle - self.started, ended - middle


def _environment(bench: Bench, on_event: OnEvent) -> Measured:
    return _synced(bench, on_event, conda=False)


def _prefix(bench: Bench, on_event: OnEvent) -> Measured:
    return _synced(bench, on_event, conda=True)


def _synced(bench: Bench, on_event: OnEvent, *, conda: bool) -> Measured:
    prefix = bench.folder / "env"
    order = SyncOrder(
        lock=bench.lock,
        venv=prefix,
        environment=bench.own,
        cache=bench.cache,
        python=None if conda else bench.python,
        wheelhouse=bench.wheelhouse,
        conda=conda,
    )
    (cold, _), _ = _timed(order, on_event)
    before = tree_of(prefix)
    shutil.rmtree(prefix)
    (warm, verify), report = _timed(order, on_event)
    rebuild = held_against(before, tree_of(prefix))
    return Measured(cold=cold, warm=warm, verify=verify, disk=disk_of(prefix), report=report, rebuild=rebuild)


def _timed(order: SyncOrder, on_event: OnEvent) -> tuple[tuple[float, float], Report]:
    watch = _Watch(on_event)
    report = sync(order, watch).report
    return watch.seconds(), report


def _oci(bench: Bench, on_event: OnEvent) -> Measured:
    layouts = [bench.folder / "image-1", bench.folder / "image-2"]
    seconds, digests = [], []
    for layout in layouts:
        watch = _Watch(on_event)
        order = OciOrder(
            lock=bench.lock,
            environment=bench.own,
            cache=bench.cache,
            output=layout,
            wheelhouse=bench.wheelhouse,
        )
        digests.append(build_oci(order, watch).built.manifest)
        seconds.append(watch.seconds()[0])
    rebuild = held_against(tree_of(layouts[0]), tree_of(layouts[1]), (digests[0], digests[1]))
    watch = _Watch(on_event)
    report = _verified(bench, f"oci:{layouts[1]}")
    return Measured(
        cold=seconds[0],
        warm=seconds[1],
        verify=watch.seconds()[0],
        disk=disk_of(layouts[1]),
        report=report,
        rebuild=replace(rebuild, times_only=0 if digests[0] == digests[1] else rebuild.times_only),
    )


def _verified(bench: Bench, image: str) -> Report:
    request = ImageRequest(lock=bench.lock, image=image, environment=bench.environment, cache=bench.cache)
    return verify_image(request)


def _docker(bench: Bench, on_event: OnEvent) -> Measured:
    """Twice without the builder's cache, which would build nothing the second time."""
    with closing(connect(bench.environment)) as client, ExitStack() as made:
        first, (cold, _) = _built(bench, client, 1, on_event, made)
        second, (warm, verify) = _built(bench, client, 2, on_event, made)
        rebuild = _images(bench, client, first, second)
    return Measured(
        cold=cold, warm=warm, verify=verify, disk=second.size, report=second.report, rebuild=rebuild
    )


def _built(
    bench: Bench, client: Any, number: int, on_event: OnEvent, made: ExitStack
) -> tuple[DockerResult, tuple[float, float]]:
    tag = f"{bench.folder.parent.name.lower()}:{number}"
    made.callback(_forget, client, tag)
    order = DockerOrder(
        lock=bench.lock,
        environment=bench.own,
        cache=bench.cache,
        tags=(tag,),
        wheelhouse=bench.wheelhouse,
        no_cache=True,
    )
    watch = _Watch(on_event)
    return build_docker(order, watch), watch.seconds()


def _forget(client: Any, tag: str) -> None:
    """Also where the build did not come to its end, and there is no such image."""
    from docker.errors import DockerException

    try:
        client.images.remove(tag, force=True)
    except DockerException:
        return


def _images(bench: Bench, client: Any, first: DockerResult, second: DockerResult) -> Rebuild:
    """By diff ids; only layers that differ are fetched from the daemon and looked into."""
    digests = (first.id, second.id)
    if first.diff_ids == second.diff_ids:
        return Rebuild(first=first.id, second=second.id, changes=(), times_only=0)
    with open_saved(_saved(bench, client, first)) as one, open_saved(_saved(bench, client, second)) as other:
        before, after = unshared(one, other)
        return held_against(before, after, digests)


def _saved(bench: Bench, client: Any, result: DockerResult) -> Path:
    path = bench.folder / f"{result.id.rpartition(':')[2]}.tar"
    with told_failures("the image could not be read"), path.open("wb") as file:
        for chunk in client.images.get(result.id).save():
            file.write(chunk)
    return path
