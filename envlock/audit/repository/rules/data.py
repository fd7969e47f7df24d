"""Models and data that are fetched by a name that moves, or without a hash."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from envlock.audit.repository.content import Call, Code, Repository
from envlock.audit.repository.model import Hit, Level, Rule

_HUB = ("hf_hub_download", "snapshot_download")
_LOADERS = ("csv", "json", "parquet", "text", "imagefolder", "audiofolder", "arrow", "pandas", "webdataset")
_DOWNLOADS = ("urllib.request.urlretrieve", "wget.download", "gdown.download", "gdown.cached_download")
_BRANCH = ("main", "master", "dev", "develop", "HEAD", "trunk")
_SUM = re.compile(r"sha\d*sum|md5sum|shasum|sha256|b2sum|--checksum|gpg\b.*--verify|\bopenssl dgst\b")
# At the beginning of a command: `pip install wget` fetches nothing by itself.
_FETCH = re.compile(
    r"(?:^|[;&|({`\n\"']|\b(?:sudo|do|then|else|time|exec))\s*"
    r"(?:wget\b(?!.*(?:-qO-|-O\s*-))|curl\b(?=.*(?:\s-[a-zA-Z]*[oO]\b|--output|--remote-name|>)))"
)
# Not of the machine itself, and not of a host that is only known when it runs.
_URL = re.compile(r"(?:https?|ftp)://(?!\$|\{|localhost|127\.|0\.0\.0\.0)[^\s\"'|;&)]+")
_PIPE = re.compile(r"\|\s*(?:sudo\s+)?(?:ba|z|da)?sh\b|\|\s*(?:sudo\s+)?(?:tee|apt-key|gpg)\b")


def _named(call: Call, code: Code, position: str | None = None) -> str | None:
    """The text of the first argument, or of the constant that it names; None where neither can be seen."""
    if position is not None and (value := call.keyword(position)) is not None:
        return code.text_of(value)
    return code.text_of(call.node.args[0]) if call.node.args else None


_FOLDERS = re.compile(
    r"(?:\.+|outputs?|checkpoints?|ckpts?|weights|models?|data|datasets?|results?|logs?|runs?|saved?|pretrained"
    r"|exp|experiments?|work_dirs?|tmp)/"
)


def _is_of_a_hub(name: str, call: Call) -> bool:
    """Not a word that only steers the code (`scratch`), and not a folder: OWNER/NAME, or a bare name that is
    written where it is fetched."""
    if name.count("/") == 1:
        return _FOLDERS.match(name.lower()) is None
    return "/" not in name and not (call.node.args and isinstance(call.node.args[0], ast.Name))


def _is_local(name: str, repository: Repository) -> bool:
    bare = name.strip("./")
    return name.startswith(("/", "./", "../", "~")) or any(
        each.startswith(f"{bare}/") for each in repository.names
    )


def unpinned_model(repository: Repository) -> Iterator[Hit]:
    for code in repository.own_code:
        for call in code.calls:
            last = call.name.rpartition(".")[2]
            if call.passes_on or call.keyword("revision") is not None:
                continue
            if last == "from_pretrained" or call.name == "sentence_transformers.SentenceTransformer":
                name = _named(call, code, "pretrained_model_name_or_path" if not call.node.args else None)
            elif last in _HUB:
                name = _named(call, code, "repo_id" if not call.node.args else None)
            elif call.name == "transformers.pipeline" and call.keyword("model") is not None:
                name = _named(call, code, "model")
            else:
                continue
            if name is not None and _is_of_a_hub(name, call) and not _is_local(name, repository):
                yield Hit(place=call.place, message=f"`{name}` is fetched without `revision`")


def unpinned_dataset(repository: Repository) -> Iterator[Hit]:
    for code in repository.own_code:
        for call in code.calls:
            if call.name != "datasets.load_dataset" or call.passes_on or call.keyword("revision") is not None:
                continue
            name = _named(call, code, "path" if not call.node.args else None)
            if name is not None and name not in _LOADERS and not _is_local(name, repository):
                yield Hit(place=call.place, message=f"the data set `{name}` is fetched without `revision`")


def hub_branch(repository: Repository) -> Iterator[Hit]:
    for code in repository.own_code:
        for call in code.calls:
            if call.name not in ("torch.hub.load", "torch.hub.help", "torch.hub.list") or _is_of_disk(
                call, code
            ):
                continue
            name = _named(call, code, "repo_or_dir" if not call.node.args else None)
            _, colon, ref = (name or "").partition(":")
            if name is not None and (not colon or ref in _BRANCH):
                what = f"the branch `{ref}`" if colon else "its default branch"
                yield Hit(place=call.place, message=f"`{name}` runs the code of {what}, as it is on that day")


def _is_of_disk(call: Call, code: Code) -> bool:
    source = call.keyword("source")
    return source is not None and code.text_of(source) == "local"


def unhashed_download(repository: Repository) -> Iterator[Hit]:
    for code in repository.own_code:
        if not any(each.module == "hashlib" for each in code.imports):
            yield from _downloads(code)
    for script in repository.scripts:
        if script.kind == "prose" or any(_SUM.search(text) for _, text in script.lines):
            continue
        for place, text in script.lines:
            fetch = _FETCH.search(text)
            url = None if fetch is None else _URL.search(text, fetch.end())
            if url is not None and not _PIPE.search(text):
                yield Hit(place=place, message=f"{url[0]} is fetched, and never compared with a hash")
    yield from _added(repository)


def _downloads(code: Code) -> Iterator[Hit]:
    for call in code.calls:
        is_plain = call.name in _DOWNLOADS
        is_torch = call.name == "torch.hub.download_url_to_file" and call.keyword("hash_prefix") is None
        is_state = call.name == "torch.hub.load_state_dict_from_url" and call.keyword("check_hash") is None
        if is_plain or is_torch or is_state:
            yield Hit(place=call.place, message=f"`{call.name}` fetches without a hash")


def _added(repository: Repository) -> Iterator[Hit]:
    for each in repository.dockerfiles:
        for stage in each.stages if not each.is_example else ():
            for one in stage.instructions:
                if one.name == "ADD" and "://" in one.value and "--checksum" not in one.value:
                    message = "ADD fetches from the network without `--checksum`"
                    yield Hit(place=each.source.place(one.line), message=message)


RULES = (
    Rule(
        id="unpinned-model",
        title="a model that is fetched by its name alone",
        level=Level.WARNING,
        weight=6,
        why="its owner may push other weights, another tokenizer or other code under that name",
        do='add `revision="COMMIT"`: the page of the model lists its commits',
        check=unpinned_model,
    ),
    Rule(
        id="unpinned-dataset",
        title="a data set that is fetched by its name alone",
        level=Level.WARNING,
        weight=6,
        why="data sets are corrected and cut; results on other rows cannot be compared",
        do='add `revision="COMMIT"`',
        check=unpinned_dataset,
    ),
    Rule(
        id="hub-branch",
        title="code of a branch, run by torch.hub",
        level=Level.WARNING,
        weight=8,
        why="what runs is whatever stands in that branch on the day",
        do="name a tag or a commit: `torch.hub.load('owner/repo:COMMIT', …)`",
        check=hub_branch,
    ),
    Rule(
        id="unhashed-download",
        title="a download that nothing is compared with",
        level=Level.WARNING,
        weight=5,
        why="what the address gives may change, or be cut short, and nobody would see it",
        do="keep its sha256 beside the address, and compare: `echo 'HASH  FILE' | sha256sum -c`",
        check=unhashed_download,
    ),
)
