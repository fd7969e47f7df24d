"""environment.yml of conda: packages stay conda's, PyTorch becomes a wheel, `pip:` becomes requirements."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from envlock.manifest import patterns
from envlock.manifest.documents import read_text
from envlock.manifest.init.conda_names import CPU_ONLY, CUDA, OF_PYTORCH, TOOLS, WHEELS, comes_with_torch
from envlock.manifest.init.conda_spec import CondaSpec, conda_spec, cuda_of_build, pep_440_of, x_y
from envlock.manifest.init.model import Asking, Place, PythonSaid, Row, Said, Source
from envlock.manifest.init.requirements import read_lines
from envlock.manifest.init.rows import requirement_row
from envlock.manifest.init.yaml_file import Node, parse_yaml
from envlock.manifest.platforms import Platform
from envlock.manifest.requirements_file import Line, shown_path
from envlock.manifest.tables import code

_ENDED = "PyTorch publishes no conda packages any more (pytorch#138506), so it comes as a wheel"
_AS_WHEEL = "comes as a wheel; to have conda's own build, write it into `packages` of [conda] instead"
_BROUGHT = "the wheel of PyTorch brings its own"
_TOOL = "makes environments; envlock needs none in them"


@dataclass(frozen=True, kw_only=True, slots=True)
class Spec:
    """A specification and its place."""

    spec: CondaSpec
    where: str
    text: str


def read_environment(path: Path, place: Place, asking: Asking) -> None:
    """Add what an environment.yml asks for."""
    name = shown_path(path, place.root)
    asking.read.append(name)
    text = read_text(path, name, asking.faults)
    root = parse_yaml(text, name, asking.faults) if text is not None else None
    keys = root.keys if root is not None else {}
    nodes = keys["dependencies"].items if "dependencies" in keys else ()
    lines = tuple(_pip_lines(nodes, name, path))
    read_lines(lines, place, asking)
    channels = tuple(_channels(keys.get("channels"), name))
    texts = ((node.text, f"{name}:{node.line}") for node in nodes if node.text is not None)
    add_conda(tuple(specs_of(texts, asking)), asking, tuple(each.value for each in channels))
    add_channels(channels, asking)
    _add_variables(keys.get("variables"), name, asking)
    _add_platforms(keys.get("platforms"), name, asking)


def is_environment(path: Path) -> bool:
    """conda takes any other file that is named to it for a list of specifications."""
    return path.suffix in (".yml", ".yaml")


def listed(path: Path, place: Place, asking: Asking) -> list[tuple[str, str]]:
    """The specifications of a list, one a line, each with its place."""
    name = shown_path(path, place.root)
    asking.read.append(name)
    lines = enumerate((read_text(path, name, asking.faults) or "").splitlines(), start=1)
    texts = ((line.partition("#")[0].strip(), f"{name}:{number}") for number, line in lines)
    return [(text, where) for text, where in texts if text]


def add_conda(specs: Sequence[Spec], asking: Asking, channels: Sequence[str] = ()) -> None:
    """Add conda's packages: PyTorch as a wheel, its CUDA as `cuda`, Python as `python`, the rest as it is."""
    is_own = any(channel in OF_PYTORCH for channel in channels)
    has_torch = any(each.spec.name in WHEELS for each in specs) or "torch" in asking.asked_by_name()
    rest: list[Row] = []
    for each in specs:
        name = each.spec.name
        if name == "python":
            _add_python(each, asking)
        elif name in WHEELS:
            _add_wheel(each, asking)
            if WHEELS[name] == "torch":
                own = is_own or each.spec.channel in OF_PYTORCH
                asking.note(each.where, f"{code(each.text)}: {_ENDED if own else _AS_WHEEL}")
        elif has_torch and comes_with_torch(name):
            _add_cuda(each, asking)
            rest.append(_row(each, _BROUGHT))
        else:
            rest.append(_row(each, _TOOL if name in TOOLS else None))
    _add_packages(rest, asking)
    _tell_builds(specs, asking)


def _row(each: Spec, left_out: str | None) -> Row:
    if left_out is None and not patterns.CONDA_PACKAGE.admits(each.spec.text):
        left_out = f"must be {patterns.CONDA_PACKAGE.says}"
    return Row(text=each.spec.text if left_out is None else each.text, where=each.where, left_out=left_out)


def _add_packages(rows: list[Row], asking: Asking) -> None:
    """A conda environment only where something but Python itself is asked of conda."""
    python = Row(text="python", where="of the series above")
    if any(row.left_out is None for row in rows) and python not in asking.packages:
        asking.packages.insert(0, python)
    asking.packages.extend(rows)


def _add_python(each: Spec, asking: Asking) -> None:
    series = x_y(each.spec.version)
    if series is not None:
        exact = each.spec.version.lstrip("=").removesuffix(".*")
        asking.pythons.append(PythonSaid(text=each.text, where=each.where, exact=exact))
        return
    try:
        from packaging.specifiers import SpecifierSet

        allows = (SpecifierSet(pep_440_of(each.spec)),)
    except ValueError as error:
        asking.note(each.where, f"{code(each.text)} was not carried over: {error}")
    else:
        asking.pythons.append(PythonSaid(text=each.text, where=each.where, allows=allows))


def _add_wheel(each: Spec, asking: Asking) -> None:
    spec = each.spec
    if spec.name in CPU_ONLY:
        asking.cudas.append(Said(value="cpu", where=each.where))
    cuda = cuda_of_build(spec.build)
    if cuda is not None and WHEELS[spec.name] == "torch":
        asking.cudas.append(Said(value=cuda, where=each.where))
    try:
        row = requirement_row(f"{WHEELS[spec.name]}{pep_440_of(spec)}", each.where)
    except ValueError as error:
        row = Row(text=each.text, where=each.where, left_out=str(error), name=WHEELS[spec.name])
    asking.add_unless_asked((row,))


def _add_cuda(each: Spec, asking: Asking) -> None:
    if each.spec.name in CPU_ONLY:
        asking.cudas.append(Said(value="cpu", where=each.where))
    elif each.spec.name in CUDA and each.spec.version:
        cuda = x_y(each.spec.version)
        if cuda is not None and patterns.CUDA.admits(cuda):
            asking.cudas.append(Said(value=cuda, where=each.where))
        else:
            asking.note(each.where, f"{code(each.text)} leaves open which CUDA: write `cuda` by hand")


def _tell_builds(specs: Sequence[Spec], asking: Asking) -> None:
    built = [each for each in specs if each.spec.build and each.spec.name not in WHEELS]
    if built:
        named = f"of {code(built[0].spec.name)}" if len(built) == 1 else f"of {len(built)} packages"
        asking.note(built[0].where, f"the build strings {named} were left out; the lock has its own")


# The lists of the file


def specs_of(texts: Iterable[tuple[str, str]], asking: Asking) -> Iterator[Spec]:
    """Specifications of (text, place); what is none becomes a comment."""
    for text, where in texts:
        try:
            yield Spec(spec=conda_spec(text), where=where, text=text.strip())
        except ValueError as error:
            asking.packages.append(Row(text=text, where=where, left_out=str(error)))


def _pip_lines(listed: Sequence[Node], name: str, path: Path) -> Iterator[Line]:
    for node in listed:
        for each in node.keys["pip"].items if "pip" in node.keys else ():
            if each.text:
                yield Line(text=each.text.strip(), where=f"{name}:{each.line}", path=path)


def _channels(node: Node | None, name: str) -> Iterator[Said]:
    for each in node.items if node is not None else ():
        text = (each.text or "").strip().rstrip("/")
        if text and text != "nodefaults":
            yield Said(value=text, where=f"{name}:{each.line}")


def add_channels(channels: Sequence[Said], asking: Asking) -> None:
    """Add channels, in their order, where anything comes from one."""
    if all(row.left_out is not None for row in asking.packages):
        return
    for each in channels:
        if each.value in OF_PYTORCH:
            left_out = "was left out: what came from it comes as wheels"
            asking.note(each.where, f"the channel {code(each.value)} {left_out}")
        else:
            _add_channel(each.value, each.where, asking)


def _add_channel(text: str, where: str, asking: Asking) -> None:
    name, is_url = text.rpartition("/")[2], "://" in text
    if not patterns.CHANNEL.admits(name if is_url else text):
        asking.note(where, f"the channel {code(text)} was not carried over: it has no name")
        return
    asking.channels.append(Said(value=name if is_url else text, where=where))
    if is_url and patterns.SOURCE_URL.admits(text) and "@" not in text:
        asking.sources.append(Source(name=name, url=text, where=where))


def _add_variables(node: Node | None, name: str, asking: Asking) -> None:
    for key, each in (node.keys if node is not None else {}).items():
        where = f"{name}:{each.line}"
        value = each.text
        if value is not None and patterns.SETTING_NAME.admits(key) and patterns.SETTING_VALUE.admits(value):
            asking.settings.setdefault(key, Said(value=value, where=where))
        else:
            asking.note(where, f"the variable {code(key)} was not carried over: no setting can be that")


def _add_platforms(node: Node | None, name: str, asking: Asking) -> None:
    """`platforms`, which conda-lock reads in the same file."""
    known = tuple(str(platform) for platform in Platform)
    for each in node.items if node is not None else ():
        where = f"{name}:{each.line}"
        if each.text in known:
            asking.platforms.append(Said(value=each.text or "", where=where))
        else:
            asking.note(where, f"the platform {code(each.text or '')} cannot be locked")
