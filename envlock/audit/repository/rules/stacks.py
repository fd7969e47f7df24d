"""PyTorch, CUDA, cuDNN and NCCL: combinations that were never published, in files and in prose."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache

from packaging.version import InvalidVersion, Version

from envlock.audit.repository.asking import of_script
from envlock.audit.repository.claims import Claim, claims
from envlock.audit.repository.content import Declared, Dockerfile, IndexUse, Repository
from envlock.audit.repository.model import Hit, Level, Place, Rule
from envlock.audit.repository.rules.dependencies import is_locked
from envlock.audit.repository.rules.images import parted
from envlock.errors import UsageFault
from envlock.manifest.init.conda_names import CUDA as CUDA_OF_CONDA
from envlock.manifest.init.conda_spec import x_y
from envlock.manifest.platforms import Platform
from envlock.stack.builds import default_variant, release
from envlock.stack.combination import Question, Reason, Verdict, combination_of, explain
from envlock.stack.combination.parsing import PYTORCH_IMAGE
from envlock.stack.combination.tags import parts_of
from envlock.stack.drivers import driver_floor, toolkit_driver
from envlock.stack.variants import CPU, cuda_of

_LIBRARY = re.compile(r"nvidia-(?P<name>cudnn|nccl)-cu(?P<major>\d\d)")
_MAJOR = re.compile(r"nvidia-[a-z-]+-cu(?P<major>1\d)")
_LOCAL = re.compile(r"\+cu(\d{2,3})\b")


@cache
def _refused(question: Question) -> tuple[Reason, ...]:
    """Why a combination was never published; empty where it was, or the facts cannot tell."""
    try:
        found = explain(combination_of(question))
    except UsageFault:
        return ()
    if found.verdict is not Verdict.NEVER_PUBLISHED:
        return ()
    return tuple(each for each in found.reasons if each.verdict is Verdict.NEVER_PUBLISHED)


def _hits(place: Place, question: Question) -> Iterator[Hit]:
    for reason in _refused(question):
        yield Hit(place=place, message=reason.message, do=reason.hint)


# In files


@dataclass(frozen=True, kw_only=True, slots=True)
class Stack:
    """What one file says of PyTorch and CUDA together."""

    torch: Declared | None
    cuda: str | None
    cuda_place: Place | None
    libraries: tuple[tuple[Declared, str, str], ...]


def stacks(repository: Repository) -> dict[str, Stack]:
    """file -> its stack, where it has any of it."""
    found: dict[str, Stack] = {}
    for file, every in repository.declared_by.items():
        if all(each.is_optional for each in every):
            continue
        rows = [each for each in every if each.url is None and each.is_for_linux]
        stack = _stack(rows, [each for each in repository.indexes if each.place.file == file])
        if stack.torch is not None or stack.cuda is not None:
            found[file] = stack
    return found


def _stack(rows: list[Declared], indexes: Iterable[IndexUse]) -> Stack:
    torch = next((each for each in rows if each.name in ("torch", "pytorch", "pytorch-gpu")), None)
    cudas = [(each.cuda, each.place) for each in indexes if each.cuda is not None]
    for each in rows:
        if each.is_conda and each.name in CUDA_OF_CONDA and (version := _x_y(each)) is not None:
            cudas.append((version, each.place))
    libraries = tuple(
        (each, match["name"], each.exact)
        for each in rows
        if (match := _LIBRARY.fullmatch(each.name)) and each.exact is not None
    )
    cuda, place = cudas[0] if len({cuda for cuda, _ in cudas}) == 1 else (None, None)
    return Stack(torch=torch, cuda=cuda, cuda_place=place, libraries=libraries)


def _x_y(each: Declared) -> str | None:
    versions = [
        clause.version.removesuffix(".*") for clause in each.specifier if clause.operator in ("==", "===")
    ]
    return x_y(versions[0]) if len(versions) == 1 else None


def no_such_stack(repository: Repository) -> Iterator[Hit]:
    for stack in stacks(repository).values():
        if stack.torch is None:
            continue
        question = Question(requirements=_wheel(stack.torch), cuda=stack.cuda)
        found = list(_hits(stack.torch.place, question))
        yield from found
        for library, name, version in stack.libraries if not found else ():
            is_cudnn = name == "cudnn"
            pinned = replace(question, cudnn=version) if is_cudnn else replace(question, nccl=version)
            yield from _hits(library.place, pinned)
    yield from _told_commands(repository)
    for spoken in repository.spoken:
        for claim in claims(spoken):
            yield from _hits(claim.place, _question(claim))


def _told_commands(repository: Repository) -> Iterator[Hit]:
    """Commands in a README, each for itself."""
    for script in repository.scripts:
        for line in script.lines if script.kind == "prose" else ():
            asked = list(of_script(replace(script, lines=(line,))))
            indexes = [each for each in asked if isinstance(each, IndexUse)]
            stack = _stack([each for each in asked if isinstance(each, Declared)], indexes)
            if stack.torch is not None:
                yield from _hits(line[0], Question(requirements=_wheel(stack.torch), cuda=stack.cuda))


def _wheel(torch: Declared) -> tuple[str]:
    """As wheels are asked for, also where conda's name stands."""
    return (f"torch{torch.specifier}",)


def _question(claim: Claim) -> Question:
    is_whole = claim.torch.count(".") == 2
    torch = f"torch=={claim.torch}" if is_whole else f"torch=={claim.torch}.*"
    return Question(requirements=(torch,), cuda=claim.cuda, cudnn=claim.cudnn, nccl=claim.nccl)


# Two providers


def two_cuda(repository: Repository) -> Iterator[Hit]:
    yield from _two_in_conda(repository)
    yield from _two_majors(repository)
    yield from _two_in_images(repository)


def _two_in_conda(repository: Repository) -> Iterator[Hit]:
    for rows in repository.declared_by.values():
        cuda = next((each for each in rows if each.is_conda and each.name in CUDA_OF_CONDA), None)
        wheel = next((one for one in rows if not one.is_conda and one.name == "torch"), None)
        if cuda is not None and wheel is not None:
            message = (
                f"CUDA comes from conda (`{cuda.text}`) and again with the wheel of PyTorch (`{wheel.text}`)"
            )
            yield Hit(place=wheel.place, message=message)


def _two_majors(repository: Repository) -> Iterator[Hit]:
    for rows in repository.declared_by.values():
        majors: dict[str, Declared] = {}
        for each in rows:
            match = _MAJOR.fullmatch(each.name)
            local = _LOCAL.search(each.text)
            if match is not None or local is not None:
                majors.setdefault(
                    match["major"] if match is not None else str(local[1])[:2] if local else "", each
                )
        if len(majors) > 1:
            names = " and ".join(f"CUDA {major} (`{each.text}`)" for major, each in sorted(majors.items()))
            yield Hit(place=list(majors.values())[-1].place, message=f"one environment asks for {names}")


def _two_in_images(repository: Repository) -> Iterator[Hit]:
    for each in repository.dockerfiles:
        if each.is_example:
            continue
        stage = each.stages[-1]
        name, tag, _ = parted(stage.base)
        wheel = _torch_installed(repository, each.source.file)
        if wheel is None:
            continue
        if name in ("nvidia/cuda", "nvcr.io/nvidia/cuda") and (tag or "").split("-")[1:2] != ["base"]:
            message = f"`{name}:{tag}` has CUDA, and so has the wheel of PyTorch ({_named(wheel, each)})"
            yield Hit(place=stage.place, message=message)
        elif (name == PYTORCH_IMAGE or name.startswith("nvcr.io/nvidia/pytorch")) and not _is_there(
            wheel, tag
        ):
            message = f"`{name}` has PyTorch and CUDA, and {_named(wheel, each)} installs both again"
            yield Hit(place=stage.place, message=message)


def _is_there(wheel: Declared, tag: str | None) -> bool:
    """Is pip content with the PyTorch of the image? Without a version it always is."""
    if not wheel.specifier:
        return True
    parts = parts_of(tag or "")
    if parts is None or re.match(r"\d\d\.\d\d-py3", tag or ""):  # NGC: which PyTorch is not in the tag
        return wheel.exact is None
    return wheel.specifier.contains(parts.torch, prereleases=True)


def _named(wheel: Declared, within: Dockerfile) -> str:
    is_own = wheel.place.file == within.source.file
    return f"`{wheel.text}`" if is_own else f"`{wheel.text}` of {wheel.place.file}"


def _torch_installed(repository: Repository, file: str) -> Declared | None:
    """The wheel of PyTorch that a Dockerfile installs, by itself or from a file that it names: one beside it,
    or in the folder that it is built in."""
    text = repository.texts.get(file, "")
    folder = file.rpartition("/")[0]
    for one in repository.declared:
        if one.name != "torch" or not one.is_for_linux:
            continue
        if one.place.file == file:
            return one
        home, _, base = one.place.file.rpartition("/")
        is_near = home == folder or f"{folder}/".startswith(f"{home}/") or not home
        is_named = re.search(rf"-r\s*\S*(?<![\w-]){re.escape(base)}(?![\w.-])", text) is not None
        if one.kind == "requirements" and is_near and is_named and _is_nearest(repository, one, folder):
            return one
    return None


def _is_nearest(repository: Repository, one: Declared, folder: str) -> bool:
    """No other file of that name is nearer to the Dockerfile."""
    home, _, base = one.place.file.rpartition("/")
    parts = folder.split("/") if folder else []
    above = ("/".join(parts[:count]) for count in range(len(parts), -1, -1))
    return home == next(place for place in above if f"{place}/{base}".lstrip("/") in repository.names)


# What is not said


def _cuda_asked(repository: Repository) -> Place | None:
    """Where the repository asks for CUDA first."""
    for stack in stacks(repository).values():
        if stack.cuda not in (None, CPU):
            return stack.cuda_place
    for use in repository.images:
        if not use.is_told and ("cuda" in use.reference or use.reference.startswith("nvcr.io/")):
            return use.place
    for code in repository.own_code:
        for call in code.calls:
            if call.name.endswith(".cuda") and not call.name.startswith("torch."):
                return call.place
    return None


_DRIVER_SAID = re.compile(r"(?i)\bdrivers?\b[^.\n]{0,60}\d{3}|\d{3}\.\d+[^.\n]{0,30}\bdriver")
_GPU_SAID = re.compile(
    r"\b(?:[APVHBL]\d{2,3}|T4|P40|RTX|GTX|Titan|Quadro|GH200|MI\d{3}"
    r"|compute capability|sm_\d+|VRAM|\d+\s?GB)\b",
    re.I,
)


def driver_unstated(repository: Repository) -> Iterator[Hit]:
    place = _cuda_asked(repository)
    if (
        place is None
        or not repository.is_folder
        or any(each.endswith("envlock.lock") for each in repository.locks)
    ):
        return
    texts = [each.text for each in repository.prose]
    missing = [
        name
        for name, said in (("driver", _DRIVER_SAID), ("GPU", _GPU_SAID))
        if not any(map(said.search, texts))
    ]
    if missing:
        yield Hit(
            place=place, message=f"CUDA is asked for, and no text says which {' or '.join(missing)} it needs"
        )


def _tells_driver(repository: Repository) -> bool:
    return any(each.endswith("envlock.lock") for each in repository.locks)


def cuda_unstated(repository: Repository) -> Iterator[Hit]:
    for file, stack in stacks(repository).items():
        torch = stack.torch.exact if stack.torch is not None else None
        if torch is None or stack.cuda is not None or "+" in torch or is_locked(repository, file):
            continue
        known = _default_cuda(torch)
        if known is not None and stack.torch is not None and not stack.torch.is_conda:
            other = f"CUDA {known} from the default index, and another elsewhere"
            message = f"`torch=={torch}` without a CUDA is {other}"
            yield Hit(place=stack.torch.place, message=message)
    for spoken in repository.spoken:
        yield from _unnamed([(each.place, each.text) for each in spoken])


_NAMED = re.compile(r"(?i)\b(?:pytorch|torch)(?:-cuda)?[ -]?v?(?P<version>2\.\d{1,2}(?:\.\d+)?)\b")


def _unnamed(rows: list[tuple[Place, str]]) -> Iterator[Hit]:
    """A text about a PyTorch with CUDA that never says which CUDA."""
    whole = " ".join(text for _, text in rows)
    if "cuda" not in whole.lower() or re.search(r"(?i)cuda[\s`:=-]*v?1\d|\bcu1\d\d\b", whole):
        return
    for place, text in rows:
        match = _NAMED.search(text)
        known = _default_cuda(match["version"]) if match is not None else None
        if match is not None and known is not None:
            message = (
                f"PyTorch {match['version']} is named, and not its CUDA; its default wheel has CUDA {known}"
            )
            yield Hit(place=place, message=message)
            return


def _default_cuda(torch: str) -> str | None:
    try:
        variant = (
            default_variant(torch if torch.count(".") == 2 else f"{torch}.0") if release(torch) else None
        )
    except InvalidVersion:
        return None
    return cuda_of(variant) if variant not in (None, CPU) else None


# What prose says beside stacks


_DRIVER = re.compile(r"\b(?P<driver>[3-6]\d{2}(?:\.\d{2,3}){0,2})\b")
_CUDA = re.compile(r"(?i)CUDA[\s`*_-]*v?(?P<version>1[0-4](?:\.\d)?)\b")


def driver_claim(repository: Repository) -> Iterator[Hit]:
    for spoken in repository.spoken:
        for each in spoken:
            if "driver" in each.text.lower() or "驱动" in each.text:
                yield from _judged_drivers(each.text, each.place)


def _judged_drivers(text: str, place: Place) -> Iterator[Hit]:
    """Each CUDA with the driver that is named after it."""
    found = list(_CUDA.finditer(text))
    for number, match in enumerate(found):
        end = found[number + 1].start() if number + 1 < len(found) else len(text)
        driver = _DRIVER.search(text, match.end(), end) or (_DRIVER.search(text) if len(found) == 1 else None)
        if driver is not None:
            yield from _judged(match["version"], driver["driver"], place)


def _judged(cuda: str, driver: str, place: Place) -> Iterator[Hit]:
    floor, shipped = driver_floor(cuda, Platform.LINUX_64), toolkit_driver(cuda)
    major = cuda.partition(".")[0]
    if floor is None:
        return
    if Version(driver) < Version(Version(floor).public) and not floor.startswith(driver):
        message = f"CUDA {cuda} does not run on driver {driver}: its floor is {floor}"
        yield Hit(place=place, message=message, level=Level.ERROR)
    elif floor.startswith(driver):
        told = f"; the driver that came with CUDA {cuda} is {shipped}" if shipped else ""
        message = f"driver {driver} is only the floor of minor-version compatibility of CUDA {major}{told}"
        yield Hit(place=place, message=message)


_SYSTEM = re.compile(
    r"(?i)\b(?:system|host|local|globally? installed|installed)\b.{0,40}\bCUDA\b.{0,160}"
    r"\b(?:break|conflict|mismatch|incompatib|fail|must (?:match|be the same|equal)|clash|not work|cannot)"
    r"|\bCUDA\b.{0,40}\b(?:system|host|local|installed)\b.{0,120}\b(?:break|conflict|mismatch|fail|clash)"
    r"|(?:系统|本机|本地).{0,20}CUDA.{0,80}(?:冲突|不匹配|不兼容|报错|失败)"
)
_WHEEL = re.compile(r"(?i)\bcu1\d\d\b|wheel|pytorch|torch")
_OWN_LIBRARIES = "wheels carry their own CUDA"
_IMAGE_HAS = re.compile(
    r"(?i)\bimages?\b.{0,80}\b(?:has|have|comes? with|ships?|provides?|includes?|creates?|sets?|already|"
    r"default\w*|preset\w*|built-in|predefine\w*|preconfigure\w*|runs? as)\b.{0,80}"
    r"(?P<what>non-?root|unprivileged user|NCCL_DEBUG)"
    r"|镜像.{0,40}(?:内置|默认|已经|预设|预置|自带).{0,40}(?P<what_zh>非\s?root|NCCL_DEBUG)"
)
_ADVICE = re.compile(r"(?i)\b(?:should|add|create|recommend\w*|must|we|your|our|custom)\b|应该|建议|自己")
_HISTORY = re.compile(
    r"(?i)_record_memory_history.{0,120}\b(?:new|introduced|added|since|first|appears?)\b|"
    r"\b(?:new|introduces?|adds?|added)\b.{0,120}_record_memory_history|新增.{0,60}_record_memory_history|"
    r"_record_memory_history.{0,60}(?:新增|引入)"
)


def false_claim(repository: Repository) -> Iterator[Hit]:
    for spoken in repository.spoken:
        for each in spoken:
            text = " ".join(each.text.split())
            if _SYSTEM.search(text) and _WHEEL.search(text):
                message = f"a CUDA of the system does not break a wheel: {_OWN_LIBRARIES}"
                do = "look at `LD_LIBRARY_PATH`, and at a second provider of CUDA: `envlock doctor` does"
                yield Hit(place=each.place, message=message, do=do)
            match = _IMAGE_HAS.search(text)
            if match is not None and not _ADVICE.search(text):
                yield Hit(place=each.place, message=_image_told((match["what"] or match["what_zh"]).lower()))
            if _HISTORY.search(text) and _TORCH_TWO.search(text):
                message = (
                    "`_record_memory_history` is there since PyTorch 2.0; that signature is legacy since 2.1"
                )
                yield Hit(place=each.place, message=message)


_TORCH_TWO = re.compile(r"\b2\.[1-9]\d?\b")


def _image_told(what: str) -> str:
    if "nccl" in what:
        return "the official image `pytorch/pytorch` sets no NCCL variable"
    return "the official image `pytorch/pytorch` runs as root, and has no other user"


_AMP = re.compile(r"torch\.cuda\.amp(?:\.(?:autocast|GradScaler))?\b")
_MEMORY = re.compile(
    r"_record_memory_history\(\s*(?:enabled\s*=\s*)?(?:True|False)\b|trace_alloc_max_entries"
)


def outdated_advice(repository: Repository) -> Iterator[Hit]:
    for spoken in repository.spoken:
        for each in spoken:
            amp = _AMP.search(each.text)
            if amp is not None and not re.search(r"(?i)deprecated|instead|弃用", each.text):
                yield Hit(
                    place=each.place,
                    message=f"`{amp[0]}` is deprecated since PyTorch 2.4",
                    do='write `torch.amp.autocast("cuda")` and `torch.amp.GradScaler("cuda")`',
                )
            if _MEMORY.search(each.text) and not re.search(r"(?i)legacy|old signature", each.text):
                message = "this is the signature of `_record_memory_history` in PyTorch 2.0, legacy since 2.1"
                yield Hit(
                    place=each.place, message=message, do="write `_record_memory_history(max_entries=N)`"
                )


RULES = (
    Rule(
        id="no-such-stack",
        title="a combination of PyTorch and CUDA that was never published",
        level=Level.ERROR,
        weight=25,
        why="nobody can install it, so whatever was run was something else",
        do="`envlock explain` names the nearest that exist",
        check=no_such_stack,
    ),
    Rule(
        id="false-claim",
        title="a text that says of PyTorch or CUDA what is not so",
        level=Level.ERROR,
        weight=10,
        why="whoever follows it looks for faults where there are none, or trusts what is not there",
        do="correct the text",
        check=false_claim,
    ),
    Rule(
        id="driver-claim",
        title="a driver that is named for a CUDA",
        level=Level.NOTE,
        weight=5,
        why="the floor runs code that is in the wheel; PTX and newer features need the driver of the toolkit",
        do="say which of the two is meant: `envlock explain --driver V` judges",
        check=driver_claim,
    ),
    Rule(
        id="two-cuda",
        title="CUDA from two providers in one environment",
        level=Level.WARNING,
        weight=8,
        why="which of the two is loaded depends on search paths, and on the order of imports",
        do="keep one: a plain Python image with wheels, or conda's own build of PyTorch",
        check=two_cuda,
    ),
    Rule(
        id="driver-unstated",
        title="CUDA is needed, and the driver or the GPU is not told",
        level=Level.WARNING,
        weight=3,
        why="whether it can run somewhere is found out by failing there",
        do="name both in the README; `envlock explain --driver V --gpu NAME` judges a lock",
        check=driver_unstated,
    ),
    Rule(
        id="cuda-unstated",
        title="PyTorch without its CUDA",
        level=Level.NOTE,
        weight=0,
        why="one version of PyTorch is several builds, which differ in CUDA, cuDNN and NCCL",
        do='name the build: `cuda = "…"` in the manifest, or the index of the variant',
        check=cuda_unstated,
    ),
    Rule(
        id="outdated-advice",
        title="a text that recommends calls on their way out",
        level=Level.WARNING,
        weight=2,
        why="it is copied into code that then warns, or breaks with the next release",
        do="name what replaces it",
        check=outdated_advice,
    ),
)
