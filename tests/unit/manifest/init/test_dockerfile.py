"""Dockerfiles: what each way to write a command, a copy or a base asks for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.manifest.init.starting import begun, choices, lists, nothing, refused

FILES = {
    "pins.lock": "six==1.17.0\n",
    "reqs.txt": "six\n",
    "folder/deps.txt": "six\n",
    "specs.txt": "# of conda\nffmpeg=6  # one\n\nzlib\n@EXPLICIT\n",
    "environment.yml": "dependencies: [zlib]\n",
    "envs/gpu.yml": "dependencies: [ffmpeg]\n",
}


def requirements(*rows: str) -> str:
    return "".join(("requirements = [\n", *(f"    {row}\n" for row in rows), "]\n"))


def named(*names: str) -> str:
    rows = (f'    "{name}",  # stays as it is: 1 requirement\n' for name in names)
    return "".join(("requirements-files = [\n", *rows, "]\n"))


def conda(*rows: str, channels: str = "") -> str:
    python = '    "python",  # of the series above\n'
    return "".join(
        ("[conda]\n", channels, "packages = [\n", python, *(f"    {row}\n" for row in rows), "]\n")
    )


SIX = requirements('"six",  # Dockerfile:2')


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        # pip and uv
        ("RUN uv pip sync --system pins.lock reqs.txt", named("pins.lock", "reqs.txt")),
        ("RUN pip install --only-binary :all: --no-deps -U six", SIX),
        ("RUN pip install six six", SIX),
        ("RUN pip install -rreqs.txt", named("reqs.txt")),
        ("RUN pip install -r=reqs.txt", named("reqs.txt")),
        ("RUN pip install -qr reqs.txt", named("reqs.txt")),
        ("RUN pip install -Uqrreqs.txt", named("reqs.txt")),
        ("RUN pip install -v six", SIX),
        ("RUN python3.11 -u -m pip install six", SIX),
        ("RUN python -X dev -W ignore -m pip install six", SIX),
        (
            "RUN python train.py -m pip install attrs && python -m build && python -u -m && pip install six",
            SIX,
        ),
        ("RUN python -m uv pip install six", SIX),
        # conda
        (
            "RUN micromamba -y install -n base -c conda-forge --channel=bioconda zlib --no-deps",
            conda(
                '"zlib",  # Dockerfile:2',
                channels='channels = ["conda-forge", "bioconda"]  # Dockerfile:2\n',
            ),
        ),
        (
            "RUN conda clean -a && conda install -yc conda-forge zlib",
            conda('"zlib",  # Dockerfile:2', channels='channels = ["conda-forge"]  # Dockerfile:2\n'),
        ),
        (
            "RUN conda install -cconda-forge --file specs.txt libpng",
            conda(
                '# "@EXPLICIT",  # specs.txt:5: "@EXPLICIT" is not a conda specification',
                '"libpng",  # Dockerfile:2',
                '"ffmpeg 6.*",  # specs.txt:2',
                '"zlib",  # specs.txt:4',
                channels='channels = ["conda-forge"]  # Dockerfile:2\n',
            ),
        ),
        ("RUN conda -q run -n env pip install six && conda run", SIX),
        ("RUN conda run --no-capture-output -n env pip install -r reqs.txt", named("reqs.txt")),
        ("RUN conda env create -qf envs/gpu.yml", conda('"ffmpeg",  # envs/gpu.yml:1')),
        ("RUN mamba env update && conda env update", conda('"zlib",  # environment.yml:1')),
        # the shell
        ("RUN (A=1 sudo pip install six); B=2", SIX),
        ("RUN sh -e install.sh && bash -x && pip install six", SIX),
        # variables
        ("ARG V=1.17.0\nRUN pip install six==$V", requirements('"six==1.17.0",  # Dockerfile:3')),
        ("ENV V 1.17.0\nRUN pip install six==${V}", requirements('"six==1.17.0",  # Dockerfile:3')),
        ("ENV V\nARG W\nRUN pip install six", requirements('"six",  # Dockerfile:4')),
        ("ENV PYTHONHASHSEED=$SEED\nRUN pip install six", requirements('"six",  # Dockerfile:3')),
        (
            "ENV A=1\nRUN pip install six${A:+==1.17.0} attrs${B:+==1}",
            requirements('"six==1.17.0",  # Dockerfile:3', '"attrs",  # Dockerfile:3'),
        ),
        ("RUN pip install \\\n  six \\", SIX),
        # copies, and lists of words
        ('COPY ["reqs.txt", "/tmp/b.txt"]\nRUN ["pip", "install", "-r", "/tmp/b.txt"]', named("reqs.txt")),
        ("COPY folder /tmp/f\nRUN pip install -r /tmp/f/deps.txt", named("folder/deps.txt")),
        (
            'COPY ["reqs.txt"\nCOPY {}\nRUN ["pip", 1\nRUN pip install six',
            requirements('"six",  # Dockerfile:5'),
        ),
        # who runs
        ("RUN pip install six\nUSER app\nUSER root", SIX),
        ("RUN pip install six\nUSER ${WHO}", SIX),
        ("RUN pip install six\nUSER root\nUSER app:staff", f'{SIX}\n[image]\nuser = "app"  # Dockerfile:4\n'),
    ],
)
def test_what_the_lines_of_a_dockerfile_ask_for(tmp_path: Path, lines: str, expected: str) -> None:
    result = begun(tmp_path, {**FILES, "Dockerfile": f"FROM scratch\n{lines}\n"}, "Dockerfile")
    assert lists(result) == expected
    assert result.notes == ()


@pytest.mark.parametrize(
    ("lines", "notes"),
    [
        ("RUN pip install 'six", ()),
        (
            "RUN poetry install --no-root && uv sync --frozen",
            (
                "Dockerfile:2: `poetry install` reads pyproject.toml, as `envlock init` does in its folder",
                "Dockerfile:2: `uv sync` reads pyproject.toml, as `envlock init` does in its folder",
            ),
        ),
        ("RUN conda env create -f gone.yml", ("Dockerfile:2: there is no file `gone.yml` here",)),
        (
            "RUN apk add --no-cache git && apk add curl",
            ("Dockerfile:2: packages of the system (apk) are not carried over",),
        ),
    ],
)
def test_lines_that_ask_for_nothing(tmp_path: Path, lines: str, notes: tuple[str, ...]) -> None:
    assert nothing(tmp_path, {"Dockerfile": f"FROM scratch\n{lines}\n"}) == notes


@pytest.mark.parametrize(
    ("base", "notes"),
    [
        (
            "nvcr.io/nvidia/pytorch:24.05-py3",
            (
                "Dockerfile:1: `nvcr.io/nvidia/pytorch:24.05-py3` has a PyTorch that NVIDIA builds, and no "
                "index has; ask for a published one",
            ),
        ),
        *(
            (
                base,
                (
                    f"Dockerfile:1: the base `{base}` was left out: wheels bring their CUDA, and it has no "
                    "Python",
                ),
            )
            for base in ("nvidia/cuda", "nvcr.io/nvidia/cuda:99.123-base")
        ),
        *(
            (base, (f"Dockerfile:1: the base `{base}` names no version of Python",))
            for base in ("python", "index.docker.io/library/python:latest")
        ),
    ],
)
def test_a_base_that_says_nothing(tmp_path: Path, base: str, notes: tuple[str, ...]) -> None:
    result = begun(tmp_path, {"Dockerfile": f"FROM {base}\nRUN pip install six\n"})
    assert (lists(result), result.notes) == (SIX, notes)


def test_a_base_whose_tag_is_not_known(tmp_path: Path) -> None:
    """Its series is; an image that nobody can name is no base."""
    result = begun(tmp_path, {"Dockerfile": "FROM python:3.11-$SLIM\nRUN pip install six\n"})
    assert choices(result) == 'python = "3.11"  # Dockerfile:1 = "python:3.11-$SLIM"\n'
    assert lists(result) == SIX


@pytest.mark.parametrize("text", ["FROM python:3.11 as\nRUN pip install six\n", "# of later\n"])
def test_a_from_that_is_none(tmp_path: Path, text: str) -> None:
    assert refused(tmp_path, {"Dockerfile": text}) == [("Dockerfile", "has no FROM, so it is no Dockerfile")]


def test_another_sign_continues_lines(tmp_path: Path) -> None:
    text = "# escape=`\n# syntax=docker/dockerfile:1\nFROM scratch\nRUN pip install `\n\n  six\n"
    assert lists(begun(tmp_path, {"Dockerfile": text})) == requirements('"six",  # Dockerfile:4')


def test_an_argument_of_before_the_first_stage(tmp_path: Path) -> None:
    text = "ARG V=1.17.0\nFROM scratch\nARG V\nRUN pip install six==$V\n"
    assert lists(begun(tmp_path, {"Dockerfile": text})) == requirements('"six==1.17.0",  # Dockerfile:4')


def test_an_environment_that_was_read_is_not_read_again(tmp_path: Path) -> None:
    files = {**FILES, "Dockerfile": "FROM scratch\nCOPY . .\nRUN conda env create\n"}
    result = begun(tmp_path, {name: files[name] for name in ("Dockerfile", "environment.yml")})
    assert result.read == ("environment.yml", "Dockerfile")
    assert lists(result) == conda('"zlib",  # environment.yml:1')
