r"""The test bed: real wheels, a real index over HTTP, a tiny PyTorch stack. Nothing here is a mock.

`wheels`   `make_wheel(name, version, files=…)` builds a wheel with the same bytes on every run;
           `record=` spoils its RECORD (`no_hashes`, `without("x.py")`, `wrong_size("x.py")`, …).
`index`    `LocalIndex` serves wheels on 127.0.0.1 as a PEP 503 / PEP 691 index with ranges, fails on
           purpose (`index.fault("*/six-*.whl", Status(code=503), times=2)`) and keeps a log of what
           was asked and sent (`index.log`, `index.sent("*.whl")`).
`stacks`   `TorchIndex`, a `LocalIndex` with a miniature of the PyTorch stack on the default index and on
           `/whl/cu118/`, `/whl/cu126/`, `/whl/cpu/`, ….

>>> from tests.support.index import LocalIndex
>>> from tests.support.wheels import make_wheel
>>> wheel = make_wheel("demo", "1.0", files={"demo/__init__.py": b"", "{data}/scripts/x": b"#!python\n"})
>>> with LocalIndex() as index:
...     url = index.add(wheel, upload_time="2025-01-01T00:00:00Z")
>>> url.rpartition("/")[2]
'demo-1.0-py3-none-any.whl'
"""
