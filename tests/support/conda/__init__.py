"""A real conda channel made on this machine: the running CPython repackaged, wheels as conda packages.

    channel = build_channel(folder)          # python, numpy, pip, packaging, attrs, CUDA metadata, …
    channel.url                              # file://…
    with channel.served() as server:         # the same over HTTP, with ranges, faults and a log
        server.url                           # http://127.0.0.1:PORT/conda

    channel = Channel(folder)
    channel.add(CondaPackage(name="x", version="1.0", files=(File(path="share/x", content=b"…"),)))
    channel.index()

The fixture `conda_channel` (tests/conftest.py) builds the whole one once per test session.
"""

from tests.support.conda.channel import Channel, build_channel
from tests.support.conda.package import CondaPackage, File, Link
from tests.support.conda.platform import SUBDIR

__all__ = ["SUBDIR", "Channel", "CondaPackage", "File", "Link", "build_channel"]
