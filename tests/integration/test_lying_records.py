"""A wheel whose RECORD lies, with sizes that are right: a lock by range believes it, a sync does not."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

import pytest

from envlock import api
from envlock.errors import RecordLies
from envlock.manifest.platforms import Platform
from tests.support.environments import SERIES
from tests.support.index import LocalIndex
from tests.support.wheels import make_wheel, wrong_hash

# Larger than what a lock reads of a wheel, so that it must believe the RECORD.
NOISE = b"".join(hashlib.sha256(bytes([number % 256, number // 256])).digest() for number in range(8192))
FILES = {"liar/a.py": b"A = 1\n", "liar/noise.bin": NOISE}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return tmp_path


def environment(project: Path) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("UV_")}
    return {**kept, "UV_CACHE_DIR": str(project / "uv")}


def test_sync_names_the_wheel_whose_record_lies(project: Path) -> None:
    with LocalIndex() as index:
        index.add(make_wheel("liar", "1.0", files=FILES, record=wrong_hash("liar/a.py")))
        (project / "envlock.toml").write_text(
            f'python = "{SERIES}"\nrequirements = ["liar"]\nplatforms = ["{Platform.LINUX_64}"]\n'
            f'[sources]\ndefault = "{index.url}"\n'
        )
        api.lock(api.LockRequest(project=project), environment=environment(project))
        order = api.SyncOrder(
            lock=project / "envlock.lock",
            venv=project / ".venv",
            environment=environment(project),
            cache=project / "cache",
            python=sys.executable,
        )
        with pytest.raises(RecordLies) as caught:
            api.sync(order)
        with pytest.raises(RecordLies):
            api.lock(api.LockRequest(project=project, deep=True), environment=environment(project))
    error = caught.value
    assert error.message == "the RECORD of `liar-1.0-py3-none-any.whl` lies about 'liar/a.py'"
    assert error.exit_status == 4
