"""The main job, end to end, on real packages: lock, emit, sync, verify, tamper, repair.

Everything happens in a temporary folder; the environment is copied out of no cache by hard link, so
the byte that is flipped is flipped in this demo alone.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVLOCK = Path(sys.executable).with_name("envlock")
COLOUR = sys.stdout.isatty() and "NO_COLOR" not in os.environ


def main() -> None:
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="envlock-demo-") as folder:
        work = Path(folder)
        # A cache of the demo's own: the first lock reads the wheels, as it would on a new machine.
        os.environ["ENVLOCK_CACHE_DIR"] = str(work / "cache")
        for example in ("bert-cu124", "quickstart"):
            shutil.copytree(ROOT / "examples" / example, work / example)
        show_lock(work / "bert-cu124")
        show_verify(work / "quickstart")
    title(f"done in {time.monotonic() - started:.0f} s")


def show_lock(project: Path) -> None:
    title("1. Lock PyTorch 2.6.0 with CUDA 12.4, down to every installed file")
    committed = (project / "envlock.lock").read_bytes()
    (project / "envlock.lock").unlink()
    run(project, "envlock lock")
    lock = (project / "envlock.lock").read_bytes()
    same = "the same bytes as" if lock == committed else "NOT the same bytes as"
    say(f"{len(lock) / 1024:.0f} KiB, {same} the lock that is committed in examples/bert-cu124")
    say(section(lock.decode(), "[stack.linux-64]"))
    if lock != committed:
        raise SystemExit("error: the example's lock is not reproduced")

    title("2. Emit it for conda and for Docker")
    run(project, "envlock emit conda -o environment.yml")
    say(head(project / "environment.yml", 14))
    run(project, "envlock emit docker -o Dockerfile")
    say(head(project / "Dockerfile", 14))


def show_verify(project: Path) -> None:
    title("3. Sync a small environment and prove it")
    here = f"{sys.version_info[0]}.{sys.version_info[1]}"
    manifest = project / "pyproject.toml"
    manifest.write_text(re.sub(r'^python = ".*"$', f'python = "{here}"', manifest.read_text(), flags=re.M))
    say(f'the demo runs on Python {here}, so it locks for that: python = "{here}"')
    run(project, "envlock lock")
    run(project, "envlock sync")
    run(project, "envlock verify")

    title("4. Flip one byte of an installed library")
    library = flip_one_byte(project / ".venv")
    say(f"flipped one byte of {library}")
    run(project, "envlock verify", expected=1)

    title("5. Repair it and prove it again")
    run(project, "envlock sync --repair")
    run(project, "envlock verify --level content")


def flip_one_byte(venv: Path) -> Path:
    """Change a byte in the middle of NumPy's largest library, in a new inode."""
    libraries = sorted(venv.glob("lib/python3*/site-packages/numpy/**/*.so"), key=lambda p: p.stat().st_size)
    library = libraries[-1]
    content = bytearray(library.read_bytes())
    content[len(content) // 2] ^= 1
    temporary = library.with_suffix(".flipped")
    temporary.write_bytes(content)
    temporary.chmod(library.stat().st_mode)
    temporary.replace(library)
    return library.relative_to(venv)


def run(project: Path, command: str, *, expected: int = 0) -> None:
    """Run a command as it would be typed, show it, and insist on its exit status."""
    print(f"\n{style('$ ' + command, '1')}", flush=True)
    words = [str(ENVLOCK), *shlex.split(command)[1:]]
    environment = {k: v for k, v in os.environ.items() if k not in ("VIRTUAL_ENV", "CONDA_PREFIX")}
    status = subprocess.run(words, cwd=project, env=environment, check=False).returncode
    if expected or status:
        say(f"(exit status {status})")
    if status != expected:
        raise SystemExit(f"error: `{command}` ended with {status}, expected {expected}")


def title(text: str) -> None:
    print(f"\n{style(text, '1;36')}", flush=True)


def say(text: str) -> None:
    print("\n".join(f"  {line}" for line in text.splitlines()), flush=True)


def style(text: str, codes: str) -> str:
    return f"\x1b[{codes}m{text}\x1b[0m" if COLOUR else text


def section(text: str, header: str) -> str:
    return text[text.index(header) :].split("\n\n", 1)[0]


def head(path: Path, count: int) -> str:
    lines = path.read_text().splitlines()
    return "\n".join([*lines[:count], f"… {len(lines) - count} more lines" if len(lines) > count else ""])


if __name__ == "__main__":
    main()
