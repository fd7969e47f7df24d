"""Packages of names and dependencies alone: the CUDA side of conda-forge in miniature."""

from __future__ import annotations

from tests.support.conda.package import PLACEHOLDER, CondaPackage, File, Link
from tests.support.conda.platform import PY, SERIES


def cuda_packages() -> tuple[CondaPackage, ...]:
    """`pytorch` as a CPU and as a CUDA build; `pytorch-gpu` asks for a driver, as conda-forge's does."""
    return (
        *(_cuda_version(version) for version in ("11.8", "12.4", "12.9")),
        CondaPackage(name="libcudnn", version="9.10.2.21", depends=("cuda-version >=12,<13.0a0",)),
        CondaPackage(name="nccl", version="2.27.3.1", depends=("cuda-version >=12,<13.0a0",)),
        _pytorch("cpu_generic", number=0, depends=()),
        _pytorch(
            "cuda129_mkl",
            number=200,
            depends=("__cuda", "cuda-version >=12.9,<13", "libcudnn >=9.10,<10.0a0", "nccl >=2.27,<3.0a0"),
        ),
        CondaPackage(
            name="pytorch-gpu",
            version="2.8.0",
            build="cuda129_mkl_h0_200",
            build_number=200,
            depends=("__cuda", f"pytorch 2.8.0 cuda129_mkl_{PY}h0_200"),
        ),
    )


def _cuda_version(version: str) -> CondaPackage:
    return CondaPackage(
        name="cuda-version",
        version=version,
        build="h0_3",
        build_number=3,
        noarch="generic",
        constrains=(f"__cuda >={version.split('.', maxsplit=1)[0]}", f"cudatoolkit {version}|{version}.*"),
    )


def _pytorch(build: str, *, number: int, depends: tuple[str, ...]) -> CondaPackage:
    return CondaPackage(
        name="pytorch",
        version="2.8.0",
        build=f"{build}_{PY}h0_{number}",
        build_number=number,
        depends=(f"python {SERIES}.*", "numpy", *depends),
    )


def prefix_notes() -> CondaPackage:
    """Every way in which a prefix gets into a file, and links: of files, of folders, of a chain."""
    place = PLACEHOLDER.encode()
    script = b"#!" + place + b"/bin/python\nprint(1)\n"
    text = b"root=" + place + b"/share\n" + place + b"\n"
    library = b"\x7fELF\x02\x01\x01\x00first=" + place + b"/share\x00\x00\x00mid\x00two=" + place + b"/lib:"
    library += place + b"/lib64\x00end\x00"
    return CondaPackage(
        name="prefix-notes",
        version="1.0",
        build="h0_0",
        files=(
            File(path="bin/prefix-notes", content=script, executable=True, mode="text"),
            File(path="etc/prefix-notes.conf", content=text, mode="text"),
            File(path="lib/libprefix-notes.so.1", content=library, mode="binary"),
            File(path="share/prefix-notes/plain.txt", content=b"plain\n"),
            Link(path="lib/libprefix-notes.so", target="libprefix-notes.so.1"),
            Link(path="share/prefix-notes/chain", target="../../lib/libprefix-notes.so"),
            Link(path="share/notes", target="prefix-notes"),
        ),
    )  # fmt: skip
