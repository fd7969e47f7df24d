"""A value whose methods are made late is a dataclass like any other."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
from collections.abc import Callable
from dataclasses import field
from typing import Any, ClassVar

import pytest

from envlock import values


@values.dataclass(frozen=True, kw_only=True, slots=True)
class Late:
    """As most values here."""

    name: str
    count: int = 3
    rows: list[int] = field(default_factory=list)
    aside: str = field(default="", compare=False, repr=False)

    def doubled(self) -> int:
        return 2 * self.count


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Early:
    """As most values here."""

    name: str
    count: int = 3
    rows: list[int] = field(default_factory=list)
    aside: str = field(default="", compare=False, repr=False)

    def doubled(self) -> int:
        return 2 * self.count


@values.dataclass(frozen=True, slots=True)
class Pair:
    left: int
    right: int = 0

    def __post_init__(self) -> None:
        if self.left < self.right:
            raise ValueError("the left is the larger")


@values.dataclass(frozen=True, kw_only=True, slots=True)
class Empty:
    pass


@values.dataclass(kw_only=True, slots=True)
class Changing:
    count: int
    KIND: ClassVar[str] = "x"


def refused(work: Callable[[], Any]) -> str:
    with pytest.raises((TypeError, AttributeError)) as caught:
        work()
    return f"{type(caught.value).__name__}: {caught.value}".replace("Late", "Early")


ASKED: dict[str, Callable[[Any], Any]] = {
    "repr": lambda cls: repr(cls(name="a", rows=[1])).replace("Late", "Early"),
    "fields": lambda cls: [(f.name, f.type, f.compare, f.kw_only) for f in dataclasses.fields(cls)],
    "is one": dataclasses.is_dataclass,
    "asdict": lambda cls: dataclasses.asdict(cls(name="a")),
    "replaced": lambda cls: dataclasses.asdict(dataclasses.replace(cls(name="a"), count=9)),
    "equal": lambda cls: (cls(name="a") == cls(name="a", aside="x"), cls(name="a") == cls(name="b")),
    "hash": lambda cls: hash(cls(name="a", rows=())) == hash(cls(name="a", rows=())),
    "a fresh list": lambda cls: cls(name="a").rows is cls(name="a").rows,
    "signature": lambda cls: str(inspect.signature(cls)).replace("Late", "Early"),
    "doc": lambda cls: cls.__doc__,
    "slots": lambda cls: cls.__slots__,
    "match": lambda cls: cls.__match_args__,
    "method": lambda cls: cls(name="a").doubled(),
    "copied": lambda cls: copy.deepcopy(cls(name="a", rows=[1])) == cls(name="a", rows=[1]),
    "pickled": lambda cls: pickle.loads(pickle.dumps(cls(name="a"))) == cls(name="a"),
    "in order": lambda cls: refused(lambda: cls("a")),
    "too few": refused,
    "too many": lambda cls: refused(lambda: cls(name="a", other=1)),
    "set": lambda cls: refused(lambda: setattr(cls(name="a"), "name", "b")),
    "deleted": lambda cls: refused(lambda: delattr(cls(name="a"), "name")),
    "annotations": lambda cls: cls.__annotations__,
    "params": lambda cls: cls.__dataclass_params__.frozen,
    "name": lambda cls: (cls.__module__, cls.__qualname__.replace("Late", "Early")),
}


@pytest.mark.parametrize("asked", ASKED)
def test_it_behaves_as_one_of_the_standard_library(asked: str) -> None:
    assert ASKED[asked](Late) == ASKED[asked](Early)


def test_each_question_may_be_the_first() -> None:
    for asked in ASKED.values():
        fresh: Any = values.dataclass(frozen=True, kw_only=True, slots=True)(_bare())
        if asked not in (ASKED["pickled"], ASKED["name"]):
            assert asked(fresh) == asked(Early)


def _bare() -> type:
    source = inspect.getsource(Early).partition("\n")[2]
    space: dict[str, Any] = {"__name__": __name__, "field": field}
    exec(f"from __future__ import annotations\n{source}", space)
    return space["Early"]  # type: ignore[no-any-return]


def test_by_position_with_a_check_of_its_own() -> None:
    assert (Pair(2, 1).left, Pair(2).right) == (2, 0)
    with pytest.raises(ValueError, match=r"^the left is the larger$"):
        Pair(1, 2)
    match Pair(5, 4):
        case Pair(left, right):
            assert (left, right) == (5, 4)


def test_a_subclass_and_one_without_fields() -> None:
    class More(Late):
        pass

    assert More(name="a").doubled() == 6
    assert Empty() == Empty()
    assert len({Empty(), Empty()}) == 1


def test_other_options_are_not_put_off() -> None:
    value = Changing(count=1)
    value.count = 2
    assert value == Changing(count=2)
    assert "__init__" in Changing.__dict__
    assert inspect.isfunction(Changing.__dict__["__init__"])
