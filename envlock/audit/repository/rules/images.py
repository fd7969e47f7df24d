"""Container images: tags that never were, tags that move, and what is baked in."""

from __future__ import annotations

import re
from collections.abc import Iterator

from envlock.audit.repository.content import Dockerfile, ImageUse, Repository
from envlock.audit.repository.model import Edit, Hit, Level, Rule
from envlock.manifest.init.dockerfile import pairs_of
from envlock.stack.combination.model import Combination, ImageAsked, Reason, Verdict
from envlock.stack.combination.parsing import PYTORCH_IMAGE
from envlock.stack.combination.tags import NVIDIA_IMAGE, image_reasons
from envlock.stack.images import image_digest

_HUB = re.compile(r"^(?:(?:index\.|registry-1\.)?docker\.io/)?(?:library/)?")
_NGC = "nvcr.io/"
_MOVES = ("latest", "stable", "main", "master", "nightly", "edge", "dev", "devel", "runtime", "nightly-devel")


def parted(reference: str) -> tuple[str, str | None, str | None]:
    """(repository, tag, digest) without the names that Docker Hub goes by.

    >>> parted("docker.io/pytorch/pytorch:2.6.0@sha256:ab")
    ('pytorch/pytorch', '2.6.0', 'sha256:ab')
    >>> parted("localhost:5000/a")
    ('localhost:5000/a', None, None)
    """
    name, _, digest = reference.partition("@")
    folder, slash, last = name.rpartition("/")
    last, _, tag = last.partition(":")
    return _HUB.sub("", f"{folder}{slash}{last}"), tag or None, digest or None


def _is_known_by_name(reference: str) -> bool:
    """Not one that is put together when it is built: `${BASE}`."""
    return "$" not in reference and "{" not in reference


def _uses(repository: Repository, *, told: bool) -> Iterator[ImageUse]:
    for use in repository.images:
        if _is_known_by_name(use.reference) and (told or not use.is_told):
            yield use


def reason_of(reference: str) -> Reason | None:
    """What the facts say of an image that they cover."""
    repository, tag, _ = parted(reference)
    if repository not in (PYTORCH_IMAGE, NVIDIA_IMAGE) or tag is None:
        return None
    return image_reasons(Combination(image=ImageAsked(repository=repository, tag=tag)))[0]


def no_such_image(repository: Repository) -> Iterator[Hit]:
    for use in _uses(repository, told=True):
        reason = reason_of(use.reference)
        if reason is not None and reason.verdict is Verdict.NEVER_PUBLISHED:
            yield Hit(place=use.place, message=reason.message, do=reason.hint)


def image_unknown(repository: Repository) -> Iterator[Hit]:
    for use in _uses(repository, told=False):
        name, tag, digest = parted(use.reference)
        if name.startswith(_NGC) and tag is not None and digest is None:
            message = (
                f"whether `{name}:{tag}` was published cannot be told: the facts do not cover this registry"
            )
            yield Hit(place=use.place, message=message)


def moving_tag(repository: Repository) -> Iterator[Hit]:
    for use in _uses(repository, told=False):
        name, tag, digest = parted(use.reference)
        if digest is None and (tag is None or tag in _MOVES):
            spoken = f"`{name}` has no tag, which means `latest`" if tag is None else f"`{name}:{tag}` moves"
            yield Hit(place=use.place, message=f"{spoken}: another image every time")


def no_digest(repository: Repository) -> Iterator[Hit]:
    for use in _uses(repository, told=False):
        name, tag, digest = parted(use.reference)
        reason = reason_of(use.reference)
        is_real = reason is None or reason.verdict is not Verdict.NEVER_PUBLISHED
        if digest is None and tag is not None and tag not in _MOVES and is_real:
            yield Hit(
                place=use.place,
                message=f"`{name}:{tag}` is a name that its owner can give to another image",
                edit=_digest_edit(use, name, tag),
            )


def _digest_edit(use: ImageUse, name: str, tag: str) -> Edit | None:
    """The digest is put in where the facts know it."""
    known = image_digest(tag) if name == PYTORCH_IMAGE else None
    if known is None:
        return None
    place = use.place
    return Edit(file=place.file, line=place.line, old=use.reference, new=f"{use.reference}@{known}")


def _made(repository: Repository) -> Iterator[Dockerfile]:
    return (each for each in repository.dockerfiles if not each.is_example)


def root_container(repository: Repository) -> Iterator[Hit]:
    for each in _made(repository):
        last = each.stages[-1]
        users = [one.value.split(":")[0].strip() for one in last.instructions if one.name == "USER"]
        if not users and last.is_image and _is_known_by_name(last.base):
            yield Hit(place=last.place, message="no USER: everything in the container runs as root")
        elif users and users[-1] in ("root", "0"):
            line = [one.line for one in last.instructions if one.name == "USER"][-1]
            yield Hit(place=each.source.place(line), message="the last USER is root")


_SECRET_NAME = re.compile(r"(?i)(?:^|_)(?:PASSWORD|PASSWD|TOKEN|SECRET|API_?KEY|ACCESS_?KEY)(?:$|_)")
_PASSWORD = re.compile(
    r"(?:echo|printf)\s+(?:-\w+\s+)?[\"']?[\w-]+:[^\s|\"']+[\"']?\s*\|\s*(?:sudo\s+)?chpasswd"
)
_OTHER_PASSWORD = re.compile(r"\bchpasswd\b|\bpasswd\s+--stdin\b|\busermod\s+(?:\S+\s+)*-p\s|\bsshpass\s+-p")


def secret_in_image(repository: Repository) -> Iterator[Hit]:
    for each in repository.dockerfiles:
        for stage in each.stages:
            for one in stage.instructions:
                told = _secret(one.name, f"{one.value}\n{one.body}")
                if told is not None:
                    yield Hit(place=each.source.place(one.line), message=told)


def _secret(instruction: str, value: str) -> str | None:
    if instruction in ("ENV", "ARG"):
        pairs = pairs_of(value)
        named = [key for key, text in pairs.items() if _SECRET_NAME.search(key) and text and "$" not in text]
        return f"`{named[0]}` has its value in the image" if named else None
    if instruction == "RUN" and (_PASSWORD.search(value) or _OTHER_PASSWORD.search(value)):
        return "a password is set in the image, for whoever has the file"
    return None


_PIPED = re.compile(
    r"\b(?:curl|wget)\b[^|;&\n]*\|\s*(?:sudo\s+(?:-\S+\s+)*)?(?:/\S*/)?(?:(?:ba|z|da|k)?sh|python3?)\b"
    r"|\b(?:ba|z|da)?sh\s+(?:-c\s+[\"']?)?[<$]\(\s*(?:curl|wget)\b|\beval\s+[\"']?\$\(\s*(?:curl|wget)\b"
)


def pipe_to_shell(repository: Repository) -> Iterator[Hit]:
    for script in repository.scripts:
        for place, text in script.lines:
            match = _PIPED.search(text) if script.kind != "prose" else None
            if match is not None:
                what = " ".join(match[0].split())
                message = f"what `{what}` runs is whatever the address gives on that day"
                level = Level.NOTE if script.kind == "ci" else None  # no results are made there
                yield Hit(place=place, message=message, level=level)


RULES = (
    Rule(
        id="no-such-image",
        title="an image that was never published",
        level=Level.ERROR,
        weight=25,
        why="nobody can pull it, so whatever was run was another image",
        do="`envlock explain --image TAG` names the nearest that exist",
        check=no_such_image,
    ),
    Rule(
        id="image-unknown",
        title="an image whose tag cannot be judged offline",
        level=Level.UNKNOWN,
        weight=0,
        why="a tag that was deleted, or never was, ends the reproduction before it begins",
        do="pin it by digest: `docker buildx imagetools inspect IMAGE` prints it",
        check=image_unknown,
    ),
    Rule(
        id="moving-tag",
        title="`latest`, a tag that moves, or no tag",
        level=Level.WARNING,
        weight=10,
        why="the image of the results is gone when the tag moves on",
        do="name the version, and pin it by digest",
        check=moving_tag,
    ),
    Rule(
        id="no-digest",
        title="a tag without a digest",
        level=Level.WARNING,
        weight=5,
        why="tags are pushed again with security fixes, and deleted; only a digest is one set of bytes",
        do="write `IMAGE:TAG@sha256:…`; `envlock lock` does that for `[image] base`",
        check=no_digest,
    ),
    Rule(
        id="root-container",
        title="a container that runs as root",
        level=Level.WARNING,
        weight=2,
        why="root may change the environment while it runs, and clusters that forbid root cannot run it",
        do="add `USER app` after the last step that needs root",
        check=root_container,
    ),
    Rule(
        id="secret-in-image",
        title="a password or token in a Dockerfile",
        level=Level.ERROR,
        weight=10,
        why="it cannot be published as it is, so others get another image than the one that was used",
        do="use SSH keys or `docker run -e`, and `RUN --mount=type=secret` while building; change the secret",
        check=secret_in_image,
    ),
    Rule(
        id="pipe-to-shell",
        title="a script from the network that is run unseen",
        level=Level.WARNING,
        weight=8,
        why="it installs what is current on the day of the build, and nothing records what that was",
        do="fetch a release by its version, check its sha256, then run it",
        check=pipe_to_shell,
    ),
)
