"""Builders that fail, in the words of the house. The `docker` command is a script here, the daemon a few
lines of HTTP; real ones are in tests/e2e."""

from __future__ import annotations

import json
import os
import tarfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from envlock.api.building_docker import DockerOrder, build_docker
from envlock.errors import DiskFailed, EnvlockError, LockfileInvalid, ToolFailed, ToolMissing, UsageFault
from envlock.image.context import Context
from envlock.image.docker import Builder, DockerBuild, build, builder_at_hand, connect, told_failures
from envlock.lock import write_lock
from envlock.lock.model import ImageLock, ImagePlatform
from envlock.lock.runtime import runtime_hash
from envlock.resolve.model import Event
from tests.support.environments import lock_of
from tests.support.wheels import make_wheel

STEPS = "echo '#5 [install 2/3] RUN pip' >&2; echo '#6 [3/3] COPY' >&2\n"


def command(folder: Path, script: str) -> dict[str, str]:
    """An environment whose `docker` is this script."""
    folder.mkdir(exist_ok=True)
    program = folder / "docker"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return {"PATH": f"{folder}:{os.environ['PATH']}"}


def told(error: EnvlockError) -> tuple[str, str | None]:
    return error.message, error.hint


def test_which_builder_is_at_hand(tmp_path: Path) -> None:
    has, has_not = command(tmp_path / "has", "exit 0"), command(tmp_path / "has-not", "exit 1")
    chosen: dict[Builder, Builder] = {"auto": "buildx", "buildx": "buildx", "classic": "classic"}
    assert {each: builder_at_hand(each, has) for each in chosen} == chosen
    assert builder_at_hand("auto", has_not) == "classic"
    with pytest.raises(ToolMissing) as caught:
        builder_at_hand("buildx", has_not)
    assert told(caught.value) == (
        "the `docker` command here has no buildx",
        "leave `--builder` out, or install it",
    )
    with pytest.raises(ToolMissing) as caught:
        builder_at_hand("auto", {"PATH": str(tmp_path)})
    assert told(caught.value) == (
        "there is no `docker` command here",
        "install it; `envlock build oci` needs none",
    )


def order(folder: Path, environment: Mapping[str, str], **options: Any) -> DockerBuild:
    return DockerBuild(
        context=Context(dockerfile="FROM x\n", root=folder),
        tags=("team/a:1",),
        platform="linux/amd64",
        offline=True,
        environment=environment,
        **options,
    )


def test_what_buildx_says(tmp_path: Path) -> None:
    script = (
        f'for word; do case $word in --iidfile=*) echo sha256:00 > "${{word#*=}}";; esac; done\n'
        f'echo "$@" > {tmp_path}/words; cat > /dev/null; {STEPS}'
    )
    events: list[Event] = []
    made = order(tmp_path, command(tmp_path / "bin", script), no_cache=True)
    assert build(None, made, "buildx", events.append) == "sha256:00"  # type: ignore[arg-type]
    assert [(each.done, each.total) for each in events] == [(2, 3), (3, 3)]
    words = (tmp_path / "words").read_text().split()
    assert {"--network=none", "--no-cache", "--tag=team/a:1", "--platform=linux/amd64"} <= set(words)


@pytest.mark.parametrize(
    ("script", "message", "facts"),
    [
        (f"{STEPS}exit 2", "#6 [3/3] COPY", ("#5 [install 2/3] RUN pip", "#6 [3/3] COPY")),
        ("exit 3", "status 3", ()),
    ],
)
def test_a_build_that_fails(tmp_path: Path, script: str, message: str, facts: tuple[str, ...]) -> None:
    made = order(tmp_path, command(tmp_path / "bin", script))
    with pytest.raises(ToolFailed) as caught:
        build(None, made, "buildx", lambda _: None)  # type: ignore[arg-type]
    assert caught.value.message == f"the image was not built: {message}"
    assert caught.value.facts == tuple(("said", line) for line in facts)


def given(folder: Path, **context: Any) -> list[tarfile.TarInfo]:
    """What a builder gets."""
    script = (
        f'for word; do case $word in --iidfile=*) echo 1 > "${{word#*=}}";; esac; done; cat > {folder}/given'
    )
    made = order(folder, command(folder / "bin", script))
    whole = replace(made.context, **context)
    assert build(None, replace(made, context=whole), "buildx", lambda _: None) == "1"  # type: ignore[arg-type]
    with tarfile.open(folder / "given") as archive:
        return archive.getmembers()


def test_what_a_builder_is_given(tmp_path: Path) -> None:
    """Code without what must not leave the host, the wheels behind their links, and the Dockerfile."""
    root = tmp_path / "project"
    for name in ("src/b.py", "src/a/x.py", "src/a/x.pyc", "src/.env", "src/.git/config", "other.py"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    wheel = tmp_path / "link.whl"
    wheel.symlink_to(root / "other.py")
    rows = given(tmp_path, root=root, code="src", wheels={"x.whl": wheel})
    assert [row.name for row in rows] == [
        "src", "src/b.py", "src/a", "src/a/x.py", "wheels/x.whl", "Dockerfile",
    ]  # fmt: skip
    assert {(row.mtime, row.uid, row.gid, row.uname, row.gname) for row in rows} == {(0, 0, 0, "", "")}
    assert rows[4].isfile()
    assert [row.name for row in given(tmp_path, root=root / "src/a", code=".")] == ["x.py", "Dockerfile"]


def test_a_wheel_that_is_gone_is_told_and_not_what_the_builder_made_of_it(tmp_path: Path) -> None:
    made = order(tmp_path, command(tmp_path / "bin", "cat > /dev/null; echo unexpected EOF >&2; exit 1"))
    context = replace(made.context, wheels={"x.whl": tmp_path / "gone"})
    with pytest.raises(DiskFailed) as caught:
        build(None, replace(made, context=context), "buildx", lambda _: None)  # type: ignore[arg-type]
    assert caught.value.message == f"cannot read `{tmp_path}/gone`: no such file or directory"


def test_a_builder_that_does_not_read_to_the_end(tmp_path: Path) -> None:
    (tmp_path / "large.whl").write_bytes(bytes(1 << 20))
    made = order(tmp_path, command(tmp_path / "bin", "exit 3"))
    context = replace(made.context, wheels={"x.whl": tmp_path / "large.whl"})
    with pytest.raises(ToolFailed) as caught:
        build(None, replace(made, context=context), "buildx", lambda _: None)  # type: ignore[arg-type]
    assert caught.value.message == "the image was not built: status 3"


@pytest.mark.parametrize("script", ["sleep 60", "trap '' TERM; sleep 60 & wait; sleep 60"])
def test_a_builder_ends_with_who_waits_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    monkeypatch.setattr("envlock.image.docker._GRACE_SECONDS", 0.5)
    made = order(tmp_path, command(tmp_path / "bin", f"echo $$ > {tmp_path}/id; {STEPS}{script}"))

    def stop(event: Event) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(None, made, "buildx", stop)  # type: ignore[arg-type]
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "id").read_text()), 0)


# -- the classic builder, by a daemon ------------------------------------------------------------------


class Daemon(ThreadingHTTPServer):
    """Answers `/build` with these rows, and tells what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.rows: list[object] = []
        self.image: object = None
        self.asked: list[str] = []
        self.refuses = False


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Daemon

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        if "/images/" in self.path:
            self._answer(200, json.dumps(self.server.image).encode())
            return
        version = json.dumps({"ApiVersion": "1.44", "Version": "1", "MinAPIVersion": "1.24"}).encode()
        self._answer(200, b"OK" if self.path.endswith("/_ping") else version)

    def do_POST(self) -> None:
        self.server.asked.append(self.path)
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline() or b"0", 16):
                self.rfile.read(size + 2)
            self.rfile.readline()
        if self.server.refuses:
            self._answer(500, json.dumps({"message": "no room\nmore"}).encode())
        elif "/build" in self.path:
            self._stream([json.dumps(row).encode() + b"\n" for row in self.server.rows])
        else:
            self._answer(201, b"")

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json" if body[:1] == b"{" else "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, rows: list[bytes]) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"".join(b"%x\r\n%b\r\n" % (len(row), row) for row in [*rows, b""]))

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def daemon() -> Iterator[Daemon]:
    with Daemon() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def classic(server: Daemon, folder: Path, events: list[Event]) -> str:
    environment = {"DOCKER_HOST": f"tcp://127.0.0.1:{server.server_address[1]}", "PATH": os.environ["PATH"]}
    with closing(connect(environment)) as client, told_failures("the image was not built"):
        return build(client, order(folder, environment), "classic", events.append)


STEP = {"stream": "Step 1/2 : FROM x\n"}


def test_what_the_classic_builder_says(tmp_path: Path) -> None:
    events: list[Event] = []
    with daemon() as server:
        server.rows = [STEP, {"stream": "\n"}, {"aux": {"ID": "sha256:00"}}, {"stream": "done\n"}]
        assert classic(server, tmp_path, events) == "sha256:00"
        assert [path.partition("?")[0].split("/", 2)[2] for path in server.asked[-2:]] == [
            "build",
            "images/sha256:00/tag",
        ]
    assert [(each.done, each.total) for each in events] == [(1, 2)]


@pytest.mark.parametrize(
    ("rows", "message", "facts"),
    [
        ([STEP], "the daemon named no image", ("Step 1/2 : FROM x",)),
        ([STEP, {"error": " it broke\n"}], "it broke", ("Step 1/2 : FROM x",)),
        ([], "the daemon named no image", ()),
        (None, "no room", ()),
    ],
)
def test_a_classic_build_that_fails(
    tmp_path: Path, rows: list[object] | None, message: str, facts: tuple[str, ...]
) -> None:
    with daemon() as server:
        server.rows, server.refuses = rows or [], rows is None
        with pytest.raises(ToolFailed) as caught:
            classic(server, tmp_path, [])
    assert caught.value.message == f"the image was not built: {message}"
    assert caught.value.facts == tuple(("said", line) for line in facts)


def test_no_daemon_answers(tmp_path: Path) -> None:
    """DOCKER_HOST goes before the context of the docker command, which is asked where there is none."""
    environment = command(tmp_path / "bin", "echo tcp://127.0.0.1:9")
    for own in (environment, {**environment, "DOCKER_HOST": "tcp://127.0.0.1:9"}):
        with pytest.raises(ToolMissing) as caught:
            connect(own)
        assert caught.value.message.startswith("no Docker daemon answers: ")
        assert (caught.value.where, caught.value.hint) == (
            "tcp://127.0.0.1:9",
            "start one, or name it in DOCKER_HOST; `envlock build oci` needs none",
        )


@pytest.mark.parametrize(
    ("asked", "message", "hint"),
    [
        (None, "the lock has several platforms: linux-64, linux-aarch64", "`--platform NAME` chooses one"),
        ("win-64", "the lock has no platform `win-64`, it has linux-64, linux-aarch64", None),
    ],
)
def test_the_platform_of_an_image(tmp_path: Path, asked: str | None, message: str, hint: str | None) -> None:
    lock = replace(lock_of([], tmp_path), platforms=("linux-64", "linux-aarch64"))
    write_lock(tmp_path / "envlock.lock", lock)
    with pytest.raises(UsageFault) as caught:
        build_docker(
            DockerOrder(lock=tmp_path / "envlock.lock", environment={}, cache=tmp_path, platform=asked)
        )
    assert told(caught.value) == (message, hint)


# -- what was built, held against the lock -------------------------------------------------------------


BASE = "sha256:" + "b" * 64


def built(**config: Any) -> dict[str, Any]:
    labels = {"envlock.runtime": config.pop("runtime", None)}
    return {
        "Id": "sha256:00",
        "Size": 1,
        "RootFS": {"Layers": [BASE, "sha256:ours"]},
        "Config": {"User": "1000:1000", "Labels": labels, **config},
    }


OTHER_BASE = {**built(), "RootFS": {"Layers": ["sha256:other"]}}


@pytest.mark.parametrize(
    ("image", "error", "message", "facts"),
    [
        (
            OTHER_BASE,
            ToolFailed,
            "the image does not start with the layers of the locked base",
            (("locked", BASE), ("image", "sha256:other")),
        ),
        (built(User=""), ToolFailed, "the image runs as root", ()),
        (built(User="0"), ToolFailed, "the image runs as root", ()),
        (built(Labels=None), LockfileInvalid, "the image is labelled None, the lock is {runtime}", ()),
        (built(runtime="rt1:00"), LockfileInvalid, "the image is labelled rt1:00, the lock is {runtime}", ()),
    ],
)
def test_an_image_that_is_not_what_the_lock_says(
    tmp_path: Path,
    image: object,
    error: type[EnvlockError],
    message: str,
    facts: tuple[tuple[str, str], ...],
) -> None:
    base = ImagePlatform(manifest="sha256:" + "0" * 64, diff_ids=(BASE,))
    wheel = make_wheel("thing", "1.0", files={"thing.py": b""})
    lock = replace(
        lock_of([wheel], tmp_path / "wheels"),
        image=ImageLock(
            base="registry.example/base:1", digest="sha256:" + "0" * 64, platforms={"linux-64": base}
        ),
    )
    script = 'for word; do case $word in --iidfile=*) echo sha256:00 > "${word#*=}";; esac; done'
    environment = command(tmp_path / "bin", f"{script}; cat > {tmp_path}/given")
    write_lock(tmp_path / "envlock.lock", lock)
    with daemon() as server:
        server.image = image
        environment["DOCKER_HOST"] = f"tcp://127.0.0.1:{server.server_address[1]}"
        order = DockerOrder(
            lock=tmp_path / "envlock.lock",
            environment=environment,
            cache=tmp_path / "cache",
            builder="buildx",
            online=True,
        )
        with pytest.raises(error) as caught:
            build_docker(order)
    assert caught.value.message == message.format(runtime=runtime_hash(lock, "linux-64"))
    assert caught.value.facts == facts
    with tarfile.open(tmp_path / "given") as archive:
        assert archive.getnames() == ["Dockerfile"]
