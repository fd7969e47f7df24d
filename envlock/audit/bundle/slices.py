"""A file inside an archive as a file that can be read anywhere, without unpacking it."""

from __future__ import annotations

import io
import os
from typing import BinaryIO, cast

from envlock.audit.bundle.model import Place


def open_place(place: Place) -> BinaryIO:
    return cast("BinaryIO", io.BufferedReader(_Slice(place)))


class _Slice(io.RawIOBase):
    def __init__(self, place: Place) -> None:
        super().__init__()
        self._place, self._position = place, 0
        self._stream = place.file.open("rb")

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._place.size}[whence]
        if base + offset < 0:
            raise OSError("before the start of the file")
        self._position = base + offset
        return self._position

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        left = max(self._place.size - self._position, 0)
        self._stream.seek(self._place.offset + self._position)
        data = self._stream.read(min(len(buffer), left))
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)

    def close(self) -> None:
        self._stream.close()
        super().close()
