"""Changes that make no other code and no other numbers: an alarm about them is a false one."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import replace

from benchmarks.faults.faults import Change
from benchmarks.faults.scene import Scene, pyc_of
from tests.support.environments import copy_tree

NOBODY = 65534


def times(scene: Scene) -> None:
    """Read at another time; installed at another time."""
    for _ in range(20):
        moment = scene.rng.randrange(10**9)
        path = scene.owned()
        os.utime(path, (moment, path.stat().st_mtime if scene.rng.random() < 0.5 else moment))


def bytecode(scene: Scene) -> None:
    """What imports leave behind, with and without -O."""
    flags = scene.rng.choice([[], ["-O"], ["-OO"]])
    folder = scene.module().parent
    command = [str(scene.subject.python), *flags, "-m", "compileall", "-q", "-l", str(folder)]
    subprocess.run(command, check=False, capture_output=True, env={"PATH": os.environ["PATH"]})


def no_bytecode(scene: Scene) -> None:
    for folder in sorted(scene.site.rglob("__pycache__")):
        shutil.rmtree(folder)


def ignored_bytecode(scene: Scene) -> None:
    """Bytecode that Python does not read: of another series, or older than its source."""
    module = scene.module()
    target = pyc_of(module)
    target.parent.mkdir(exist_ok=True)
    if scene.rng.random() < 0.5:
        target.with_name(f"{module.stem}.cpython-39.pyc").write_bytes(b"another series")
        return
    subprocess.run(
        [str(scene.subject.python), "-m", "compileall", "-q", "-l", str(module.parent)],
        check=False,
        capture_output=True,
    )
    os.utime(module, (1, 1))


def installer_metadata(scene: Scene) -> None:
    """Who installed it, whether it was asked for, where it came from."""
    if scene.is_conda:
        with (scene.prefix / "conda-meta" / "history").open("a") as history:
            history.write("==> 2026-01-01 00:00:00 <==\n# cmd: conda install\n")
        return
    info = scene.rng.choice(sorted(scene.site.glob("*.dist-info")))
    (info / "INSTALLER").write_text(scene.rng.choice(["pip\n", "uv", "poetry 2.1"]))
    (info / "REQUESTED").write_text("")
    (info / "direct_url.json").write_text('{"archive_info": {}, "url": "file:///elsewhere/x.whl"}')


def other_user(scene: Scene) -> None:
    """All files belong to somebody else, and may be written by a group."""
    for path in sorted(scene.prefix.rglob("*")):
        if os.geteuid() == 0:
            os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
        if path.is_file() and not path.is_symlink():
            path.chmod(path.stat().st_mode | 0o020)


def copied_tree(scene: Scene) -> None:
    """The environment somewhere else, with its scripts rewritten for that place."""
    target = scene.outside / "env"
    copy_tree(scene.prefix, target)
    scene.subject = replace(scene.subject, prefix=target)


def link_mode(scene: Scene) -> None:
    """Files that share their bytes with a cache, as hard links or symbolic ones."""
    symbolic = scene.rng.random() < 0.5 and not scene.is_conda
    for number in range(30):
        path, cached = scene.owned(), scene.outside / str(number)
        if path.is_symlink():
            continue
        shutil.copy2(path, cached)
        path.unlink()
        if symbolic:
            path.symlink_to(cached)
        else:
            os.link(cached, path)


def unread_files(scene: Scene) -> None:
    """What nobody imports: notes, logs, the caches of tools."""
    (scene.prefix / "notes.txt").write_text("mine\n")
    (scene.prefix / ".ruff_cache").mkdir(exist_ok=True)
    (scene.prefix / ".ruff_cache" / "x").write_text("x")


def unrelated_variable(scene: Scene) -> None:
    scene.environment[scene.rng.choice(["EDITOR", "LANG", "MY_TOKEN", "TERM", "HOSTNAME"])] = "x"


CHANGES: Mapping[str, Change] = {
    "atime and mtime": times,
    "bytecode of imports": bytecode,
    "bytecode removed": no_bytecode,
    "bytecode that Python ignores": ignored_bytecode,
    "installer metadata": installer_metadata,
    "other user, other mode bits": other_user,
    "copied tree, scripts rewritten": copied_tree,
    "other link mode": link_mode,
    "files that nobody reads": unread_files,
    "unrelated variable": unrelated_variable,
}
OF_CONDA: Mapping[str, Change] = {
    name: change for name, change in CHANGES.items() if change is not copied_tree
}
