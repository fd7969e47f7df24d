"""Conda's match specifications, as environment.yml has them, and their versions in the spelling of PEP 440.

    numpy            numpy=1.26      numpy=1.26.4=py311h64a7726_0     numpy==1.26.4     numpy>=1.20,<2
    numpy 1.26.*     numpy 1.26.4 py311*      conda-forge::numpy      numpy[version='>=1.20', build=py311*]

(conda's documentation, "Package match specifications".)
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from packaging.specifiers import InvalidSpecifier, SpecifierSet

_SPEC = re.compile(
    r"(?:(?P<channel>[^\s:\[\]]+(?:://[^\s:\[\]]+)?)::)?(?P<name>[A-Za-z0-9_][A-Za-z0-9_.-]*)\s*(?P<rest>.*)"
)
_BRACKET = re.compile(r"\[(?P<pairs>[^\]]*)\]\s*$")
_PAIR = re.compile(r"""(?P<key>[a-z_]+)\s*=\s*(?:'(?P<one>[^']*)'|"(?P<two>[^"]*)"|(?P<bare>[^,\s]+))""")
_CLAUSE = re.compile(r"(?P<operator>==|!=|<=|>=|~=|=|<|>)?\s*(?P<version>[A-Za-z0-9_.!+*-]+)")
_NUMBERS = re.compile(r"(?P<major>[0-9]+)(?:\.(?P<minor>[0-9]+))?(?:\.|$)")


@dataclass(frozen=True, kw_only=True, slots=True)
class CondaSpec:
    """`version` in conda's own spelling with its operator: `=1.26`, `>=1.20,<2`, `1.26.*`; empty: any."""

    name: str
    channel: str | None = None
    version: str = ""
    build: str | None = None

    @property
    def text(self) -> str:
        """Without channel and build, in a form that every reader of such specifications takes."""
        version = _strict(self.version)
        return f"{self.name} {version}" if version else self.name


def conda_spec(text: str) -> CondaSpec:
    """Parse one line of `dependencies`. Raises ValueError.

    >>> conda_spec("pytorch::pytorch=1.13.1=py3.9_cuda11.7_cudnn8.5.0_0").text
    'pytorch ==1.13.1'
    >>> conda_spec("numpy=1.26").text, conda_spec("numpy >=1.20,<2").text
    ('numpy 1.26.*', 'numpy >=1.20,<2')
    """
    match = _SPEC.fullmatch(text.strip())
    if match is None:
        raise ValueError(f'"{text}" is not a conda specification')
    rest, keys = _bracket(match["rest"].strip())
    if set(rest) & set("[]{}'\"#"):
        raise ValueError(f'"{text}" is not a conda specification')
    version, build = _version_and_build(rest)
    return CondaSpec(
        name=match["name"].lower(),
        channel=keys.get("channel") or match["channel"],
        version=keys.get("version", version),
        build=keys.get("build", build),
    )


def _bracket(rest: str) -> tuple[str, dict[str, str]]:
    match = _BRACKET.search(rest)
    if match is None:
        return rest, {}
    pairs = _PAIR.finditer(match["pairs"])
    return rest[: match.start()].strip(), {
        pair["key"]: pair["one"] or pair["two"] or pair["bare"] or "" for pair in pairs
    }


def _version_and_build(rest: str) -> tuple[str, str | None]:
    if not rest or rest == "*":
        return "", None
    if rest.startswith("=") and not rest.startswith("=="):
        version, equals, build = rest[1:].strip().partition("=")
        # with a build, the version is exact
        return (f"=={version}", build) if equals and build != "*" else (f"={version}", None)
    version, _, build = re.sub(r"([,|<>=!~])\s+", r"\1", rest).partition(" ")
    if not build and version.startswith("=="):
        version, _, build = version[2:].partition("=")
        version = f"=={version}"
    return version, build.strip() or None


def _strict(version: str) -> str:
    if version.startswith("=") and not version.startswith("=="):
        bare = version[1:]
        return bare if bare.endswith("*") else f"{bare}.*"
    if version and _CLAUSE.fullmatch(version) and version[0].isalnum() and "*" not in version:
        return f"=={version}"
    return version


def pep_440_of(spec: CondaSpec) -> str:
    """The version as a specifier for wheels; empty for any. Raises ValueError where there is none.

    >>> pep_440_of(conda_spec("pytorch=1.13.1")), pep_440_of(conda_spec("pytorch=2.0"))
    ('==1.13.1', '==2.0.*')
    """
    if "|" in spec.version:
        raise ValueError("alternatives cannot be asked for in one requirement")
    clauses = [_clause(part.strip()) for part in spec.version.split(",") if part.strip()]
    found = ",".join(each for each in clauses if each)
    try:
        SpecifierSet(found)
    except InvalidSpecifier as error:
        raise ValueError(f'"{spec.version}" is not a version that a wheel has') from error
    return found


def _clause(part: str) -> str:
    match = _CLAUSE.fullmatch(part)
    if match is None:
        raise ValueError(f'"{part}" is not a version that a wheel has')
    operator, version = match["operator"] or "==", match["version"]
    bare = version.removesuffix("*").removesuffix(".")
    if not bare:
        return ""
    is_wild = version.endswith("*") or (operator == "=" and bare.count(".") < 2)
    if operator in ("=", "==", "!="):
        return f"{'!=' if operator == '!=' else '=='}{bare}{'.*' if is_wild else ''}"
    return f"{operator}{bare}"


def x_y(version: str) -> str | None:
    """`11.3` of `=11.3.1`; None where no minor is named, or a range leaves it open.

    >>> x_y("=11.3.1"), x_y("11.8.*"), x_y(">=11"), x_y("=12")
    ('11.3', '11.8', None, None)
    """
    if any(sign in version for sign in "<>!|,~"):
        return None
    match = _NUMBERS.match(version.lstrip("=").strip())
    return f"{match['major']}.{match['minor']}" if match and match["minor"] else None


def cuda_of_build(build: str | None) -> str | None:
    """The `cuda` in a build string of PyTorch: of its own channel, and of conda-forge.

    >>> cuda_of_build("py3.9_cuda11.7_cudnn8.5.0_0"), cuda_of_build("cuda120_py311h_301")
    ('11.7', '12.0')
    >>> cuda_of_build("py3.9_cpu_0"), cuda_of_build("py39_0")
    ('cpu', None)
    """
    dotted = re.search(r"cuda_?([1-9][0-9]?)\.([0-9]+)", build or "")
    plain = re.search(r"cuda_?([1-9][0-9])([0-9])(?![0-9])", build or "")
    match = dotted or plain
    if match is not None:
        return f"{match[1]}.{match[2]}"
    return "cpu" if re.search(r"(?:^|_)cpu", build or "") else None
