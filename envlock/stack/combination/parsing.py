"""Words of a command line -> a Combination. What cannot be meant is a usage error with what to write."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import VERSION_PATTERN, Version

from envlock.errors import UsageFault
from envlock.stack.combination.model import Combination, ImageAsked, TorchAsked, fits
from envlock.stack.variants import CPU, cuda_of, variant_of

TORCH = "torch"
PYTORCH_IMAGE = "pytorch/pytorch"

_NUMBER = re.compile(rf"{VERSION_PATTERN}(\.\*)?", re.VERBOSE | re.IGNORECASE)
_MAJOR = re.compile(r"[1-9]\d")
_VERSION = re.compile(r"v?(\d+(?:\.\d+){0,3})")
_DRIVER = re.compile(r"[Rr]?(\d{3}(?:\.\d+){0,2})")
_GLIBC = re.compile(r"(?:GLIBC[_ ])?(2\.\d{1,2})(?:\.\d+)?", re.IGNORECASE)
_PYTHON = re.compile(r"(3\.\d+)(?:\.\d+)?(t?)")
_PYTHON_TAG = re.compile(r"(?:cp|py)3(\d+)(t?)")
_HOSTS = ("docker.io/", "index.docker.io/", "registry-1.docker.io/")
_TAG = re.compile(r"[\w][\w.-]{0,127}", re.ASCII)


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """What is asked, as it was typed."""

    requirements: tuple[str, ...] = ()
    cuda: str | None = None
    cudnn: str | None = None
    nccl: str | None = None
    python: str | None = None
    driver: str | None = None
    gpu: str | None = None
    glibc: str | None = None
    image: str | None = None

    @property
    def is_of_host(self) -> bool:
        """Is only a host asked about?"""
        others = (*self.requirements, self.cuda, self.cudnn, self.nccl, self.python, self.image)
        return not any(others) and bool(self.driver or self.gpu or self.glibc)


def combination_of(question: Question) -> Combination:
    """Parse a question. Raises UsageFault."""
    needs = [_requirement(text) for text in question.requirements]
    torch = _torch([need for need in needs if canonicalize_name(need.name) == TORCH])
    return Combination(
        torch=torch,
        cuda=_one_cuda(_cuda(question.cuda), torch),
        cudnn=_version("--cudnn", question.cudnn, "9.1"),
        nccl=_version("--nccl", question.nccl, "2.21.5"),
        python=_python(question.python),
        driver=_driver(question.driver),
        gpu=_gpu(question.gpu),
        glibc=_glibc(question.glibc),
        image=_image(question.image),
        other_requirements=tuple(str(need) for need in needs if canonicalize_name(need.name) != TORCH),
    )


# Requirements


def _requirement(text: str) -> Requirement:
    try:
        need = Requirement(text)
    except InvalidRequirement as error:
        raise UsageFault(f"`{text}` is no requirement", hint=_meant(text)) from error
    if canonicalize_name(need.name) == "pytorch":
        hint = f"write `torch{need.specifier}`: the distribution is called torch"
        raise UsageFault("`pytorch` is not the name of the distribution", hint=hint)
    odd = [each for each in need.specifier if not _NUMBER.fullmatch(each.version)]
    if odd:
        raise UsageFault(f"`{text}`: `{odd[0].version}` is not a version", hint=_meant(text))
    if need.url is not None:
        raise UsageFault(f"`{need.name}` points to a URL", hint=f"write `{need.name}==VERSION`")
    return need


def _meant(text: str) -> str:
    version = re.search(r"\d+(?:\.\d+)+", text)
    return f"write `torch=={version[0] if version else '2.6.0'}`"


def _torch(needs: Sequence[Requirement]) -> TorchAsked | None:
    """All requirements of torch as one."""
    if not needs:
        return None
    whole = SpecifierSet(",".join(str(need.specifier) for need in needs if need.specifier))
    exact = [
        Version(spec.version)
        for spec in whole
        if spec.operator in ("==", "===") and not spec.version.endswith(".*")
    ]
    locals_ = {version.local for version in exact if version.local}
    if len({version.public for version in exact}) > 1 or len(locals_) > 1:
        raise UsageFault(f"`torch{whole}` asks for two versions at once", hint="leave one out")
    if exact and not whole.contains(max(exact), prereleases=True):
        raise UsageFault(f"no version is `torch{whole}`", hint="leave one out")
    local = next(iter(locals_), None)
    return TorchAsked(
        text=", ".join(str(need) for need in needs),
        specifier=whole,
        exact=_whole(exact[0]) if exact else None,
        other_variant=None if local is None or _is_cuda(local) else local,
    )


def _whole(version: Version) -> str:
    """`2.6` is 2.6.0, as requirements compare."""
    if version.is_prerelease or version.is_postrelease:
        return version.public
    return ".".join(map(str, (*version.release, 0, 0)[: max(3, len(version.release))]))


def _is_cuda(local: str) -> bool:
    try:
        cuda_of(local)
    except ValueError:
        return False
    return True


def _local_cuda(torch: TorchAsked | None) -> str | None:
    """The CUDA that `torch==2.6.0+cu118` names."""
    match = re.search(r"\+(cpu|cu\d+)\b", str(torch.specifier)) if torch else None
    return cuda_of(match[1]) if match and _is_cuda(match[1]) else None


def _one_cuda(cuda: str | None, torch: TorchAsked | None) -> str | None:
    local = _local_cuda(torch)
    if torch is not None and local is not None and cuda is not None and not fits(cuda, local):
        raise UsageFault(f"`{torch.text}` and `--cuda {cuda}` contradict each other", hint="leave one out")
    return cuda if local is None else local


# Options


def _cuda(text: str | None) -> str | None:
    """`12.4`, `cpu`, or `12` for whatever has that major."""
    if text is None or text == "auto":
        return None
    if _MAJOR.fullmatch(text):
        return text
    try:
        variant_of(text)
    except ValueError as error:
        raise UsageFault(f"`--cuda {text}`: not a CUDA toolkit version", hint=_cuda_meant(text)) from error
    return text


def _cuda_meant(text: str) -> str:
    short = re.fullmatch(r"cu(\d\d)(\d)", text)
    long = re.match(r"[vV]?(\d\d\.\d)(?=\.|$)", text)
    meant = f"{short[1]}.{short[2]}" if short else long[1] if long else None
    return f"write {meant}" if meant else f"write it like 12.4, or `{CPU}`"


def _version(option: str, text: str | None, example: str) -> str | None:
    if text is None:
        return None
    match = _VERSION.fullmatch(text)
    if match is None:
        raise UsageFault(f"`{option} {text}`: not a version", hint=f"write it like {example}")
    return match[1]


def _python(text: str | None) -> str | None:
    if text is None:
        return None
    match = _PYTHON.fullmatch(text)
    if match is None:
        tag = _PYTHON_TAG.fullmatch(text)
        meant = f"write 3.{tag[1]}{tag[2]}" if tag else "write it like 3.11"
        raise UsageFault(f"`--python {text}`: not a version of Python 3", hint=meant)
    return match[1] + match[2]


def _driver(text: str | None) -> str | None:
    if text is None:
        return None
    match = _DRIVER.fullmatch(text)
    if match is None:
        hint = "write it like 535.54.03: `nvidia-smi --query-gpu=driver_version --format=csv` prints it"
        raise UsageFault(f"`--driver {text}`: not a driver version", hint=hint)
    return match[1]


def _glibc(text: str | None) -> str | None:
    """`2.17`, as `ldd --version` and `GLIBC_2.17` have it."""
    if text is None:
        return None
    match = _GLIBC.fullmatch(text.strip())
    if match is None:
        raise UsageFault(f"`--glibc {text}` is no glibc version", hint="`ldd --version` prints it: 2.17")
    return match[1]


def _gpu(text: str | None) -> str | None:
    if text is not None and not text.strip():
        raise UsageFault("`--gpu` names no GPU", hint="write it like V100, `RTX 4090` or sm_86")
    return text


def _image(text: str | None) -> ImageAsked | None:
    """`TAG`, `pytorch/pytorch:TAG`, `docker.io/pytorch/pytorch:TAG`, each with a digest or without."""
    if text is None:
        return None
    reference = text.partition("@")[0]
    for host in _HOSTS:
        reference = reference.removeprefix(host)
    repository, colon, tag = reference.rpartition(":")
    if "/" in tag:  # no tag, and at most the port of a registry
        repository, tag = reference, "latest"
    if not _TAG.fullmatch(tag) or (colon and not repository):
        hint = "write it like 2.6.0-cuda12.4-cudnn9-runtime, or with `pytorch/pytorch:` before it"
        raise UsageFault(f"`--image {text}`: not a tag", hint=hint)
    return ImageAsked(repository=repository or PYTORCH_IMAGE, tag=tag)
