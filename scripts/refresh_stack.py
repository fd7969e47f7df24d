"""Compare the stack facts with what is published, and show the difference for review.

    python scripts/refresh_stack.py                     every release in the facts, and the newest
    python scripts/refresh_stack.py --torch 2.6.0       one of them
    python scripts/refresh_stack.py --write             change the data files as the difference says
    python scripts/refresh_stack.py --index https://mirror.example/whl/{variant}
                                                        also the builds that are only on the PyTorch index
    python scripts/refresh_stack.py --image-tags https://registry.example/v2/pytorch/pytorch/tags/list
                                                        also the tags of the image pytorch/pytorch

Read are the default Linux x86_64 wheels, a few ranges of each, from the index that uv is configured
for, and the list of CPython releases that uv can install; the rest from where it is told. Exit status: 0
all as published, 1 something differs. What it cannot read (GPU architectures, drivers) stays for a
person, who then also sets `gathered` in the data files and DATA_VERSION. Tags are listed, not written.
"""

from __future__ import annotations

import argparse
import difflib
import io
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from email.parser import Parser
from typing import TYPE_CHECKING, TypeAlias

import requests
import tomli
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version
from uv import find_uv_bin

from envlock import stack
from envlock.stack.facts import DATA

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

BUILDS = "torch_builds.toml"
PYTHONS = "pythons.toml"
PLATFORM = "x86_64-manylinux_2_28"
PYTHON = "3.11"  # every release from 2.0.0 to 2.15.0 has a wheel for it
BLOCK_BYTES = 256 * 1024
TIMEOUT_SECONDS = 60

TARGET = {
    "os_name": "posix",
    "platform_machine": "x86_64",
    "platform_system": "Linux",
    "python_full_version": f"{PYTHON}.0",
    "python_version": PYTHON,
    "sys_platform": "linux",
}

Pins: TypeAlias = Mapping[str, str]

# key of [[build]] -> the requirement that decides it
PINNED = {
    "cudnn": re.compile(r"nvidia-cudnn(-cu\d+)?"),
    "nccl": re.compile(r"nvidia-nccl(-cu\d+)?"),
    "nvshmem": re.compile(r"nvidia-nvshmem(-cu\d+)?"),
    "cusparselt": re.compile(r"nvidia-cusparselt(-cu\d+)?"),
    "triton": re.compile(r"triton"),
    "cuda_runtime": re.compile(r"nvidia-cuda-runtime(-cu\d+)?"),
    "cuda_toolkit": re.compile(r"cuda-toolkit"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Published:
    """What the default wheel of one release says of itself."""

    torch: str
    cuda: str
    git_version: str
    requires_python: str
    pins: Pins


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    releases = options.torch or _releases()
    differences = [*_builds(releases, options.index), *([] if options.torch else _pythons())]
    for difference in differences:
        print(difference.text, end="")
        if options.write:
            difference.write()
    tags = list(_tags(options.image_tags, releases)) if options.image_tags else []
    print("".join(f"{line}\n" for line in tags), end="")
    return 1 if differences or tags else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--torch", action="append", metavar="X.Y.Z", help="compare this release only")
    parser.add_argument("--index", metavar="URL", help="an index per {variant}: compare its builds, too")
    parser.add_argument(
        "--image-tags", metavar="URL", help="a registry's list of the tags of pytorch/pytorch"
    )
    parser.add_argument("--write", action="store_true", help="change the data files")
    return parser.parse_args(arguments)


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """A data file as it is and as it would be."""

    file: str
    before: str
    after: str

    @property
    def text(self) -> str:
        lines = difflib.unified_diff(
            self.before.splitlines(keepends=True),
            self.after.splitlines(keepends=True),
            f"{self.file} (facts)",
            f"{self.file} (published)",
        )
        return "".join(lines)

    def write(self) -> None:
        (DATA / self.file).write_text(self.after, encoding="utf-8")


def _text(file: str) -> str:
    return (DATA / file).read_text(encoding="utf-8")


def _difference(file: str, after: str) -> Iterator[Difference]:
    before = _text(file)
    if before != after:
        yield Difference(file=file, before=before, after=after)


def _releases() -> tuple[str, ...]:
    """Every release in the facts, and the newest of the index."""
    known = tuple(str(version) for version in stack.torch_versions())
    newest, _ = _wheel("torch")
    return known if newest in known else (*known, newest)


def _builds(releases: Iterable[str], index: str | None) -> Iterator[Difference]:
    text = _text(BUILDS)
    for torch in releases:
        text = revised(text, _read(torch, None))
        for build in stack.builds(torch) if index else ():
            if build.index == "pytorch" and build.cuda != "cpu":
                text = revised(text, _read(torch, str(index).format(variant=build.variant)), is_default=False)
    yield from _difference(BUILDS, text)


def _read(torch: str, index: str | None) -> Published:
    published = read_published(torch, index)
    print(f"torch {published.torch}: CUDA {published.cuda}, {_spoken(published.pins)}", file=sys.stderr)
    return published


def _spoken(pins: Pins) -> str:
    return ", ".join(f"{key} {version}" for key, version in pins.items())


# What is published


def read_published(torch: str, index: str | None = None) -> Published:
    """Read METADATA and torch/version.py of the wheel of `torch` on an index, by range requests. None: the
    index that uv is configured for, which has the default wheels."""
    version, url = _wheel(f"torch=={torch}", index)
    with zipfile.ZipFile(io.BufferedReader(Remote(url), BLOCK_BYTES)) as wheel:
        metadata = wheel.read(f"torch-{version}.dist-info/METADATA").decode()
        about = wheel.read("torch/version.py").decode()
    headers = Parser().parsestr(metadata)
    return Published(
        torch=version,
        cuda=_constant(about, "cuda"),
        git_version=_constant(about, "git_version"),
        requires_python=str(headers["Requires-Python"]),
        pins=pins_of(headers.get_all("Requires-Dist") or ()),
    )


def _wheel(requirement: str, index: str | None = None) -> tuple[str, str]:
    """The version and the URL of the Linux x86_64 wheel that uv would take."""
    compile_ = ("pip", "compile", "--quiet", "--no-deps", "--no-annotate", "--format", "pylock.toml")
    target = ("--python-version", PYTHON, "--python-platform", PLATFORM, "--only-binary", ":all:")
    source = ("--default-index", index) if index else ()
    document = tomli.loads(_uv(*compile_, *target, *source, "-", given=requirement))
    package = document["packages"][0]
    return package["version"], package["wheels"][0]["url"]


def _uv(*arguments: str, given: str = "") -> str:
    command = [find_uv_bin(), *arguments]
    done = subprocess.run(command, input=given, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


def _constant(source: str, name: str) -> str:
    match = re.search(rf"^{name}(?:: [^=]+)? = '([^']+)'", source, re.MULTILINE)
    if match is None:
        raise ValueError(f"torch/version.py does not say its {name}")
    return match[1]


def pins_of(requirements: Iterable[str]) -> Pins:
    """The keys of [[build]] that requirements of torch decide: `==` pins bare, ranges as written."""
    wanted = [need for text in requirements if _applies((need := Requirement(text)).marker)]
    return {
        key: str(need.specifier).removeprefix("==")
        for key, name in PINNED.items()
        for need in wanted
        if name.fullmatch(canonicalize_name(need.name))
    }


def _applies(marker: Marker | None) -> bool:
    return marker is None or marker.evaluate(TARGET)


class Unreadable(Exception):
    """A file could not be read. Not an OSError, which zipfile would call a bad zip file."""


class Remote(io.RawIOBase):
    """A file on a server, read by range requests."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url
        self._session = requests.Session()
        self._position = 0
        answer = self._session.head(url, allow_redirects=True, timeout=TIMEOUT_SECONDS)
        answer.raise_for_status()
        self._size = int(answer.headers["Content-Length"])

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = base + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer)
        data = self._fetch(min(len(view), self._size - self._position))
        view[: len(data)] = data
        self._position += len(data)
        return len(data)

    def close(self) -> None:
        self._session.close()
        super().close()

    def _fetch(self, count: int) -> bytes:
        if count <= 0:
            return b""
        span = f"bytes={self._position}-{self._position + count - 1}"
        try:
            return self._range(span)
        except requests.RequestException as error:
            raise Unreadable(f"{self._url}: {error}") from error

    def _range(self, span: str) -> bytes:
        headers = {"Range": span}
        with self._session.get(self._url, headers=headers, timeout=TIMEOUT_SECONDS, stream=True) as answer:
            if answer.status_code != requests.codes.partial_content:
                raise Unreadable(f"{self._url}: no range, but HTTP {answer.status_code}")
            return answer.content


# The data files, as they would be


def revised(text: str, published: Published, *, is_default: bool = True) -> str:
    """`torch_builds.toml` with one build as it is published; the default one tells of its release, too.

    Only the lines of that build change; comments and all that is not read from the wheel stay.
    """
    variant, torch = stack.variant_of(published.cuda), published.torch.partition("+")[0]
    release = _block(text, "release", {"torch": torch})
    build = _block(text, "build", {"torch": torch, "variant": variant})
    if release is None or build is None:
        return text + _new(published, variant)
    told = {
        "default": variant,
        "requires_python": published.requires_python,
        "git_version": published.git_version,
    }
    text = text.replace(release, _with_values(release, told), 1) if is_default else text
    return text.replace(build, _with_values(build, {key: published.pins.get(key) for key in PINNED}), 1)


def _block(text: str, table: str, values: Mapping[str, str]) -> str | None:
    """The text of the [[table]] that has all `values`, up to its empty line."""
    for match in re.finditer(rf"^\[\[{table}\]\]\n(?:.+\n)+", text, re.MULTILINE):
        if all(f'\n{key} = "{value}"\n' in match[0] for key, value in values.items()):
            return match[0]
    return None


def _with_values(block: str, values: Mapping[str, str | None]) -> str:
    """`block` with each key set, or removed where its value is None; new keys come last."""
    for key, value in values.items():
        line = "" if value is None else f'{key} = "{value}"\n'
        block, found = re.subn(rf'^{key} = ".*"\n', line, block, flags=re.MULTILINE)
        block = block if found else block + line
    return block


def _new(published: Published, variant: str) -> str:
    """A release that the facts do not have yet. What its wheel does not tell is left out, not guessed."""
    pins = "".join(f'{key} = "{value}"\n' for key, value in published.pins.items())
    return f"""
[[release]]
torch = "{published.torch}"
partial = true
default = "{variant}"
variants = ["{variant}"]
requires_python = "{published.requires_python}"
git_version = "{published.git_version}"

[[build]]
torch = "{published.torch}"
cuda = "{published.cuda}"
variant = "{variant}"
index = "default"
{pins}src = ["PYPI"]
"""


def _pythons() -> Iterator[Difference]:
    text = _text(PYTHONS)
    rows = "".join(
        f'"{version}" = {{ date = {day}, by = true, src = ["PBS"] }}\n'
        for version, day in sorted(_built().items(), key=lambda row: Version(row[0]))
        if not stack.is_known_python(version) and Version(version) >= Version("3.8")
    )
    yield from _difference(PYTHONS, text + rows)


def _built() -> Mapping[str, str]:
    """Final releases of CPython that uv can install: version to the day of that build, YYYY-MM-DD."""
    listed = _uv("python", "list", "--all-versions", "--only-downloads", "--output-format", "json")
    rows = [row for row in json.loads(listed) if row["implementation"] == "cpython"]
    return {
        row["version"]: f"{day[1]}-{day[2]}-{day[3]}"
        for row in rows
        if not Version(row["version"]).is_prerelease
        and (day := re.search(r"/(\d{4})(\d{2})(\d{2})/", row["url"]))
    }


# Tags of the image


_TAG = re.compile(r"(\d+\.\d+\.\d+)-cuda\d+\.\d+-cudnn\d+-(?:runtime|devel)")


def _tags(url: str, releases: Iterable[str]) -> Iterator[str]:
    """What a registry lists and the facts do not have, and the other way round, of some releases."""
    wanted = set(releases)
    listed = {tag for tag in _listed(url) if (match := _TAG.fullmatch(tag)) and match[1] in wanted}
    known = {tag for tag in stack.image_tags() if tag.split("-")[0] in wanted}
    yield from (f"+{tag} (published, and not in the facts)" for tag in sorted(listed - known))
    yield from (f"-{tag} (in the facts, and not listed)" for tag in sorted(known - listed))


def _listed(url: str | None) -> Iterator[str]:
    """Every tag, page by page: `tags` of the registry API, or `results` of Docker Hub's own."""
    while url:
        answer = requests.get(url, timeout=TIMEOUT_SECONDS)
        answer.raise_for_status()
        document = answer.json()
        yield from document.get("tags") or [row["name"] for row in document.get("results", ())]
        following = document.get("next") or answer.links.get("next", {}).get("url")
        url = requests.compat.urljoin(url, following) if following else None


if __name__ == "__main__":
    sys.exit(main())
