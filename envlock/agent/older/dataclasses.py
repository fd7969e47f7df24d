"""`dataclass` with `kw_only` and `slots` (Python 3.10) on Python 3.8: by keyword as well, without slots."""

import dataclasses
import sys
from dataclasses import asdict, field, fields, replace
from typing import Any, Callable, Optional

__all__ = ["asdict", "dataclass", "field", "fields", "replace"]


def dataclass(kind: Optional[type] = None, **options: Any) -> Any:
    """As the decorator of the standard library."""
    if sys.version_info >= (3, 10):
        return dataclasses.dataclass(kind, **options)
    by_keyword = options.pop("kw_only", False)
    options.pop("slots", None)

    def made(one: type) -> type:
        # Of keywords those with a default may stand first, which the old `__init__` refuses.
        found = dataclasses.dataclass(**options, init=not by_keyword)(one)
        if by_keyword:
            found.__init__ = _initializer(found)
        return found

    return made if kind is None else made(kind)


def _initializer(kind: type) -> Callable[..., None]:
    every = {each.name: each for each in dataclasses.fields(kind)}

    def initialize(self: Any, **values: Any) -> None:
        for name in values:
            if name not in every:
                raise TypeError(f"{kind.__name__} has no field {name!r}")
        for name, each in every.items():
            object.__setattr__(self, name, values[name] if name in values else _default(kind, each))

    return initialize


def _default(kind: type, each: "dataclasses.Field[Any]") -> Any:
    if each.default is not dataclasses.MISSING:
        return each.default
    if each.default_factory is not dataclasses.MISSING:
        return each.default_factory()
    raise TypeError(f"{kind.__name__} needs {each.name!r}")
