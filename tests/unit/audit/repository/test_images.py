"""Rules about images, each on a Dockerfile or a YAML file that breaks it and one that does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from envlock.audit.repository import judge, read_repository

_DIGEST = "sha256:" + "0" * 64


def found(root: Path, **files: str) -> list[str]:
    """`rule place: message` of each finding; `_` in a name is a dot."""
    for name, text in files.items():
        (root / name.replace("_", ".")).write_text(text)
    audit = judge(read_repository(root))
    return [f"{each.rule.id} {each.hit.place}: {each.hit.message}" for each in audit.findings]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            "FROM pytorch/pytorch:2.6.0-cuda11.8-cudnn8-runtime",
            "no-such-image Dockerfile:1:1: "
            "`pytorch/pytorch:2.6.0-cuda11.8-cudnn8-runtime` was never published",
        ),
        (
            "FROM docker.io/pytorch/pytorch:2.9-cuda11.8-cudnn8-runtime",
            "no-such-image Dockerfile:1:1: `pytorch/pytorch:2.9-cuda11.8-cudnn8-runtime` was never published",
        ),
        (
            "FROM python",
            "moving-tag Dockerfile:1:1: `python` has no tag, which means `latest`: another image every time",
        ),
        (
            "FROM pytorch/pytorch:latest",
            "moving-tag Dockerfile:1:1: `pytorch/pytorch:latest` moves: another image every time",
        ),
        (
            "FROM python:3.11-slim",
            "no-digest Dockerfile:1:1: `python:3.11-slim` is a name that its owner can give to another image",
        ),
        (
            "FROM nvcr.io/nvidia/pytorch:23.10-py3",
            "image-unknown Dockerfile:1:1: whether `nvcr.io/nvidia/pytorch:23.10-py3` was published cannot "
            "be told: the facts do not cover this registry",
        ),
    ],
)
def test_a_base(tmp_path: Path, line: str, told: str) -> None:
    assert told in found(tmp_path, Dockerfile=f"{line}\nUSER app\n")


def test_a_base_by_digest_and_a_user_are_all_right(tmp_path: Path) -> None:
    assert found(tmp_path, Dockerfile=f"FROM python:3.11-slim@{_DIGEST} AS a\nFROM a\nUSER app\n") == []


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("RUN echo 'root:toor' | chpasswd", "a password is set in the image, for whoever has the file"),
        ('ENV JUPYTER_TOKEN="abc"', "`JUPYTER_TOKEN` has its value in the image"),
        ("ARG HF_TOKEN=hf_x", "`HF_TOKEN` has its value in the image"),
    ],
)
def test_a_secret(tmp_path: Path, line: str, told: str) -> None:
    file = f"FROM python:3.11@{_DIGEST}\n{line}\nUSER app\n"
    assert found(tmp_path, Dockerfile=file) == [f"secret-in-image Dockerfile:2:1: {told}"]


@pytest.mark.parametrize(
    "line", ["ARG HF_TOKEN", "ENV TOKENIZERS_PARALLELISM=false", "RUN --mount=type=secret,id=t a"]
)
def test_no_secret(tmp_path: Path, line: str) -> None:
    assert found(tmp_path, Dockerfile=f"FROM python:3.11@{_DIGEST}\n{line}\nUSER app\n") == []


@pytest.mark.parametrize(
    ("line", "is_found"),
    [
        ("RUN curl -LsSf https://a.b/install.sh | sh", True),
        ("RUN set -x && wget -qO- https://a.b/x | sudo -E bash -", True),
        ('RUN bash -c "$(curl -fsSL https://a.b/x)"', True),
        ("RUN curl -o x https://a.b/x && echo 00 x | sha256sum -c && sh x", False),
        ("RUN curl https://a.b/x | tar xz", False),
    ],
)
def test_a_pipe_to_a_shell(tmp_path: Path, line: str, is_found: bool) -> None:
    rows = found(tmp_path, Dockerfile=f"FROM python:3.11@{_DIGEST}\n{line}\nUSER app\n")
    assert [row.split()[0] for row in rows if "pipe" in row] == ["pipe-to-shell"] * is_found


def test_root(tmp_path: Path) -> None:
    assert found(tmp_path, Dockerfile=f"FROM python:3.11@{_DIGEST}\nUSER app\nUSER root\n") == [
        "root-container Dockerfile:3:1: the last USER is root"
    ]


def test_images_of_yaml(tmp_path: Path) -> None:
    compose = (
        "services:\n  a:\n    image: ${IMAGE:-pytorch/pytorch:2.9-cuda11.8-cudnn8-runtime}  # old\n"
        "    logo:\n      image: a.png\n"
    )
    assert found(tmp_path, compose_yml=compose)[:1] == [
        "no-such-image compose.yml:3:12: `pytorch/pytorch:2.9-cuda11.8-cudnn8-runtime` was never published"
    ]


def test_comments_excuse(tmp_path: Path) -> None:
    file = (
        "# envlock: ignore[no-digest]\nFROM python:3.11\nRUN a\n"
        "USER root  # envlock: ignore[root-container, no-seed]\n"
    )
    assert found(tmp_path, Dockerfile=file) == []
