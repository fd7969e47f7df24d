"""Refresh `envlock/agent/data/makers.json`: what makers of environments write, by content.

Really makes environments: the standard library's `venv` of every `--python` and of every Debian package
of a Python standard library given with `--deb`, `uv venv` and `virtualenv` of a spread of releases, and
wheels of setuptools. Prefix and prompt are odd on purpose, so that each maker's quoting shows; the places
where they land become slots, and what is left is hashed. Every file is then checked against the result.

    python scripts/refresh_makers.py --python python3.8 --python python3.13 --deb libpython3.11-stdlib_*.deb

Releases between two that write the same are taken to write that too (the spread is bisected where they
differ). The same inputs give the same bytes.

    python scripts/refresh_makers.py --python python3.11 --newer

keeps what is known and looks only at the releases since; afterwards the bounds of the makers in the `dev`
group of pyproject.toml may rise to what it prints. `--check` makes nothing: it tells the releases that are
published and not known, and exits 1 when there are any.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise, product
from pathlib import Path
from typing import Any

from packaging.version import Version
from uv import find_uv_bin

from envlock.agent import makers
from envlock.agent.makers import PREFIX, PROMPT, PYTHON, TCL, Owner, Slot
from envlock.agent.quoting import STYLES, Style

OUTPUT = Path(__file__).resolve().parent.parent / "envlock" / "agent" / "data" / "makers.json"
BIN_KINDS = (
    "activate", "activate.csh", "activate.fish", "activate.nu", "activate.ps1", "Activate.ps1",
    "activate.xsh", "activate.bat", "deactivate.bat", "deactivate.csh", "pydoc.bat", "activate_this.py",
)  # fmt: skip
SITE_KINDS = ("_virtualenv.py", "_virtualenv.pth")
SETUPTOOLS_KINDS = ("distutils-precedence.pth", "_distutils_hack/__init__.py", "_distutils_hack/override.py")
# Every character that some shell treats in its own way, but none that stops an interpreter from starting.
ODD = "odd é'\\!%^#{} \"x"
ODD_PROMPT = "prompt é'\\!%^#{} \"y"
MILD = "mild (é) + 1"
MILD_PROMPT = "a mild (é) prompt"
PLAIN = "plain-0f1e2d"
# Its bytes 88 A5 make virtualenv print the prompt of csh with a command, and tcsh escapes the `^`.
STATEFUL = "stateful (é) ∥ 1"
STATEFUL_PROMPT = "a stateful (é) ∥ ^ prompt"
MARKS = ("base (é", "odd é", "prompt é", "mild (é)", "stateful (é)", PLAIN)  # what no template may keep
CONTAMINATING = ("PYTHON", "VIRTUAL", "TCL", "TK")
CONTEXT = 8
# How each language may quote, the more special ways first; the common ones are used in all of them.
PASTED = ("in-double-quotes", "in-single-quotes")
COMMON_STYLES = ("posix-parentheses", "posix-word", "posix", "posix-octal", *PASTED)
OWN_STYLES = {
    ".bat": ("in-double-quotes-posix",),
    ".csh": (
        "csh", "csh-prompt", "tcsh-prompt", "csh-bytes", "tcsh-prompt-command", "csh-prompt-command",
    ),
    ".fish": ("fish", "fish-inside"),
    ".nu": ("nu",),
    ".ps1": ("powershell",),
    ".py": ("python", "python-ascii"),
    ".xsh": ("python", "python-ascii", "bytes", "xonsh", "xonsh-path"),
}  # fmt: skip
# What one file cannot tell: a word may be quoted always, or only where it needs to be, and a prompt of csh
# may be written as it is always, or unless some bytes are in it. The first that explains the most is taken.
READINGS = {
    "posix-word": ("posix-word", "posix"),
    "csh-prompt": ("csh-prompt-literal", "csh-prompt"),
    "tcsh-prompt": ("tcsh-prompt-literal", "tcsh-prompt"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Release:
    maker: str
    version: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Environment:
    """One environment that was made: `prompt` and `tcl` are what the maker was told."""

    release: Release
    prefix: Path
    python: tuple[int, int]
    prompt: str
    tcl: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """One file of an environment, and the values that its maker may have written into it."""

    release: Release
    kind: str
    text: str
    prefix: str
    python: tuple[int, int]
    prompt: str
    tcl: tuple[str, ...]

    @property
    def owner(self) -> Owner:
        base = str(Path(self.tcl[0]).parent.parent) if self.tcl else ""
        return Owner(self.prefix, self.python, base)

    @property
    def dotted(self) -> str:
        return f"{self.python[0]}.{self.python[1]}"

    @property
    def is_odd(self) -> bool:
        return ODD in self.prefix

    @property
    def is_stateful(self) -> bool:
        return STATEFUL in self.prefix


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Shape:
    """A template: where its slots are and what the rest hashes to."""

    kind: str
    sha256: str
    slots: tuple[Slot, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Tools:
    uv: str
    pythons: tuple[str, ...]
    scratch: Path


# -- slots --------------------------------------------------------------------------------------


def find_slots(sample: Sample) -> tuple[Slot, ...]:
    """Where the values of an environment stand in a file, and how they are quoted."""
    slots, at = [], 0
    for start, end, holds, style in _chosen(sorted(_tokens(sample), key=lambda t: (t[0], -t[1]))):
        name = style or _enclosing(sample.text, end)
        slots.append(Slot(start - at, holds, name, sample.text[end : end + CONTEXT]))
        at = end
    return tuple(slots)


Token = tuple[int, int, str, str]


def _tokens(sample: Sample) -> Iterator[Token]:
    for holds, value in _values(sample):
        for name, style in _styles_for(sample):
            yield from _occurrences(sample.text, style.quote(value), holds, "" if name in PASTED else name)
    for match in re.finditer(rf"(?<=python){re.escape(sample.dotted)}(?=/)", sample.text):
        yield match.start(), match.end(), PYTHON, "version"


def _styles_for(sample: Sample) -> list[tuple[str, Style]]:
    suffix = Path(sample.kind).suffix
    # A word without odd characters looks the same in all the ways of csh and fish: the plain way, then.
    tells = sample.is_odd or sample.is_stateful or suffix not in (".csh", ".fish")
    own = OWN_STYLES.get(suffix, ()) if tells else ()
    return [(name, STYLES[name]) for name in (*own, *COMMON_STYLES)]


def _values(sample: Sample) -> list[tuple[str, str]]:
    prompts = [text for text in (sample.prompt, Path(sample.prefix).name) if text]
    return [
        (PREFIX, sample.prefix),
        *((PROMPT, text) for text in prompts),
        *((TCL, path) for path in sample.tcl),
    ]


def _occurrences(text: str, token: str, holds: str, style: str) -> Iterator[Token]:
    at = text.find(token)
    while at >= 0:
        yield at, at + len(token), holds, style
        at = text.find(token, at + len(token))


def _chosen(tokens: Sequence[Token]) -> Iterator[Token]:
    """The longest of the tokens that overlap; of equal ones the first."""
    end = 0
    for token in tokens:
        if token[0] >= end:
            yield token
            end = token[1]


def _enclosing(text: str, end: int) -> str:
    """A value that was pasted in as it is stands between the quotes that the template brings."""
    quote = re.search("[\"']", text[end:].split("\n", 1)[0])
    return "in-single-quotes" if quote is not None and quote.group() == "'" else "in-double-quotes"


def shape_of(sample: Sample, slots: tuple[Slot, ...]) -> Shape | None:
    """Blank the slots by what stands there, without asking whether that is harmless (odd values are not).

    None where a slot does not hold what it should, quoted as it should be, or a value is left over.
    """
    parts, at = [], 0
    for slot in slots:
        start = at + slot.gap
        written = _written(sample, slot, start)
        if written is None:
            return None
        end = start + len(written)
        parts.append(sample.text[at:start] + f"\0{slot.holds}\0")
        at = end
    blank = "".join(parts) + sample.text[at:]
    if any(mark in blank for mark in MARKS):
        return None
    return Shape(kind=sample.kind, sha256=makers.digest_of(blank), slots=slots)


def _written(sample: Sample, slot: Slot, start: int) -> str | None:
    values = [value for holds, value in [*_values(sample), (PYTHON, sample.dotted)] if holds == slot.holds]
    tokens = [STYLES[slot.style].quote(value) for value in values]
    return next((token for token in tokens if sample.text.startswith(token, start)), None)


def shapes_of(samples: Sequence[Sample]) -> dict[Shape, Release]:
    """The templates of one release: from its odd environment where that explains the others.

    Where a release quotes odd characters in a way that no style knows, the mild environment decides, and
    odd values are not accepted from it.
    """
    found: dict[Shape, Release] = {}
    for sample in sorted(samples, key=lambda sample: not sample.is_odd):
        if _maker_of(sample, found) is None:
            shape = _best_shape(sample, samples)
            if shape is not None:
                found[shape] = sample.release
    return found


def _best_shape(sample: Sample, samples: Sequence[Sample]) -> Shape | None:
    """The reading of a file that explains most of its siblings."""
    choices = [_readings(slot) for slot in find_slots(sample)]
    readings = [shape_of(sample, slots) for slots in product(*choices)]
    siblings = [other for other in samples if other.kind == sample.kind]
    shapes = [shape for shape in readings if shape is not None]
    return max(shapes, key=lambda shape: sum(_is(other, shape) for other in siblings), default=None)


def _readings(slot: Slot) -> list[Slot]:
    return [slot._replace(style=style) for style in READINGS.get(slot.style, (slot.style,))]


def _is(sample: Sample, shape: Shape) -> bool:
    return _maker_of(sample, [shape]) is not None


def _maker_of(sample: Sample, shapes: Iterable[Shape]) -> str | None:
    templates = [makers.Template(s.kind, "known", s.sha256, s.slots) for s in shapes if s.kind == sample.kind]
    return makers.match(sample.text.encode("utf-8", "surrogateescape"), templates, sample.owner)


# -- reading environments -----------------------------------------------------------------------


def samples_of(environment: Environment) -> list[Sample]:
    paths = [(environment.prefix / "bin" / kind, kind) for kind in BIN_KINDS]
    for site in sorted(environment.prefix.glob("lib/python*/site-packages")):
        paths += [(site / kind, kind) for kind in SITE_KINDS]
    return [_sample(environment, path, kind) for path, kind in paths if path.is_file()]


def _sample(environment: Environment, path: Path, kind: str) -> Sample:
    return Sample(
        release=environment.release,
        kind=kind,
        text=path.read_bytes().decode("utf-8", "surrogateescape"),
        prefix=str(environment.prefix),
        python=environment.python,
        prompt=environment.prompt,
        tcl=environment.tcl,
    )


def plain_samples(release: Release, root: Path, kinds: Sequence[str]) -> list[Sample]:
    """Files that hold nothing of the environment they are in."""
    environment = Environment(release=release, prefix=root, python=(0, 0), prompt="", tcl=())
    return [_sample(environment, root / kind, kind) for kind in kinds if (root / kind).is_file()]


# -- makers -------------------------------------------------------------------------------------


class Refused(SystemExit):
    """A tool failed; unless that is expected, its words end the refresh."""


def run(*command: str | Path, **environment: str) -> str:
    keep = {name: value for name, value in os.environ.items() if not name.startswith(CONTAMINATING)}
    done = subprocess.run(
        command, capture_output=True, text=True, env=keep | environment, check=False, stdin=subprocess.DEVNULL
    )
    if done.returncode != 0:
        raise Refused(f"{' '.join(map(str, command))}\n{done.stderr}")
    return done.stdout


@cache
def python_version(python: str) -> tuple[int, int, int]:
    numbers = run(python, "-I", "-c", "import sys; print(*sys.version_info[:3])").split()
    return int(numbers[0]), int(numbers[1]), int(numbers[2])


Make = Callable[[Path, str], None]


def environments(
    release: Release, python: str, scratch: Path, make: Make, tcl: tuple[str, ...]
) -> list[Environment]:
    """An odd, a mild, a plain and a stateful one: the first shows the quoting, the others prove it."""
    made = []
    named = ((ODD, ODD_PROMPT), (MILD, MILD_PROMPT), (PLAIN, ""), (STATEFUL, STATEFUL_PROMPT))
    for name, prompt in named:
        prefix = scratch / name
        make(prefix, prompt)
        version = python_version(python)[:2]
        made.append(Environment(release=release, prefix=prefix, python=version, prompt=prompt, tcl=tcl))
    return made


def stdlib_samples(tools: Tools, python: str) -> list[Sample]:
    version = ".".join(map(str, python_version(python)))
    release = Release(maker="stdlib venv", version=version)

    def make(prefix: Path, prompt: str) -> None:
        run(python, "-m", "venv", "--without-pip", *(("--prompt", prompt) if prompt else ()), prefix)

    with tempfile.TemporaryDirectory(dir=tools.scratch) as scratch:
        made = environments(release, python, Path(scratch), make, ())
        return [sample for environment in made for sample in samples_of(environment)]


def deb_samples(tools: Tools, deb: Path) -> list[Sample]:
    """What a package of Debian or Ubuntu brings: a `venv` to run, a sitecustomize, a setuptools."""
    version = run("dpkg-deb", "--field", deb, "Version").strip()
    with tempfile.TemporaryDirectory(dir=tools.scratch) as scratch:
        root = Path(scratch)
        run("dpkg-deb", "--extract", deb, root)
        samples = []
        for library in sorted(root.glob("usr/lib/python3.*/venv")):
            samples += _packaged_venv(tools, Release(maker="stdlib venv", version=version), library.parent)
        for folder in sorted(root.glob("etc/python3.*")):
            samples += plain_samples(
                Release(maker="python3 of Debian and Ubuntu", version=version), folder, ["sitecustomize.py"]
            )
        hacked = root / "usr/lib/python3/dist-packages"
        return samples + plain_samples(Release(maker="setuptools", version=version), hacked, SETUPTOOLS_KINDS)


_PACKAGED = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("venv", sys.argv[1] + "/venv/__init__.py",
                                              submodule_search_locations=[sys.argv[1] + "/venv"])
module = importlib.util.module_from_spec(spec)
sys.modules["venv"] = module
spec.loader.exec_module(module)
module.EnvBuilder(with_pip=False, symlinks=True, prompt=sys.argv[3] or None).create(sys.argv[2])
"""


def _packaged_venv(tools: Tools, release: Release, library: Path) -> list[Sample]:
    """Run the package's own `venv` with the given Python nearest to its version."""
    minor = int(library.name.split(".")[1])
    python = min(tools.pythons, key=lambda exe: (abs(python_version(exe)[1] - minor), exe))

    def make(prefix: Path, prompt: str) -> None:
        run(python, "-I", "-c", _PACKAGED, library, prefix, prompt)

    with tempfile.TemporaryDirectory(dir=tools.scratch) as scratch:
        made = environments(release, python, Path(scratch), make, ())
        return [sample for environment in made for sample in samples_of(environment)]


def uv_samples(tools: Tools, version: str) -> list[Sample]:
    release = Release(maker="uv", version=version)
    with tempfile.TemporaryDirectory(dir=tools.scratch) as scratch:
        uv = install(tools, f"uv=={version}", Path(scratch) / "tool") / "bin" / "uv"
        samples = []
        for index, python in enumerate(_ends(tools.pythons)):
            for flags in ((), ("--relocatable",)):
                folder = Path(scratch) / f"{index}{''.join(flags)}"

                def make(
                    prefix: Path, prompt: str, python: str = python, flags: tuple[str, ...] = flags
                ) -> None:
                    named = ("--prompt", prompt) if prompt else ()
                    run(uv, "venv", "--offline", "--no-config", "-p", python, *flags, *named, prefix)

                made = environments(release, python, folder, make, ())
                samples += [sample for environment in made for sample in samples_of(environment)]
        return samples


# virtualenv writes where the base Python's Tcl and Tk are; it asks tkinter, which few Pythons here have.
_TKINTER = """
class TclError(Exception): pass
class Tk:
    def __init__(self, *args, **kwargs): pass
    def eval(self, text): return {"info library": %r, "set tk_library": %r}.get(text, "8.6")
Tcl = Interp = Tk
TkVersion = TclVersion = 8.6
"""


def virtualenv_samples(tools: Tools, version: str) -> list[Sample]:
    samples: list[Sample] = []
    with tempfile.TemporaryDirectory(dir=tools.scratch) as scratch:
        root = Path(scratch)
        tool = install(tools, f"virtualenv=={version}", root / "tool")
        tcl = _stub_tkinter(root)
        for python in dict.fromkeys((*_ends(tools.pythons), max(tools.pythons, key=python_version))):
            for paths in ((), tcl):
                recipe = VirtualenvRecipe(version=version, tool=tool, python=python, tcl=paths)
                with suppress(Refused):  # each release drops the oldest Pythons of its time
                    samples += _virtualenv(tools, recipe, root / f"{len(samples)}")
    if not samples:
        raise SystemExit(f"virtualenv {version} made nothing")
    return samples


@dataclass(frozen=True, kw_only=True, slots=True)
class VirtualenvRecipe:
    version: str
    tool: Path
    python: str
    tcl: tuple[str, ...]


def _virtualenv(tools: Tools, recipe: VirtualenvRecipe, scratch: Path) -> list[Sample]:
    stub = f"{os.pathsep}{recipe.tool.parent / 'stub'}" if recipe.tcl else ""
    variables = {"PYTHONPATH": f"{recipe.tool}{stub}", "VIRTUALENV_OVERRIDE_APP_DATA": str(scratch / "data")}
    if recipe.tcl:
        variables["TCL_LIBRARY"] = recipe.tcl[0]  # without it virtualenv does not ask
    command = (_ends(tools.pythons)[-1], "-m", "virtualenv", "--no-periodic-update", "--without-pip")

    def make(prefix: Path, prompt: str) -> None:
        run(*command, "-p", recipe.python, *(("--prompt", prompt) if prompt else ()), prefix, **variables)

    release = Release(maker="virtualenv", version=recipe.version)
    made = environments(release, recipe.python, scratch, make, recipe.tcl)
    return [sample for environment in made for sample in samples_of(environment)]


def _stub_tkinter(root: Path) -> tuple[str, str]:
    library = root / "base (é) 1" / "lib"
    tcl, tk = library / "tcl8.6", library / "tk8.6"
    for folder in (tcl, tk, root / "stub"):
        folder.mkdir(parents=True)
    (tk / "tk.tcl").touch()
    (root / "stub" / "tkinter.py").write_text(_TKINTER % (str(tcl), str(tk)))
    return str(tcl), str(tk)


def setuptools_samples(tools: Tools, version: str) -> list[Sample]:
    with tempfile.TemporaryDirectory(dir=tools.scratch) as scratch:
        target = install(tools, f"setuptools=={version}", Path(scratch) / "wheel", "--no-deps")
        return plain_samples(Release(maker="setuptools", version=version), target, SETUPTOOLS_KINDS)


def _ends(pythons: Sequence[str]) -> tuple[str, ...]:
    """The oldest and a middle Python: makers treat old ones in another way, and run on the middle one."""
    ordered = sorted(pythons, key=python_version)
    return tuple(dict.fromkeys((ordered[0], ordered[len(ordered) // 2])))


# -- releases -----------------------------------------------------------------------------------


def install(tools: Tools, requirement: str, target: Path, *flags: str) -> Path:
    python = _ends(tools.pythons)[-1]
    run(tools.uv, "pip", "install", "--quiet", "--python", python, "--target", target, *flags, requirement)
    return target


def releases(tools: Tools, name: str, since: str) -> list[str]:
    """Releases of a distribution on the configured index, oldest first, without pre-releases."""
    command = (
        "run",
        "--no-project",
        "--isolated",
        "--with",
        "pip",
        "python",
        "-m",
        "pip",
        "index",
        "versions",
    )
    listed = run(tools.uv, *command, name).split("Available versions:", 1)[1].split("\n", 1)[0]
    versions = sorted(Version(text.strip()) for text in listed.split(","))
    return [str(version) for version in versions if version >= Version(since)]


Samples = Callable[[Tools, str], list[Sample]]


def explore(
    tools: Tools, versions: Sequence[str], samples: Samples, same: Callable[[Version], object]
) -> Known:
    """Look at the first and last release of each group, and between two that differ."""
    seen: dict[str, dict[Shape, Release]] = {}

    def shapes(index: int) -> dict[Shape, Release]:
        version = versions[index]
        if version not in seen:
            print(f"  {version}", flush=True)
            seen[version] = checked(samples(tools, version))
        return seen[version]

    def bisect(low: int, high: int) -> None:
        if high - low < 2 or shapes(low).keys() == shapes(high).keys():
            return
        middle = (low + high) // 2
        shapes(middle)
        bisect(low, middle)
        bisect(middle, high)

    groups = [same(Version(version)) for version in versions]
    ends = [i for i in range(len(versions)) if i in (0, len(versions) - 1) or groups[i] != groups[i - 1]]
    for index in ends:
        shapes(index)
    for low, high in pairwise(ends):
        bisect(low, high)
    return [(shape, release) for found in seen.values() for shape, release in found.items()]


def checked(samples: Sequence[Sample]) -> dict[Shape, Release]:
    """The templates of one release, every harmless file of it accepted by them."""
    shapes = shapes_of(samples)
    for sample in samples:
        if not sample.is_odd and _maker_of(sample, shapes) is None:
            raise SystemExit(f"{sample.release}: {sample.kind} is not explained\n{sample.text}")
    return shapes


# -- the document -------------------------------------------------------------------------------

Known = list[tuple[Shape, Release]]
Rows = dict[str, list[dict[str, Any]]]


def document(known: Known) -> Rows:
    authors: dict[Shape, set[Release]] = {}
    for shape, release in known:
        authors.setdefault(shape, set()).add(release)
    rows: Rows = {}
    for shape in sorted(authors):
        row: dict[str, Any] = {
            "maker": _authors(authors[shape]),
            "sha256": shape.sha256,
            "slots": [list(s) for s in shape.slots],
        }
        rows.setdefault(shape.kind, []).append(row)
    return rows


def _authors(found: Iterable[Release]) -> str:
    versions: dict[str, list[str]] = {}
    for release in found:
        versions.setdefault(release.maker, []).append(release.version)
    return ", ".join(f"{maker} {_range(versions[maker])}" for maker in sorted(versions))


def _range(versions: Sequence[str]) -> str:
    ordered = sorted(versions, key=lambda text: ([int(number) for number in re.findall(r"\d+", text)], text))
    return ordered[0] if len(ordered) == 1 else f"{ordered[0]} - {ordered[-1]}"


def render(rows: Rows) -> str:
    """One template per line: a refresh shows as the lines that are new."""
    kinds = []
    for kind in sorted(rows):
        lines = ",\n".join("  " + json.dumps(row, sort_keys=True) for row in rows[kind])
        kinds.append(f"{json.dumps(kind)}: [\n{lines}\n]")
    return "{\n" + ",\n".join(kinds) + "\n}\n"


@dataclass(frozen=True, kw_only=True, slots=True)
class Maker:
    """A distribution that makes environments: the oldest release of interest, and which ones are alike."""

    name: str
    since: str
    samples: Samples
    same: Callable[[Version], object]


def makers_of(options: argparse.Namespace) -> list[Maker]:
    def series(version: Version) -> object:
        return version.major, version.minor

    def major(version: Version) -> object:
        return version.major

    return [
        Maker(name="setuptools", since=options.setuptools_since, samples=setuptools_samples, same=major),
        Maker(name="uv", since=options.uv_since, samples=uv_samples, same=series),
        Maker(name="virtualenv", since=options.virtualenv_since, samples=virtualenv_samples, same=series),
    ]


def gather(tools: Tools, options: argparse.Namespace) -> Known:
    known: Known = []
    for python in tools.pythons:
        known += checked(stdlib_samples(tools, python)).items()
    for deb in sorted(options.deb):
        known += checked(deb_samples(tools, deb)).items()
    return known + _explored(tools, makers_of(options))


def gather_newer(tools: Tools, options: argparse.Namespace) -> Known:
    """What is known, and what the releases since write."""
    known = read_known(json.loads(options.output.read_text("utf-8")))
    return known + _explored(tools, [_since_known(maker, known) for maker in makers_of(options)])


def _explored(tools: Tools, wanted: Sequence[Maker]) -> Known:
    known: Known = []
    for maker in wanted:
        print(maker.name)
        known += explore(tools, releases(tools, maker.name, maker.since), maker.samples, maker.same)
    return known


# -- what is known already ----------------------------------------------------------------------


def read_known(rows: Rows) -> Known:
    """The document as it was found: each template with the first and the last release that writes it."""
    return [
        (Shape(kind=kind, sha256=row["sha256"], slots=tuple(Slot(*slot) for slot in row["slots"])), release)
        for kind, found in rows.items()
        for row in found
        for release in _releases(row["maker"])
    ]


def _releases(authors: str) -> Iterator[Release]:
    """
    >>> [(release.maker, release.version) for release in _releases("stdlib venv 3.8 - 3.9, uv 0.4.0")]
    [('stdlib venv', '3.8'), ('stdlib venv', '3.9'), ('uv', '0.4.0')]
    """
    for author in authors.split(", "):
        first, _, last = author.partition(" - ")
        maker, _, version = first.rpartition(" ")
        yield from (Release(maker=maker, version=text) for text in (version, last) if text)


def newest_known(known: Known, maker: str) -> str:
    """The newest release of a distribution that the data knows. Debian's releases are none of an index's."""
    versions = {release.version for _, release in known if release.maker == maker}
    return str(max(Version(version) for version in versions if "-" not in version))


def _since_known(maker: Maker, known: Known) -> Maker:
    return replace(maker, since=newest_known(known, maker.name))


def unknown(tools: Tools, options: argparse.Namespace) -> list[str]:
    """Releases that are published and not known, one line for each maker that has any."""
    known = read_known(json.loads(options.output.read_text("utf-8")))
    lines = []
    for maker in makers_of(options):
        newest = newest_known(known, maker.name)
        newer = releases(tools, maker.name, newest)[1:]
        lines += [f"{maker.name}: known up to {newest}, published since: {', '.join(newer)}"] if newer else []
    return lines


def options_of(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--python", action="append", default=[], help="an interpreter; repeat it")
    parser.add_argument("--deb", action="append", default=[], type=Path, help="a package of Debian or Ubuntu")
    parser.add_argument("--uv", default=find_uv_bin())
    parser.add_argument("--uv-since", default="0.4.0")
    parser.add_argument("--virtualenv-since", default="20.21.0")
    parser.add_argument("--setuptools-since", default="50.0.0")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    parser.add_argument("--newer", action="store_true", help="keep what is known, look at releases since")
    parser.add_argument("--check", action="store_true", help="only tell the releases that are not known")
    options = parser.parse_args(arguments)
    options.python = options.python or [sys.executable]
    return options


def main(arguments: Sequence[str]) -> None:
    options = options_of(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        tools = Tools(uv=options.uv, pythons=tuple(options.python), scratch=Path(scratch).resolve())
        if options.check:
            raise SystemExit("\n".join(unknown(tools, options)) or 0)
        known = gather_newer(tools, options) if options.newer else gather(tools, options)
    options.output.write_text(render(document(known)), encoding="utf-8")
    print(f"{options.output}: {len({shape for shape, _ in known})} templates")
    for maker in makers_of(options):
        print(f"  {maker.name}: known up to {newest_known(known, maker.name)}")


if __name__ == "__main__":
    main(sys.argv[1:])
