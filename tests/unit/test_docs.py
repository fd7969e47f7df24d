"""The documentation against the code: links, codes, keys, examples and vectors."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import re
import runpy
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, get_type_hints

import pytest
import tomli
from click.testing import CliRunner

from envlock.agent import facts
from envlock.agent.identity import Entry, distribution_digest
from envlock.agent.merkle import PythonIdentity, RuntimeTree, conda_value, leaf, runtime_hash
from envlock.cli import cli
from envlock.cli.boundary import error_document
from envlock.errors import EnvlockError, Fault, ManifestInvalid
from envlock.lock import (
    BuiltImage,
    CondaLock,
    CondaPackage,
    Distribution,
    Fixup,
    ImageLock,
    ImagePlatform,
    Lock,
    Stack,
    Wheel,
    dumps,
    loads,
)
from envlock.lock.diff import diff
from envlock.lock.numerics import ProbeReference, Reference
from envlock.manifest import read_manifest
from envlock.report import Finding, Report, Severity, Verdict
from envlock.report.lock_diff import document
from envlock.report.model import Loaded, LoadedLibrary, Numerics, ProbeDifference
from envlock.run import receipt
from tests.integration.test_ranges import VECTORS

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"


def _pages() -> Iterator[Path]:
    for folder, folders, names in os.walk(ROOT):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "__")))
        yield from (Path(folder, name) for name in sorted(names) if name.endswith(".md"))


def _first_toml(text: str) -> str:
    return next(match["body"] for match in _FENCE.finditer(text) if match["language"] == "toml")


def _named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _text(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


PAGES = tuple(_pages())
EVERY_PAGE = pytest.mark.parametrize("page", PAGES, ids=_named)

# --- links


_FENCE = re.compile(r"^```(?P<language>\w*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(
    r"\[[^\]\n]*(?:\n[^\]\n]*)?\]\((?P<inline>[^)\s]+)\)|^\[[^\]]+\]: (?P<named>\S+)$", re.MULTILINE
)
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def _links(text: str) -> Iterator[str]:
    prose = re.sub(r"`[^`\n]*`", "code", _FENCE.sub("", text))
    for match in _LINK.finditer(prose):
        yield match["inline"] or match["named"]


def _anchors(text: str) -> set[str]:
    """The anchors that GitHub gives to headings."""
    titles = _HEADING.findall(_FENCE.sub("", text))
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@EVERY_PAGE
def test_every_relative_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    broken = []
    for link in _links(page.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", link):
            continue
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        if not target.exists() or (anchor and anchor not in _anchors(target.read_text(encoding="utf-8"))):
            broken.append(link)
    assert broken == []


def test_the_links_of_a_text() -> None:
    text = "[a](x.md#b) `[no](code.md)`\n[c]\n\n[c]: y.md\n```sh\n[no](fence.md)\n```\n"
    assert list(_links(text)) == ["x.md#b", "y.md"]
    assert _anchors("# 2.6 Who, and `what`?\n") == {"26-who-and-what"}


def test_the_index_has_every_page() -> None:
    linked = {(DOCS / link.partition("#")[0]).resolve() for link in _links(_text("README.md"))}
    pages = {page for page in PAGES if DOCS in page.parents} - {DOCS / "README.md"}
    assert {page for page in linked if DOCS in page.parents} == pages


@pytest.mark.parametrize("page", [page for page in PAGES if DOCS in page.parents], ids=_named)
def test_lines_are_short(page: Path) -> None:
    """But for the line of a wheel, which the format does not break."""
    lines = page.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if len(line) > 110 and not line.startswith("    { file = ")] == []


# --- tables


_ROW = re.compile(r"^\| (?:\[)?`([^`]+)`(?:\]\S*)? \|(.*)\|$", re.MULTILINE)


def _section(name: str, title: str) -> str:
    """The text below a heading, up to the next one of the same depth."""
    match = re.search(rf"^(#+) {re.escape(title)}\n(.*?)(?=^\1 |\Z)", _text(name), re.MULTILINE | re.DOTALL)
    assert match is not None, f"{name} has no section {title}"
    return match[2]


def _keys(text: str) -> list[str]:
    return [match[1] for match in _ROW.finditer(text)]


def _first_table(text: str) -> list[str]:
    return _keys(text[text.index("|") :].split("\n\n", 1)[0])


# --- findings and errors


def _headings(name: str, title: str) -> list[str]:
    return re.findall(r"^#### `([a-z-]+)`$", _section(name, title), re.MULTILINE)


def _codes_of(module: ast.Module) -> Iterator[str]:
    """Every text that a `Finding(code=…)` of the module can have."""
    for function in ast.walk(module):
        if not isinstance(function, ast.FunctionDef):
            continue
        for call in ast.walk(function):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "Finding":
                code = next(keyword.value for keyword in call.keywords if keyword.arg == "code")
                yield from _texts(code, function, module)


def _texts(code: ast.expr, function: ast.FunctionDef, module: ast.Module) -> Iterator[str]:
    match code:
        case ast.Constant(value=str(text)):
            yield text
        case ast.IfExp(body=one, orelse=other):
            yield from _texts(one, function, module)
            yield from _texts(other, function, module)
        case ast.Name(id=name):
            for value in _assigned(name, function, module):
                yield from _texts(value, function, module)
        case _:
            raise AssertionError(f"cannot tell what code {ast.unparse(code)} is")


def _assigned(name: str, function: ast.FunctionDef, module: ast.Module) -> Iterator[ast.expr]:
    """What is assigned to a name: by itself, in a tuple, or out of a table of the module."""
    found = list(_values(name, function, module))
    assert found, f"nothing is assigned to {name}"
    yield from found


def _values(name: str, function: ast.FunctionDef, module: ast.Module) -> Iterator[ast.expr]:
    for node in ast.walk(function):
        match node:
            case ast.Assign(targets=[ast.Name(id=target)], value=value) if target == name:
                yield value
            case ast.Assign(targets=[ast.Tuple(elts=targets)], value=value):
                names = [target.id for target in targets if isinstance(target, ast.Name)]
                if name in names:
                    yield from _at(names.index(name), value, module)


def _at(place: int, value: ast.expr, module: ast.Module) -> Iterator[ast.expr]:
    match value:
        case ast.Tuple(elts=values):
            yield values[place]
        case ast.Subscript(value=ast.Name(id=table)):
            for node in module.body:
                match node:
                    case ast.Assign(targets=[ast.Name(id=target)], value=ast.Dict(values=rows)) if (
                        target == table
                    ):
                        for row in rows:
                            yield from _at(place, row, module)


def test_every_finding_has_its_paragraph() -> None:
    sources = sorted((ROOT / "envlock" / "verify").glob("*.py"))
    raised = {code for path in sources for code in _codes_of(ast.parse(path.read_text(encoding="utf-8")))}
    listed = _headings("findings.md", "Findings")
    assert sorted(listed) == sorted(raised)


def test_codes_are_read_out_of_all_that_they_are_written_as() -> None:
    module = ast.parse(
        "T = {1: ('a', 0), 2: ('b', 0)}\n"
        "def f(x):\n"
        "    code, rest = T[x]\n"
        "    other, more = 'c', 1\n"
        "    Finding(code=code); Finding(code=other); Finding(code='d' if x else 'e')\n"
    )
    assert set(_codes_of(module)) == {"a", "b", "c", "d", "e"}


def _errors(kind: type[EnvlockError]) -> Iterator[type[EnvlockError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from _errors(below)


def test_every_error_has_its_exit_status_and_its_paragraph() -> None:
    raised = {kind.code: kind.exit_status for kind in _errors(EnvlockError)}
    section = _section("findings.md", "Errors")
    assert {match[1]: int(match[2]) for match in _ROW.finditer(section)} == raised
    assert sorted(_headings("findings.md", "Errors")) == sorted(raised)


def test_every_exit_status_is_told() -> None:
    table = _section("findings.md", "Exit status")
    told = {int(status) for status in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)}
    assert told >= {0, 1, *(kind.exit_status for kind in _errors(EnvlockError))}


# --- the lockfile


def _full_lock() -> Lock:
    """A lock in which every key is written."""
    sha256 = "0" * 64
    fixups = (Fixup(place="lib", path="a", sha256=sha256), Fixup(place="lib", path="b", sha256=None))
    wheel = Wheel(
        file="torch-2.6.0-py3-none-any.whl",
        platforms=("linux-64",),
        sha256=sha256,
        size=1,
        unpacked=1,
        files=1,
        digest=sha256,
        fixups=fixups,
    )
    stack = Stack(
        torch="2.6.0",
        cuda="12.4",
        variant="cu124",
        cudnn="9.1.0.70",
        nccl="2.21.5",
        triton="3.2.0",
        gpu_archs=("sm_90",),
        driver="525.60.13",
    )
    digest = f"sha256:{sha256}"
    built = BuiltImage(format=1, id=digest, manifest=digest, diff_ids=(digest,))
    image = ImagePlatform(manifest=digest, diff_ids=(digest,), built=built)
    return Lock(
        manifest=sha256,
        python="3.11",
        python_exact="3.11.11",
        platforms=("linux-64",),
        glibc="2.28",
        exclude_newer="2025-03-01T00:00:00Z",
        project="demo",
        stack={"linux-64": stack},
        settings={"A": "1"},
        distributions=(
            Distribution(
                name="torch", version="2.6.0", index="default", requires=("torch",), wheels=(wheel,)
            ),
        ),
        image=ImageLock(base="python:3.11", digest=f"sha256:{sha256}", platforms={"linux-64": image}),
        conda=CondaLock(channels=("conda-forge",), virtual_packages={"linux-64": {"__cuda": "12.9"}}),
        conda_packages=(_full_package(sha256),),
        numerics=(_full_reference(sha256),),
    )


def _full_reference(sha256: str) -> Reference:
    probe = ProbeReference(name="sort", dtype="int64", sha256=sha256, sample="AQAAAAAAAAA=")
    return Reference(
        class_name="nc1:0123456789abcdef",
        platform="linux-64",
        runtime=f"rt1:{sha256}",
        host={"threads": "4"},
        probes=(probe,),
    )


def _full_package(sha256: str) -> CondaPackage:
    return CondaPackage(
        name="demo",
        version="1.0",
        build="h0_1",
        build_number=1,
        subdir="noarch",
        noarch="python",
        platforms=("linux-64",),
        channel="conda-forge",
        file="demo-1.0-h0_1.conda",
        sha256=sha256,
        md5="0" * 32,
        size=1,
        timestamp=1,
        depends=("__cuda >=12",),
        constrains=("other >=1",),
        paths=sha256,
        distributions=(("demo", "1.0"),),
        entry_points=("demo = demo:main",),
        site_packages="lib/python3.11/site-packages",
        link_scripts=("post-link",),
        clobbers=("lib/a",),
        links=("lib/b -> c",),
    )


_ARRAYS_OF_TABLES = ("distribution", "conda-package", "numerics")


def _written() -> Mapping[str, set[str]]:
    """Keys by the section of the page that must have them."""
    document = tomli.loads(dumps(_full_lock()))
    distribution = document["distribution"][0]
    image = document["image"]["platforms"]["linux-64"]
    wheel = distribution["wheels"][0]
    fixups: set[str] = set().union(*wheel["fixups"])
    tables = {key for key, value in document.items() if isinstance(value, dict) or key in _ARRAYS_OF_TABLES}
    return {
        "Top level": document.keys() - tables,
        "stack": set(document["stack"]["linux-64"]),
        "runtime": set(document["runtime"]["linux-64"]),
        "image": (document["image"].keys() - {"platforms"}) | image.keys() | image["built"].keys(),
        "conda": document["conda"].keys() - {"virtual-packages"},
        "distribution": distribution.keys() | wheel.keys() | fixups,
        "conda-package": document["conda-package"][0].keys(),
        "numerics": document["numerics"][0].keys() | document["numerics"][0]["probes"][0].keys(),
    }


def test_the_full_lock_is_full() -> None:
    lock = _full_lock()
    wheel = lock.distributions[0].wheels[0]
    assert lock.image is not None
    package, image = lock.conda_packages[0], lock.image.platforms["linux-64"]
    for value in (lock, lock.stack["linux-64"], lock.image, image, wheel, lock.conda, package):
        assert value is not None
        assert [row.name for row in fields(value) if not getattr(value, row.name)] == []
    assert loads(dumps(lock), where="envlock.lock") == lock


@pytest.mark.parametrize(
    "title", ["Top level", "stack", "runtime", "image", "conda", "distribution", "conda-package", "numerics"]
)
def test_every_key_of_the_lockfile_is_told_and_no_other(title: str) -> None:
    assert set(_keys(_section("lockfile.md", title))) == _written()[title]


def test_every_table_of_the_lockfile_has_its_section() -> None:
    for table in tomli.loads(dumps(_full_lock())):
        assert table in _written()["Top level"] or _section("lockfile.md", table)


def test_the_example_lock_is_what_envlock_writes() -> None:
    example = _first_toml(_text("lockfile.md"))
    assert dumps(loads(example, where="envlock.lock")) == example


# --- manifests


def _manifests() -> Iterator[tuple[str, str, str]]:
    """(page, file name, text) of every example of a manifest."""
    pages = [
        ROOT / "README.md",
        DOCS / "manifest.md",
        DOCS / "tutorial.md",
        *sorted(DOCS.glob("how-to/*.md")),
    ]
    for page in pages:
        for match in _FENCE.finditer(page.read_text(encoding="utf-8")):
            if match["language"] == "toml":
                is_pyproject = "[tool.envlock" in match["body"]
                yield _named(page), "pyproject.toml" if is_pyproject else "envlock.toml", match["body"]
            elif match["language"] == "python" and "# /// script" in match["body"]:
                yield _named(page), "train.py", match["body"]


MANIFESTS = tuple(_manifests())


@pytest.mark.parametrize(
    ("file", "text"),
    [(file, text) for _, file, text in MANIFESTS],
    ids=[f"{page}-{number}" for number, (page, _, _) in enumerate(MANIFESTS)],
)
def test_an_example_of_a_manifest_is_read(file: str, text: str, tmp_path: Path) -> None:
    (tmp_path / file).write_text(text, encoding="utf-8")
    (tmp_path / "requirements.txt").write_text("six\n", encoding="utf-8")
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "extra.txt").write_text("six\n", encoding="utf-8")
    document = tomli.loads(text) if file != "train.py" else {}
    table = document.get("tool", {}).get("envlock", document)
    for variant in (None, *table.get("variants", {})):
        manifest = read_manifest(tmp_path / file, variant=variant)
        assert manifest.requirements
        assert manifest.variant == variant


def test_there_are_examples() -> None:
    assert {page for page, _, _ in MANIFESTS} >= {"README.md", "docs/manifest.md", "docs/tutorial.md"}
    assert {file for _, file, _ in MANIFESTS} == {"pyproject.toml", "envlock.toml", "train.py"}


def test_every_key_of_the_manifest_is_told_and_in_an_example() -> None:
    from envlock.manifest.choices import KEYS

    assert _first_table(_section("manifest.md", "Keys")) == [*KEYS, "variants"]
    whole = tomli.loads(_first_toml(_section("manifest.md", "An example with every key")))
    assert set(whole["tool"]["envlock"]) == {*KEYS, "variants"}


# --- the commands


def test_the_reference_is_what_the_commands_print() -> None:
    script = ROOT / "scripts" / "write_reference.py"
    page = runpy.run_path(str(script))["page"]()
    assert _text("commands.md") == page, "`python scripts/write_reference.py` writes docs/commands.md anew"


# --- the vectors of the identity


def _vectors() -> Mapping[str, Any]:
    return tomli.loads(_first_toml(_text("identity.md")))


def test_the_vector_of_an_entry_list() -> None:
    demo = _vectors()["distribution"]
    entries = [Entry(*row) for row in demo["entries"]]
    assert distribution_digest(demo["name"], demo["version"], entries) == demo["digest"]


def test_the_vectors_of_leaves() -> None:
    leaves = _vectors()["leaf"]
    assert [leaf(row["kind"], row["name"], row["value"]) for row in leaves] == [row["hash"] for row in leaves]


@pytest.mark.parametrize("name", ["A", "B", "C"])
def test_the_vectors_of_runtimes(name: str) -> None:
    runtime = _vectors()["runtime"][name]
    python = {key.replace("-", "_"): value for key, value in runtime["python"].items()}
    tree = RuntimeTree(
        PythonIdentity(**python),
        runtime["distributions"],
        runtime.get("conda", {}),
        runtime.get("settings", {}),
    )
    assert runtime_hash(tree) == runtime["hash"]


def test_the_vector_of_a_paths_digest() -> None:
    paths = _vectors()["paths"]
    columns = ("path", "path_type", "sha256", "prefix_placeholder", "file_mode")
    rows = [[row.get(column) for column in columns] for row in paths["row"]]
    rows.sort(key=lambda row: row[0].encode())
    text = json.dumps(rows, separators=(",", ":"), ensure_ascii=False)
    assert hashlib.sha256(text.encode()).hexdigest() == paths["digest"]
    assert _vectors()["runtime"]["C"]["conda"]["demo"] == conda_value(
        "1.0", "h0_0", "linux-64", paths["digest"]
    )


def test_the_vectors_of_wheels_are_those_that_the_slow_tests_prove() -> None:
    wheels = _vectors()["wheel"]
    assert {file: (row["entries"], row["digest"]) for file, row in wheels.items()} == VECTORS


# --- JSON

_INTERNAL = {"envlock.base/1", "envlock.expect/1", "envlock.task/1", "envlock.wheel/1"}


def test_every_schema_has_its_section() -> None:
    sources = (path.read_text(encoding="utf-8") for path in (ROOT / "envlock").rglob("*.py"))
    schemas = {schema for text in sources for schema in re.findall(r'"(envlock\.[a-z-]+/\d+)"', text)}
    titles = {title for title in _HEADING.findall(_text("json.md")) if title.startswith("envlock.")}
    assert titles == schemas - _INTERNAL


def test_the_keys_of_a_receipt() -> None:
    section = _section("json.md", "envlock.receipt/1")
    hints = get_type_hints(receipt.Receipt)
    assert _keys(section) == list(hints)
    kinds = (receipt.CodeFacts, receipt.OutputFacts, receipt.AboutFacts, receipt.CheckFacts)
    for key in {key for kind in (*kinds, receipt.LibraryFacts) for key in get_type_hints(kind)}:
        assert f"`{key}`" in section


def _facts_tables() -> dict[str, Any]:
    kinds = {name: kind for name, kind in vars(facts).items() if hasattr(kind, "__total__")}
    assert "Facts" in kinds
    return kinds


@pytest.mark.parametrize("name", sorted(_facts_tables()))
def test_every_key_of_the_facts_is_told(name: str) -> None:
    assert _first_table(_section("json.md", name)) == list(get_type_hints(_facts_tables()[name]))


def test_the_keys_of_a_report() -> None:
    finding = Finding(code="a", severity=Severity.NOTE, component="host", message="b")
    numerics = Numerics(
        class_name="a", reference="b", host={}, reference_host={}, equal=1, differences=(_difference(),)
    )
    report = Report(
        verdict=Verdict.MATCH,
        expected="",
        observed=None,
        level="warm",
        target="",
        findings=(finding,),
        numerics=numerics,
        loaded=Loaded(pid=1, imported=(), libraries=(LoadedLibrary(file="a", owner="b"),)),
    ).to_json()
    for key in (
        *report["loaded"],
        *report["loaded"]["libraries"][0],
        *report["numerics"],
        *report["numerics"]["differing"][0],
    ):
        assert f"`{key}`" in _section("json.md", "envlock.verify/1")
    assert _keys(_section("json.md", "envlock.verify/1")) == [*report, *report["findings"][0]]


def _difference() -> ProbeDifference:
    return ProbeDifference(
        name="a",
        changed_percent=1.0,
        median_ulp=1.0,
        max_relative=0.1,
        repeats=True,
        cause=None,
        because=None,
        words="",
    )


def test_the_keys_of_a_difference() -> None:
    old = _full_lock()
    torch = old.distributions[0]
    wheel = replace(torch.wheels[0], digest="1" * 64)
    new = replace(old, python="3.12", distributions=(replace(torch, wheels=(wheel,)),))
    found = document(diff(old, new), old="a", new="b")
    runtime = found["runtime"]
    distribution, platform = runtime["distributions"][0], found["platforms"][0]
    section = _section("json.md", "envlock.diff/1")
    assert _keys(section) == [*found, *platform, *runtime, *distribution]
    for key in (*found["other"], *runtime["python"], *distribution["old"], *distribution["wheels"][0]["old"]):
        assert f"`{key}`" in section
    (package,) = old.conda_packages
    changed = replace(old, conda_packages=(replace(package, paths="2" * 64),))
    (told,) = document(diff(old, changed), old="a", new="b")["runtime"]["conda"]
    for key in (*told, *told["old"]):
        assert f"`{key}`" in section


def test_the_keys_of_an_explanation() -> None:
    result = CliRunner().invoke(cli, ["explain", "torch==2.6.0", "--json"])
    found = json.loads(result.stdout)
    section = _section("json.md", "envlock.explain/1")
    assert _keys(section) == [*found, *found["reasons"][0], *found["nearest"][0]]
    for key in (*found["asked"], *found["reasons"][0]["sources"][0]):
        assert f"`{key}`" in section


def test_the_keys_of_a_lock_explained() -> None:
    lock = ROOT / "examples" / "bert-cu124" / "envlock.lock"
    result = CliRunner().invoke(cli, ["explain", "-l", str(lock), "--why", "sympy", "--json"])
    found = json.loads(result.stdout)
    [platform] = found["platforms"]
    [distribution] = platform["distributions"]
    section = _section("json.md", "envlock.explain-lock/1")
    assert _keys(section) == [*found, *platform, *distribution]
    for key in (*platform["whole"], *platform["roots"][0], *distribution["needs"][0]):
        assert f"`{key}`" in section


def test_the_example_of_an_explanation_is_what_is_printed() -> None:
    shell = next(row["body"] for row in _FENCE.finditer(_text("how-to/what-exists.md")))
    command, _, shown = shell.partition("\n")
    result = CliRunner().invoke(cli, command.removeprefix("$ envlock ").split())
    assert shown.removesuffix("  …\n")
    assert result.stdout.startswith(shown.removesuffix("  …\n"))


def test_the_keys_of_an_error() -> None:
    fault = Fault(where="a", message="b")
    error = error_document(ManifestInvalid("c", faults=(fault,)))
    assert _keys(_section("json.md", "Errors")) == ["error", *error]
    assert set(error["faults"][0]) == {"where", "message", "hint"}


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ("envlock.init/1", ("init", "{example}", "--dry-run", "--json")),
        ("envlock.env/1", ("env", "-l", "{example}/envlock.lock", "--json")),
        ("envlock.lock-check/1", ("lock", "-p", "{example}", "--check", "--json")),
    ],
)
def test_the_keys_of_what_a_command_prints(schema: str, words: tuple[str, ...]) -> None:
    example = str(ROOT / "examples" / "quickstart")
    result = CliRunner().invoke(cli, [word.format(example=example) for word in words])
    document = json.loads(result.stdout)
    assert document["schema"] == schema
    assert _keys(_section("json.md", schema)) == list(document)
