"""A repository -> a manifest that asks for the same."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from envlock import stack
from envlock.errors import DiskFailed, ManifestInvalid, UsageFault
from envlock.lock.file import replace_bytes
from envlock.manifest.documents import parse_toml, read_text
from envlock.manifest.init.model import Asking, Place, Row
from envlock.manifest.init.repository import read_repository
from envlock.manifest.init.settle import settle, torch_specifier
from envlock.manifest.init.writer import manifest_text
from envlock.manifest.location import ENVLOCK_TOML, PYPROJECT, asks_envlock
from envlock.manifest.tables import Faults
from envlock.stack.combination.model import Combination, ImageAsked, Verdict
from envlock.stack.combination.parsing import PYTORCH_IMAGE
from envlock.stack.combination.tags import image_reasons


@dataclass(frozen=True, kw_only=True, slots=True)
class InitRequest:
    """`path`: a directory, or one of its files. `output`: the manifest (default: envlock.toml beside what
    is read). `force` writes over one that is there; `dry_run` writes nothing."""

    path: Path
    output: Path | None = None
    force: bool = False
    dry_run: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class InitResult:
    """The manifest and its text; the files that were read; what they ask for that is only in comments."""

    path: Path
    text: str
    read: tuple[str, ...]
    left_out: tuple[Row, ...]
    notes: tuple[str, ...]
    written: bool


def init(request: InitRequest, *, environment: Mapping[str, str]) -> InitResult:
    """Read what a repository asks for, and write a manifest. Raises ManifestInvalid, UsageFault and
    DiskFailed."""
    path = request.output or beside(request.path)
    place = place_of(path, environment)
    if not request.dry_run:
        refuse(path, place, force=request.force)
    asking = read_repository(request.path.absolute(), place, known_sources())
    asked, cuda = torch_specifier(asking), next((each.value for each in asking.cudas), None)
    settled = settle(asking, stack.python_choices(stack.newest_torch(asked, cuda)))
    advice = (*_tags(asking), *stack.doubts(asked, cuda))
    text = manifest_text(asking, settled, place, advice)
    if not request.dry_run:
        write_manifest(path, text)
    return _result(path, text, asking, advice, written=not request.dry_run)


def beside(path: Path) -> Path:
    return (path if path.is_dir() else path.parent) / ENVLOCK_TOML


def place_of(path: Path, environment: Mapping[str, str]) -> Place:
    root, faults = path.absolute().parent.resolve(), Faults()
    beside = root / PYPROJECT
    text = read_text(beside, PYPROJECT, faults) if beside.is_file() else None
    document = parse_toml(text, PYPROJECT, faults) if text is not None else None
    faults.raise_if_any(ManifestInvalid, PYPROJECT)
    return Place(root=root, pyproject=document or {}, environment=environment)


def refuse(path: Path, place: Place, *, force: bool) -> None:
    """Two manifests are an error, and what somebody wrote is not written over unasked."""
    if path.name != ENVLOCK_TOML:
        raise UsageFault(
            f"a manifest is called {ENVLOCK_TOML}, not `{path.name}`",
            hint="name its folder: `-o DIR/envlock.toml`",
        )
    if asks_envlock(place.pyproject):
        raise UsageFault(
            f"{PYPROJECT} is the manifest already: it has [tool.envlock]",
            where=str(path.parent / PYPROJECT),
            hint="`envlock lock` locks it; `--dry-run` shows what would be written",
        )
    if os.path.lexists(path) and not force:
        raise UsageFault(
            f"there is an {ENVLOCK_TOML} already",
            where=str(path),
            hint="`--force` writes over it; `--dry-run` shows what would be written",
        )


def known_sources() -> tuple[str, ...]:
    return tuple(url for url in (stack.default_source("pytorch"),) if url is not None)


def _tags(asking: Asking) -> Iterator[str]:
    """What is to be said of tags of pytorch/pytorch: never published, or another image every time."""
    for said in asking.image_tags:
        image = ImageAsked(repository=PYTORCH_IMAGE, tag=said.value)
        for reason in image_reasons(Combination(image=image)):
            if reason.verdict is not Verdict.EXISTS:
                yield f"{said.where}: {'; '.join(each for each in (reason.message, reason.hint) if each)}"


def write_manifest(path: Path, text: str) -> None:
    """Whole or not at all; a link is followed."""
    try:
        replace_bytes(path.resolve(), text.encode())
    except (OSError, RuntimeError) as error:  # RuntimeError: a loop of links
        reason = getattr(error, "strerror", None) or str(error)
        raise DiskFailed(
            f"the manifest cannot be written: {reason.lower()}",
            where=str(path),
            hint="`-o DIR/envlock.toml` names another, `--dry-run` prints it",
        ) from error


def _result(path: Path, text: str, asking: Asking, advice: tuple[str, ...], *, written: bool) -> InitResult:
    return InitResult(
        path=path,
        text=text,
        read=tuple(asking.read),
        left_out=asking.left_out(),
        notes=(*asking.notes, *advice),
        written=written,
    )
