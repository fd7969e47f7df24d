"""`verify --image` from outside: an honest image matches, and what is wrong with another one is named."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from envlock.api import ImageRequest, LockRequest, OciOrder, build_oci, lock, verify_image
from envlock.errors import CouldNotTell, HashMismatch, RegistryFailed
from envlock.lock import read_lock, runtime_hash
from envlock.report import Report, Severity, Verdict
from tests.support.archives import unpack
from tests.support.images import File, Files, digest_of, layer, tiny_base, with_layer
from tests.support.index import LocalIndex
from tests.support.registry import LocalRegistry
from tests.support.wheels import make_wheel

SITE = "opt/env/lib/python3.11/site-packages"
THING = make_wheel(
    "thing",
    "1.0",
    files={"thing/__init__.py": b"def main(): pass\n", "thing/data.txt": b"data\n"},
    entry_points="[console_scripts]\nthing = thing:main\n",
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a lock, its image as a layout and as an archive."""
    _need_a_way_in()
    folder = tmp_path_factory.mktemp("project")
    tiny_base(folder / "base")
    with LocalIndex() as index:
        index.add(THING)
        (folder / "envlock.toml").write_text(
            'python = "3.11"\nrequirements = ["thing"]\n[settings]\nA = "1"\n[image]\nbase = "oci:base"\n'
            f'[sources]\ndefault = "{index.url}"\n'
        )
        environment = {**os.environ, "UV_CACHE_DIR": str(folder / "uv")}
        lock(LockRequest(project=folder), environment=environment)
        for output in ("image", "image.tar"):
            order = OciOrder(
                lock=folder / "envlock.lock",
                environment=environment,
                cache=folder / "cache",
                output=folder / output,
            )
            build_oci(order)
    return folder


def _need_a_way_in() -> None:
    if os.geteuid() == 0:
        return
    done = subprocess.run(["unshare", "-rR", "/", "true"], capture_output=True, check=False)
    if done.returncode and not os.environ.get("CI"):
        pytest.skip("neither root nor user namespaces here")


def verified(made: Path, image: object, prefix: str | None = None) -> Report:
    return verify_image(
        ImageRequest(lock=made / "envlock.lock", image=str(image), environment={}, prefix=prefix)
    )


def on_top(made: Path, folder: Path, files: Files, environment: Sequence[str] | None = None) -> Report:
    return verified(
        made, f"oci:{with_layer(made / 'image', folder / 'other', files, environment=environment)}"
    )


def faults(report: Report) -> list[tuple[str, str | None]]:
    return [(found.code, found.path) for found in report.findings if found.severity is not Severity.NOTE]


def environment_of(made: Path, **changes: str | None) -> list[str]:
    index = json.loads((made / "image/index.json").read_bytes())
    blobs = made / "image/blobs/sha256"
    manifest = json.loads((blobs / index["manifests"][0]["digest"][7:]).read_bytes())
    config = json.loads((blobs / manifest["config"]["digest"][7:]).read_bytes())
    rows = dict(row.split("=", 1) for row in config["config"]["Env"])
    return [f"{name}={value}" for name, value in {**rows, **changes}.items() if value is not None]


@pytest.mark.parametrize("image", ["oci:{}/image", "{}/image.tar"])
def test_an_honest_image_has_the_runtime_hash_of_its_lock(made: Path, image: str) -> None:
    report = verified(made, image.format(made))
    assert faults(report) == []
    assert report.verdict is Verdict.MATCH
    assert report.observed == report.expected == runtime_hash(read_lock(made / "envlock.lock"), "linux-64")
    assert (report.level, report.target) == ("content", image.format(made))


def test_an_image_in_a_registry(made: Path) -> None:
    with LocalRegistry() as registry:
        registry.add(made / "image", "team/app", "1")
        assert verified(made, registry.reference("team/app:1")).verdict is Verdict.MATCH


def test_a_file_that_a_layer_changes(made: Path, tmp_path: Path) -> None:
    report = on_top(made, tmp_path, {f"{SITE}/thing/__init__.py": b"def main(): evil()\n"})
    assert faults(report) == [("file-differs", "lib/python3.11/site-packages/thing/__init__.py")]
    assert report.verdict is Verdict.MISMATCH
    assert report.observed != report.expected


def test_a_file_that_a_layer_removes(made: Path, tmp_path: Path) -> None:
    report = on_top(made, tmp_path, {f"{SITE}/thing/.wh.data.txt": b""})
    assert faults(report) == [("file-missing", "lib/python3.11/site-packages/thing/data.txt")]


@pytest.mark.parametrize(
    ("name", "code"),
    [("evil.py", "foreign-module"), ("evil.pth", "startup-file"), ("sitecustomize.py", "startup-file")],
)
@pytest.mark.slow
def test_foreign_code_on_top(made: Path, tmp_path: Path, name: str, code: str) -> None:
    report = on_top(made, tmp_path, {f"{SITE}/{name}": b"import os\n"})
    assert faults(report) == [(code, f"lib/python3.11/site-packages/{name}")]


@pytest.mark.slow
def test_a_foreign_package_on_top(made: Path, tmp_path: Path) -> None:
    info = f"{SITE}/evil-1.0.dist-info"
    owned = ("evil/__init__.py", "evil.pth", "evil-1.0.dist-info/METADATA", "evil-1.0.dist-info/RECORD")
    files: Files = {
        f"{SITE}/evil/__init__.py": b"",
        f"{SITE}/evil.pth": b"import evil\n",
        f"{info}/METADATA": b"Name: evil\nVersion: 1.0\n",
        f"{info}/RECORD": "".join(f"{path},,\n" for path in owned).encode(),
    }
    report = on_top(made, tmp_path, files)
    assert [code for code, _ in faults(report)] == ["foreign-distribution"]
    assert "evil 1.0 is not locked and ships" in report.findings[0].message


@pytest.mark.slow
def test_a_script_that_is_replaced(made: Path, tmp_path: Path) -> None:
    script = File(content=b"#!/bin/sh\nevil\n", mode=0o755)
    report = on_top(made, tmp_path, {"opt/env/bin/thing": script})
    assert faults(report) == [("script-differs", "bin/thing")]


@pytest.mark.slow
def test_an_interpreter_that_is_exchanged(made: Path, tmp_path: Path) -> None:
    python = File(content=b"\x7fELF evil \x003.11.2\0", mode=0o755)
    report = on_top(made, tmp_path, {"usr/bin/python3.11": python})
    assert faults(report) == [("base-file-differs", "/usr/bin/python3.11")]


@pytest.mark.slow
def test_a_module_of_the_standard_library_that_is_added(made: Path, tmp_path: Path) -> None:
    report = on_top(made, tmp_path, {"usr/lib/python3.11/thing.py": b"", "usr/share/readme": b""})
    assert ("base-file-added", "/usr/lib/python3.11/thing.py") in faults(report)


@pytest.mark.slow
def test_a_file_of_the_base_that_is_written_again_is_no_change(made: Path, tmp_path: Path) -> None:
    assert faults(on_top(made, tmp_path, {"usr/lib/python3.11/os.py": b"name = 'posix'\n"})) == []


@pytest.mark.slow
def test_another_base(made: Path, tmp_path: Path) -> None:
    """The same environment on a base whose Python is another build."""
    image = with_layer(made / "image", tmp_path / "other", {})
    blobs = image / "blobs/sha256"
    index = json.loads((image / "index.json").read_bytes())
    manifest = json.loads((blobs / index["manifests"][0]["digest"][7:]).read_bytes())
    config = json.loads((blobs / manifest["config"]["digest"][7:]).read_bytes())
    data = layer({"bin": File(link="usr/bin"), "etc/motd": b"another\n"})
    packed = gzip.compress(data, 6, mtime=0)
    (blobs / digest_of(packed)[7:]).write_bytes(packed)
    manifest["layers"][0] |= {"digest": digest_of(packed), "size": len(packed)}
    config["rootfs"]["diff_ids"][0] = digest_of(data)
    text = json.dumps(config).encode()
    (blobs / digest_of(text)[7:]).write_bytes(text)
    manifest["config"] |= {"digest": digest_of(text), "size": len(text)}
    text = json.dumps(manifest).encode()
    (blobs / digest_of(text)[7:]).write_bytes(text)
    index["manifests"][0] |= {"digest": digest_of(text), "size": len(text)}
    (image / "index.json").write_text(json.dumps(index))
    report = verified(made, f"oci:{image}")
    assert faults(report) == [("base-differs", None)]
    assert report.findings[0].message == "the image is not on the locked base: layer 1 of its 2 is another"
    assert report.findings[0].observed == digest_of(data)


@pytest.mark.parametrize(("value", "code"), [("2", "setting-differs"), (None, "setting-unset")])
def test_a_setting_that_is_another_or_gone(made: Path, tmp_path: Path, value: str | None, code: str) -> None:
    report = on_top(made, tmp_path, {}, environment_of(made, A=value))
    assert faults(report) == [(code, None)]
    assert report.verdict is Verdict.MISMATCH


def test_a_path_that_shadows_what_is_locked(made: Path, tmp_path: Path) -> None:
    files: Files = {"srv/thing/__init__.py": b""}
    report = on_top(made, tmp_path, files, environment_of(made, PYTHONPATH="/srv"))
    assert ("shadowing-path", "/srv") in faults(report)


@pytest.mark.slow
def test_bytecode_of_another_python_cannot_be_judged(made: Path, tmp_path: Path) -> None:
    report = on_top(made, tmp_path, {f"{SITE}/thing/__pycache__/__init__.cpython-311.pyc": b"x" * 20})
    if sys.version.split()[0] == "3.11.2":
        pytest.skip("this Python is the base's")
    assert faults(report) == [
        ("unreadable", "lib/python3.11/site-packages/thing/__pycache__/__init__.cpython-311.pyc")
    ]
    assert report.verdict is Verdict.INCOMPLETE


@pytest.mark.slow
def test_a_link_of_a_layer_leads_nowhere_outside(made: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    files: Files = {"srv/out": File(link=str(outside))}
    first = with_layer(made / "image", tmp_path / "one", files)
    second = with_layer(first, tmp_path / "two", {"srv/out/file": b"written"})
    with pytest.raises(RegistryFailed, match="a path behind a link that leads nowhere"):
        verified(made, f"oci:{second}")
    assert list(outside.iterdir()) == []


def test_a_layer_that_is_not_what_the_manifest_says(made: Path, tmp_path: Path) -> None:
    image = tmp_path / "image"
    shutil.copytree(made / "image", image)
    largest = max((image / "blobs/sha256").iterdir(), key=lambda path: path.stat().st_size)
    data = bytearray(largest.read_bytes())
    data[-1] ^= 1
    largest.write_bytes(data)
    with pytest.raises(HashMismatch) as caught:
        verified(made, f"oci:{image}")
    assert caught.value.facts[0] == ("expected", f"sha256:{largest.name}")
    assert caught.value.exit_status == 5


def test_a_layer_of_an_archive_that_was_changed(made: Path, tmp_path: Path) -> None:
    unpack(made / "image.tar", tmp_path / "files")
    target = tmp_path / "files/layer-3.tar"
    target.write_bytes(target.read_bytes().replace(b"def main(): pass", b"def main(): evil"))
    with tarfile.open(tmp_path / "image.tar", "w") as archive:
        for path in sorted((tmp_path / "files").iterdir()):
            archive.add(path, path.name)
    with pytest.raises(HashMismatch) as caught:
        verified(made, tmp_path / "image.tar")
    assert caught.value.message == (
        f"layer 4 of the image `{tmp_path / 'image.tar'}` is not what its configuration says"
    )


def test_a_file_that_is_no_archive(made: Path) -> None:
    with pytest.raises(RegistryFailed) as caught:
        verified(made, made / "envlock.toml")
    assert caught.value.hint == "`docker save NAME -o image.tar` writes one"


def test_an_image_without_the_environment(made: Path) -> None:
    with pytest.raises(CouldNotTell) as caught:
        verified(made, f"oci:{made / 'image'}", "/opt/none")
    assert caught.value.message == (f"the image `oci:{made / 'image'}` has no environment at `/opt/none`")


@pytest.mark.slow
def test_an_image_that_was_built_otherwise_is_a_note(made: Path, tmp_path: Path) -> None:
    project = tmp_path / "project"
    shutil.copytree(made, project)
    order = OciOrder(lock=project / "envlock.lock", environment={}, cache=project / "cache", digest_only=True)
    build_oci(order)
    assert [found.code for found in verified(project, f"oci:{project / 'image'}").findings] == []
    report = on_top(project, tmp_path, {"usr/share/readme": b""})
    assert [found.code for found in report.findings] == ["other-image"]
    assert report.verdict is Verdict.MATCH


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--inside", "docker"], "`--inside` looks at an image"),
        (["--facts", "f.json", "--image", "a:1"], "`--facts` and `--image` are two targets"),
        (["--container", "job", "--image", "a:1"], "`--image` and `--container` are two targets"),
        (["--python", "python3", "--image", "a:1"], "`--image` takes no `--python`"),
        (
            ["--level", "numerics", "--image", "a:1"],
            "`--level numerics` runs the environment, and nothing of an image is run from outside",
        ),
        (["--python", "python3", "--container", "job"], "`--container` takes no `--python`"),
    ],
)
def test_options_that_do_not_go_together(
    words: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from envlock.cli import cli
    from envlock.cli.boundary import run

    assert run(cli, ["verify", "-l", str(tmp_path / "none.lock"), *words]) == 2
    assert capsys.readouterr().err.startswith(f"error: {message} [usage]\n")
