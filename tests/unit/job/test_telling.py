"""Local rank 0 tells the others, over real sockets: who comes late, who never comes, who goes."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path
from typing import Any

import pytest

from envlock.errors import CouldNotTell
from envlock.job import ranks, telling
from envlock.job.question import Question, question_from_json

ENDED = "local rank 0 ended before it had a verdict on this environment"
LATE = "local rank 0 told no verdict on this environment within 0.05 s"
HINT = "every rank calls `require()`; `timeout_seconds` is how long they wait for rank 0"
MATCH = {"report": {"verdict": "match"}, "settings": ["DEMO"]}


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A path that is short enough for a socket."""
    return str(tmp_path_factory.mktemp("s") / "s")


def refused(path: str, *, is_unique: bool = False) -> CouldNotTell:
    with pytest.raises(CouldNotTell) as caught:
        telling.told(path, 0.05, is_unique=is_unique)
    return caught.value


@pytest.mark.parametrize("answer", [MATCH, {"error": {"code": "x"}}], ids=["match", "failure"])
def test_what_rank_0_found_is_told_once_to_each(place: str, answer: dict[str, Any]) -> None:
    heard: list[Any] = []
    others = [
        threading.Thread(target=lambda: heard.append(telling.told(place, 20, is_unique=False))) for _ in "12"
    ]
    for each in others:
        each.start()
    assert telling.asked_and_told(place, 2, lambda: answer, 20) == answer
    for each in others:
        each.join(20)
    assert heard == [answer] * 2
    until = time.monotonic() + 20
    while os.path.exists(place) and time.monotonic() < until:
        time.sleep(0.01)
    assert not os.path.exists(place)


def test_a_rank_0_whose_look_fails_leaves_no_socket(place: str) -> None:
    def look() -> dict[str, Any]:
        assert os.path.exists(place)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        telling.asked_and_told(place, 1, look, 20)
    assert os.listdir(os.path.dirname(place)) == []


def test_rank_0_does_not_wait_longer_than_it_may(place: str) -> None:
    failed = {"error": {"code": "could-not-tell"}}
    assert telling.asked_and_told(place, 3, lambda: failed, 0.01) == failed
    assert os.listdir(os.path.dirname(place)) == []


def test_rank_0_that_cannot_listen_says_so(place: str) -> None:
    gone = os.path.join(place, "socket")
    with pytest.raises(CouldNotTell) as caught:
        telling.asked_and_told(gone, 1, lambda: MATCH, 1)
    assert (caught.value.message, caught.value.where) == (
        "local rank 0 cannot tell the other ranks its verdict: No such file or directory",
        gone,
    )
    assert (telling.can_meet(gone), telling.can_meet(place)) == (False, True)


def test_a_rank_0_that_is_not_there_is_waited_for_so_long(place: str) -> None:
    error = refused(place)
    assert (error.message, error.hint) == (LATE, HINT)


def test_where_no_socket_can_be_nobody_waits(place: str) -> None:
    """The path leads through a file."""
    Path(place).touch()
    started = time.monotonic()
    with pytest.raises(CouldNotTell) as caught:
        telling.told(os.path.join(place, "s"), 60, is_unique=False)
    assert caught.value.message == LATE.replace("0.05", "60")
    assert time.monotonic() - started < 30


def test_a_socket_that_nobody_answers(place: str) -> None:
    """Its owner has ended; where runs are numbered alike it may be of an older one."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
        dead.bind(place)
    error = refused(place, is_unique=True)
    assert (error.message, error.hint) == (ENDED, "its own output says why")
    assert refused(place).message == LATE


@pytest.fixture
def server(place: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(place)
        listening.listen(1)
        yield listening


def test_a_rank_0_that_says_nothing(place: str, server: socket.socket) -> None:
    assert refused(place).message == LATE


@pytest.mark.parametrize("part", [b"", b'{"report": '])
def test_a_rank_0_that_goes_in_the_middle_of_a_word(place: str, server: socket.socket, part: bytes) -> None:
    def go() -> None:
        with server.accept()[0] as peer:
            peer.sendall(part)

    thread = threading.Thread(target=go)
    thread.start()
    with pytest.raises(CouldNotTell, match=f"^{ENDED}$"):
        telling.told(place, 20, is_unique=False)
    thread.join()


def test_a_connection_that_breaks_is_no_answer() -> None:
    mine, other = socket.socketpair()
    mine.sendall(b"unread, so the end of the other is a reset")
    other.close()
    with mine:
        assert telling._read(mine, time.monotonic() + 20, 20) == b""


# Who is who


def told(number: int, size: int, **more: str) -> dict[str, str]:
    return {
        "TORCHELASTIC_RUN_ID": "none",
        "LOCAL_RANK": str(number),
        "LOCAL_WORLD_SIZE": str(size),
        "TORCHELASTIC_ERROR_FILE": f"/t/none_x/attempt_0/{number}/error.json",
        **more,
    }


def asked(environment: dict[str, str], lock: str = "/x/envlock.lock") -> Question:
    return Question(
        lock=lock,
        prefix="/x/env",
        level="warm",
        strict=False,
        require_gpu=False,
        cache="/x/cache",
        environment=environment,
    )


def test_a_question_arrives_as_it_was_asked_and_has_one_name_for_all_ranks() -> None:
    first, second = asked(told(0, 2)), asked(told(1, 2))
    assert question_from_json(first.to_json()) == first
    assert first.name == second.name != asked({}, "/y/envlock.lock").name


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {**told(0, 1)},
        {**told(2, 2)},
        {**told(0, 2), "LOCAL_RANK": "first"},
        {**told(0, 2), "LOCAL_RANK": "²"},
        {key: text for key, text in told(0, 2).items() if key != "TORCHELASTIC_RUN_ID"},
    ],
)
def test_who_is_alone(environment: dict[str, str]) -> None:
    assert ranks.rank_of(environment) is None


def test_a_rank_is_of_its_run() -> None:
    first, second = ranks.rank_of(told(0, 2)), ranks.rank_of(told(1, 2))
    assert first is not None
    assert second is not None
    assert (first.number, second.number, first.run, first.is_unique) == (0, 1, second.run, True)
    plain = ranks.rank_of(told(0, 2, TORCHELASTIC_ERROR_FILE=""))
    assert plain is not None
    assert not plain.is_unique


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where ranks meet. Here they are threads: each has a name as a process has, and its first call."""
    made = tmp_path_factory.mktemp("f")
    monkeypatch.setattr(telling, "_own", lambda path: f"{path}-{threading.get_ident()}")
    monkeypatch.setattr("tempfile.tempdir", str(made))
    monkeypatch.setattr(ranks, "_calls", repeat(0))
    return made


def answers(first: dict[str, str], second: dict[str, str]) -> tuple[list[Any], list[str]]:
    """What two ranks hear, in threads of this process, and which of them looked."""
    looked: list[str] = []
    heard: dict[str, Any] = {}

    def look(question: Question) -> dict[str, Any]:
        looked.append(question.environment["LOCAL_RANK"])
        return MATCH

    def run(environment: dict[str, str]) -> None:
        heard[environment["LOCAL_RANK"]] = ranks.answered(asked(environment), look, 20)

    threads = [threading.Thread(target=run, args=(each,)) for each in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return [heard["0"], heard["1"]], sorted(looked)


def test_one_looks_and_both_know(folder: Path) -> None:
    same = {**MATCH, "environment": {"DEMO": "1"}}
    assert answers(told(0, 2, DEMO="1"), told(1, 2, DEMO="1")) == ([same, same], ["0"])


def test_a_rank_under_another_setting_looks_for_itself(folder: Path) -> None:
    heard, looked = answers(told(0, 2, DEMO="1"), told(1, 2, DEMO="2"))
    assert (heard[1], looked) == (MATCH, ["0", "1"])


@pytest.mark.parametrize("spoil", ["open to all", "a file", "too long", "a link"])
def test_where_ranks_cannot_meet_each_looks(
    folder: Path, monkeypatch: pytest.MonkeyPatch, spoil: str
) -> None:
    private = folder / f"envlock-{os.getuid()}"
    if spoil == "open to all":
        private.mkdir()
        private.chmod(0o777)
    elif spoil == "a file":
        private.touch()
    elif spoil == "a link":
        (folder / "elsewhere").mkdir(mode=0o700)
        private.symlink_to(folder / "elsewhere")
    else:
        monkeypatch.setattr("tempfile.tempdir", str(folder / ("t" * 90)))
    assert answers(told(0, 2), told(1, 2)) == ([MATCH, MATCH], ["0", "1"])


def test_a_failure_is_told_as_it_is(folder: Path) -> None:
    failed = json.loads('{"error": {"code": "could-not-tell"}}')
    found: list[Any] = []
    thread = threading.Thread(
        target=lambda: found.append(ranks.answered(asked(told(1, 2)), lambda _: {"no": 1}, 20))
    )
    thread.start()
    assert ranks.answered(asked(told(0, 2)), lambda _: failed, 20) == failed
    thread.join(30)
    assert found == [failed]


def test_a_kernel_without_namespaces_has_one() -> None:
    assert ranks._namespace("pid").startswith("pid:[")
    assert ranks._namespace("nosuch") == ""
