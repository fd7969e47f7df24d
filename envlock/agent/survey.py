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
from typing import Any, Dict, List, Mapping, Optional, Set

from . import environment, expect, facts, warm
from .full_pass import CONTENT, LEVELS, ROOTS, WARM, FullPass, Request, conda_alone, empty_document
from .target import open_target

AGENT_VERSION = 3

__all__ = ["CONTENT", "LEVELS", "ROOTS", "WARM", "Request", "survey"]


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
    document["environment"] = environment.relevant(request.environment, request.expectation.settings)
    document["libraries"] = _libraries(request.environment, set(document["library_files"]))
    document["timing"]["total_seconds"] = round(time.time() - started, 4)
    return document


def _full(request: Request, cache: Optional[warm.WarmCache]) -> facts.Facts:
    started_ns = time.time_ns()
    target, prefix, faults, reason = open_target(request.prefix, request.in_process, request.described)
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
        warm.save(request.cache, head, work.known(), started_ns)
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


def _libraries(variables: Mapping[str, str], installed: Set[str]) -> List[facts.LibraryFacts]:
    names = {os.path.basename(path) for path in installed}
    preloads = [(variable, file, "") for variable, file in environment.preloaded(variables)]
    rows = preloads + environment.shadowing(variables, names)
    return [
        facts.LibraryFacts(variable=v, file=file, shadows=name)
        for v, file, name in rows
        if not _is_one_of(file, installed)
    ]


def _is_one_of(file: str, installed: Set[str]) -> bool:
    return os.path.normpath(file) in installed
