"""Dockerfiles and YAML that makes containers: stages, images, lines of shell."""

from __future__ import annotations

import re
from collections.abc import Iterator

from envlock.audit.repository.content import Dockerfile, ImageUse, Script, Source, Stage
from envlock.manifest.init.dockerfile import Stage as ReadStage
from envlock.manifest.init.dockerfile import pairs_of, stages_of
from envlock.manifest.init.dockerfile_lines import substituted

_IMAGE_KEY = re.compile(
    r"(?m)^(?P<before>[ \t]*-?[ \t]*(?:image|container|base|container-image)[ \t]*[:=][ \t]*)"
    r"(?P<quote>[\"']?)(?P<image>[\w.$-]+(?:[\w./:@${}-]*[\w}]))(?P=quote)[ \t]*(?:#.*)?$"
)
# A bare word after `image:` may be the name of a picture; these say that it is a container's.
_REFERENCE = re.compile(r"[\w.-]+(?:/[\w.-]+)*(?::[\w.-]+)?(?:@sha256:[0-9a-f]{64})?")
_ENV_DEFAULT = re.compile(r"\$\{[A-Za-z_]\w*:?-([^{}]*)\}")


def dockerfile(source: Source, *, is_example: bool = False) -> Dockerfile | None:
    """The stages; None where there is no FROM."""
    found = stages_of(source.text)
    names = [each.name.lower() for each in found]
    stages = tuple(_stage(each, names[:place], source) for place, each in enumerate(found))
    return Dockerfile(source=source, stages=stages, is_example=is_example) if stages else None


def _stage(read: ReadStage, before: list[str], source: Source) -> Stage:
    return Stage(
        base=read.base,
        place=source.place(read.line),
        is_image=read.base.lower() not in (*before, "scratch"),
        instructions=tuple(read.instructions),
    )


def images_of(found: Dockerfile) -> Iterator[ImageUse]:
    for stage in found.stages:
        if stage.is_image:
            yield ImageUse(reference=stage.base, place=stage.place, is_told=found.is_example)


def script_of(found: Dockerfile) -> Script:
    """What RUN runs, with the variables that the file itself sets."""
    lines = []
    for stage in found.stages:
        values: dict[str, str] = {}
        for each in stage.instructions:
            if each.name in ("ARG", "ENV") and "=" in each.value:
                values.update(pairs_of(substituted(each.value, values)))
            elif each.name == "RUN":
                text = substituted(f"{each.value}\n{each.body}" if each.body else each.value, values)
                lines.append((found.source.place(each.line), text))
    kind = "prose" if found.is_example else "dockerfile"
    return Script(file=found.source.file, kind=kind, lines=tuple(lines))


def images_of_yaml(source: Source) -> Iterator[ImageUse]:
    """`image: …` of compose, Kubernetes, GitLab CI, GitHub Actions, dev containers."""
    for match in _IMAGE_KEY.finditer(source.text):
        reference = _ENV_DEFAULT.sub(r"\1", match["image"])
        if _REFERENCE.fullmatch(reference) and not reference.endswith(
            (".png", ".jpg", ".jpeg", ".svg", ".gif")
        ):
            line = source.text.count("\n", 0, match.start("image")) + 1
            column = match.start("image") - (source.text.rfind("\n", 0, match.start("image")) + 1) + 1
            yield ImageUse(reference=reference, place=source.place(line, column))
