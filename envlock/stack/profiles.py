"""Settings that make numbers repeat, by name. From `data/profiles.toml`."""

from __future__ import annotations

from dataclasses import dataclass

from packaging.version import Version

from envlock.stack.facts import document

_FILE = "profiles"
_NUMPY = "{numpy-above-avx2}"


@dataclass(frozen=True, kw_only=True, slots=True)
class ProfileSetting:
    name: str
    value: str
    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    """`says` is what the profile is for, in a line."""

    name: str
    says: str
    settings: tuple[ProfileSetting, ...]


def profile(name: str, numpy: str | None = None) -> Profile:
    """The settings of a profile, for a version of NumPy (None: the newest). Raises KeyError.

    Without NumPy's own names for the features a setting would be refused with a warning at its import.
    """
    row = document(_FILE)[name]
    settings = tuple(
        ProfileSetting(name=key, value=_value(each["value"], numpy), why=each["why"])
        for key, each in row["settings"].items()
    )
    return Profile(name=name, says=row["says"], settings=settings)


def _value(text: str, numpy: str | None) -> str:
    if text != _NUMPY:
        return text
    facts = document(_FILE)["numpy"]
    is_new = numpy is None or Version(numpy) >= Version(facts["renamed-since"])
    return " ".join(facts["above-avx2" if is_new else "above-avx2-before"])
