"""Where other tools look for distributions, as `cuda`, `sources` and `index-of` say it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from packaging.utils import canonicalize_name

from envlock.manifest import patterns
from envlock.manifest.init.model import Asking, Said, Source
from envlock.manifest.requirements_file import IndexOption
from envlock.manifest.tables import code, shown

DEFAULT, PYTORCH = "default", "pytorch"
NOT_READ = "not carried over: envlock has no such key, so write what counts in `requirements`"
_USER = re.compile(r"(?<=//)[^/@\s]*(?:@[^/@\s]*)*@")
_VARIANT_PATH = re.compile(r"(?P<base>.*/whl)/(?:cpu|cu[0-9]{3})/?")
_LINKS_OF_TORCH = re.compile(r"(?P<base>.*/whl)/(?:(?P<variant>cpu|cu[0-9]{3})/)?torch_stable\.html")
_NO_NAME = re.compile(r"[^a-z0-9._-]+")
_OF_EVERY_HOST = ("www", "pypi", "pip", "python", "packages", "download", "repo", "index", "simple")


@dataclass(frozen=True, kw_only=True, slots=True)
class Pointer:
    """An index as a tool is told of it. `name` None: it has none there. `everything`: looked at for every
    distribution; `replaces`: in the place of the default index."""

    url: str
    where: str
    name: str | None = None
    everything: bool = False
    replaces: bool = False


def add_index(pointer: Pointer, asking: Asking) -> str | None:
    """Say an index in the manifest's words; the name that `index-of` may call it by.

    None where it is none of its own: the default index, a part of the PyTorch index, or at fault.
    """
    url = _without_user(pointer, asking)
    if IndexOption(option="", url=url, where="").is_built_in:
        return None
    cuda = cuda_of_url(url)
    if cuda is not None:
        asking.cudas.append(Said(value=cuda, where=pointer.where))
        _add_pytorch(url, pointer.where, asking)
        return None
    return _add_source(url, pointer, asking)


def cuda_of_url(url: str) -> str | None:
    """The `cuda` that a part of the PyTorch index stands for, on whatever host.

    >>> cuda_of_url("https://mirror.example/whl/cu118"), cuda_of_url("https://mirror.example/simple")
    ('11.8', None)
    """
    return IndexOption(option="", url=url, where="").cuda


def add_torch_links(url: str, where: str, asking: Asking) -> bool:
    """Say the page that PyTorch's old instructions give to `--find-links`; False where it is another."""
    match = _LINKS_OF_TORCH.fullmatch(url)
    if match is None:
        return False
    if match["variant"]:
        cuda = cuda_of_url(f"/whl/{match['variant']}")
        asking.cudas.append(Said(value=cuda or "cpu", where=where))
    _add_pytorch_source(match["base"], where, asking)
    return True


def _add_pytorch(url: str, where: str, asking: Asking) -> None:
    match = _VARIANT_PATH.fullmatch(url)
    if match is not None:
        _add_pytorch_source(match["base"], where, asking)


def _add_pytorch_source(base: str, where: str, asking: Asking) -> None:
    """A mirror of it; its own address counts without being said, so that a mirror can be set elsewhere."""
    url = f"{base}/{{variant}}"
    if not patterns.SOURCE_URL.admits(url) or "{" in base:
        asking.note(where, f"not carried over: {shown(base)} is not {patterns.SOURCE_URL.says}")
    elif url not in asking.known_sources and all(each.name != PYTORCH for each in asking.sources):
        asking.sources.append(Source(name=PYTORCH, url=url, where=where))


def _add_source(url: str, pointer: Pointer, asking: Asking) -> str | None:
    if not patterns.SOURCE_URL.admits(url) or "{" in url:
        asking.note(pointer.where, f"not carried over: {shown(url)} is not {patterns.SOURCE_URL.says}")
        return None
    known = next((each for each in asking.sources if each.url == url), None)
    if known is not None:
        return known.name
    name = DEFAULT if pointer.replaces else _free(_name(pointer, url), asking)
    searched = pointer.everything and not pointer.replaces
    asking.sources.append(Source(name=name, url=url, where=pointer.where))
    if searched:
        asking.note(pointer.where, _only_by_name(name))
    return name


def _only_by_name(name: str) -> str:
    return (
        f"{code(name)} is asked only for what `index-of` names, so add what comes from there, "
        f'like `our-lib = "{name}"`'
    )


def _without_user(pointer: Pointer, asking: Asking) -> str:
    url = _USER.sub("", pointer.url)
    if url != pointer.url:
        asking.note(
            pointer.where,
            "the user name and password of the index were left out; keep them in netrc, a keyring or the "
            "environment",
        )
    return url


def _name(pointer: Pointer, url: str) -> str:
    name = _NO_NAME.sub("-", (pointer.name or _name_of_host(url)).lower()).strip("-._")
    # the words that mean another index in a manifest are not free
    return f"{name}-index" if name in (DEFAULT, PYTORCH, "") else name


def _name_of_host(url: str) -> str:
    """`company` of `https://pypi.company.example/simple`; an address has no name to take."""
    labels = (urlsplit(url).hostname or "").split(".")
    if labels[-1].isdigit() or ":" in labels[0]:
        return "extra"
    own = [label for label in labels[:-1] if label not in _OF_EVERY_HOST] or labels[:1]
    return own[-1]


def _free(name: str, asking: Asking) -> str:
    taken = {each.name for each in asking.sources}
    numbered = (f"{name}-{number}" for number in range(2, len(taken) + 3))
    return name if name not in taken else next(each for each in numbered if each not in taken)


def route(distribution: str, index: str, where: str, asking: Asking) -> None:
    asking.index_of.setdefault(canonicalize_name(distribution), Said(value=index, where=where))
