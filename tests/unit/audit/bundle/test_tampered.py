"""A bundle of a conda prefix, made once, and its list edited to match whatever was done to it: the lock
decides."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from envlock import api
from envlock.audit.bundle import archive
from envlock.audit.bundle.model import Item, Kind, Row
from envlock.audit.bundle.papers import runtimes
from envlock.audit.bundle.write import write_bundle
from envlock.errors import BadWheel, BundleInvalid, HashMismatch, UsageFault
from envlock.lock import ImageLock, ImagePlatform, Lock, dumps, read_lock
from tests.support.conda.locks import conda_subject
from tests.support.conda.metadata import prefix_notes
from tests.support.conda.package import write_package
from tests.support.environments import lock_of
from tests.support.wheels import make_wheel

DEMO = make_wheel("demo", "1.0", files={"demo.py": b"x = 1\n"})
WHEEL = f"wheels/{DEMO.filename}"
RECORD = f"records/{DEMO.filename.removesuffix('.whl')}.RECORD"
REPODATA = "conda/local/linux-64/repodata.json"
LAYOUT = "image/index.json"


@dataclass(kw_only=True)
class Made:
    """A bundle: its lock, and each file with its kind."""

    lock: Lock
    files: dict[str, tuple[str, bytes]]
    index: dict[str, Any] = field(default_factory=dict)

    def write(self, folder: Path) -> Path:
        """A folder whose list has exactly these files; `index` is said in place of what is so."""
        self.files["project/envlock.lock"] = ("lock", dumps(self.lock).encode())
        rows = [
            {"path": path, "kind": kind, "sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
            for path, (kind, data) in self.files.items()
        ]
        index = {
            "schema": "envlock.bundle/1",
            "lock": "project/envlock.lock",
            "platforms": list(self.lock.platforms),
            "runtime": runtimes(self.lock, self.lock.platforms),
            "files": rows,
        }
        for path, (_, data) in [*self.files.items(), ("bundle.json", ("", b""))]:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(data)
        (folder / "bundle.json").write_text(json.dumps({**index, **self.index}))
        return folder


def order(folder: Path, lock: Lock, **changed: Any) -> api.BundleOrder:
    (folder / "envlock.lock").write_text(dumps(lock))
    made = api.BundleOrder(
        lock=folder / "envlock.lock",
        output=folder / "bundle",
        environment={},
        cache=folder / "cache",
        wheelhouse=folder / "wheelhouse",
    )
    return replace(made, **changed)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a bundle of one wheel and one conda package, both out of a wheelhouse."""
    folder = tmp_path_factory.mktemp("prefix")
    found = write_package(prefix_notes(), folder / "channel")
    wheelhouse = folder / "wheelhouse"
    wheelhouse.mkdir()
    archived = found.rename(wheelhouse / found.name)
    lock = conda_subject(folder / "env", wheelhouse, [archived], [DEMO]).lock
    api.bundle(order(folder, lock))
    return folder


@pytest.fixture
def made(whole: Path) -> Made:
    bundle = whole / "bundle"
    rows = json.loads((bundle / "bundle.json").read_text())["files"]
    return Made(
        lock=read_lock(whole / "envlock.lock"),
        files={row["path"]: (row["kind"], (bundle / row["path"]).read_bytes()) for row in rows},
    )


def problems(folder: Path) -> list[str]:
    return [f"{each.code}: {each.message}" for each in api.verify_bundle(folder).problems]


def test_a_bundle_of_a_prefix_holds_and_says_how_it_is_used(whole: Path) -> None:
    assert problems(whole / "bundle") == []
    text = (whole / "bundle" / "README.md").read_text()
    words = "envlock bundle install FILE.tar"
    assert f"{words} --venv .venv\n{words} --conda env\n" in text
    assert sorted(path.name for path in (whole / "bundle/conda").rglob("*") if path.is_file()) == [
        "explicit-linux-64.txt",
        "prefix-notes-1.0-h0_0.conda",
        "repodata.json",
        "repodata.json",
    ]


def test_a_bundle_without_wheels_says_nothing_of_them(whole: Path, made: Made, tmp_path: Path) -> None:
    lock = replace(made.lock, distributions=())
    api.bundle(replace(order(tmp_path, lock), wheelhouse=whole / "wheelhouse"))
    assert problems(tmp_path / "bundle") == []
    assert "--venv" not in (tmp_path / "bundle" / "README.md").read_text()
    assert not (tmp_path / "bundle" / "requirements.txt").exists()


def test_a_bundle_written_by_this_test_holds_too(made: Made, tmp_path: Path) -> None:
    """What the tests below find is the change."""
    assert problems(made.write(tmp_path)) == []


def _without(path: str) -> Callable[[Made], object]:
    return lambda made: made.files.pop(path)


def _with(path: str, kind: str, data: bytes = b"x") -> Callable[[Made], object]:
    return lambda made: made.files.update({path: (kind, data)})


def _says(**index: Any) -> Callable[[Made], object]:
    return lambda made: made.index.update(index)


def _with_image(data: bytes) -> Callable[[Made], object]:
    """The lock has a base image, and of it the bundle has only what should lead to it."""

    def change(made: Made) -> None:
        image = ImagePlatform(manifest="sha256:" + "6" * 64, diff_ids=())
        locked = ImageLock(base="python:3.11", digest=None, platforms={"linux-64": image})
        made.lock = replace(made.lock, image=locked)
        made.files[LAYOUT] = ("image", data)

    return change


def _exchanged_wheel(data: bytes) -> Callable[[Made], object]:
    """The lock has these bytes under the name of the wheel."""

    def change(made: Made) -> None:
        made.lock = with_wheel(made.lock, data)
        made.files[WHEEL] = ("wheel", data)
        kind, text = made.files["requirements.txt"]
        new = hashlib.sha256(data).hexdigest()
        made.files["requirements.txt"] = (kind, text.replace(DEMO.sha256.encode(), new.encode()))

    return change


def with_wheel(lock: Lock, data: bytes) -> Lock:
    [demo] = lock.distributions
    [wheel] = demo.wheels
    other = replace(wheel, sha256=hashlib.sha256(data).hexdigest(), size=len(data))
    return replace(lock, distributions=(replace(demo, wheels=(other,)),))


_NO_BLOB = f"missing: `image/blobs/sha256/{'6' * 64}` of the lock is not in the bundle"
_OTHER = "names other things than the lock does"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            _says(runtime={"linux-64": {"wheels": "rt1:" + "9" * 64}}),
            ["differs-from-lock: the runtime hashes of the index are not those of the lock"],
        ),
        (_without(WHEEL), [f"missing: `{WHEEL}` of the lock is not in the bundle"]),
        (_without("requirements.txt"), ["missing: `requirements.txt` is not in the bundle"]),
        (_without(REPODATA), [f"missing: `{REPODATA}` is not in the bundle"]),
        (_with(REPODATA, "channel", b"{}"), [f"differs-from-lock: `{REPODATA}` {_OTHER}"]),
        (_with(REPODATA, "channel", b"{"), [f"differs-from-lock: `{REPODATA}` {_OTHER}"]),
        (_with("more.txt", "requirements"), ["extra: `more.txt` is not of the lock"]),
        (_with("records/x.RECORD", "record"), ["extra: `records/x.RECORD` is of no wheel of the lock"]),
        (_with("image/blobs/sha256/x", "image"), ["extra: `image/blobs/sha256/x` is not in the lock"]),
        (
            _with_image(b'{"manifests": []}'),
            [_NO_BLOB, f"differs-from-lock: `{LAYOUT}` {_OTHER}"],
        ),
        (_with_image(b"{"), [_NO_BLOB, f"differs-from-lock: `{LAYOUT}` {_OTHER}"]),
        (
            _with_image(b'{"manifests": [{"digest": "sha256:%s"}]}' % (b"6" * 64)),
            [_NO_BLOB],
        ),
        (_exchanged_wheel(b"tiny"), [f"differs-from-lock: `{RECORD}` is not the RECORD of its wheel"]),
    ],
)
def test_what_the_list_and_the_lock_say_of_each_other(
    made: Made, tmp_path: Path, change: Callable[[Made], object], expected: list[str]
) -> None:
    change(made)
    assert problems(made.write(tmp_path)) == expected


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            lambda rows: rows.append(rows[0]),
            [("bundle.json, files", "`README.md` is there twice")],
        ),
        (
            lambda rows: rows.append({**rows[0], "path": "bundle.json"}),
            [("bundle.json, files", "`bundle.json` lists itself")],
        ),
        (
            lambda rows: rows.remove(next(row for row in rows if row["kind"] == "lock")),
            [("bundle.json, lock", "`project/envlock.lock` is not among the files")],
        ),
    ],
)
def test_a_list_with_faults(
    made: Made,
    tmp_path: Path,
    change: Callable[[list[dict[str, Any]]], object],
    expected: list[tuple[str, str]],
) -> None:
    index = made.write(tmp_path) / "bundle.json"
    document = json.loads(index.read_text())
    change(document["files"])
    index.write_text(json.dumps({**document, "runtime": {"linux-64": "x"}}))
    other = ("bundle.json, runtime.linux-64", '`linux-64` must be a table, found the string "x"')
    with pytest.raises(BundleInvalid) as caught:
        api.verify_bundle(tmp_path)
    assert [(each.where, each.message) for each in caught.value.faults] == [other, *expected]


def test_a_lock_that_is_not_that_of_the_list(made: Made, tmp_path: Path) -> None:
    made.write(tmp_path)
    (tmp_path / "project/envlock.lock").write_text("")
    with pytest.raises(HashMismatch) as caught:
        api.verify_bundle(tmp_path)
    assert caught.value.message == "`project/envlock.lock` of the bundle is not the file that was locked"


def test_more_files_than_any_bundle_has(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    api.bundle(replace(order(whole, read_lock(whole / "envlock.lock")), output=tmp_path / "x.tar"))
    monkeypatch.setattr(archive, "MOST_FILES", 2)
    for place in (whole / "bundle", tmp_path / "x.tar"):
        with pytest.raises(BundleInvalid) as caught:
            api.verify_bundle(place)
        assert [(each.where, each.message) for each in caught.value.faults] == [
            (str(place), "has more than 2 files")
        ]


def test_an_archive_that_was_cut_short(whole: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    api.bundle(replace(order(whole, read_lock(whole / "envlock.lock")), output=path))
    path.write_bytes(path.read_bytes()[:-20_000])
    with pytest.raises(BundleInvalid) as caught:
        api.verify_bundle(path)
    assert caught.value.message == "it is no bundle: a file in it ends beyond its end"


# --- not made


def refused(tmp_path: Path, lock: Lock, error: type[Exception]) -> tuple[str, str | None]:
    with pytest.raises(error) as caught:
        api.bundle(order(tmp_path, lock))
    assert not (tmp_path / "bundle").exists()
    return str(caught.value), getattr(caught.value, "hint", None)


def test_a_wheel_without_a_record_is_not_bundled(tmp_path: Path) -> None:
    lock = lock_of([DEMO], tmp_path)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as empty:
        empty.writestr("demo.py", b"")
    (tmp_path / "wheelhouse").mkdir()
    (tmp_path / "wheelhouse" / DEMO.filename).write_bytes(buffer.getvalue())
    message, _ = refused(tmp_path, with_wheel(lock, buffer.getvalue()), BadWheel)
    assert message == f"`{DEMO.filename}` has no RECORD that can be read"


def test_two_files_of_one_name_are_not_bundled_together(tmp_path: Path) -> None:
    lock = lock_of([DEMO], tmp_path)
    [demo], [other] = lock.distributions, with_wheel(lock, b"other").distributions
    [wheel], [second] = demo.wheels, other.wheels
    both = replace(demo, wheels=(wheel, replace(second, platforms=("osx-arm64",))))
    platforms = ("linux-64", "osx-arm64")
    assert refused(tmp_path, replace(lock, platforms=platforms, distributions=(both,)), UsageFault) == (
        f"two files of the lock are called `{DEMO.filename}`",
        "bundle each platform by itself: `--platform NAME`",
    )


@pytest.mark.parametrize("data", [b"longer than", b"shor", b"other"])
@pytest.mark.parametrize("name", ["x.tar", "x"])
def test_a_file_that_changed_since_it_was_hashed(tmp_path: Path, name: str, data: bytes) -> None:
    row = Row(path="wheels/x.whl", kind=Kind.WHEEL, sha256=hashlib.sha256(b"plain").hexdigest(), size=5)
    with pytest.raises(HashMismatch) as caught:
        write_bundle([Item(row=row, content=data)], tmp_path / name, lambda _: None)
    assert caught.value.message == "`wheels/x.whl` is not the file that was locked"
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_not_replaced_by_an_archive(tmp_path: Path) -> None:
    (tmp_path / "x.tar").mkdir()
    with pytest.raises(UsageFault) as caught:
        write_bundle([], tmp_path / "x.tar", lambda _: None)
    assert (caught.value.message, caught.value.hint) == (
        f"`{tmp_path / 'x.tar'}` is a directory",
        "name a file: `-o bundle.tar`",
    )
