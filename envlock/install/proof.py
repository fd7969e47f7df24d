"""Does a locked wheel hold what its RECORD says? Asked when what was just installed differs (IDENTITY 2)."""

from __future__ import annotations

from collections.abc import Collection

from envlock.errors import RecordLies
from envlock.install.model import Supply
from envlock.install.uv_pip import locations_of, only
from envlock.lock.model import Lock
from envlock.manifest.platforms import Platform
from envlock.resolve.model import Candidate
from envlock.resolve.resolution import Identifying, identify_wheels
from envlock.resolve.tags import series


def prove_records(lock: Lock, platform: Platform, names: Collection[str], supply: Supply) -> None:
    """Fetch the wheels of `names` whole and prove their digests from the bytes.

    The lock took them from RECORD, a part of each wheel. Raises RecordLies naming the wheel, and the
    member where its own RECORD lies about one; then no installation can match. Raises SourceFailed too.
    """
    asked = only(lock, tuple(names))
    locations = locations_of(asked, platform, supply)
    how = Identifying(python=series(lock.python), whole=True)
    for distribution, wheel in asked.on(platform):
        url = locations[wheel.sha256].url
        candidate = Candidate(file=wheel.file, url=url, sha256=wheel.sha256, size=wheel.size)
        identity = identify_wheels([candidate], how)[url]
        if identity.digest != wheel.digest:
            raise RecordLies(
                f"`{wheel.file}` does not hold what the lock says",
                where=f"{distribution.name} {distribution.version}",
                hint=f"`envlock lock --upgrade-package {distribution.name}` reads the wheel again",
                facts=[("locked", wheel.digest), ("found", identity.digest)],
            )
