"""Tags of `pytorch/pytorch`: those that are pinned by digest exist, those that people made up never did."""

from __future__ import annotations

import re

import pytest

from envlock import stack
from envlock.stack.facts import document


@pytest.mark.parametrize("tag", document("docker_tags")["digests"])
def test_a_tag_that_is_pinned_by_digest_exists(tag: str) -> None:
    assert stack.image_tag_exists(tag) is True
    assert not stack.never_published(tag)
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", stack.image_digest(tag) or "")


@pytest.mark.parametrize("tag", document("docker_tags")["never_published"]["tags"])
def test_a_tag_that_people_made_up_never_existed(tag: str) -> None:
    assert stack.image_tag_exists(tag) is False
    assert stack.never_published(tag)
    assert stack.image_digest(tag) is None


@pytest.mark.parametrize(
    "tag",
    [
        "2.6-cuda12.4-cudnn9-runtime",  # X.Y.Z is always whole
        "2.16-cuda13.2-cudnn9-runtime",
        "2.6.0-cuda12.4-cudnn9",
        "2.6.0-cuda12.4-cudnn9-runtime-slim",
        "2.6.0-cuda12.1-cudnn9-runtime",
        "2.6.0-runtime",
    ],
)
def test_other_forms_of_a_known_release_never_existed(tag: str) -> None:
    assert stack.never_published(tag)


@pytest.mark.parametrize(
    "tag",
    [
        "latest",
        "1.13.1-cuda11.6-cudnn8-runtime",
        "1.0-cuda10.0-cudnn7-devel",
        "2.15.0-cuda13.2-cudnn9-runtime",
        "2.99.0-cuda14.0-cudnn10-devel",
        "nightly-devel",
        "",
    ],
)
def test_what_the_facts_do_not_cover_is_not_judged(tag: str) -> None:
    assert stack.image_tag_exists(tag) is None
    assert not stack.never_published(tag)


def test_the_tags_of_a_release() -> None:
    assert stack.image_tags("2.6.0") == (
        "2.6.0-cuda11.8-cudnn9-runtime",
        "2.6.0-cuda11.8-cudnn9-devel",
        "2.6.0-cuda12.4-cudnn9-runtime",
        "2.6.0-cuda12.4-cudnn9-devel",
        "2.6.0-cuda12.6-cudnn9-runtime",
        "2.6.0-cuda12.6-cudnn9-devel",
    )
    assert stack.image_tags("2.15.0") == ()
    assert set(stack.image_tags("2.3.1")) < set(stack.image_tags())
