"""The configuration of an image: what stays of the base's, and what is ours."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from envlock.image.config import Purpose, config_bytes
from envlock.image.splice import Measured
from envlock.lock.model import ImageLock, ImagePlatform, Stack
from envlock.resolve.oci.media import parse_config
from tests.unit.lock.values import lock

BASE, OURS = "sha256:" + "b" * 64, "sha256:" + "c" * 64
NVIDIA = ["NVIDIA_VISIBLE_DEVICES=all", "NVIDIA_DRIVER_CAPABILITIES=compute,utility"]


def made(purpose: Purpose, **base: Any) -> Any:
    raw = {"architecture": "amd64", "os": "linux", "rootfs": {"diff_ids": [BASE]}, **base}
    ours = Measured(diff_id=OURS, digest=OURS, size=1)
    return json.loads(config_bytes(purpose, parse_config(json.dumps(raw).encode()), [("thing", ours)]))


def purpose(**changed: Any) -> Purpose:
    return Purpose(lock=replace(lock(), **changed), platform="linux-64", user="app")


@pytest.mark.parametrize(
    ("history", "kept"),
    [
        ([{"created_by": "ADD"}, {"created_by": "ENV", "empty_layer": True}], ["ADD", "ENV"]),
        ([{"created_by": "ADD"}, {"created_by": "RUN"}], ["base image"]),
        ("none", ["base image"]),
        (None, ["base image"]),
    ],
)
def test_the_history_of_a_base_counts_where_it_tells_of_all_its_layers(
    history: object, kept: list[str]
) -> None:
    found = made(purpose(), history=history)
    assert [row["created_by"] for row in found["history"]] == [*kept, "envlock: thing"]
    assert found["rootfs"]["diff_ids"] == [BASE, OURS]


@pytest.mark.parametrize(
    ("stack", "asked"),
    [(Stack(torch="2.6.0", cuda="12.4"), NVIDIA), (Stack(torch="2.6.0", cuda="cpu"), []), (Stack(), [])],
)
def test_an_image_asks_for_gpus_where_the_stack_has_cuda(stack: Stack, asked: list[str]) -> None:
    found = made(purpose(stack={"linux-64": stack}))["config"]["Env"]
    assert [row for row in found if row.startswith("NVIDIA_")] == asked


def test_the_base_is_named_where_one_is_locked() -> None:
    label = "org.opencontainers.image.base.name"
    assert label not in made(purpose())["config"]["Labels"]
    platforms = {"linux-64": ImagePlatform(manifest=BASE, diff_ids=(BASE,))}
    image = ImageLock(base="registry.example/base:1", digest=BASE, platforms=platforms)
    labels = made(purpose(image=image))["config"]["Labels"]
    assert labels[label] == "registry.example/base:1"
    assert labels["org.opencontainers.image.base.digest"] == BASE
