"""The document that a target prints: facts, no judgement. Schema `envlock.facts/1`."""

from typing import Any, Dict, List, Optional, TypedDict

SCHEMA = "envlock.facts/1"


class PythonFacts(TypedDict):
    """The interpreter of the target; `standard_library` is a digest to compare between hosts, or null."""

    executable: Optional[str]
    implementation: str
    version: str
    soabi: str
    abiflags: str
    debug: str
    gil_disabled: str
    base_prefix: str
    stdlib_names: List[str]
    standard_library: Optional[str]


class ChangedFile(TypedDict):
    """A file that is not what its RECORD claims; `observed` null: it is missing."""

    place: str
    path: str
    file: str
    claimed: str
    observed: Optional[str]


class ScriptFacts(TypedDict):
    """An entry-point script: `reason` says why it is none of the known templates, "" that it is one."""

    name: str
    file: str
    reason: str


class DistributionFacts(TypedDict):
    """One installed distribution.

    `digest` is null where it was not computed (an extra one, or unreadable files); `entries` is the
    exact entry list (IDENTITY 2.5), given where the digest is not the expected one.
    """

    name: str
    version: str
    info: str
    directory: str
    role: str
    digest: Optional[str]
    entries: Optional[str]
    changed: List[ChangedFile]
    present: List[str]
    scripts: List[ScriptFacts]
    problems: List[List[str]]
    top_level: List[str]
    startup: List[str]
    groups: List[str]
    editable: Optional[str]
    path_lines: List["PathLineFacts"]


class PathLineFacts(TypedDict):
    """An effective line of a `.pth`: a directory or code (one of the two is null)."""

    pth: str
    directory: Optional[str]
    code: Optional[str]


class ForeignFacts(TypedDict):
    """A piece of code without an owner; `system` when the system's package database owns it."""

    file: str
    kind: str
    role: str
    detail: str
    system: bool


class PathFacts(TypedDict):
    """A directory outside the site directories that sys.path gets, and what it would provide."""

    directory: str
    role: str
    origin: str
    modules: List[str]
    startup: List[str]
    infos: List[str]
    groups: List[str]


class BytecodeFacts(TypedDict):
    """A `.pyc` that would be loaded and is not what its source compiles to."""

    file: str
    source: str
    reason: str


class LibraryFacts(TypedDict):
    """A library that an environment variable puts before others. `takers` are the locked libraries that the
    loader gives it to, at start or when they open it by name; `instead` is what they get without the variable
    (both empty where it is preloaded).
    """

    variable: str
    file: str
    shadows: str
    instead: str
    takers: List[str]


class LoaderFacts(TypedDict):
    """`providers`: names behind which locked libraries find different files. `unresolved`: names behind
    which there is nothing, with the libraries that ask."""

    providers: Dict[str, List[str]]
    unresolved: Dict[str, List[str]]


class CondaFileFacts(TypedDict):
    """A file that is not what its package has. `path` is that of the package, `file` relative to the prefix;
    `expected` and `observed` are sha256 of the file as packaged, `observed` null where nothing was hashed.
    """

    path: str
    file: str
    expected: Optional[str]
    observed: Optional[str]
    reason: str


class CondaPackageFacts(TypedDict):
    """A package by its record in conda-meta. `claimed` is the paths digest of what the record says, `digest`
    that of what is on disk: null where a file could not be read.
    """

    name: str
    version: str
    build: str
    build_number: int
    subdir: str
    archive: str
    sha256: Optional[str]
    md5: Optional[str]
    record: str
    claimed: str
    digest: Optional[str]
    changed: List[CondaFileFacts]
    scripts: List[ScriptFacts]
    problems: List[str]


class ClobberFacts(TypedDict):
    """A path that several packages have with different content: whose file is due there, and whose is there
    (null: nobody's)."""

    file: str
    packages: List[str]
    due: str
    found: Optional[str]


class CondaFacts(TypedDict):
    """A conda prefix. `problems` are files of conda-meta that could not be read, with the reason; `extra` the
    first files that no package owns and that nothing loads, of `extra_count` in all.
    """

    packages: List[CondaPackageFacts]
    problems: List[List[str]]
    clobbers: List[ClobberFacts]
    extra: List[str]
    extra_count: int


class GpuDeviceFacts(TypedDict):
    """One GPU. `memory` in bytes; what the driver does not tell of it is null."""

    name: str
    capability: Optional[str]
    multiprocessors: Optional[int]
    memory: Optional[int]
    mig: Optional[bool]
    ecc: Optional[bool]
    persistence: Optional[bool]


class GpuFacts(TypedDict):
    """`driver` is the version of the user-space driver and `cuda` the newest CUDA that it knows, as NVIDIA's
    management library tells them; `fault` why it tells nothing (null too where nothing of NVIDIA is here).
    `libcuda` is where the library that the loader finds really is. `toolkit` and `cdi`: what hands GPUs to
    containers.
    """

    driver: Optional[str]
    cuda: Optional[str]
    fault: Optional[str]
    devices: List[GpuDeviceFacts]
    libcuda: Optional[str]
    libcuda_version: Optional[str]
    toolkit: Optional[str]
    cdi: List[str]


class Facts(TypedDict):
    schema: str
    level: str
    prefix: str
    is_venv: bool
    sees_system_site: bool
    host: Dict[str, str]
    gpu: GpuFacts
    kernels: Dict[str, str]
    python: Optional[PythonFacts]
    python_faults: List[List[str]]
    distributions: List[DistributionFacts]
    conda: Optional[CondaFacts]
    foreign: List[ForeignFacts]
    accepted: Dict[str, str]
    paths: List[PathFacts]
    libraries: List[LibraryFacts]
    library_files: List[str]
    loader: LoaderFacts
    bytecode: List[BytecodeFacts]
    environment: Dict[str, str]
    unreadable: List[List[str]]
    counts: Dict[str, int]
    timing: Dict[str, float]


def check_schema(document: Any) -> None:
    """Raise ValueError for anything that is no facts document of this version."""
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise ValueError("not a facts document of envlock")
