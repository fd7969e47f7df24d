"""What prose says of PyTorch and CUDA: the stacks that it names, sentence by sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from envlock.audit.repository.content import Sentence, Source
from envlock.audit.repository.model import Place

_TORCH = re.compile(
    r"(?i)\b(?:py)?torch(?:-cuda)?(?:\s+(?:version|release)|\s+(?:docker\s+)?image)?[\s`*_:|-]*(?:v|==|=)?\s*"
    r"(?P<version>[12]\.\d{1,2}(?:\.\d+)?)"
    r"(?P<more>\+(?!cu|cpu)| ?or (?:later|newer|higher|above)| and (?:later|above)|及以上|以上)?"
)
_MORE_TORCH = re.compile(r"^(?:\s*(?:,|/|and|or|、|和|与)\s*v?(?P<version>2\.\d{1,2}(?:\.\d+)?)(?![\d.]*\d))")
_CUDA = re.compile(
    r"(?i)\bCUDA(?:\s+(?:toolkit|version|runtime))?[\s`*_:|=-]*v?(?P<version>1[0-4]\.\d)(?!\d)|\bcu(?P<short>1[0-4]\d)\b"
)
_MORE_CUDA = re.compile(
    r"^[`*_]*\s*(?:,|/|and|or|&|、|和|与|或)\s*(?:CUDA\s*)?[`*_]*(?P<version>1[0-4]\.\d)(?!\d|\.\d*\.)"
)
_CUDNN = re.compile(r"(?i)\bcuDNN(?:\s+version)?[\s`*_:|=-]*v?(?P<version>\d{1,2}(?:\.\d+){0,3})\b")
_NCCL = re.compile(r"(?i)\bNCCL(?:\s+version)?[\s`*_:|=-]*v?(?P<version>\d\.\d{1,2}(?:\.\d+)?)\b")
# A sentence that denies, compares or speaks of the host claims no stack.
_DENIES = re.compile(
    r"(?i)\b(?:not|never|no|cannot|without|dropped|removed|deprecated|instead|wrong|false|unlike|before|last|"
    r"ended|nightly|unless|or older|error|fail\w*|\w+n't)\b|不|没有|错误"
)
_HOST = re.compile(r"(?i)\b(?:system|host|local|nvidia-smi|nvcc|machine|installed|drivers?)\b|驱动|系统")
_SENTENCE_END = re.compile(
    r"(?<=[.!?;])\s+(?=[A-Z`*_\[(])|[\u3002\uff01\uff1f\uff1b]|\s*\|\s*\n"
    r"|\n\s*(?:[-*+]|\d+\.)\s+|\n\s*\n|\n(?=\s*(?:\||#))"
)

_OWN_COMMAND = re.compile(r"`envlock [^`]*`")  # a question is no claim


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """A stack that a sentence names, as versions in its own precision."""

    place: Place
    torch: str
    cuda: str | None = None
    cudnn: str | None = None
    nccl: str | None = None


# Nothing is judged of a sentence without one of these; a number that begins one may be of the last one.
OF_STACKS = re.compile(
    r"(?i)torch|cuda|cu1\d|cudnn|nccl|driver|驱动|_memory_history|alloc_max_entries|non-?\s?root|unprivileged"
    r"|\A[\s`*_|v]*1\d"
)


def sentences(source: Source) -> Iterator[Sentence]:
    """The sentences of a text that speak of stacks, rows of tables and items of lists each for themselves."""
    start, paragraph, line, counted = 0, 0, 1, 0
    for match in (*_SENTENCE_END.finditer(source.text), None):
        end = len(source.text) if match is None else match.start()
        text = source.text[start:end]
        if text.strip() and OF_STACKS.search(text):
            at = start + len(text) - len(text.lstrip())
            line, counted = line + source.text.count("\n", counted, at), at
            column = at - source.text.rfind("\n", 0, at)
            text = _OWN_COMMAND.sub("`…`", text)
            yield Sentence(text=text.strip(), place=source.place(line, column), paragraph=paragraph)
        if match is not None:
            gap = match[0]
            paragraph += "\n\n" in gap.replace(" ", "") or "#" in source.text[match.end() : match.end() + 1]
            start = match.end()


@dataclass(frozen=True, kw_only=True, slots=True)
class _Versions:
    torch: tuple[str, ...] = ()
    cuda: tuple[str, ...] = ()
    cudnn: tuple[str, ...] = ()
    nccl: tuple[str, ...] = ()
    is_range: bool = False


_NOTHING = _Versions()
_DIGIT = re.compile(r"\d")


def _versions(text: str) -> _Versions:
    if _DIGIT.search(text) is None:
        return _NOTHING
    found = list(_TORCH.finditer(text))
    return _Versions(
        torch=tuple(dict.fromkeys(each for match in found for each in _and_more(match, text, _MORE_TORCH))),
        cuda=tuple(dict.fromkeys(each for match in _CUDA.finditer(text) for each in _cudas(match, text))),
        cudnn=tuple(match["version"] for match in _CUDNN.finditer(text)),
        nccl=tuple(match["version"] for match in _NCCL.finditer(text)),
        is_range=any(match["more"] for match in found)
        or re.search(r"(?i)torch\s*(?:>=|>|<|~=|≥)", text) is not None,
    )


def _cudas(match: re.Match[str], text: str) -> Iterator[str]:
    if match["short"]:
        yield f"{match['short'][:2]}.{match['short'][2]}"
    else:
        yield from _and_more(match, text, _MORE_CUDA)


def _and_more(match: re.Match[str], text: str, pattern: re.Pattern[str]) -> Iterator[str]:
    """`11.8 and 12.1`, `11.8/12.1`: the others after the first."""
    yield match["version"]
    end = match.end()
    while (further := pattern.match(text[end:])) is not None:
        yield further["version"]
        end += further.end()


def claims(every: Sequence[Sentence]) -> Iterator[Claim]:
    """The stacks that a text names. A sentence that names none of PyTorch goes on about the one that its
    paragraph, or the whole text, is about."""
    rows = [(each, _versions(each.text)) for each in every]
    about = _only({each for _, said in rows for each in said.torch})
    last: tuple[int, str] | None = None
    for each, said in rows:
        named = _only(set(said.torch))
        if named is not None:
            last = (each.paragraph, named)
        standing = last[1] if last is not None and last[0] == each.paragraph else about
        torch: str | None = named if said.torch else standing
        if torch is None or said.is_range or _DENIES.search(each.text):
            continue
        if said.torch or not _HOST.search(each.text):
            yield from _of(each.place, torch, said)


def _only(found: set[str]) -> str | None:
    return next(iter(found)) if len(found) == 1 else None


def _of(place: Place, torch: str, said: _Versions) -> Iterator[Claim]:
    base = Claim(place=place, torch=torch)
    for cuda in said.cuda:
        yield replace(base, cuda=cuda)
    of_cuda = replace(base, cuda=_only(set(said.cuda)))
    for cudnn in said.cudnn:
        yield replace(of_cuda, cudnn=cudnn)
    for nccl in said.nccl:
        yield replace(of_cuda, nccl=nccl)
