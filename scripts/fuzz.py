"""Let atheris search a reader for inputs that break it, guided by the branches that they reach.

    uv pip install atheris
    python scripts/fuzz.py "foreign pixi.lock" --seconds 60
    python scripts/fuzz.py --list

Without atheris, hypothesis mutates the seeds for as long. The readers are those of
tests/property/readers.py; an input that breaks one is printed, and becomes a seed there.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import os
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.property.readers import BY_NAME, Reader
from tests.property.test_hostile import attempt, mutated


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("reader", nargs="?", choices=sorted(BY_NAME))
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--list", action="store_true")
    arguments = parser.parse_args()
    if arguments.list:
        print("\n".join(BY_NAME))
        return 0
    readers = [BY_NAME[arguments.reader]] if arguments.reader else list(BY_NAME.values())
    return max(fuzz(reader, arguments.seconds) for reader in readers)


def fuzz(reader: Reader, seconds: int) -> int:
    """Exit status 1 where an input broke the reader."""
    child = os.fork()  # atheris never returns
    if not child:
        os._exit(_with_atheris(reader, seconds) if _has_atheris() else _with_hypothesis(reader, seconds))
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(f"{reader.name}: {'holds' if status == 0 else 'BROKEN'}", flush=True)
    return int(status != 0)


def _has_atheris() -> bool:
    return importlib.util.find_spec("atheris") is not None


def _with_atheris(reader: Reader, seconds: int) -> int:
    atheris = importlib.import_module("atheris")
    with TemporaryDirectory() as corpus:
        for number, seed in enumerate(reader.seeds):
            (Path(corpus) / str(number)).write_bytes(seed)
        atheris.instrument_all()
        options = [f"-max_total_time={seconds}", "-rss_limit_mb=2048", "-timeout=20", "-verbosity=0"]
        atheris.Setup([sys.argv[0], corpus, *options], lambda data: attempt(reader, data))
        atheris.Fuzz()
    return 0


def _with_hypothesis(reader: Reader, seconds: int) -> int:
    from hypothesis import HealthCheck, given, settings

    until = time.monotonic() + seconds
    while time.monotonic() < until:

        @settings(max_examples=200, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(mutated(reader.seeds))
        def holds(data: bytes) -> None:
            attempt(reader, data)

        holds()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
