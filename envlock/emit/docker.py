"""A Dockerfile: the locked wheels, by hash, in a virtual environment on a base image.

It builds with the classic builder, BuildKit and buildah: no `# syntax=`, no here-documents, no mounts. All
that the last stage copies has fixed times, so two builds on one base have the same layers. The file is whole
in itself: the requirements are written by the first stage.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from envlock.emit.docker_apt import STAGE as APT_STAGE
from envlock.emit.docker_apt import system_stage
from envlock.emit.docker_services import (
    CODE_STAGE,
    check_services,
    code_stage,
    ssh_files,
    start_lines,
    work_directory,
)
from envlock.emit.model import EmitOptions, Emitter
from envlock.emit.pins import folder, header, index_options, pins, refuse_half
from envlock.emit.quoting import comment, dockerfile, shell
from envlock.errors import LockfileInvalid, UsageFault
from envlock.lock.model import Lock
from envlock.lock.runtime import runtime_hash
from envlock.manifest.patterns import IMAGE_BASE, PYTHON, SETTING_NAME, USER_NAME

PREFIX = "/opt/env"
USER_ID = 1000
DEFAULT_BASE = "docker.io/library/python:{python}-slim-bookworm"
# A RUN is one argument of the shell, which Linux limits to 128 KiB.
LINES_PER_RUN = 200
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_DRIVER = re.compile(r"[0-9]{3}(?:\.[0-9]{1,3}){1,2}")
_CONTEXT_FOLDER = re.compile(r"(?:\./)?[A-Za-z0-9_+][A-Za-z0-9._+-]*(?:/[A-Za-z0-9_+][A-Za-z0-9._+-]*)*/?")


def render(lock: Lock, options: EmitOptions) -> str:
    _check(lock, options)
    refuse_half(lock, options.platform, "a Dockerfile")
    return "".join(f"{line}\n" for line in _lines(lock, options))


def _lines(lock: Lock, options: EmitOptions) -> Iterator[str]:
    base = base_reference(lock, options.platform)
    yield from map(comment, header(lock, options, "docker"))
    yield from map(comment, ("", *_usage(options)))
    if "@" not in base:
        yield from map(comment, ("", *_not_pinned(base)))
    start = base
    if options.image.apt:
        yield ""
        yield from system_stage(base, options.image.apt)
        start = APT_STAGE
    yield from ("", f"FROM {start} AS install")
    yield from _install(lock, options)
    if options.image.code is not None:
        yield ""
        yield from code_stage(options.image, start, _wheelhouse(options))
    yield from ("", f"FROM {start}")
    yield from _image(lock, options, base)


def _wheelhouse(options: EmitOptions) -> str | None:
    return None if options.wheelhouse is None else folder(options.wheelhouse).rstrip("/")


def _usage(options: EmitOptions) -> Iterator[str]:
    if options.wheelhouse is None:
        yield "docker build -t NAME .    (behind a mirror: --build-arg PIP_INDEX_URL=URL)"
    else:
        network = "" if options.image.apt else "--network=none "
        yield f"docker build {network}-t NAME .    (with the wheels in {folder(options.wheelhouse)})"


def _not_pinned(base: str) -> Iterator[str]:
    yield "The base image is NOT pinned: its tag can be moved, so two builds of this file can differ in all"
    yield "that is outside of the locked environment. To pin it, write the digest behind it in both FROM"
    yield "lines, as `NAME@sha256:...`:"
    yield f"    docker pull {base} && docker inspect --format '{{{{index .RepoDigests 0}}}}' {base}"


def _install(lock: Lock, options: EmitOptions) -> Iterator[str]:
    """The first stage: the environment below /out, the home directory below /home-out."""
    if options.wheelhouse is None:
        yield "ARG PIP_INDEX_URL"
    yield "ENV PYTHONDONTWRITEBYTECODE=1"
    yield f"RUN {_python_check(lock.python)}"
    if options.wheelhouse is not None:
        yield f"COPY {_wheelhouse(options)}/ /wheelhouse/"
    yield from _requirements(pins(lock, options))
    yield "RUN " + " \\\n && ".join(install_commands(lock, options))
    yield "RUN " + " \\\n && ".join(_arranged(lock, options))


def install_commands(lock: Lock, options: EmitOptions) -> tuple[str, ...]:
    """Commands that make the environment from /requirements.txt, and from /wheelhouse where there is one."""
    # pip's PIP_NO_COMPILE means its opposite, so the option it is.
    install = f"python3 -m pip --python {PREFIX}/bin/python3 install --no-compile --no-deps --require-hashes"
    return f"python3 -m venv --without-pip {PREFIX}", f"{install} \\\n    {_pip_options(lock, options)}"


def _python_check(python: str) -> str:
    """Fail the build where the base has another Python than the lock."""
    parts = python.count(".") + 1
    program = (
        f"import sys; found = '.'.join(map(str, sys.version_info[:{parts}])); sys.exit(found != '{python}' "
        f"and 'the base image has Python ' + found + ', the lock is for {python}')"
    )
    return f'python3 -I -S -c "{program}"'


def _requirements(lines: Sequence[str]) -> Iterator[str]:
    yield "RUN : > /requirements.txt"
    for start in range(0, len(lines), LINES_PER_RUN):
        words = [shell(line) for line in lines[start : start + LINES_PER_RUN]]
        yield " \\\n    ".join(["RUN printf '%s\\n'", *words, ">> /requirements.txt"])


def _pip_options(lock: Lock, options: EmitOptions) -> str:
    quiet = "--no-cache-dir --disable-pip-version-check --no-input --only-binary :all:"
    return " ".join([quiet, *_index_words(lock, options), "-r /requirements.txt"])


def _index_words(lock: Lock, options: EmitOptions) -> Iterator[str]:
    if options.wheelhouse is not None:
        yield "--no-index --find-links /wheelhouse"
        return
    for option, value in index_options(lock, options):
        yield f"{option} {shell(value)}"


def _arranged(lock: Lock, options: EmitOptions) -> tuple[str, ...]:
    """Move what the image gets to one place, add the user, and take the times of this build off."""
    user = options.image.user
    line = f"{user}:x:{USER_ID}:{USER_ID}::/home/{user}:/bin/sh"
    return (
        # What a wheel brings of it was made by whoever built the wheel, and only its Python could judge it.
        f"find {PREFIX} -name __pycache__ -prune -exec rm -rf {{}} +",
        f"mkdir -p /out/opt /out/etc /home-out/home/{user}",
        f"mv {PREFIX} /out{PREFIX}",
        f"{{ grep -v '^{user}:' /etc/passwd; echo {shell(line)}; }} > /out/etc/passwd",
        f"{{ grep -v '^{user}:' /etc/group; echo {shell(f'{user}:x:{USER_ID}:')}; }} > /out/etc/group",
        *ssh_files(options.image, _login_environment(lock)),
        "find /out /home-out -exec touch -h -d @0 {} +",
    )


def _login_environment(lock: Lock) -> Mapping[str, str]:
    path = f"{PREFIX}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return {
        "VIRTUAL_ENV": PREFIX,
        "PATH": path,
        **{name: lock.settings[name] for name in sorted(lock.settings)},
    }


def _image(lock: Lock, options: EmitOptions, base: str) -> Iterator[str]:
    """The last stage: nothing runs in it."""
    yield "COPY --from=install /out/ /"
    # With /home in it: a folder that COPY makes itself bears the time of the build.
    yield f"COPY --from=install --chown={USER_ID}:{USER_ID} /home-out/ /"
    if options.image.code is not None:
        yield f"COPY --from={CODE_STAGE} --chown={USER_ID}:{USER_ID} /code-out/ /"
    yield f"ENV VIRTUAL_ENV={PREFIX} PATH={PREFIX}/bin:$PATH"
    stack = lock.stack.get(options.platform)
    if stack is not None and stack.cuda not in (None, "cpu"):
        yield "ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility"
        yield from _driver_floor(stack.driver)
    yield from (f"ENV {name}={dockerfile(lock.settings[name])}" for name in sorted(lock.settings))
    yield from (f"LABEL {name}={dockerfile(value)}" for name, value in _labels(lock, options, base).items())
    yield f"USER {USER_ID}:{USER_ID}"
    yield f"WORKDIR {work_directory(options.image)}"
    yield from start_lines(options.image)


def _driver_floor(driver: str | None) -> Iterator[str]:
    """The container toolkit refuses to start the image on an older driver, and says so.

    Its comparison knows no leading zeros (`450.80.02`), so the branch has to do; verify knows the whole. The
    CUDA version is no condition: within a major version the driver may be older than the toolkit.
    """
    if driver is not None and _DRIVER.fullmatch(driver):
        yield f'ENV NVIDIA_REQUIRE_DRIVER="driver>={driver.partition(".")[0]}"'


def _labels(lock: Lock, options: EmitOptions, base: str) -> Mapping[str, str]:
    """Ours, and the two of the OCI image specification that name the base."""
    name, _, digest = base.partition("@")
    labels = {
        "envlock.manifest": lock.manifest,
        "envlock.platform": options.platform,
        "envlock.runtime": runtime_hash(lock, options.platform),
        "org.opencontainers.image.base.name": lock.image.base if lock.image is not None else name,
    }
    return labels | ({"org.opencontainers.image.base.digest": digest} if digest else {})


def base_reference(lock: Lock, platform: str) -> str:
    """The reference for FROM: by digest where the lock has one, the platform's own before the index's.

    With a digest the tag is left out: it means nothing then, and some builders refuse the two together.
    """
    if lock.image is None:
        return DEFAULT_BASE.format(python=lock.python_exact)
    reference = lock.image.base
    if not IMAGE_BASE.admits(reference):
        raise LockfileInvalid(f"the base image {reference!a} is not {IMAGE_BASE.says}")
    if reference.startswith("oci:"):
        raise UsageFault(
            f"the base image `{reference}` is a layout on disk, which no Dockerfile can name",
            hint="name a base in a registry in [tool.envlock.image], then run `envlock lock`",
        )
    mine = lock.image.platforms.get(platform)
    digest = mine.manifest if mine is not None else lock.image.digest
    return reference if digest is None else f"{_without_tag(reference)}@{_checked_digest(digest)}"


def _without_tag(reference: str) -> str:
    """`host:5000/name:tag@sha256:…` without tag and digest.

    >>> _without_tag("localhost:5000/python:3.11")
    'localhost:5000/python'
    """
    name = reference.partition("@")[0]
    head, slash, tail = name.rpartition("/")
    return head + slash + tail.partition(":")[0]


def _checked_digest(digest: str) -> str:
    if not _DIGEST.fullmatch(digest):
        raise LockfileInvalid(f"{digest!a} is no digest of an image")
    return digest


def _check(lock: Lock, options: EmitOptions) -> None:
    """Match in full what is written without quotes."""
    if not PYTHON.admits(lock.python):
        raise LockfileInvalid(f"{lock.python!a} is not {PYTHON.says}")
    for name in lock.settings:
        if not SETTING_NAME.admits(name):
            raise LockfileInvalid(f"{name!a} is not {SETTING_NAME.says}")
    user = options.image.user
    if not USER_NAME.admits(user) or user == "root":
        raise UsageFault(f"{user!a} is not {USER_NAME.says}, other than `root`")
    check_services(lock, options)
    if options.wheelhouse is not None and not _CONTEXT_FOLDER.fullmatch(folder(options.wheelhouse)):
        raise UsageFault(
            f"the wheelhouse {str(options.wheelhouse)!a} cannot be copied into an image",
            hint="name a folder below the Dockerfile, like `--wheelhouse wheels`",
        )


EMITTER = Emitter(render=render, file="Dockerfile")
