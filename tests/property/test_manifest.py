"""Whatever a manifest holds: it is read, or ManifestInvalid says why not."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.requirements import Requirement

from envlock.errors import ManifestInvalid
from envlock.manifest import Manifest, read_manifest
from envlock.manifest.requirement import canonical
from envlock.manifest.tables import shown
from tests.property.mutations import mutated
from tests.support.examples import examples
from tests.unit.manifest.test_read import FULL
from tests.unit.manifest.test_requirements_file import AWKWARD

SCRIPT = "# /// script\n# dependencies = ['six']\n# [tool.envlock]\n# cuda = '12.4'\n# ///\n"


# What TOML can hold, below the keys that envlock knows and some that it does not.
_SCALARS = st.one_of(
    st.text(max_size=12),
    st.integers(),
    st.booleans(),
    st.floats(allow_nan=False),
    st.sampled_from(["3.11", "12.4"]),
)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
)
_KEYS = st.sampled_from(
    ["python", "cuda", "platforms", "glibc", "requirements", "requirements-files", "extras", "groups",
     "settings", "exclude-newer", "allow-sdist", "conda", "image", "sources", "index-of", "variants"]
)  # fmt: skip


def read_or_refuse(files: Mapping[str, str], name: str, environment: Mapping[str, str] | None = None) -> None:
    with TemporaryDirectory() as folder:
        for file, text in files.items():
            (Path(folder) / file).write_bytes(text.encode("utf-8", "surrogatepass"))
        outcome = outcome_of(Path(folder) / name, environment or {})
    match outcome:
        case Manifest():
            assert len(outcome.fingerprint) == 64
            assert all(note.isprintable() for note in outcome.notes)
        case ManifestInvalid():
            assert all(fault.where.isprintable() and fault.message.isprintable() for fault in outcome.faults)


def outcome_of(project: Path, environment: Mapping[str, str]) -> Manifest | ManifestInvalid:
    try:
        return read_manifest(project, variant="cpu", environment=environment)
    except ManifestInvalid as refusal:
        return refusal


@settings(max_examples=examples(250), deadline=None)
@given(text=mutated(FULL))
def test_a_mutated_pyproject(text: str) -> None:
    read_or_refuse({"pyproject.toml": text}, "")


@settings(max_examples=examples(250), deadline=None)
@given(text=mutated(AWKWARD))
def test_a_mutated_requirements_file(text: str) -> None:
    read_or_refuse(
        {
            "r.txt": text,
            "envlock.toml": 'requirements-files = ["r.txt"]\n[variants.cpu]\n',
            "pins.txt": "idna",
            "pyproject.toml": "[project]\nname='x'\ndependencies=[]",
        },
        "envlock.toml",
        {"X": "1"},
    )


@settings(max_examples=examples(80), deadline=None)
@given(text=mutated(SCRIPT))
def test_a_mutated_script(text: str) -> None:
    read_or_refuse({"train.py": text}, "train.py")


@settings(max_examples=examples(80), deadline=None)
@given(data=st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    with TemporaryDirectory() as folder:
        for name in ("pyproject.toml", "requirements.txt"):
            (Path(folder) / name).write_bytes(data)
        for name in ("pyproject.toml", "requirements.txt"):
            with pytest.raises(ManifestInvalid):
                read_manifest(Path(folder) / name, variant="cpu")


@settings(max_examples=examples(250), deadline=None)
@given(values=st.dictionaries(_KEYS, _VALUES, max_size=4))
def test_values_of_every_kind(values: Mapping[str, object]) -> None:
    lines = "".join(f"{key} = {_toml(value)}\n" for key, value in values.items())
    read_or_refuse({"envlock.toml": lines}, "envlock.toml")


def _toml(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str():
            escaped = "".join(f"\\U{ord(char):08x}" for char in value if not 0xD800 <= ord(char) <= 0xDFFF)
            return f'"{escaped}"'
        case list():
            return f"[{', '.join(map(_toml, value))}]"
        case dict():
            return f"{{{', '.join(f'{_toml(key)} = {_toml(item)}' for key, item in value.items())}}}"
        case _:
            return str(value)


@given(st.text())
def test_what_is_shown_can_be_printed(text: str) -> None:
    assert shown(text).isprintable()


_NAMES = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,8}[A-Za-z0-9])?", fullmatch=True)
_CLAUSES = st.lists(
    st.tuples(
        st.sampled_from(["==", ">=", "<", "~=", "!="]), st.from_regex(r"[0-9]\.[0-9]{1,2}", fullmatch=True)
    ),
    max_size=3,
)


@given(name=_NAMES, extras=st.lists(_NAMES, max_size=3), clauses=_CLAUSES, data=st.data())
def test_one_text_for_all_spellings(
    name: str, extras: list[str], clauses: list[tuple[str, str]], data: st.DataObject
) -> None:
    def spelled(extras: list[str], clauses: list[tuple[str, str]], space: str) -> Requirement:
        versions = ",".join(f"{space}{operator}{space}{version}" for operator, version in clauses)
        return Requirement(f"{name}[{','.join(extras)}]{versions}")

    one = spelled(extras, clauses, "")
    other = spelled(data.draw(st.permutations(extras)), data.draw(st.permutations(clauses)), " ")
    assert canonical(one) == canonical(other)
    assert canonical(Requirement(canonical(one))) == canonical(one)
