"""`import envlock` as scripts use it: the names, in every order of imports, and the page that shows them."""

from __future__ import annotations

import os
import pickle
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from inspect import signature
from io import StringIO
from itertools import permutations
from pathlib import Path

import pytest

import envlock
from envlock.api import scripting
from envlock.api.sources import manifest_beside
from envlock.emit import FORMATS
from envlock.errors import CouldNotTell, LockfileInvalid, ManifestInvalid, UsageFault
from tests.integration.test_cli import demo
from tests.support.environments import SERIES
from tests.support.index import LocalIndex

ROOT = Path(__file__).resolve().parents[2]
_FENCE = re.compile(r"^```(python|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def index() -> Iterator[LocalIndex]:
    with LocalIndex() as started:
        started.add(demo())
        yield started


@pytest.fixture
def here(tmp_path: Path, index: LocalIndex, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory: a project with a manifest."""
    (tmp_path / "envlock.toml").write_text(
        f'python = "{SERIES}"\nrequirements = ["demo"]\n[settings]\nDEMO = "1"\n'
        f'[sources]\ndefault = "{index.url}"\n'
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


# The page


def test_the_examples_of_the_page_run(here: Path) -> None:
    """Each block of code in turn; a block of text is what the one before it prints."""
    blocks = _FENCE.findall((ROOT / "docs" / "api.md").read_text(encoding="utf-8"))
    names: dict[str, object] = {}
    said = ""
    for kind, body in blocks:
        if kind == "python":
            printed = StringIO()
            with redirect_stdout(printed):
                exec(compile(body, "docs/api.md", "exec"), names)
            said = printed.getvalue()
        else:
            pattern = re.escape(body).replace("…", r"\d+")
            assert re.fullmatch(pattern, said), said
    assert len(blocks) > 12


def test_the_page_lists_the_functions() -> None:
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `envlock\.(\w+)` \|", page, re.MULTILINE)
    assert sorted(listed) == sorted(name for name in envlock.__all__ if name.islower() and name[0] != "_")


# Names that are rooms, too


IMPORTS = ("from envlock import lock", "import envlock.lock.model", "from envlock.lock import Lock")


@pytest.mark.parametrize("order", list(permutations(IMPORTS)))
def test_a_verb_is_one_object_in_every_order_of_imports(order: tuple[str, ...]) -> None:
    checks = (
        "import envlock, sys",
        "assert envlock.lock is lock is sys.modules['envlock.lock'], envlock.lock",
        "assert callable(lock) and envlock.lock.model.Lock is Lock is envlock.Lock",
        "import envlock.lock.model as model",
        "assert model.Lock is Lock",
    )
    done = subprocess.run([sys.executable, "-c", "\n".join((*order, *checks))], check=False)
    assert done.returncode == 0


@pytest.mark.parametrize("name", ["emit", "lock", "verify"])
def test_a_verb_has_the_signature_of_its_function_and_goes_to_another_process(name: str) -> None:
    verb = getattr(envlock, name)
    assert signature(verb) == signature(getattr(scripting, name))
    assert pickle.loads(pickle.dumps(verb)) is verb


def test_every_name_is_there_and_no_other() -> None:
    assert [name for name in envlock.__all__ if getattr(envlock, name, None) is None] == []
    assert dir(envlock) == sorted(envlock.__all__)
    with pytest.raises(AttributeError, match=r"^module `envlock` has no `lok`$"):
        _ = envlock.lok  # type: ignore[attr-defined]


def test_importing_envlock_imports_no_stage() -> None:
    program = "import sys, envlock; print(*(name for name in sys.modules if name.startswith('envlock')))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "envlock\n"


def test_types_reach_whoever_calls(tmp_path: Path) -> None:
    """mypy, strict, on a script outside the project."""
    script = tmp_path / "script.py"
    script.write_text(
        "from pathlib import Path\nimport envlock\nimport envlock.lock.model\nfrom envlock import lock\n"
        "reveal_type(lock(Path('.'), upgrade=['torch']).lock.distributions[0].version)\n"
        "reveal_type(envlock.verify('envlock.lock', level='warm').verdict.exit_status)\n"
        "envlock.verify(level='all')\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(ROOT / ".mypy_cache"), str(script)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    kinds = re.findall(r'Revealed type is "([\w.]+)"|\[([\w-]+)\]$', done.stdout, re.MULTILINE)
    assert [a.removeprefix("builtins.") or b for a, b in kinds] == ["str", "int", "arg-type"], done.stdout


# Words that a script may get wrong


def test_what_a_script_gets_wrong_is_told(here: Path) -> None:
    with pytest.raises(UsageFault) as caught:
        envlock.emit("dockerfile")
    assert (caught.value.message, caught.value.hint) == (
        "there is no format `dockerfile`",
        f"there are {', '.join(sorted(FORMATS))}",
    )
    with pytest.raises(UsageFault) as caught:
        envlock.verify(prefix=".venv", facts="facts.json")
    assert caught.value.message == "facts are judged as they are: they take no `prefix`"
    with pytest.raises(CouldNotTell) as nothing:
        envlock.verify(environment={"HOME": str(here)})
    assert nothing.value.message == (
        "there is no environment to look at: no VIRTUAL_ENV, no CONDA_PREFIX, no ./.venv"
    )
    with pytest.raises(LockfileInvalid) as invalid:
        envlock.verify("nowhere.lock", prefix=here)
    assert (invalid.value.message, invalid.value.where) == ("there is no lockfile", "nowhere.lock")


def test_a_pyproject_that_asks_for_nothing_is_no_manifest(tmp_path: Path) -> None:
    """The lock beside it is of a manifest elsewhere; a manifest with faults is told."""
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\nversion = "1"\n')
    assert manifest_beside(tmp_path / "envlock.lock", {}) is None
    (tmp_path / "envlock.toml").write_text("pithon = 3\n")
    with pytest.raises(ManifestInvalid):
        manifest_beside(tmp_path / "envlock.lock", {})


def test_one_name_to_upgrade_is_not_its_letters(here: Path) -> None:
    envlock.lock()
    assert envlock.lock(upgrade="demo").changed is False
    with pytest.raises(UsageFault) as caught:
        envlock.lock(upgrade=["dem"])
    assert caught.value.message == "`--upgrade-package dem`: no `dem` is locked"


def test_a_given_environment_is_the_only_one_that_is_read(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENVLOCK_SOURCE_DEFAULT", "http://127.0.0.1:9/nowhere")
    given = {key: value for key, value in os.environ.items() if not key.startswith("ENVLOCK_")}
    assert envlock.lock(environment={**given, "ENVLOCK_CACHE_DIR": str(here / "cache")}).changed is True
    assert (here / "cache").is_dir()
