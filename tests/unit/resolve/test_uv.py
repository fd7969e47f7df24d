"""The uv process: what of a host counts, and what its failures mean."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
import tomli

from envlock.errors import IndexFailed, NoSolution, ToolFailed, ToolMissing
from envlock.resolve import uv
from envlock.resolve.uv import Outcome, explanation, failure, find_uv, run_uv, toml_document, uv_environment

UNSOLVABLE = """\
Resolved nothing
warning: `x-1.whl` is missing an upload date, but user provided: 2025-01-01T00:00:00Z
error: No solution found when resolving dependencies
  cause: Because only numpy{sys_platform == 'linux'}<=2 is available and envlock-manifest depends on numpy, \
we can conclude that the following versions of numpy cannot be used:
             numpy==1.0
             numpy==2.0
         And because envlock-manifest depends on numpy>2, we can conclude that your requirements are \
unsatisfiable.

hint: `numpy` was filtered.
"""
BROKEN = """\
error: Failed to fetch: http://127.0.0.1:9/simple/torch/
  cause: error sending request for url (http://127.0.0.1:9/simple/torch/)
  cause: Connection refused (os error 111)
"""


def test_an_explanation_is_retold_step_by_step() -> None:
    message, causes, hints = explanation(UNSOLVABLE)
    assert message == "No solution found when resolving dependencies"
    assert causes == (
        "Because only numpy<=2 is available and the manifest asks for numpy, so the following versions "
        "of numpy cannot be used: numpy==1.0, numpy==2.0",
        "And because the manifest asks for numpy>2, so the manifest cannot be satisfied",
    )
    assert hints == ("`numpy` was filtered",)


def test_a_name_that_no_index_has_is_looked_at_for_its_spelling() -> None:
    text = UNSOLVABLE.replace(
        "only numpy{sys_platform == 'linux'}<=2 is available",
        "nunpy[x] was not found in the package registry",
    )
    error = failure(Outcome(status=1, stdout="", stderr=text), where="envlock.toml")
    assert error.hint == (
        "look at the spelling of `nunpy`; the index of a distribution that others do not have is named in "
        "`sources` and `index-of`"
    )


def test_how_uv_is_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uv, "_bundled_uv", lambda: "/a home/bin/uv")
    assert uv.typed_uv({"PATH": str(tmp_path)}) == "'/a home/bin/uv'"
    (tmp_path / "uv").write_text("")
    (tmp_path / "uv").chmod(0o755)
    assert uv.typed_uv({"PATH": str(tmp_path)}) == "uv"


def test_no_solution_keeps_the_reasons() -> None:
    error = failure(Outcome(status=1, stdout="", stderr=UNSOLVABLE), where="envlock.toml")
    assert type(error) is NoSolution
    assert error.message == "no set of versions satisfies the manifest"
    assert (error.where, error.hint) == ("envlock.toml", "loosen one of the requirements named above")
    assert error.facts == (
        (
            "because",
            "only numpy<=2 is available and the manifest asks for numpy, so the following versions of numpy "
            "cannot be used: numpy==1.0, numpy==2.0",
        ),
        ("because", "the manifest asks for numpy>2, so the manifest cannot be satisfied"),
        ("uv says", "`numpy` was filtered"),
    )


def test_a_network_that_fails_is_no_missing_solution() -> None:
    error = failure(Outcome(status=2, stdout="", stderr=BROKEN), where=None)
    assert type(error) is IndexFailed
    assert error.message == "an index failed: Failed to fetch: http://127.0.0.1:9/simple/torch/"
    assert error.hint == "check the address in `sources`, the network and the proxy, then try again"
    assert error.exit_status == 5


def test_a_refused_login_that_looks_like_no_solution_is_an_index_that_failed() -> None:
    hint = "hint: An index URL (http://x/) could not be queried due to a lack of valid authentication"
    outcome = Outcome(status=1, stdout="", stderr=f"error: No solution found when …\n  cause: y\n\n{hint}\n")
    assert type(failure(outcome, where=None)) is IndexFailed


def test_anything_else_is_the_tool() -> None:
    error = failure(Outcome(status=2, stdout="", stderr="error: unexpected argument '--x'\n"), where=None)
    assert type(error) is ToolFailed
    assert error.message == "`uv` failed: unexpected argument '--x'"
    assert (
        failure(Outcome(status=-9, stdout="", stderr=""), where=None).message
        == "`uv` failed: it gave no reason"
    )


def test_what_would_move_a_resolution_is_not_passed_on() -> None:
    given = {
        "PATH": "/bin",
        "HTTPS_PROXY": "http://proxy",
        "UV_CACHE_DIR": "/cache",
        "UV_DEFAULT_INDEX": "http://index",
        "UV_INDEX_COMPANY_PASSWORD": "x",
        "CONDA_PREFIX": "/conda",
        "PYTHONPATH": "/elsewhere",
        "UV_CONSTRAINT": "c.txt",
        "UV_EXCLUDE_NEWER": "2020-01-01",
        "UV_PRERELEASE": "allow",
        "UV_PYTHON": "3.8",
        "UV_RESOLUTION": "lowest",
        "UV_TORCH_BACKEND": "cpu",
        "VIRTUAL_ENV": "/venv",
    }
    kept = uv_environment(given)
    assert {key: value for key, value in kept.items() if key in given} == {
        "PATH": "/bin",
        "HTTPS_PROXY": "http://proxy",
        "UV_CACHE_DIR": "/cache",
        "UV_DEFAULT_INDEX": "http://index",
        "UV_INDEX_COMPANY_PASSWORD": "x",
    }


def configuration(tmp_path: Path, environment: dict[str, str]) -> dict[str, object] | None:
    arguments = uv._configuration(tmp_path, environment)
    if arguments == ("--no-config",):
        return None
    assert arguments == ("--config-file", str(tmp_path / "uv.toml"))
    return tomli.loads((tmp_path / "uv.toml").read_text())


def test_of_the_users_configuration_the_index_part_counts(tmp_path: Path) -> None:
    home = tmp_path / "config"
    (home / "uv").mkdir(parents=True)
    (home / "uv" / "uv.toml").write_text(
        'resolution = "lowest"\nindex-strategy = "unsafe-best-match"\nconstraint-dependencies = ["torch<2"]\n'
        '[pip]\nno-deps = true\nkeyring-provider = "subprocess"\n'
        '[[index]]\nname = "company"\nurl = "http://127.0.0.1/\\u00e9"\ndefault = true\n'
    )
    assert configuration(
        tmp_path, {"XDG_CONFIG_HOME": str(home), "XDG_CONFIG_DIRS": str(tmp_path / "none")}
    ) == {
        "index": [{"name": "company", "url": "http://127.0.0.1/é", "default": True}],
        "index-strategy": "unsafe-best-match",
        "keyring-provider": "subprocess",
    }


def test_the_nearer_configuration_counts_and_lists_are_joined(tmp_path: Path) -> None:
    for name, url in (("home", "http://a"), ("system", "http://b")):
        (tmp_path / name / "uv").mkdir(parents=True)
        text = f'index-url = "{url}"\nextra-index-url = ["{url}/extra"]\n'
        (tmp_path / name / "uv" / "uv.toml").write_text(text)
    environment = {"XDG_CONFIG_HOME": str(tmp_path / "home"), "XDG_CONFIG_DIRS": str(tmp_path / "system")}
    assert configuration(tmp_path, environment) == {
        "index-url": "http://a",
        "extra-index-url": ["http://a/extra", "http://b/extra"],
    }


def test_a_named_configuration_file_or_none(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("offline = true\n")
    named = {"UV_CONFIG_FILE": str(tmp_path / "mine.toml"), "XDG_CONFIG_HOME": str(tmp_path)}
    assert configuration(tmp_path, named) == {"offline": True}
    assert configuration(tmp_path, {**named, "UV_NO_CONFIG": "1"}) is None


@pytest.mark.parametrize("variable", ["APPDATA", "XDG_CONFIG_HOME", "HOME"])
def test_where_the_users_configuration_is(tmp_path: Path, variable: str) -> None:
    folder = tmp_path / ".config" if variable == "HOME" else tmp_path
    (folder / "uv").mkdir(parents=True)
    (folder / "uv" / "uv.toml").write_text("offline = true\n")
    system = {"XDG_CONFIG_DIRS": str(tmp_path / "none")}
    (tmp_path / "made").mkdir()
    assert configuration(tmp_path / "made", {variable: str(tmp_path), **system}) == {"offline": True}
    assert configuration(tmp_path / "made", system) is None


def test_a_broken_configuration_is_told(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("index = [")
    with pytest.raises(ToolFailed, match=r"^the configuration of uv cannot be read: ") as caught:
        uv._configuration(tmp_path, {"UV_CONFIG_FILE": str(tmp_path / "mine.toml")})
    assert caught.value.where == str(tmp_path / "mine.toml")


def test_a_project_above_the_workspace_does_not_count(tmp_path: Path) -> None:
    """uv looks for its configuration in all parents of the folder it runs in."""
    (tmp_path / "uv.toml").write_text('offline = true\nresolution = "lowest"\n')
    folder = tmp_path / "below"
    folder.mkdir()
    plain = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "XDG_CONFIG_DIRS": str(tmp_path / "none")}
    (folder / "requirements.in").write_text("")
    arguments = ("pip", "compile", "requirements.in", "--show-settings", "--python", sys.executable)
    shown = run_uv(arguments, directory=folder, environment=plain)
    assert shown.status == 0
    assert "resolution: Highest," in shown.stdout
    assert "network_settings: NetworkSettings {\n        connectivity: Online," in shown.stdout


def test_toml_survives_odd_text() -> None:
    odd = {'a"b': ["é\\ \x01\x7f\n😀", True, 3, {"x y": "z"}]}
    assert tomli.loads(toml_document(odd)) == odd


def test_credentials_in_urls_are_not_told(tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "UV_HTTP_RETRIES": "0", "HOME": str(tmp_path)}
    (tmp_path / "r.in").write_text("torch\n")
    arguments = ("pip", "compile", "r.in", "--index-url", "http://user:secret@127.0.0.1:9/simple")
    outcome = run_uv((*arguments, "--no-cache"), directory=tmp_path, environment=environment)
    assert outcome.status != 0
    assert "127.0.0.1:9/simple/torch" in outcome.stderr
    assert "secret" not in outcome.stderr
    assert "user" not in outcome.stderr


def test_uv_is_the_bundled_one_else_that_on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Path(find_uv({})).name == "uv"
    monkeypatch.setattr(uv, "_bundled_uv", lambda: None)
    with pytest.raises(ToolMissing) as caught:
        find_uv({"PATH": str(tmp_path)})
    assert (caught.value.message, caught.value.hint) == ("`uv` is not here", "run `pip install uv`")
    (tmp_path / "uv").touch(mode=0o755)
    assert find_uv({"PATH": str(tmp_path)}) == str(tmp_path / "uv")
