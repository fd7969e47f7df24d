"""Was an image published: `pytorch/pytorch` by its tags, `nvidia/cuda` by the form of its tags."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from packaging.version import Version

from envlock.stack.builds import torch_versions
from envlock.stack.combination.model import Combination, ImageAsked, Reason, Verdict, exactly, fits
from envlock.stack.combination.parsing import PYTORCH_IMAGE
from envlock.stack.combination.releases import admits
from envlock.stack.combination.spoken import any_of
from envlock.stack.facts import DATA_VERSION, document
from envlock.stack.images import image_digest, image_tag_exists, image_tags
from envlock.stack.sources import Source, sources

FILE = "docker_tags"
NVIDIA_IMAGE = "nvidia/cuda"

_TAG = re.compile(
    r"v?(?P<torch>\d+\.\d+(?:\.\d+)?)"
    r"(?:-cuda-?(?P<cuda>\d+\.\d+)(?:\.\d+)?)?(?:-cudnn-?(?P<cudnn>\d+))?(?:-(?P<flavour>\w+))?.*"
)
_NVIDIA = re.compile(
    r"(?P<cuda>\d+\.\d+(?:\.\d+)?)(?:-(?P<cudnn>cudnn\d*))?-(?P<flavour>[a-z]+)(?:-(?P<system>[a-z]+[\d.]+))?"
)

# Up to here tags with two numbers were pushed (`9.0-cudnn7-devel-ubuntu16.04`, `11.0-base`), and most of them
# deleted since: the form of today says nothing of them.
_LAST_SHORT = Version("11.1")


@dataclass(frozen=True, kw_only=True, slots=True)
class TagParts:
    """What a tag of pytorch/pytorch says of itself. `torch` is whole: 2.9.0 for `2.9-…`."""

    torch: str
    cuda: str | None
    cudnn: str | None
    flavour: str
    is_whole: bool


def parts_of(tag: str) -> TagParts | None:
    """The parts of a tag, well-formed or nearly so; None where it does not begin with a version.

    >>> parts = parts_of("2.9-cuda11.8-cudnn8-runtime")
    >>> parts.torch, parts.cuda, parts.cudnn, parts.flavour, parts.is_whole
    ('2.9.0', '11.8', '8', 'runtime', False)
    """
    match = _TAG.fullmatch(tag)
    if match is None:
        return None
    is_whole = match["torch"].count(".") == 2
    return TagParts(
        torch=match["torch"] if is_whole else f"{match['torch']}.0",
        cuda=match["cuda"],
        cudnn=match["cudnn"],
        flavour="devel" if match["flavour"] == "devel" else "runtime",
        is_whole=is_whole,
    )


def with_image(asked: Combination) -> Combination:
    """The question, with what the tag says where nothing else says it."""
    parts = _parts(asked)
    if parts is None:
        return asked
    return replace(
        asked,
        torch=asked.torch or exactly(parts.torch),
        cuda=asked.cuda or parts.cuda,
        cudnn=asked.cudnn or parts.cudnn,
    )


def _parts(asked: Combination) -> TagParts | None:
    image = asked.image
    return parts_of(image.tag) if image is not None and image.repository == PYTORCH_IMAGE else None


def image_reasons(asked: Combination) -> tuple[Reason, ...]:
    """Whether the image that is asked for was published, and whether it is the rest of the question."""
    image = asked.image
    if image is None:
        return ()
    if image.repository == PYTORCH_IMAGE:
        return (_pytorch(image), *_contradictions(asked))
    return (_nvidia(image.tag) if image.repository == NVIDIA_IMAGE else _other(image),)


def _other(image: ImageAsked) -> Reason:
    message = f"the facts know {PYTORCH_IMAGE} and the form of {NVIDIA_IMAGE}, not `{image.repository}`"
    return Reason(about="image", verdict=Verdict.UNKNOWN, message=message)


# pytorch/pytorch


def _pytorch(image: ImageAsked) -> Reason:
    name, parts = f"`{PYTORCH_IMAGE}:{image.tag}`", parts_of(image.tag)
    match image_tag_exists(image.tag):
        case True:
            digest = image_digest(image.tag)
            pinned = f"; public files pin it by {digest}" if digest else ""
            return _told(Verdict.EXISTS, f"{name} was published{pinned}", image.tag)
        case None:
            return _told(
                Verdict.UNKNOWN, f"whether {name} was published is not in the facts", image.tag, _moves(image)
            )
        case _:
            hint = None if parts is None else _meant(parts)
            return _told(Verdict.NEVER_PUBLISHED, f"{name} was never published", image.tag, hint)


def _told(verdict: Verdict, message: str, tag: str, hint: str | None = None) -> Reason:
    return Reason(about="image", verdict=verdict, message=message, sources=_sources(tag), hint=hint)


def _sources(tag: str) -> tuple[Source, ...]:
    parts, names = parts_of(tag), ["GENERATOR"]
    for row in document(FILE)["tags"]:
        names += row["src"] if parts is not None and parts.torch in row["torch"] else []
    return sources(FILE, [*names, *(["PINNED"] if image_digest(tag) else [])])


def _moves(image: ImageAsked) -> str | None:
    if parts_of(image.tag) is None:
        return f"`{image.tag}` names another image every time: pin X.Y.Z-cudaA.B-cudnnN, by its digest"
    return f"the facts are of {DATA_VERSION}; their tags are of {_first()} to {_last()}"


def _first() -> str:
    return next(str(version) for version in torch_versions() if image_tags(str(version)))


def _last() -> str:
    return next(str(version) for version in reversed(torch_versions()) if image_tags(str(version)))


def _meant(parts: TagParts) -> str:
    """What tags of that release are like."""
    known = image_tags(parts.torch)
    cudas = sorted({tag.split("-")[1].removeprefix("cuda") for tag in known}, key=Version)
    cudnn = known[0].split("-")[2].removeprefix("cudnn") if known else "N"
    whole = "" if parts.is_whole else f"a tag has the whole version, {parts.torch}; "
    have = f"images of {parts.torch} have CUDA {any_of(cudas) or 'A.B'} and cuDNN {cudnn}"
    return f"{whole}{have}, and end in -runtime or -devel"


def _contradictions(asked: Combination) -> Iterator[Reason]:
    """The question may say of PyTorch and CUDA what the tag does not."""
    parts = _parts(asked)
    if parts is None or asked.image is None:
        return
    torch = asked.torch is None or admits(asked.torch, parts.torch)
    rows = [
        (torch, f"PyTorch {parts.torch}", asked.torch.text if asked.torch else ""),
        (
            asked.cuda is None or parts.cuda is None or fits(asked.cuda, parts.cuda),
            f"CUDA {parts.cuda}",
            f"CUDA {asked.cuda}",
        ),
    ]
    for agrees, holds, wanted in rows:
        if not agrees:
            message = f"an image of that name holds {holds}, and {wanted} is asked for"
            yield Reason(about="image", verdict=Verdict.NEVER_PUBLISHED, message=message)


# nvidia/cuda


def _nvidia(tag: str) -> Reason:
    """The form of a tag is known; which patch numbers were published is not."""
    match, form = _NVIDIA.fullmatch(tag), document(FILE)["nvidia_cuda_form"]
    names = sources(FILE, form["src"])
    fault = "a tag is X.Y.Z-FLAVOUR-SYSTEM" if match is None else _fault(match, form)
    if match is not None and match["cuda"].count(".") < 2 and Version(match["cuda"]) <= _LAST_SHORT:
        message = f"whether `{NVIDIA_IMAGE}:{tag}` was published is not in the facts: they had two numbers"
        return Reason(about="image", verdict=Verdict.UNKNOWN, message=message, sources=names)
    if fault is not None:
        hint = "write it like 12.4.1-cudnn-runtime-ubuntu22.04"
        message = f"`{NVIDIA_IMAGE}:{tag}` was never published: {fault}"
        verdict = Verdict.UNKNOWN if match is None else Verdict.NEVER_PUBLISHED
        if match is None:
            message = f"whether `{NVIDIA_IMAGE}:{tag}` was published is not in the facts: {fault}"
        return Reason(about="image", verdict=verdict, message=message, sources=names, hint=hint)
    message = (
        f"`{NVIDIA_IMAGE}:{tag}` has the form of its tags; which of them were published is not in the facts"
    )
    hint = "the wheels of PyTorch bring CUDA and cuDNN themselves: a plain Python image does"
    return Reason(about="image", verdict=Verdict.UNKNOWN, message=message, sources=names, hint=hint)


def _fault(match: re.Match[str], form: Mapping[str, Any]) -> str | None:
    if match["cuda"].count(".") < 2 and Version(match["cuda"]) > _LAST_SHORT:
        return f"the version is whole, as {match['cuda']}.1"
    if match["flavour"] not in form["flavours"]:
        return f"there is {', '.join(form['flavours'])}, and no `{match['flavour']}`"
    if match["cudnn"] is None:
        return None
    piece = _cudnn_piece(Version(match["cuda"]), form)
    return None if piece in (None, match["cudnn"]) else f"cuDNN is written `{piece}` with {match['cuda']}"


def _cudnn_piece(cuda: Version, form: Mapping[str, Any]) -> str | None:
    for row in form["cudnn"]:
        since, until = Version(row.get("since", "0")), Version(row.get("until", "9999"))
        if since <= cuda <= until:
            return str(row["piece"])
    return None
