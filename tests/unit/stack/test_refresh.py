"""`scripts/refresh_stack.py` against an index over HTTP: what it reads, and the difference it shows."""

from __future__ import annotations

import importlib.util
import json
import shutil
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import pytest
import tomli

from envlock.stack.facts import DATA
from tests.support.index import LocalIndex, NoRanges, Reset
from tests.support.wheels import make_wheel

ROOT = Path(__file__).parents[3]
GIT = "2236df1770800ffea5697b11b0bb0d910b2e59e1"
LINUX = 'platform_system == "Linux" and platform_machine == "x86_64"'
PINS = (
    "nvidia-cuda-runtime-cu12==12.4.127",
    "nvidia-cudnn-cu12==9.1.0.70",
    "nvidia-cusparselt-cu12==0.6.2",
    "nvidia-nccl-cu12==2.21.5",
    "triton==3.2.0",
)


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalIndex]:
    with LocalIndex() as index:
        for name in ("UV_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("UV_DEFAULT_INDEX", index.url)
        monkeypatch.setenv("UV_NO_CACHE", "1")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield index


@pytest.fixture
def refresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script, on a copy of the data files."""
    spec = importlib.util.spec_from_file_location("refresh_stack", ROOT / "scripts" / "refresh_stack.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(__import__("sys").modules, "refresh_stack", module)
    spec.loader.exec_module(module)
    shutil.copytree(DATA, tmp_path / "data")
    monkeypatch.setattr(module, "DATA", tmp_path / "data")
    return module


def publish(index: LocalIndex, version: str, cuda: str, pins: Sequence[str], *, git: str = GIT) -> None:
    about = f"from typing import Optional\ncuda: Optional[str] = '{cuda}'\ngit_version = '{git}'\n"
    wheel = make_wheel(
        "torch",
        version,
        files={"torch/__init__.py": b"", "torch/version.py": about.encode(), "torch/big.so": bytes(3 << 20)},
        requires=["filelock", *(f"{pin}; {LINUX}" for pin in pins), 'triton==9.9; sys_platform == "win32"'],
        requires_python=">=3.9.0",
        tag="cp311-cp311-manylinux_2_28_x86_64",
        compression=0,
    )
    index.add(wheel)


def test_a_wheel_that_agrees_shows_nothing(
    index: LocalIndex, refresh: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    publish(index, "2.6.0", "12.4", PINS)
    assert refresh.main(["--torch", "2.6.0"]) == 0
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err == (
        "torch 2.6.0: CUDA 12.4, cudnn 9.1.0.70, nccl 2.21.5, cusparselt 0.6.2, triton 3.2.0,"
        " cuda_runtime 12.4.127\n"
    )


def test_a_wheel_is_read_in_parts(index: LocalIndex, refresh: ModuleType) -> None:
    publish(index, "2.6.0", "12.4", PINS)
    refresh.main(["--torch", "2.6.0"])
    assert 0 < index.sent("*.whl") < 1 << 20


def test_a_server_without_ranges_is_refused(index: LocalIndex, refresh: ModuleType) -> None:
    publish(index, "2.6.0", "12.4", PINS)
    index.fault("*.whl", NoRanges())
    message = r"^http://127\.0\.0\.1:\d+/.*\.whl: no range, but HTTP 200$"
    with pytest.raises(refresh.Unreadable, match=message):
        refresh.main(["--torch", "2.6.0"])


def test_a_connection_that_breaks_is_not_called_a_bad_zip_file(
    index: LocalIndex, refresh: ModuleType
) -> None:
    publish(index, "2.6.0", "12.4", PINS)
    index.fault("*.whl", Reset(), skip=1)
    with pytest.raises(refresh.Unreadable, match=r"^http://127\.0\.0\.1:\d+/.*\.whl: .*Connection"):
        refresh.main(["--torch", "2.6.0"])


def test_other_pins_are_shown_line_by_line(
    index: LocalIndex, refresh: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    pins = [pin for pin in PINS if "cusparselt" not in pin and "nccl" not in pin]
    publish(index, "2.6.0", "12.4", [*pins, "nvidia-nccl-cu12==2.22.0", "nvidia-nvshmem-cu12==3.3.20"])
    assert refresh.main(["--torch", "2.6.0"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["--- torch_builds.toml (facts)", "+++ torch_builds.toml (published)"]
    assert [line for line in lines[2:] if line[0] in "+-"] == [
        '-nccl = "2.21.5"',
        '-cusparselt = "0.6.2"',
        '+nccl = "2.22.0"',
        '+nvshmem = "3.3.20"',
    ]


def test_nothing_is_written_unless_asked(index: LocalIndex, refresh: ModuleType) -> None:
    publish(index, "2.6.0", "12.4", ())
    assert refresh.main(["--torch", "2.6.0"]) == 1
    for path in DATA.iterdir():
        assert (refresh.DATA / path.name).read_bytes() == path.read_bytes()


def test_a_new_release_is_added_with_what_its_wheel_tells(index: LocalIndex, refresh: ModuleType) -> None:
    publish(index, "2.99.0", "13.2", ["nvidia-cudnn-cu13==9.99.0.1", "triton~=3.9.0"], git="f" * 40)
    assert refresh.main(["--torch", "2.99.0", "--write"]) == 1
    document = tomli.loads((refresh.DATA / "torch_builds.toml").read_text(encoding="utf-8"))
    assert document["release"][-1] == {
        "torch": "2.99.0",
        "partial": True,
        "default": "cu132",
        "variants": ["cu132"],
        "requires_python": ">=3.9.0",
        "git_version": "f" * 40,
    }
    assert document["build"][-1] == {
        "torch": "2.99.0",
        "cuda": "13.2",
        "variant": "cu132",
        "index": "default",
        "cudnn": "9.99.0.1",
        "triton": "~=3.9.0",
        "src": ["PYPI"],
    }


def test_writing_changes_the_build_and_keeps_every_comment(index: LocalIndex, refresh: ModuleType) -> None:
    publish(index, "2.6.0", "12.4", [*PINS[1:], "nvidia-cuda-runtime-cu12==12.4.128"])
    assert refresh.main(["--torch", "2.6.0", "--write"]) == 1
    before = (DATA / "torch_builds.toml").read_text(encoding="utf-8").splitlines()
    after = (refresh.DATA / "torch_builds.toml").read_text(encoding="utf-8").splitlines()
    assert len(after) == len(before)
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert changed == [('cuda_runtime = "12.4.127"', 'cuda_runtime = "12.4.128"')]
    assert refresh.main(["--torch", "2.6.0"]) == 0


def test_a_wheel_that_does_not_say_its_cuda_is_not_guessed_at(index: LocalIndex, refresh: ModuleType) -> None:
    index.add(
        make_wheel(
            "torch",
            "2.6.0",
            files={"torch/version.py": b"cuda = None\n"},
            tag="cp311-cp311-manylinux_2_28_x86_64",
        )
    )
    with pytest.raises(ValueError, match=r"^torch/version\.py does not say its cuda$"):
        refresh.main(["--torch", "2.6.0"])


def cu118(index: LocalIndex, *pins: str) -> str:
    """2.6.0+cu118 on an index of its variant; the address with the variant left open."""
    about = f"cuda: Optional[str] = '11.8'\ngit_version = '{GIT}'\n"
    wheel = make_wheel(
        "torch",
        "2.6.0+cu118",
        files={"torch/version.py": about.encode()},
        requires=[f"{pin}; {LINUX}" for pin in pins],
        requires_python=">=3.9.0",
        tag="cp311-cp311-linux_x86_64",
    )
    index.named("whl/cu118", html=True).add(wheel)
    return index.named("whl/cu118").url.replace("cu118", "{variant}")


def cu126(index: LocalIndex) -> None:
    """The other build of 2.6.0 that only the PyTorch index has, as the facts have it."""
    build = next(row for row in _facts()["build"] if (row["torch"], row["variant"]) == ("2.6.0", "cu126"))
    names = {"cudnn": "nvidia-cudnn-cu12", "nccl": "nvidia-nccl-cu12", "triton": "triton"}
    names |= {"cusparselt": "nvidia-cusparselt-cu12", "cuda_runtime": "nvidia-cuda-runtime-cu12"}
    about = f"cuda: Optional[str] = '12.6'\ngit_version = '{GIT}'\n"
    wheel = make_wheel(
        "torch",
        "2.6.0+cu126",
        files={"torch/version.py": about.encode()},
        requires=[f"{name}=={build[key]}; {LINUX}" for key, name in names.items() if key in build],
        tag="cp311-cp311-manylinux_2_28_x86_64",
    )
    index.named("whl/cu126", html=True).add(wheel)


def _facts() -> dict[str, Any]:
    return tomli.loads((DATA / "torch_builds.toml").read_text(encoding="utf-8"))


def test_an_index_that_is_named_has_the_other_builds_compared(
    index: LocalIndex, refresh: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    publish(index, "2.6.0", "12.4", PINS)
    cu126(index)
    url = cu118(index, "nvidia-cudnn-cu11==9.1.0.71", "nvidia-nccl-cu11==2.21.5", "triton==3.2.0")
    assert refresh.main(["--torch", "2.6.0", "--index", url]) == 1
    shown = capsys.readouterr()
    assert [line for line in shown.out.splitlines()[2:] if line[0] in "+-"][:2] == [
        '-cudnn = "9.1.0.70"',
        '+cudnn = "9.1.0.71"',
    ]
    assert shown.err.splitlines()[1:] == [
        "torch 2.6.0+cu118: CUDA 11.8, cudnn 9.1.0.71, nccl 2.21.5, triton 3.2.0",
        "torch 2.6.0+cu126: CUDA 12.6, cudnn 9.5.1.17, nccl 2.21.5, cusparselt 0.6.3, triton 3.2.0,"
        " cuda_runtime 12.6.77",
    ]
    assert 'default = "cu118"' not in shown.out


TAGS_2_6 = [
    f"2.6.0-cuda{cuda}-cudnn9-{flavour}"
    for cuda in ("11.8", "12.4", "12.6")
    for flavour in ("runtime", "devel")
]


class Registry(BaseHTTPRequestHandler):
    """The list of tags in pages of four: as the registry API has it, or as Docker Hub's own."""

    tags: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        path, _, start = self.path.partition("?start=")
        page, rest = self.tags[int(start or 0) :][:4], len(self.tags) > int(start or 0) + 4
        following = f"{path}?start={int(start or 0) + 4}" if rest else None
        is_hub = path == "/hub"
        rows = {"results": [{"name": tag} for tag in page], "next": following} if is_hub else {"tags": page}
        self.send_response(200)
        if following and not is_hub:
            self.send_header("Link", f'<{following}>; rel="next"')
        self.end_headers()
        self.wfile.write(json.dumps(rows).encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), Registry) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.mark.parametrize("path", ["/v2/pytorch/pytorch/tags/list", "/hub"])
def test_tags_of_the_image_are_compared_page_by_page(
    index: LocalIndex,
    refresh: ModuleType,
    registry: str,
    path: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    publish(index, "2.6.0", "12.4", PINS)
    others = ["latest", "2.5.1-cuda12.1-cudnn9-devel", "2.6.0-cuda12.4-cudnn9-runtime-rc1"]
    monkeypatch.setattr(Registry, "tags", [*others, *TAGS_2_6])
    assert refresh.main(["--torch", "2.6.0", "--image-tags", registry + path]) == 0
    assert capsys.readouterr().out == ""
    monkeypatch.setattr(Registry, "tags", [*others, *TAGS_2_6[1:], "2.6.0-cuda12.1-cudnn9-devel"])
    assert refresh.main(["--torch", "2.6.0", "--image-tags", registry + path]) == 1
    assert capsys.readouterr().out == (
        "+2.6.0-cuda12.1-cudnn9-devel (published, and not in the facts)\n"
        "-2.6.0-cuda11.8-cudnn9-runtime (in the facts, and not listed)\n"
    )


@pytest.mark.slow
def test_the_facts_are_what_is_published(capsys: pytest.CaptureFixture[str], refresh: ModuleType) -> None:
    """The real index: the default wheels of three releases."""
    assert refresh.main(["--torch", "2.0.1", "--torch", "2.6.0", "--torch", "2.15.0"]) == 0
    assert capsys.readouterr().out == ""
