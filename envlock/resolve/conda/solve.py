"""Specifications -> records, by py-rattler. One run, for one platform."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from envlock.errors import EnvlockError, IndexFailed, UsageFault
from envlock.resolve.conda.channels import channel_of, without_secrets
from envlock.resolve.conda.model import CondaWish, Record
from envlock.resolve.conda.refusal import no_solution
from envlock.resolve.conda.waiting import wait_for

if TYPE_CHECKING:
    from rattler import Gateway, GenericVirtualPackage, MatchSpec, RepoDataRecord


def solve(
    wish: CondaWish,
    channels: Mapping[str, str],
    *,
    constraints: Iterable[str] = (),
    cache: Path | None = None,
) -> tuple[Record, ...]:
    """The records of a platform, by name. `channels` are name -> URL, the first with the highest priority.

    Raises NoSolution with the search retold, IndexFailed, UsageFault for a specification.
    """
    found = wait_for(_solved(wish, channels, tuple(constraints), cache))
    if isinstance(found, EnvlockError):
        raise found
    return tuple(sorted(found, key=lambda record: record.name))


async def _solved(
    wish: CondaWish, channels: Mapping[str, str], constraints: tuple[str, ...], cache: Path | None
) -> list[Record] | EnvlockError:
    import rattler
    from rattler.channel import ChannelPriority
    from rattler.exceptions import GatewayError, SolverError

    gateway = rattler.Gateway(cache_dir=cache) if cache else rattler.Gateway()
    platforms = [rattler.Subdir(wish.platform), rattler.Subdir("noarch")]
    try:
        found = await rattler.solve(
            sources=[rattler.Channel(url) for url in channels.values()],
            specs=_match_specs(wish.specs),
            gateway=gateway,
            platforms=platforms,
            locked_packages=await _standing(gateway, wish, channels),
            virtual_packages=_virtual(wish.virtual),
            channel_priority=ChannelPriority.Strict,
            exclude_newer=datetime.fromisoformat(wish.exclude_newer) if wish.exclude_newer else None,
            constraints=_match_specs(constraints),
            timestamp_policy="allow-missing",  # what bears none was built before there were any
            channel_relations="disabled",  # the manifest names the channels, and nobody else
        )
    except SolverError as error:
        return no_solution(wish, str(error), constraints)
    except GatewayError as error:
        return unreachable(str(error), channels)
    except UsageFault as fault:
        return fault
    return [_record(each, channels) for each in found]


def _match_specs(specs: Iterable[str]) -> list[MatchSpec]:
    """MatchSpec objects: strings given to `solve` are parsed strictly, and `numpy=2.3.5=py311h0_0` fails."""
    from rattler import MatchSpec
    from rattler.exceptions import InvalidMatchSpecError

    found = []
    for spec in specs:
        try:
            found.append(MatchSpec(spec))
        except InvalidMatchSpecError as error:
            message = f"`{spec}` is not a conda specification: {str(error).splitlines()[0]}"
            raise UsageFault(message, hint="write it like `ffmpeg >=6`") from error
    return found


async def _standing(gateway: Gateway, wish: CondaWish, channels: Mapping[str, str]) -> list[RepoDataRecord]:
    """The records of the pins that are still in their channels."""
    import rattler

    if not wish.pinned:
        return []
    hashes = {package.sha256 for package in wish.pinned}
    rows = await gateway.query(
        [rattler.Channel(url) for url in channels.values()],
        [rattler.Subdir(wish.platform), rattler.Subdir("noarch")],
        _match_specs(f"{package.name} =={package.version} {package.build}" for package in wish.pinned),
        recursive=False,
    )
    return [record for each in rows for record in each if record.sha256 and record.sha256.hex() in hashes]


def _virtual(packages: Mapping[str, str]) -> list[GenericVirtualPackage]:
    from rattler import GenericVirtualPackage, PackageName, Version
    from rattler.package.build_string import BuildString

    split = ((name, *text.partition("=")) for name, text in packages.items())
    return [
        GenericVirtualPackage(PackageName(name), Version(version), BuildString(build or "0"))
        for name, version, _, build in split
    ]


def _record(found: RepoDataRecord, channels: Mapping[str, str]) -> Record:
    channel = channel_of(str(found.channel), channels)
    if channel is None or found.sha256 is None:
        what = "comes from no channel of the manifest" if channel is None else "has no sha256 in its channel"
        raise IndexFailed(f"`{found.file_name}` {what}", hint="a lock needs both to name it")
    return Record(
        name=found.name.normalized,
        version=str(found.version),
        build=str(found.build),
        build_number=found.build_number,
        subdir=str(found.subdir),
        noarch=_noarch(found),
        channel=channel,
        file=found.file_name,
        url=found.url,
        sha256=found.sha256.hex(),
        md5=found.md5.hex() if found.md5 else None,
        size=found.size or 0,
        timestamp=round(found.timestamp.timestamp() * 1000) if found.timestamp else None,
        depends=tuple(sorted(found.depends)),
        constrains=tuple(sorted(found.constrains)),
        site_packages=found.python_site_packages_path,
    )


def _noarch(found: RepoDataRecord) -> str | None:
    return "python" if found.noarch.python else "generic" if found.noarch.generic else None


def unreachable(text: str, channels: Mapping[str, str]) -> IndexFailed:
    """The error for a channel that did not answer; `text` is what py-rattler says."""
    first, *rest = [line.removeprefix("Caused by: ").strip() for line in text.splitlines() if line.strip()]
    told = "; ".join([first, *rest[-1:]])
    return IndexFailed(
        f"a conda channel cannot be read: {without_secrets(told)}",
        hint="where a channel lies is said in [tool.envlock.sources]",
        facts=[("channel", f"{name}: {without_secrets(url)}") for name, url in channels.items()],
    )
