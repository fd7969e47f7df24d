"""`dataclass` as the standard library has it, whose methods are made when the first of them is needed.

The standard library compiles six functions for each class when it is defined, and a short command defines a
hundred classes and makes values of few: it was a quarter of what `import` took.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(**options: Any) -> Callable[[type], type]:
        """For the options that values have here: `frozen`, `slots` and `kw_only`; others are not put off."""

        def made(cls: type) -> type:
            later = options.get("frozen") and options.get("slots") and options.keys() <= _OPTIONS
            if later and _is_plain(cls):
                return _put_off(cls, kw_only=bool(options.get("kw_only")))
            return dataclasses.dataclass(**options)(cls)

        return made


__all__ = ["dataclass"]

_OPTIONS = {"frozen", "slots", "kw_only"}
_WITH_INIT = ("__init__", "__match_args__", "__dataclass_fields__")
_OTHERS = ("__repr__", "__eq__", "__hash__", "__dataclass_params__")
_OWN = {*_WITH_INIT, *_OTHERS, "__slots__", "__setattr__", "__delattr__", "__getstate__", "__setstate__"}
_NO_FIELDS = ("ClassVar", "InitVar", "KW_ONLY")


def _is_plain(cls: type) -> bool:
    """Fields, and methods that are no business of `dataclass`."""
    texts = [str(text) for text in inspect.get_annotations(cls).values()]
    return (
        cls.__bases__ == (object,)
        and _OWN.isdisjoint(set(cls.__dict__) - {"__hash__"})
        and not any(odd in text for odd in _NO_FIELDS for text in texts)
    )


def _put_off(cls: type, *, kw_only: bool) -> type:
    fields = inspect.get_annotations(cls)
    space = {name: value for name, value in cls.__dict__.items() if name not in ("__dict__", "__weakref__")}
    source = {name: space.pop(name) for name in fields if name in space}
    source |= {"__annotations__": fields, "__module__": cls.__module__, "__qualname__": cls.__qualname__}
    if "__post_init__" in space:
        source["__post_init__"] = space["__post_init__"]

    def twin(**options: bool) -> type:
        """The same fields, which the standard library makes a dataclass of."""
        bare = type(cls.__name__, (), {**source, "__doc__": cls.__name__})
        return dataclasses.dataclass(frozen=True, kw_only=kw_only, **options)(bare)

    def init() -> None:
        _take(found, twin(repr=False, eq=False), _WITH_INIT)

    def others() -> None:
        _take(found, twin(init=False), _OTHERS)

    space |= {name: _Later(name, init) for name in _WITH_INIT}
    space |= {name: _Later(name, others) for name in _OTHERS}
    space |= {"__slots__": tuple(fields), "__setattr__": _refuse, "__delattr__": _refuse}
    space |= {"__getstate__": _state, "__setstate__": _set_state, "__qualname__": cls.__qualname__}
    found = type(cls.__name__, (), space)
    return found


def _take(cls: type, twin: type, names: tuple[str, ...]) -> None:
    for name in names:
        setattr(cls, name, twin.__dict__[name])


class _Later:
    """Stands in the place of an attribute until it is asked for."""

    __slots__ = ("_make", "_name")

    def __init__(self, name: str, make: Callable[[], None]) -> None:
        self._name, self._make = name, make

    def __get__(self, value: object, cls: type | None = None) -> Any:
        owner = cls or type(value)
        home = next(each for each in owner.__mro__ if self._name in each.__dict__)
        if home.__dict__[self._name] is self:
            self._make()
        made = home.__dict__[self._name]
        return made.__get__(value, cls) if hasattr(made, "__get__") else made


def _refuse(_self: object, name: str, *_value: object) -> None:
    verb = "assign to" if _value else "delete"
    raise dataclasses.FrozenInstanceError(f"cannot {verb} field {name!r}")


def _state(self: Any) -> list[Any]:
    return [getattr(self, name) for name in self.__slots__]


def _set_state(self: Any, state: list[Any]) -> None:
    for name, value in zip(self.__slots__, state, strict=True):
        object.__setattr__(self, name, value)
