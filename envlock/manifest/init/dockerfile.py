"""Dockerfile: what the base image says of PyTorch, CUDA and Python, and what its lines install.

Nothing is built. Read are the last stage and those that it stands on or copies from.
"""

from __future__ import annotations

import json
import posixpath
import re
from dataclasses import dataclass, field
from pathlib import Path

from packaging.utils import canonicalize_name

from envlock.manifest import patterns
from envlock.manifest.documents import read_text
from envlock.manifest.init.dockerfile_lines import Instruction, instructions, substituted
from envlock.manifest.init.indexes import cuda_of_url
from envlock.manifest.init.install_words import Wanted, read_command
from envlock.manifest.init.model import Asking, Place, PythonSaid, Row, Said
from envlock.manifest.init.requirements import read_lines
from envlock.manifest.init.shell_words import commands
from envlock.manifest.requirements_file import Line, shown_path
from envlock.manifest.tables import code

_FROM = re.compile(r"(?:--\S+\s+)*(?P<image>\S+)(?:\s+as\s+(?P<name>\S+))?\s*", re.IGNORECASE)
_PAIR = re.compile(
    r"(?P<key>[A-Za-z_][A-Za-z0-9_.-]*)=(?P<value>\"(?:[^\"\\]|\\.)*\"|'[^']*'|(?:[^\s\\]|\\.)*)"
)
_COPIED_FROM = re.compile(r"--from=(\S+)")
_PYTORCH_TAG = re.compile(
    r"(?P<torch>[0-9]+\.[0-9]+(?:\.[0-9]+)?)-cuda-?(?P<cuda>[0-9]+\.[0-9]+)-cudnn[0-9]+-(?:runtime|devel)"
)
_CUDA_TAG = re.compile(r"(?P<cuda>[0-9]+\.[0-9]+)(?:\.[0-9]+)?-.*")
_PYTHON_TAG = re.compile(r"(?P<python>3\.[0-9]+(?:\.[0-9]+)?)(?:-.*)?")
# Variables that decide what is computed; others are about the image, not about results.
_SETTINGS = re.compile(
    r"PYTHONHASHSEED|CUBLAS_WORKSPACE_CONFIG|NVIDIA_TF32_OVERRIDE|TORCH_ALLOW_TF32_CUBLAS_OVERRIDE|MKL_CBWR"
    r"|OPENBLAS_CORETYPE|(?:OMP|MKL|OPENBLAS|NUMEXPR)_NUM_THREADS|CUDA_LAUNCH_BLOCKING|PYTORCH_CUDA_ALLOC_CONF"
)


@dataclass(kw_only=True, slots=True)
class Stage:
    """A stage as it is written: `base` is an image or the name of a stage before."""

    name: str
    base: str
    line: int
    arguments: dict[str, str]
    instructions: list[Instruction] = field(default_factory=list)


def read_dockerfile(path: Path, place: Place, asking: Asking) -> None:
    """Add what a Dockerfile asks for."""
    name = shown_path(path, place.root)
    asking.read.append(name)
    text = read_text(path, name, asking.faults)
    stages = stages_of(text or "")
    if text is not None and not stages:
        asking.faults.add(name, "has no FROM, so it is no Dockerfile")
    kept = _kept(stages)
    for stage in stages:
        if stage not in kept:
            asking.note(f"{name}:{stage.line}", f"the stage {code(stage.name)} is not part of the last one")
    for stage in kept:
        _StageReader(stage=stage, stages=stages, path=path, place=place, asking=asking).read()


def stages_of(text: str) -> list[Stage]:
    found: list[Stage] = []
    arguments: dict[str, str] = {}
    for each in instructions(text):
        if each.name == "FROM":
            match = _FROM.fullmatch(substituted(each.value, arguments))
            if match is not None:
                name = match["name"] or str(len(found))
                found.append(Stage(name=name, base=match["image"], line=each.line, arguments=dict(arguments)))
        elif found:
            found[-1].instructions.append(each)
        elif each.name == "ARG":
            arguments.update(pairs_of(substituted(each.value, arguments)))
    return found


def _kept(stages: list[Stage]) -> list[Stage]:
    """The last stage, and all that it stands on or copies from, in their order."""
    wanted = {stages[-1].name.lower()} if stages else set[str]()
    for place in range(len(stages) - 1, -1, -1):
        stage = stages[place]
        if {stage.name.lower(), str(place)} & wanted:
            wanted.add(stage.name.lower())
            wanted.add(stage.base.lower())
            for each in stage.instructions:
                wanted.update(name.lower() for name in _COPIED_FROM.findall(each.value))
    return [stage for stage in stages if stage.name.lower() in wanted]


def pairs_of(text: str) -> dict[str, str]:
    """`A=1 B="two"`, and `A two` as ENV once had it."""
    found = {match["key"]: _unquoted(match["value"]) for match in _PAIR.finditer(text)}
    if not found and len(parts := text.split(None, 1)) == 2:
        return {parts[0]: _unquoted(parts[1])}
    return found


def _unquoted(text: str) -> str:
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        text = text[1:-1]
    return re.sub(r"\\(.)", r"\1", text)


@dataclass(kw_only=True, slots=True)
class _StageReader:
    """Reads one stage; knows what was copied to where, and the variables so far."""

    stage: Stage
    stages: list[Stage]
    path: Path
    place: Place
    asking: Asking
    values: dict[str, str] = field(default_factory=dict)
    copies: list[tuple[str, str]] = field(default_factory=list)
    folder: str = "/"

    def read(self) -> None:
        if self.stage.base.lower() not in {each.name.lower() for each in self.stages}:
            add_base(self.stage.base, self._at(self.stage.line), self.asking)
        for each in self.stage.instructions:
            self._instruction(each)

    def _at(self, line: int) -> str:
        return f"{shown_path(self.path, self.place.root)}:{line}"

    def _instruction(self, each: Instruction) -> None:
        value = substituted(each.value, self.values)
        match each.name:
            case "ARG":
                inherited = {each.value: self.stage.arguments.get(each.value.strip(), "")}
                pairs = pairs_of(value) if "=" in value else {k.strip(): v for k, v in inherited.items() if v}
                self.values.update(pairs)
            case "ENV":
                self._env(pairs_of(value), each.line)
            case "WORKDIR":
                self.folder = posixpath.join(self.folder, value)
            case "USER":
                self._user(value, each.line)
            case "COPY" | "ADD":
                self._copy(value)
            case "RUN":
                self._run(substituted(each.body, self.values), value, each.line)

    def _env(self, pairs: dict[str, str], line: int) -> None:
        self.values.update(pairs)
        for key, value in pairs.items():
            if _SETTINGS.fullmatch(key) and patterns.SETTING_VALUE.admits(value) and "$" not in value:
                self.asking.settings.setdefault(key, Said(value=value, where=self._at(line)))

    def _user(self, value: str, line: int) -> None:
        name = value.partition(":")[0]
        if self.stage is self.stages[-1] and patterns.USER_NAME.admits(name):
            self.asking.users[:] = [Said(value=name, where=self._at(line))] if name != "root" else []

    def _copy(self, value: str) -> None:
        words = [word for word in _words(value) if not word.startswith("--")]
        if len(words) < 2 or "--from=" in value:
            return
        *sources, target = words
        target = posixpath.normpath(posixpath.join(self.folder, target)) + "/" * target.endswith("/")
        is_folder = target.endswith("/") or len(sources) > 1
        for source in sources:
            inner = posixpath.basename(source.rstrip("/"))
            plain = source.strip("/") in ("", ".") or (self.path.parent / source).is_dir()
            to = posixpath.join(target, inner) if is_folder and not plain else target.rstrip("/") or "/"
            self.copies.append((to, source))

    def _run(self, body: str, value: str, line: int) -> None:
        for words in commands(_script(value, body)):
            wanted = read_command(words)
            if wanted is not None:
                self._add(wanted, self._at(line))

    def _add(self, wanted: Wanted, where: str) -> None:
        backend = None if wanted.backend is None else cuda_of_url(f"/whl/{wanted.backend}")
        if backend is not None:
            self.asking.cudas.append(Said(value=backend, where=f"{where}, --torch-backend"))
        lines = [Line(text=self._mapped(text), where=where, path=self.path) for text in wanted.lines]
        read_lines(lines, self.place, self.asking)
        for tool in wanted.projects:
            self.asking.note(
                where, f"{code(tool)} reads pyproject.toml, as `envlock init` does in its folder"
            )
        for tool in wanted.system:
            self.asking.note(where, f"packages of the system ({tool}) are not carried over")
        self._add_conda(wanted, where)

    def _add_conda(self, wanted: Wanted, where: str) -> None:
        from envlock.manifest.init import conda_environment as conda

        texts = [(text, where) for text in wanted.specs]
        found = (self._environment(name, where) for name in wanted.files)
        files = [path for path in found if path is not None]
        for path in files:
            if not conda.is_environment(path):
                texts += conda.listed(path, self.place, self.asking)
        conda.add_conda(tuple(conda.specs_of(texts, self.asking)), self.asking, wanted.channels)
        conda.add_channels([Said(value=channel, where=where) for channel in wanted.channels], self.asking)
        for path in filter(conda.is_environment, files):
            conda.read_environment(path, self.place, self.asking)

    def _environment(self, name: str, where: str) -> Path | None:
        """The file of conda that is meant; None where it is not there, or was read."""
        found = self._file(name)
        if found is None:
            self.asking.note(where, f"there is no file {code(name)} here")
            return None
        return found if shown_path(found, self.place.root) not in self.asking.read else None

    def _mapped(self, text: str) -> str:
        """A line with the path of the image that it names as the path of the repository."""
        option, space, name = text.partition(" ")
        if option not in ("--requirement", "--constraint") or not space:
            return text
        found = self._file(name)
        return f"{option} {shown_path(found, self.path.parent) if found is not None else name}"

    def _file(self, name: str) -> Path | None:
        """The file of the repository that is `name` in the image: by what was copied, else by its end."""
        there = posixpath.normpath(posixpath.join(self.folder, name))
        places = [_below(there, target, source) for target, source in reversed(self.copies)]
        parts = name.strip("/").split("/")
        places += ["/".join(parts[start:]) for start in range(len(parts))]
        files = (self.path.parent / each.lstrip("/") for each in places if each is not None)
        return next((each for each in files if each.is_file()), None)


def _below(there: str, target: str, source: str) -> str | None:
    if there == target:
        return source
    base = target.rstrip("/") + "/"
    return posixpath.join(source, there[len(base) :]) if there.startswith(base) else None


def _words(value: str) -> list[str]:
    if value.startswith("["):
        return _listed(value)
    return value.split()


def _listed(value: str) -> list[str]:
    try:
        found = json.loads(value)
    except ValueError:
        return []
    return [str(each) for each in found] if isinstance(found, list) else []


def _script(value: str, body: str) -> str:
    """What RUN runs: a heredoc, a JSON list of words, or a line of shell."""
    if body:
        return body
    text = re.sub(r"^(?:--[a-z]+=\S+\s+)+", "", value)
    if text.startswith("["):
        import shlex

        words = _listed(text)
        return shlex.join(words) if words else text
    return text


# Base images


def add_base(image: str, where: str, asking: Asking) -> None:
    """Add what the name of a base image says."""
    repository, tag = _parted(image)
    match repository:
        case "pytorch/pytorch":
            _add_pytorch(image, tag, where, asking)
        case "nvidia/cuda" | "nvcr.io/nvidia/cuda":
            _add_cuda(image, tag, where, asking)
        case "python":
            _add_python(image, tag, where, asking)
        case "scratch":
            pass
        case "nvcr.io/nvidia/pytorch":
            told = "has a PyTorch that NVIDIA builds, and no index has; ask for a published one"
            asking.note(where, f"{code(image)} {told}")
        case _:
            told = "was not carried over: whether it has a Python that fits is not known here"
            asking.note(where, f"the base {code(image)} {told}")


def _parted(image: str) -> tuple[str, str]:
    """(repository, tag) without the names that Docker Hub goes by."""
    name, _, _ = image.partition("@")
    folder, slash, last = name.rpartition("/")
    last, _, tag = last.partition(":")
    repository = re.sub(r"^(?:(?:index\.)?docker\.io/)?(?:library/)?", "", f"{folder}{slash}{last}")
    return repository, tag


def _add_pytorch(image: str, tag: str, where: str, asking: Asking) -> None:
    match = _PYTORCH_TAG.fullmatch(tag)
    asking.image_tags.append(Said(value=tag, where=where))
    if match is None:
        asking.note(where, f"{code(image)} names no version of PyTorch")
        return
    version = match["torch"] + ("" if match["torch"].count(".") == 2 else ".*")
    row = Row(text=f"torch=={version}", where=where, name=canonicalize_name("torch"))
    asking.add_unless_asked((row,))
    asking.cudas.append(Said(value=match["cuda"], where=where))
    asking.note(where, f"the base {code(image)} was left out: its PyTorch and CUDA come as wheels")


def _add_cuda(image: str, tag: str, where: str, asking: Asking) -> None:
    match = _CUDA_TAG.fullmatch(tag)
    if match is not None and patterns.CUDA.admits(match["cuda"]):
        asking.cudas.append(Said(value=match["cuda"], where=where))
    asking.note(where, f"the base {code(image)} was left out: wheels bring their CUDA, and it has no Python")


def _add_python(image: str, tag: str, where: str, asking: Asking) -> None:
    match = _PYTHON_TAG.fullmatch(tag)
    if match is None:
        asking.note(where, f"the base {code(image)} names no version of Python")
        return
    asking.pythons.append(PythonSaid(text=image, where=where, exact=match["python"]))
    name = image if "/" in image else f"docker.io/library/{image}"
    if patterns.IMAGE_BASE.admits(name):
        asking.images[:] = [Said(value=name, where=where)]
