"""What an emitter gets besides the lock, and what an emitter is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from envlock.lock.model import Lock
from envlock.manifest.model import ImageRequest, JobRequest


@dataclass(frozen=True, kw_only=True, slots=True)
class EmitOptions:
    """The options that formats share.

    `locations` has the URL of each wheel by its sha256; `wheelhouse` a folder that holds the wheels, written
    as given: the file that is emitted must be used from where it leads there. `sources` say where index
    names point from here; "default" is named only where it has an entry. `image` is what is built around the
    environment, `job` how it is to run.
    """

    platform: str
    locations: Mapping[str, str] | None = None
    wheelhouse: Path | None = None
    sources: Mapping[str, str] = field(default_factory=dict)
    image: ImageRequest = field(default_factory=ImageRequest)
    job: JobRequest = field(default_factory=JobRequest)


Render = Callable[[Lock, EmitOptions], str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Emitter:
    """One format: how it is written and what the file is usually called.

    `needs_locations`: without a wheelhouse it must be told where each wheel is. `every_platform`: the file
    is for all platforms of the lock, and none has to be chosen.
    """

    render: Render
    file: str
    needs_locations: bool = False
    every_platform: bool = False
