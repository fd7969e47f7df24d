"""One environment broken on purpose per rule of verify; each must be named, none may pass."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import marshal
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from envlock.observe import LocalTarget, observe_local
from envlock.report import Finding, Report, Severity, Verdict
from envlock.verify import Judgement, judge
from tests.support.elf import make_elf
from tests.support.environments import PLATFORM, Subject, flip_byte, make_subject, replace_file, uv
from tests.support.wheels import Wheel, make_wheel

SETTINGS = {"DEMO_SETTING": "1"}


def demo_wheels() -> list[Wheel]:
    """A package with a script, a data file and an ELF library that searches its neighbours' directory."""
    demo = make_wheel(
        "demo",
        "1.0",
        files={
            "demo/__init__.py": b"VALUE = 1\n",
            "demo/core.py": b"def run() -> int:\n    return 1\n\n\ndef main() -> None:\n    print(run())\n",
            "demo/_native.so": make_elf(
                needed=["libhelper.so.1"], runpath="$ORIGIN/../demo.libs:$ORIGIN/../../../extra"
            ),
            "demo.libs/libhelper.so.1": make_elf(soname="libhelper.so.1"),
            "{data}/scripts/demo-tool": b"#!python\nprint('tool')\n",
            "{data}/data/share/demo/table.txt": b"1 2 3\n",
        },
        entry_points="[console_scripts]\ndemo = demo.core:main\n",
    )
    click = make_wheel("click", "8.0", files={"click/__init__.py": b"def echo(text): print(text)\n"})
    return [demo, click]


@pytest.fixture
def subject(tmp_path: Path) -> Subject:
    made = make_subject(tmp_path, demo_wheels(), settings=SETTINGS)
    assert made.verify().verdict is Verdict.MATCH
    return made


def only(report: Report, code: str) -> Finding:
    """The one finding that turned the verdict; notes aside."""
    turned = [finding for finding in report.findings if finding.severity is not Severity.NOTE]
    assert [finding.code for finding in turned] == [code]
    assert report.verdict is Verdict.MISMATCH
    return turned[0]


def test_an_untouched_environment_matches(subject: Subject) -> None:
    report = subject.verify()
    assert report.verdict is Verdict.MATCH
    assert report.observed == report.expected
    assert [finding.code for finding in report.findings] == ["setting-unset"]


def test_a_flipped_byte_of_a_library(subject: Subject) -> None:
    flip_byte(subject.site / "demo.libs/libhelper.so.1")
    finding = only(subject.verify(), "file-differs")
    path = f"{subject.site.relative_to(subject.prefix)}/demo.libs/libhelper.so.1"
    assert finding.path == path
    assert finding.message == f"`{path}` is not the file of demo 1.0"
    assert subject.verify().observed != subject.verify().expected


@pytest.mark.parametrize("content", [b"def run() -> int:\n    return 2\n", b"", b"x"])
def test_an_edited_or_truncated_module(subject: Subject, content: bytes) -> None:
    replace_file(subject.site / "demo/core.py", content)
    assert only(subject.verify(), "file-differs").path == f"{_site(subject)}/demo/core.py"


def test_a_deleted_module(subject: Subject) -> None:
    (subject.site / "demo/core.py").unlink()
    finding = only(subject.verify(), "file-missing")
    assert finding.message == f"`{_site(subject)}/demo/core.py` of demo 1.0 is missing"


def test_an_added_module_inside_a_package(subject: Subject) -> None:
    (subject.site / "demo/extra.py").write_text("import os\n")
    finding = only(subject.verify(), "foreign-module")
    assert finding.path == f"{_site(subject)}/demo/extra.py"


def test_a_data_file_outside_the_site_directory(subject: Subject) -> None:
    (subject.prefix / "share/demo/table.txt").write_text("1 2 4\n")
    assert only(subject.verify(), "file-differs").path == "share/demo/table.txt"


def test_a_record_edited_to_match(subject: Subject) -> None:
    _edit_with_record(subject, "demo/core.py", b"def run() -> int:\n    return 3\n")
    finding = only(subject.verify(), "file-differs")
    assert finding.path == f"{_site(subject)}/demo/core.py"
    assert finding.message == f"`{finding.path}` is not the file of demo 1.0, and RECORD was edited to match"


def test_a_record_edited_to_match_without_its_entry_list(subject: Subject) -> None:
    _edit_with_record(subject, "demo/core.py", b"def run() -> int:\n    return 3\n")
    subject.entries = {}
    finding = only(subject.verify(), "record-edited")
    assert finding.component == "distribution:demo"
    assert finding.path == f"{_site(subject)}/demo-1.0.dist-info/RECORD"


def test_a_record_that_owns_an_added_module(subject: Subject) -> None:
    _edit_with_record(subject, "demo/evil.py", b"import os\n")
    finding = only(subject.verify(), "file-added")
    assert finding.path == f"{_site(subject)}/demo/evil.py"


def test_a_missing_record(subject: Subject) -> None:
    (subject.site / "click-8.0.dist-info/RECORD").unlink()
    codes = {finding.code for finding in subject.verify().findings if finding.severity is not Severity.NOTE}
    assert "bad-record" in codes


def test_the_level_roots_sees_an_edited_record(subject: Subject) -> None:
    _edit_with_record(subject, "demo/core.py", b"def run() -> int:\n    return 3\n")
    assert only(subject.verify(level="roots"), "file-differs").path == f"{_site(subject)}/demo/core.py"


def test_a_swapped_version_under_the_old_name(subject: Subject, tmp_path: Path) -> None:
    other = make_wheel("click", "8.0", files={"click/__init__.py": b"def echo(text): pass\n"})
    uv(
        "pip",
        "install",
        "--no-deps",
        "--no-index",
        "--reinstall-package",
        "click",
        "--python",
        subject.python,
        other.write(tmp_path / "other"),
    )
    assert only(subject.verify(), "file-differs").path == f"{_site(subject)}/click/__init__.py"


def test_another_version(subject: Subject, tmp_path: Path) -> None:
    other = make_wheel("click", "8.1", files={"click/__init__.py": b"def echo(text): print(text)\n"})
    uv(
        "pip",
        "install",
        "--no-deps",
        "--no-index",
        "--python",
        subject.python,
        other.write(tmp_path / "other"),
    )
    finding = only(subject.verify(), "version-differs")
    assert finding.message == "click 8.1 is installed, the lock has 8.0"


def test_a_distribution_that_is_gone(subject: Subject) -> None:
    uv("pip", "uninstall", "--python", subject.python, "click")
    finding = only(subject.verify(), "distribution-missing")
    assert finding.message == "click 8.0 is locked and not installed"


def test_a_second_dist_info(subject: Subject) -> None:
    shutil.copytree(subject.site / "click-8.0.dist-info", subject.site / "click-7.0.dist-info")
    codes = {finding.code for finding in subject.verify().findings if finding.severity is not Severity.NOTE}
    assert "second-distribution" in codes


def test_a_replaced_entry_point_script(subject: Subject) -> None:
    script = subject.bin / "demo"
    replace_file(script, script.read_bytes().replace(b"from demo.core", b"import os\nfrom demo.core"))
    assert only(subject.verify(), "script-differs").path == "bin/demo"


def test_an_entry_point_script_that_is_gone(subject: Subject) -> None:
    (subject.bin / "demo").unlink()
    assert only(subject.verify(), "script-missing").path == "bin/demo"


@pytest.mark.parametrize("script", ["demo", "demo-tool"])
@pytest.mark.parametrize("shebang", ["#!{python} -I", "#!/usr/bin/env python3", "#!{other}"])
def test_a_shebang_with_arguments_or_another_interpreter(subject: Subject, script: str, shebang: str) -> None:
    path = subject.bin / script
    line = shebang.format(python=subject.python, other=os.path.realpath(sys.executable))
    _, _, rest = path.read_bytes().partition(b"\n")
    replace_file(path, line.encode() + b"\n" + rest)
    code = "script-differs" if script == "demo" else "file-differs"
    assert only(subject.verify(), code).path == f"bin/{script}"


def test_an_unchecked_pyc_that_differs_from_its_source(subject: Subject) -> None:
    source = subject.site / "demo/core.py"
    code = compile("def run() -> int:\n    return 666\n", str(source), "exec")
    pyc = Path(importlib.util.cache_from_source(str(source)))
    pyc.parent.mkdir(exist_ok=True)
    pyc.write_bytes(importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little") + bytes(8) + marshal.dumps(code))
    assert _run(subject, "import demo.core; print(demo.core.run())") == "666"
    assert only(subject.verify(), "bytecode-differs").path == f"{_site(subject)}/demo/__pycache__/{pyc.name}"


def test_a_pyc_in_another_directory(subject: Subject, tmp_path: Path) -> None:
    source = subject.site / "demo/core.py"
    code = compile("def run() -> int:\n    return 667\n", str(source), "exec")
    pyc = Path(f"{tmp_path}/pycs{source.parent}") / Path(importlib.util.cache_from_source(str(source))).name
    pyc.parent.mkdir(parents=True)
    pyc.write_bytes(importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little") + bytes(8) + marshal.dumps(code))
    subject.environment["PYTHONPYCACHEPREFIX"] = f"{tmp_path}/pycs"
    assert only(subject.verify(), "bytecode-differs").path == str(pyc)


def test_a_pyc_whose_nested_file_name_lies(subject: Subject) -> None:
    source = subject.site / "demo/core.py"
    code = compile(source.read_bytes(), str(source), "exec", dont_inherit=True)
    nested = [c.replace(co_filename="<other>") if hasattr(c, "co_code") else c for c in code.co_consts]
    pyc = Path(importlib.util.cache_from_source(str(source)))
    pyc.parent.mkdir(exist_ok=True)
    lying = code.replace(co_consts=tuple(nested))
    pyc.write_bytes(importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little") + bytes(8) + marshal.dumps(lying))
    assert only(subject.verify(), "bytecode-differs").message.endswith(
        "its parts name different source files"
    )


def test_a_crafted_pyc_that_asks_for_gigabytes(subject: Subject) -> None:
    pyc = Path(importlib.util.cache_from_source(str(subject.site / "demo/core.py")))
    pyc.parent.mkdir(exist_ok=True)
    pyc.write_bytes(importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little") + bytes(8) + b"(" * 4000)
    assert only(subject.verify(), "bytecode-differs").path == f"{_site(subject)}/demo/__pycache__/{pyc.name}"


def test_a_legacy_pyc_beside_nothing(subject: Subject) -> None:
    (subject.site / "shadow.pyc").write_bytes(b"anything")
    assert only(subject.verify(), "foreign-module").path == f"{_site(subject)}/shadow.pyc"


def test_an_extra_distribution_whose_record_owns_a_pth(subject: Subject, tmp_path: Path) -> None:
    evil = make_wheel("innocent", "1.0", files={"innocent.py": b"", "innocent.pth": b"import innocent\n"})
    uv("pip", "install", "--no-deps", "--no-index", "--python", subject.python, evil.write(tmp_path / "evil"))
    finding = only(subject.verify(), "foreign-distribution")
    path = f"{_site(subject)}/innocent.pth"
    assert finding.message == (
        f"innocent 1.0 is not locked and ships `{path}`, which runs when Python starts"
    )


@pytest.mark.parametrize(
    ("files", "entry_points", "reason"),
    [
        ({"click/extra.py": b""}, None, "provides `click`, which belongs to the locked click"),
        ({"json/__init__.py": b""}, None, "provides `json`, a name of the standard library"),
        ({"sitecustomize.py": b""}, None, "ships `{site}/sitecustomize.py`, which runs when Python starts"),
    ],
)
def test_an_extra_distribution_that_reaches_into_the_locked_ones(
    subject: Subject, tmp_path: Path, files: dict[str, bytes], entry_points: str | None, reason: str
) -> None:
    evil = make_wheel("innocent", "1.0", files=files, entry_points=entry_points)
    uv("pip", "install", "--no-deps", "--no-index", "--python", subject.python, evil.write(tmp_path / "evil"))
    messages = [f.message for f in subject.verify().findings if f.code == "foreign-distribution"]
    assert messages == [f"innocent 1.0 is not locked and {reason.format(site=_site(subject))}"]


def test_an_extra_distribution_is_a_note_and_foreign_when_strict(subject: Subject, tmp_path: Path) -> None:
    extra = make_wheel("innocent", "1.0", files={"innocent.py": b""})
    uv(
        "pip",
        "install",
        "--no-deps",
        "--no-index",
        "--python",
        subject.python,
        extra.write(tmp_path / "extra"),
    )
    assert subject.verify().verdict is Verdict.MATCH
    assert only(subject.verify(strict=True), "extra-distribution").component == "distribution:innocent"


@pytest.mark.parametrize("name", ["click.py", "click/__init__.py", "json.py"])
def test_a_module_in_bin_that_shadows(subject: Subject, name: str) -> None:
    path = subject.bin / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("raise SystemExit\n")
    assert only(subject.verify(), "foreign-module").path == f"bin/{name}"


def test_an_executable_in_bin(subject: Subject) -> None:
    (subject.bin / "git").write_text("#!/bin/sh\n")
    (subject.bin / "git").chmod(0o755)
    assert only(subject.verify(), "foreign-executable").path == "bin/git"


@pytest.mark.parametrize(
    "name", ["evil.pth", "sitecustomize.py", "usercustomize.py", "sitecustomize/__init__.py"]
)
def test_startup_files(subject: Subject, name: str) -> None:
    path = subject.site / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("import os\n")
    finding = only(subject.verify(), "foreign-module" if "/" in name else "startup-file")
    assert finding.path == f"{_site(subject)}/{name}"


@pytest.mark.slow
def test_system_site_packages(subject: Subject) -> None:
    config = subject.prefix / "pyvenv.cfg"
    config.write_text(config.read_text().replace("site-packages = false", "site-packages = true"))
    codes = {f.code for f in subject.verify().findings if f.severity is not Severity.NOTE}
    assert "system-site-packages" in codes


def test_a_symbolic_link_to_a_changed_file(subject: Subject, tmp_path: Path) -> None:
    elsewhere = tmp_path / "core.py"
    elsewhere.write_text("def run(): return 9\n")
    path = subject.site / "demo/core.py"
    path.unlink()
    path.symlink_to(elsewhere)
    assert only(subject.verify(), "file-differs").path == f"{_site(subject)}/demo/core.py"


def test_a_linked_directory_of_modules(subject: Subject, tmp_path: Path) -> None:
    (tmp_path / "package").mkdir()
    (tmp_path / "package/__init__.py").write_text("")
    (subject.site / "linked").symlink_to(tmp_path / "package")
    assert only(subject.verify(), "foreign-module").path == f"{_site(subject)}/linked/__init__.py"


def test_a_stray_elf_file_without_a_suffix(subject: Subject) -> None:
    (subject.site / "demo/data").write_bytes(make_elf())
    assert only(subject.verify(), "foreign-library").path == f"{_site(subject)}/demo/data"


@pytest.mark.parametrize("name", ["libhelper.so.1", "blob", "glibc-hwcaps/x86-64-v3/libhelper.so.1"])
def test_an_elf_file_where_an_rpath_leads(subject: Subject, name: str) -> None:
    """`$ORIGIN/../../../extra` of demo/_native.so is `lib/extra`: it did not exist until now."""
    path = subject.site.parent.parent / "extra" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(make_elf(soname="libhelper.so.1"))
    assert only(subject.verify(), "foreign-library").path == str(path.relative_to(subject.prefix))


def test_a_python_that_is_a_wrapper_script(subject: Subject) -> None:
    real = os.path.realpath(subject.python)
    subject.python.unlink()
    subject.python.write_text(f'#!/bin/sh\nexec {real} "$@"\n')
    subject.python.chmod(0o755)
    findings = [f for f in subject.verify().findings if f.severity is not Severity.NOTE]
    assert {f.code for f in findings if f.component == "python"} == {"foreign-interpreter"}
    assert "bin/python" in {f.path for f in findings}


def test_a_python_that_is_another_executable(subject: Subject) -> None:
    subject.python.unlink()
    shutil.copy("/bin/true", subject.python)
    codes = {f.code for f in subject.verify().findings if f.severity is not Severity.NOTE}
    assert "foreign-interpreter" in codes


def test_a_changed_setting(subject: Subject) -> None:
    subject.environment["DEMO_SETTING"] = "2"
    finding = only(subject.verify(), "setting-differs")
    assert finding.message == "`DEMO_SETTING` is `2`, the lock has `1`"
    assert subject.verify().observed != subject.verify().expected


def test_an_unset_setting_differs_in_a_job(subject: Subject) -> None:
    assert only(subject.verify(in_job=True), "setting-unset").component == "setting:DEMO_SETTING"


def test_pythonpath_that_shadows(subject: Subject, tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src/click.py").write_text("")
    subject.environment["PYTHONPATH"] = str(tmp_path / "src")
    assert only(subject.verify(), "shadowing-path").path == str(tmp_path / "src")


def test_pythonpath_that_shadows_nothing_is_a_note(subject: Subject, tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src/mine.py").write_text("")
    subject.environment["PYTHONPATH"] = str(tmp_path / "src")
    assert subject.verify().verdict is Verdict.MATCH


def test_preloaded_and_shadowing_libraries(subject: Subject, tmp_path: Path) -> None:
    (tmp_path / "libhelper.so.1").write_bytes(make_elf())
    subject.environment["LD_LIBRARY_PATH"] = str(tmp_path)
    assert only(subject.verify(), "shadowing-library").path == str(tmp_path / "libhelper.so.1")
    subject.environment = {"LD_PRELOAD": "/opt/spy.so"}
    assert only(subject.verify(), "preloaded-library").message == (
        "`LD_PRELOAD` loads `/opt/spy.so` into every process"
    )


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("GCONV_PATH", "code that the C library loads to convert text"),
        ("OPENSSL_CONF", "code that OpenSSL loads when it starts"),
    ],
)
def test_variables_that_make_libraries_load_code_are_named(subject: Subject, name: str, what: str) -> None:
    subject.environment[name] = "/opt/mine"
    report = subject.verify()
    assert report.verdict is Verdict.MATCH
    [finding] = [each for each in report.findings if each.code == "environment-variable"]
    assert finding.message == f"`{name}=/opt/mine` is set and not locked; it can change {what}"


def test_a_forged_modification_time_does_not_hide_a_change(subject: Subject, tmp_path: Path) -> None:
    subject.cache = tmp_path / "cache"
    path = subject.site / "demo/core.py"
    status = path.stat()
    assert subject.verify(level="warm").verdict is Verdict.MATCH
    content = path.read_bytes()
    path.write_bytes(content.replace(b"return 1", b"return 7"))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert only(subject.verify(level="warm"), "file-differs").path == f"{_site(subject)}/demo/core.py"


Tamper = Callable[[Subject], None]


@pytest.mark.parametrize(
    "tamper",
    [
        lambda s: (s.site / "demo/new.py").write_text(""),
        lambda s: (s.site / "demo/core.py").unlink(),
        lambda s: (s.site / "evil.pth").write_text("import os\n"),
        lambda s: (s.bin / "click.py").write_text(""),
        lambda s: (
            (s.site.parent.parent / "extra").mkdir()
            or (s.site.parent.parent / "extra/libhelper.so.1").write_bytes(make_elf())
        ),
        lambda s: flip_byte(s.bin / "demo-tool"),
        lambda s: (s.prefix / "share/demo/table.txt").write_text(""),
    ],
)
def test_warm_sees_what_content_sees(subject: Subject, tmp_path: Path, tamper: Tamper) -> None:
    subject.cache = tmp_path / "cache"
    assert subject.verify(level="warm").verdict is Verdict.MATCH
    tamper(subject)
    warm, content = subject.verify(level="warm"), subject.verify(level="content")
    assert warm.verdict is Verdict.MISMATCH
    assert warm.findings == content.findings


def _site(subject: Subject) -> str:
    return str(subject.site.relative_to(subject.prefix))


def _run(subject: Subject, program: str) -> str:
    done = subprocess.run([subject.python, "-c", program], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _edit_with_record(subject: Subject, path: str, content: bytes) -> None:
    """Change (or add) a file and make RECORD agree."""
    replace_file(subject.site / path, content)
    record = subject.site / "demo-1.0.dist-info/RECORD"
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    row = f"{path},sha256={digest},{len(content)}"
    lines = [line for line in record.read_text().splitlines() if not line.startswith(f"{path},")]
    replace_file(record, ("\n".join([*lines, row]) + "\n").encode())


def test_startup_code_of_an_extra_distribution_is_seen_without_a_lock(
    subject: Subject, tmp_path: Path
) -> None:
    """Facts that were taken with nothing expected, and judged against a lock later (`verify --facts`)."""
    extra = make_wheel("extra", "1.0", files={"extra.pth": b"import os\n", "extra/__init__.py": b""})
    uv("pip", "install", "--no-deps", "--no-index", "--python", subject.python, extra.write(tmp_path))
    facts = observe_local(LocalTarget(prefix=subject.prefix, level="content", environment=SETTINGS))
    report = judge(subject.lock, facts, Judgement(platform=PLATFORM, entries=subject.entries.get))
    finding = only(report, "foreign-distribution")
    path = f"{_site(subject)}/extra.pth"
    assert finding.message == f"extra 1.0 is not locked and ships `{path}`, which runs when Python starts"
