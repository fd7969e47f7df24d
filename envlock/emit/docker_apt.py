"""Debian packages of an image: pinned by version, installed so that two builds leave the same files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from envlock.emit.quoting import shell
from envlock.errors import UsageFault
from envlock.manifest.patterns import APT_PIN

STAGE = "system"
_MARK = "/var/tmp/.envlock"  # noqa: S108  (inside of the image that is built)
# Logs, caches and keys that packages make anew: other bytes on every installation. Host keys would be the
# same in every container of the image.
_NOT_KEPT = (
    "/var/lib/apt/lists/*",
    "/var/cache/apt/*",
    "/var/cache/debconf/*",
    "/var/cache/ldconfig/*",
    "/var/log/*",
    "/tmp/*",  # noqa: S108  (inside of the image that is built)
    "/etc/ssh/ssh_host_*",
)


def system_stage(base: str, packages: Sequence[str]) -> Iterator[str]:
    """The stage that the others start from: the base and the packages. Raises UsageFault."""
    for package in packages:
        if not APT_PIN.admits(package):
            raise UsageFault(f"{package!a} is not {APT_PIN.says}")
    yield f"FROM {base} AS {STAGE}"
    commands = (
        # shadow's tools write the day of a change, unless they are told which.
        "export DEBIAN_FRONTEND=noninteractive SOURCE_DATE_EPOCH=0",
        f"touch {_MARK}",
        "apt-get update -qq",
        "apt-get install -y -qq --no-install-recommends --allow-downgrades"
        + "".join(f" \\\n    {shell(package)}" for package in packages),
        f"rm -rf {' '.join(_NOT_KEPT)}",
        f"find / -xdev -newer {_MARK} -exec touch -h -d @0 {{}} +",
        f"rm {_MARK}",
        "touch -d @0 /var/tmp",
    )
    yield "RUN " + " \\\n && ".join(commands)
