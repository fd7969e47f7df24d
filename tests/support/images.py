"""Images to build on: small ones of made-up files, and a real Debian with Python, from its own packages.

    image(layers, folder=layout, tag="base", platforms=…)     # an OCI layout; one config per platform
    tiny_base(folder, python="3.11.2")                         # bytes of a Python that tell its version
    with_layer(layout, folder, files)                          # the same with a layer on top
    debian_base()                                              # a layout: Debian's python3.11, pip, busybox

`debian_base` needs no root and no daemon: the packages that apt has today, unpacked into two layers. It is
made once per set of packages and machine; the same packages give the same digest.

    locked_project(folder, base)              # a project of NumPy, greenlet, … on that base, and its lock
"""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from envlock.resolve.oci.media import (
    IMAGE_PLATFORMS,
    OCI_CONFIG,
    OCI_INDEX,
    OCI_LAYER_GZIP,
    OCI_MANIFEST,
)
from tests.support.tools import need

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
SYSTEM_PACKAGES = (
    "libc6",
    "libgcc-s1",
    "libstdc++6",
    "gcc-12-base",
    "zlib1g",
    "libcrypt1",
    "busybox",
)
PYTHON_PACKAGES = (
    "python3.11",
    "python3.11-minimal",
    "libpython3.11-minimal",
    "libpython3.11-stdlib",
    "libexpat1",
    "libssl3",
    "libffi8",
    "libbz2-1.0",
    "liblzma5",
    "libsqlite3-0",
    "libuuid1",
    "libncursesw6",
    "libtinfo6",
    "libreadline8",
    "ca-certificates",
    "python3-distutils",
    "python3-lib2to3",
    "python3-pip",
    "python3-pkg-resources",
    "python3-setuptools",
    "python3-wheel",
)
APPLETS = (
    *("ash", "cat", "chmod", "chown", "cp", "cut", "dirname", "echo", "env", "false", "find", "grep", "head"),
    *("id", "ln", "ls", "mkdir", "mv", "printf", "pwd", "rm", "sed", "sh", "sleep", "sort", "stat", "tail"),
    *("tar", "test", "touch", "tr", "true", "uname", "wc", "xargs"),
)
_MERGED = ("bin", "sbin", "lib", "lib64")
# What is of no use in a test and makes most of the size.
LEFT_OUT = ("usr/share/doc/", "usr/share/man/", "usr/share/locale/", "usr/share/lintian/")

_BUILD = "build_time_vars = {{'SOABI': 'cpython-{}-x86_64-linux-gnu', 'ABIFLAGS': '', 'Py_DEBUG': 0}}\n"
PROJECT = """\
python = "3.11"
requirements = [
    "numpy==2.2.3",
    "greenlet==3.1.1",
    "six==1.17.0",
    "click==8.1.8",
    "jupyterlab-widgets==3.0.13",
]
[settings]
PYTHONHASHSEED = "0"
[image]
base = "{base}"
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class File:
    """A file of a layer; `link` makes it a symbolic link, `hard` a hard one."""

    content: bytes = b""
    mode: int = 0o644
    link: str | None = None
    hard: str | None = None


Files = Mapping[str, File | bytes]


def layer(files: Files) -> bytes:
    """A tar archive; the same files give the same bytes. A name that ends in `/` is a folder."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name in sorted(files):
            file = files[name]
            file = file if isinstance(file, File) else File(content=file)
            info = _info(name, file)
            archive.addfile(info, io.BytesIO(file.content) if info.isreg() else None)
    return buffer.getvalue()


def _info(name: str, file: File) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name.rstrip("/"))
    info.mode = file.mode
    if name.endswith("/"):
        info.type, info.mode = tarfile.DIRTYPE, file.mode | 0o111
    elif file.link is not None:
        info.type, info.linkname, info.mode = tarfile.SYMTYPE, file.link, 0o777
    elif file.hard is not None:
        info.type, info.linkname = tarfile.LNKTYPE, file.hard
    else:
        info.size = len(file.content)
    return info


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def image(
    layers: Sequence[bytes],
    *,
    folder: Path,
    tag: str = "base",
    platforms: Iterable[str] = ("linux-64",),
    environment: Sequence[str] = (f"PATH={PATH}",),
    level: int = 6,
) -> Path:
    """Write an OCI layout with one image; of several platforms, an index of them. `level` is gzip's."""
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True, exist_ok=True)
    compressed = [store_blob(blobs, gzip.compress(each, level, mtime=0), OCI_LAYER_GZIP) for each in layers]
    rows = [_manifest(blobs, layers, compressed, platform, environment) for platform in platforms]
    top = rows[0] if len(rows) == 1 else _index(blobs, rows)
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    named = {**top, "annotations": {"org.opencontainers.image.ref.name": tag}}
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [named]}
    (folder / "index.json").write_text(json.dumps(index))
    return folder


def _manifest(
    blobs: Path,
    layers: Sequence[bytes],
    compressed: Sequence[Mapping[str, object]],
    platform: str,
    environment: Sequence[str],
) -> dict[str, object]:
    system, architecture = IMAGE_PLATFORMS[platform]
    config = {
        "architecture": architecture,
        "os": system,
        "config": {"Env": list(environment), "Cmd": ["sh"]},
        "rootfs": {"type": "layers", "diff_ids": [digest_of(each) for each in layers]},
    }
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": store_blob(blobs, json.dumps(config).encode(), OCI_CONFIG),
        "layers": compressed,
    }
    row = store_blob(blobs, json.dumps(document).encode(), OCI_MANIFEST)
    return {**row, "platform": {"os": system, "architecture": architecture}}


def _index(blobs: Path, rows: list[dict[str, object]]) -> dict[str, object]:
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": rows}
    return store_blob(blobs, json.dumps(document).encode(), OCI_INDEX)


def store_blob(blobs: Path, content: bytes, media_type: str) -> dict[str, object]:
    digest = digest_of(content)
    (blobs / digest.removeprefix("sha256:")).write_bytes(content)
    return {"mediaType": media_type, "digest": digest, "size": len(content)}


def tiny_base(
    folder: Path, *, python: str = "3.11.2", platforms: Iterable[str] = ("linux-64",), tag: str = "base"
) -> Path:
    """A base whose Python is a few bytes that tell its version: enough to be locked, not to run."""
    series = ".".join(python.split(".")[:2])
    system: Files = {
        "bin": File(link="usr/bin"),
        "etc/passwd": b"root:x:0:0:root:/root:/bin/sh\n",
        "etc/group": b"root:x:0:\n",
        "usr/bin/python3": File(link="python3.9"),
        "usr/bin/python3.9": File(content=b"\x7fELF\x003.9.2\0", mode=0o755),
    }
    above: Files = {
        "usr/bin/.wh.python3.9": b"",
        f"usr/lib/python{series}/os.py": b"name = 'posix'\n",
        f"usr/lib/python{series}/_sysconfigdata__x86_64-linux-gnu.py": _BUILD.format(
            series.replace(".", "")
        ).encode(),
        "usr/bin/python3": File(link=f"python{series}"),
        f"usr/bin/python{series}": File(content=b"\x7fELF\0" + python.encode() + b"\0", mode=0o755),
    }
    return image([layer(system), layer(above)], folder=folder, tag=tag, platforms=platforms)


def with_layer(layout: Path, folder: Path, files: Files, *, environment: Sequence[str] | None = None) -> Path:
    """A copy of a layout whose one image has a layer more, all digests made anew: what `docker commit` does.

    `environment` replaces that of the configuration.
    """
    shutil.copytree(layout, folder)
    blobs = folder / "blobs" / "sha256"
    index = json.loads((folder / "index.json").read_bytes())
    manifest = json.loads((blobs / index["manifests"][0]["digest"][7:]).read_bytes())
    config = json.loads((blobs / manifest["config"]["digest"][7:]).read_bytes())
    if files:
        data = layer(files)
        config["rootfs"]["diff_ids"].append(digest_of(data))
        config.pop("history", None)
        manifest["layers"].append(store_blob(blobs, gzip.compress(data, 6, mtime=0), OCI_LAYER_GZIP))
    if environment is not None:
        config["config"]["Env"] = list(environment)
    manifest["config"] = store_blob(blobs, json.dumps(config).encode(), OCI_CONFIG)
    index["manifests"][0] |= store_blob(blobs, json.dumps(manifest).encode(), OCI_MANIFEST)
    (folder / "index.json").write_text(json.dumps(index))
    return folder


def debian_base() -> Path:
    """An OCI layout (tag `base`) of Debian's packages; made once per set of packages."""
    need("apt-get", "dpkg-deb")
    store = Path.home() / ".cache" / "envlock-tests"
    store.mkdir(parents=True, exist_ok=True)
    with (store / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        system, python = _fetched(store / "debs", SYSTEM_PACKAGES), _fetched(store / "debs", PYTHON_PACKAGES)
        names = "\n".join(path.name for path in (*system, *python)) + Path(__file__).read_text()
        folder = store / f"base-{hashlib.sha256(names.encode()).hexdigest()[:16]}"
        if not (folder / "index.json").exists():
            layers = [layer(_debian_system(system)), layer(_debian_python(python))]
            image(layers, folder=folder)
    return folder


def debian_packages() -> list[Path]:
    """The .deb files that `debian_base` is made of."""
    store = Path.home() / ".cache" / "envlock-tests" / "debs"
    return [*_fetched(store, SYSTEM_PACKAGES), *_fetched(store, PYTHON_PACKAGES)]


def _fetched(folder: Path, packages: Sequence[str]) -> list[Path]:
    """The .deb files of packages, as apt has them."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [_newest(folder, package) for package in packages]
    missing = [package for package, path in zip(packages, rows, strict=True) if path is None]
    if missing:
        command = ["apt-get", "download", "-q", *missing]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        rows = [_newest(folder, package) for package in packages]
    assert all(rows), rows
    return [path for path in rows if path is not None]


def _newest(folder: Path, package: str) -> Path | None:
    found = sorted(folder.glob(f"{package}_*.deb"), key=lambda path: path.stat().st_mtime)
    return found[-1] if found else None


def _debian_system(debs: Iterable[Path]) -> Files:
    files: dict[str, File | bytes] = {name: File(link=f"usr/{name}") for name in _MERGED}
    files |= {f"usr/bin/{name}": File(link="busybox") for name in APPLETS}
    files |= {
        "etc/passwd": b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/nonexistent:/bin/false\n",
        "etc/group": b"root:x:0:\nnogroup:x:65534:\n",
        "etc/nsswitch.conf": b"passwd: files\ngroup: files\nhosts: files dns\n",
        "root/": File(mode=0o700),
        "tmp/": File(mode=0o1777),
        "proc/": b"",
        "sys/": b"",
        "dev/": b"",
        "home/": b"",
    }
    for deb in debs:
        files |= dict(_unpacked(deb))
    return files


def _debian_python(debs: Iterable[Path]) -> Files:
    files: dict[str, File | bytes] = {"usr/bin/python3": File(link="python3.11")}
    certificates = []
    for deb in debs:
        unpacked = dict(_unpacked(deb))
        if deb.name.startswith("ca-certificates_"):
            certificates = [unpacked[name] for name in sorted(unpacked) if name.endswith(".crt")]
        files |= unpacked
    # What ca-certificates does when it is configured; nothing is configured here.
    bundle = b"".join(file.content for file in certificates)
    files["etc/ssl/certs/ca-certificates.crt"] = bundle
    return files


def _unpacked(deb: Path) -> Iterator[tuple[str, File]]:
    done = subprocess.run(["dpkg-deb", "--fsys-tarfile", deb], capture_output=True, check=True)
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        for info in archive:
            name = _merged(info.name.removeprefix("./").strip("/"))
            if info.isdir() or not name or name.startswith(LEFT_OUT):
                continue
            stream = archive.extractfile(info) if info.isreg() or info.islnk() else None
            content = stream.read() if stream is not None else b""
            yield name, File(content=content, mode=info.mode, link=info.linkname if info.issym() else None)


def _merged(name: str) -> str:
    """Debian's packages still name /bin and /lib, which are links below /usr."""
    return f"usr/{name}" if name.split("/", 1)[0] in _MERGED else name


def locked_project(folder: Path, base: Path | str) -> Path:
    """A project with a real small environment on `base`, locked; returns the lockfile.

    `base` is a layout, or a reference. The wheels come from PyPI: for slow tests.
    """
    from envlock.api import LockRequest, lock

    folder.mkdir(parents=True, exist_ok=True)
    name = base if isinstance(base, str) else "oci:base"
    if isinstance(base, Path):
        (folder / "base").symlink_to(base)
    (folder / "envlock.toml").write_text(PROJECT.format(base=name))
    request = LockRequest(project=folder, cache=folder / "cache")
    return lock(request, environment=dict(os.environ)).path
