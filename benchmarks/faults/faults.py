"""Faults: small functions that change a scene, each so that another code or other numbers may come of it."""

from __future__ import annotations

import os
import py_compile
import shutil
from collections.abc import Callable, Mapping

from benchmarks.faults.scene import Scene, pyc_of

Change = Callable[[Scene], None]


def bit_flip(scene: Scene) -> None:
    path = scene.owned()
    content = bytearray(path.read_bytes())
    content[scene.rng.randrange(len(content))] ^= 1 << scene.rng.randrange(8)
    path.write_bytes(content)


def deletion(scene: Scene) -> None:
    scene.owned(least=0).unlink()


def truncation(scene: Scene) -> None:
    path = scene.owned(least=2)
    os.truncate(path, scene.rng.randrange(path.stat().st_size))


def addition(scene: Scene) -> None:
    """A module beside those of a package, or in the site directory itself."""
    beside = scene.module()
    name = scene.rng.choice(
        ["extra.py", "extra.so", f"_x{scene.rng.randrange(10**6)}.py", "extra/__init__.py"]
    )
    path = beside.parent / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"VALUE = 1\n")
    scene.told = str(path.relative_to(scene.prefix))


def swapped_version(scene: Scene) -> None:
    """The module of another release under the name and the record of the locked one."""
    path = scene.site / "six.py"
    shutil.copyfile(scene.spare["six-1.16.0"], path)
    if scene.rng.random() < 0.5:
        scene.rerecord(path)
    scene.told = "six 1.16.0 as 1.17.0"


def swapped_library(scene: Scene) -> None:
    """Two compiled files exchanged: every byte is one that was installed."""
    one, other = scene.owned(".so"), scene.owned(".so")
    while one == other or one.read_bytes() == other.read_bytes():
        other = scene.owned(".so")
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)


def edited_record(scene: Scene) -> None:
    """A file edited, and what the installer recorded of it edited to match."""
    path = scene.module()
    path.write_bytes(path.read_bytes() + b"\nVALUE = 2\n")
    scene.rerecord(path)


def symlink_swap(scene: Scene) -> None:
    path = scene.module()
    elsewhere = scene.outside / path.name
    elsewhere.write_bytes(path.read_bytes() + b"\nVALUE = 3\n")
    path.unlink()
    path.symlink_to(elsewhere)


def pth(scene: Scene) -> None:
    (scene.outside / "evil.py").write_text("VALUE = 4\n")
    line = scene.rng.choice(["import os; os.environ['X'] = '1'\n", f"{scene.outside}\n"])
    (scene.site / f"z{scene.rng.randrange(1000)}.pth").write_text(line)


def sitecustomize(scene: Scene) -> None:
    name = scene.rng.choice(["sitecustomize.py", "usercustomize.py"])
    (scene.site / name).write_text("import sys\n")
    scene.told = name


def stale_bytecode(scene: Scene) -> None:
    """Bytecode of an older source, of the kind that Python does not compare with the source."""
    module = scene.module()
    older = scene.outside / module.name
    older.write_text("VALUE = 'older'\n")
    target = pyc_of(module)
    target.parent.mkdir(exist_ok=True)
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    py_compile.compile(str(older), str(target), dfile=str(module), doraise=True, invalidation_mode=mode)


def forged_bytecode(scene: Scene) -> None:
    """Bytecode of other code with the time and the size of the source that is there."""
    module = scene.module()
    was = module.stat()
    forged = scene.outside / module.name
    forged.write_text("VALUE = 'forged'\n".ljust(was.st_size, "#")[: was.st_size])
    os.utime(forged, ns=(was.st_atime_ns, was.st_mtime_ns))
    target = pyc_of(module)
    target.parent.mkdir(exist_ok=True)
    mode = py_compile.PycInvalidationMode.TIMESTAMP
    py_compile.compile(str(forged), str(target), dfile=str(module), doraise=True, invalidation_mode=mode)


def wrong_cuda_build(scene: Scene) -> None:
    """The same release built for another CUDA, under the name of the locked build."""
    source, info = scene.spare["cudademo-1.0+cu121"], scene.site / "cudademo-1.0+cu124.dist-info"
    shutil.copyfile(source / "cudademo" / "__init__.py", scene.site / "cudademo" / "__init__.py")
    shutil.copyfile(source / "cudademo" / "lib.so", scene.site / "cudademo" / "lib.so")
    which = scene.rng.choice(["record kept", "record of the build", "renamed"])
    if which == "record of the build":
        shutil.copyfile(source / "cudademo-1.0+cu121.dist-info" / "RECORD", info / "RECORD")
    elif which == "renamed":
        shutil.rmtree(info)
        shutil.copytree(source / "cudademo-1.0+cu121.dist-info", scene.site / "cudademo-1.0+cu121.dist-info")
    scene.told = which


def poisoned_cache(scene: Scene) -> None:
    """A file that an installer's cache shares by a hard link, written to through the cache."""
    path = scene.owned()
    cached = scene.outside / "cached"
    os.link(path, cached)
    with cached.open("r+b") as stream:
        content = bytearray(stream.read())
        content[scene.rng.randrange(len(content))] ^= 0xFF
        stream.seek(0)
        stream.write(content)


def contaminating_variable(scene: Scene) -> None:
    """A variable that puts other code in front of what is installed."""
    name = scene.rng.choice(["PYTHONPATH", "LD_PRELOAD", "PYTHONHOME", "LD_LIBRARY_PATH"])
    library = scene.owned(".so")
    if name == "PYTHONPATH":
        (scene.outside / "six.py").write_text("VALUE = 5\n")
        (scene.outside / "attr").mkdir()
        (scene.outside / "attr" / "__init__.py").write_text("")
    else:
        shutil.copyfile(library, scene.outside / library.name)
    value = str(scene.outside / library.name) if name == "LD_PRELOAD" else str(scene.outside)
    if name == "LD_LIBRARY_PATH":
        shutil.copyfile(library, scene.outside / "libpthread.so.0")
        needed = sorted(scene.prefix.rglob("libscipy_openblas*.so")) or sorted(
            scene.prefix.glob("lib/lib*.so*")
        )
        for path in needed:
            shutil.copyfile(path, scene.outside / path.name)
    scene.environment[name] = value
    scene.told = name


def masked_features(scene: Scene) -> None:
    """A locked setting that hides the CPU's vector units has another value here."""
    scene.environment["ATEN_CPU_CAPABILITY"] = scene.rng.choice(["default", "avx2"])
    scene.told = "ATEN_CPU_CAPABILITY"


BOTH: Mapping[str, Change] = {
    "bit flip": bit_flip,
    "deletion": deletion,
    "truncation": truncation,
    "addition": addition,
    "swapped .so": swapped_library,
    "record edited to match": edited_record,
    "symlink swap": symlink_swap,
    ".pth": pth,
    "sitecustomize": sitecustomize,
    "stale .pyc": stale_bytecode,
    "forged .pyc": forged_bytecode,
    "hard-linked cache poisoned": poisoned_cache,
    "contaminating variable": contaminating_variable,
    "masked CPU features": masked_features,
}
OF_WHEELS: Mapping[str, Change] = {
    **BOTH,
    "swapped version, equal name": swapped_version,
    "wrong CUDA build": wrong_cuda_build,
}
