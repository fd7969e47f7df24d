"""Observe one prefix: facts for the side that judges, at the level asked for.

roots    what the dist-info folders claim; no file is hashed but scripts
content  every byte that counts, scripts, bytecode, foreign code
warm     as content, but only what changed since the last full pass is read again

An empty expectation means that every distribution of the prefix is hashed.
"""

import hashlib
import json
import os
import time
from typing import Any, Dict, List, Optional, Set

from . import environment, expect, facts, loader, warm
from .full_pass import CONTENT, LEVELS, ROOTS, WARM, FullPass, Request, conda_alone, empty_document
from .gpu import gpu_facts
from .host import host_facts
from .installed import relative_to_prefix
from .kernels import kernel_class
from .offers import LIBRARY, offered
from .target import open_target

AGENT_VERSION = 5

__all__ = ["CONTENT", "LEVELS", "ROOTS", "WARM", "Request", "claims", "survey"]


def survey(request: Request) -> facts.Facts:
    """Observe a prefix. Faults of the target are facts, not exceptions."""
    started = time.time()
    cache = warm.load(request.cache) if request.cache and request.level == WARM else None
    if cache is not None and cache.head.get("shape") != _shape(request):
        cache = None
    if cache is not None and not cache.changed():
        document = _from_json(cache.head["facts"])
    else:
        document = _full(request, cache)
    _see_the_host(request, document)
    document["environment"] = environment.relevant(request.environment, request.expectation.settings)
    _ask_the_loader(request, document)
    document["timing"]["total_seconds"] = round(time.time() - started, 4)
    return document


def claims(request: Request) -> facts.Facts:
    """What the dist-info folders of a prefix claim, and nothing of the host and its loader."""
    return _full(request._replace(level=ROOTS), None)


def _see_the_host(request: Request, document: facts.Facts) -> None:
    """Each time: a cache is shared by hosts, and drivers change. An image (described) has no host."""
    if request.described is not None:
        return
    system = loader.this_system()
    cached = [system.cache[LIBRARY]] if LIBRARY in system.cache else []
    document["host"] = {
        **host_facts(request.environment),
        **offered(document["prefix"], cached, system.directories),
    }
    document["gpu"] = gpu_facts(request.environment, document["host"])
    document["kernels"] = kernel_class(request.environment, document["gpu"])


def _full(request: Request, cache: Optional[warm.WarmCache]) -> facts.Facts:
    started_ns = time.time_ns()
    target, prefix, faults, reason = open_target(
        request.prefix, request.in_process, request.described, request.answers
    )
    if target is None:
        document = empty_document(request, prefix.path)
        document["python_faults"] = [[fault.path, fault.reason] for fault in faults]
        document["unreadable"] = [["bin/python", reason]]
        conda_alone(request, prefix, faults, document)
        return document
    work = FullPass(request, target, cache)
    document = work.run()
    if cache is not None:
        document["level"] = WARM  # what did not change was not read again
    if request.cache and request.level != ROOTS:
        head = {"shape": _shape(request), "facts": document, "bytecode": sorted(work.same_bytecode)}
        # A clock that was set back during the pass dates later changes before its start.
        warm.save(request.cache, head, work.known(), min(started_ns, time.time_ns()))
    return document


def _from_json(document: Dict[str, Any]) -> facts.Facts:
    facts.check_schema(document)
    known: facts.Facts = document  # type: ignore[assignment]
    known["level"] = WARM
    known["timing"] = {}
    return known


def _shape(request: Request) -> Dict[str, Any]:
    """What a saved pass depends on besides the files."""
    expectation = json.dumps(expect.to_json(request.expectation), sort_keys=True)
    return {
        "agent": AGENT_VERSION,
        "prefix": request.prefix,
        "expectation": hashlib.sha256(expectation.encode()).hexdigest(),
        "environment": environment.shaping(request.environment),
    }


def _ask_the_loader(request: Request, document: facts.Facts) -> None:
    """What variables load or put first, and what stands behind each name that a locked library asks for."""
    installed = set(document["library_files"])
    variables = request.environment
    asked = loader.Loader(variables.get("LD_LIBRARY_PATH", ""), loader.this_system())
    found = loader.examine(asked, installed if request.level != ROOTS else ())
    by_name = environment.shadowing(variables, {os.path.basename(path): path for path in installed})
    rows = [loader.Shadow(variable, file, "", "", []) for variable, file in environment.preloaded(variables)]
    taken = {(row.file, row.name) for row in found.shadows}
    rows += [row for row in by_name if (row.file, row.name) not in taken] + found.shadows
    prefix = document["prefix"]
    document["libraries"] = [_described(row, prefix) for row in rows if not _is_one_of(row.file, installed)]
    document["loader"] = facts.LoaderFacts(
        providers={name: _named(files, prefix) for name, files in found.providers.items()},
        unresolved={name: _named(files, prefix) for name, files in sorted(found.unresolved.items())},
    )


def _described(row: loader.Shadow, prefix: str) -> facts.LibraryFacts:
    return facts.LibraryFacts(
        variable=row.variable,
        file=row.file,
        shadows=row.name,
        instead=relative_to_prefix(row.instead, prefix),
        takers=_named(row.takers, prefix),
    )


def _named(files: List[str], prefix: str) -> List[str]:
    return [relative_to_prefix(file, prefix) for file in files]


def _is_one_of(file: str, installed: Set[str]) -> bool:
    return os.path.normpath(file) in installed
