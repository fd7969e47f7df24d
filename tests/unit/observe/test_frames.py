"""Answers of many tasks out of one stream, as engines mangle it."""

from __future__ import annotations

import hashlib
import itertools
import random
from typing import Any

from envlock.agent.frames import frames, hello
from envlock.observe.frames import Gathering, Who

NONCE = "ab" * 16
TASKS = tuple(f"{number:016x}" for number in range(3))


def document(number: int) -> dict[str, Any]:
    noise = random.Random(number).randbytes(6000).hex()
    return {"who": {"name": f"node{number}", "rank": str(number), "size": "3"}, "facts": {"noise": noise}}


def sent(task: str, told: dict[str, Any]) -> list[str]:
    return [line for _, line in frames(NONCE, task, told)]


def lines_of(number: int) -> list[str]:
    told = document(number)
    return [*hello(NONCE, TASKS[number], told["who"]), *sent(TASKS[number], told)]


def gathered(lines: list[str]) -> tuple[list[dict[str, Any]], Gathering]:
    gathering = Gathering(NONCE)
    return [answer for line in lines for answer in gathering.read(line)], gathering


def whole(number: int) -> dict[str, Any]:
    return {**document(number), "who": Who(name=f"node{number}", rank=str(number), size="3")}


def test_lines_of_three_tasks_in_turn_with_the_names_that_engines_put_before_them() -> None:
    turns = itertools.zip_longest(*(lines_of(number) for number in range(3)), fillvalue="")
    prefixes = ("node0: ", "[1,1]<stdout>:", "2: ")
    lines = [prefix + line + "\r\n" for turn in turns for prefix, line in zip(prefixes, turn, strict=True)]
    answers, gathering = gathered(["Warning: hello from a banner\n", *lines])
    assert sorted(answers, key=lambda answer: answer["who"].name) == [whole(0), whole(1), whole(2)]
    assert gathering.unfinished == []


def test_every_line_is_short() -> None:
    assert max(map(len, lines_of(0))) < 1024
    assert len(lines_of(0)) > 12


def test_what_is_torn_where_it_meets_the_lines_of_another_task_is_taken_from_another_round() -> None:
    lines, other = lines_of(0), lines_of(1)
    mixed = [*lines[:4], lines[4][:300] + other[3], lines[4][300:], *lines[5:]]
    answers, gathering = gathered([*other[:3], *mixed, *[line for line in other[4:] if line != other[3]]])
    assert answers == [whole(0), whole(1)]  # the other's line came once, behind what had been cut off
    assert gathering.unfinished == []


def test_what_is_torn_at_one_place_of_every_round_is_whole_in_another() -> None:
    lines = sent(TASKS[0], document(0))
    pieces = len(lines) // 3
    rounds = [lines[at : at + pieces] for at in range(0, len(lines), pieces)]
    middle = pieces // 2
    assert rounds[1:] == [rounds[0][::-1], rounds[0][middle:] + rounds[0][:middle]]
    for at in range(pieces - 1):
        kept = [line for each in rounds for line in [*each[:at], *each[at + 2 :]]]
        assert gathered(kept)[0] == [whole(0)]


def test_only_the_later_rounds_wait_and_no_round_waits_long() -> None:
    pauses = [pause for pause, _ in frames(NONCE, TASKS[0], document(0))]
    pieces = len(pauses) // 3
    assert set(pauses[:pieces]) == {0.0}
    assert all(0.0005 <= pause <= 0.0015 for pause in pauses[pieces : 2 * pieces])
    assert all(0.0025 <= pause <= 0.0075 for pause in pauses[2 * pieces :])
    assert min(pauses[2 * pieces :]) < 0.005 < max(pauses[2 * pieces :])
    assert len(set(pauses)) > pieces  # tasks that began together do not stay together
    noise = random.Random(0).randbytes(1 << 20).hex()
    assert sum(pause for pause, _ in frames(NONCE, TASKS[0], {"facts": noise})) < 5


def test_a_line_that_is_torn_in_every_round_is_a_task_that_did_not_finish() -> None:
    lines = lines_of(0)
    answers, gathering = gathered([line for line in lines if line != lines[4]])
    assert answers == []
    ((who, came, total),) = gathering.unfinished
    assert who == Who(name="node0", rank="0", size="3")
    assert came == total - 1


def test_the_order_of_keys_changes_no_line_and_a_greeting_is_piece_none_of_none() -> None:
    assert list(frames(NONCE, "t", {"a": 1, "b": 2})) == list(frames(NONCE, "t", {"b": 2, "a": 1}))
    one, other = hello(NONCE, "t", {"a": "1", "b": "2"}), hello(NONCE, "t", {"b": "2", "a": "1"})
    assert one == other
    check = hashlib.sha256(f"{NONCE} t 0 0 {one[0].split()[-1]}".encode()).hexdigest()[:16]
    assert one[0].split()[5] == check
    assert [line.split()[:5] for line in one] == [["ENVLOCK1", NONCE, "t", "0", "0"]] * 2


def test_a_task_that_began_and_died() -> None:
    answers, gathering = gathered(lines_of(2)[:2])
    assert answers == []
    assert gathering.unfinished == [(Who(name="node2", rank="2", size="3"), 0, 0)]


def test_another_run_a_forged_check_and_a_changed_byte_are_passed_over() -> None:
    line = lines_of(0)[2]
    changed = line[:-1] + ("A" if line[-1] != "A" else "B")
    _, other = next(frames("cd" * 16, TASKS[0], document(0)))
    answers, gathering = gathered([changed, other, line.replace(TASKS[0], TASKS[1])])
    assert (answers, gathering.unfinished) == ([], [])


def test_a_name_cannot_move_the_cursor() -> None:
    told = {"who": {"name": "node\x1b[2J", "rank": "x", "size": None}, "facts": {}}
    answers, _ = gathered(sent(TASKS[0], told))
    assert answers == [{"who": Who(name="node?[2J"), "facts": {}}]
