"""The texts that may reach a shell, a Dockerfile, a path or a URL: each is matched in full."""

from __future__ import annotations

from envlock.manifest.platforms import Platform
from envlock.manifest.tables import rule

_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
_HOST = rf"{_LABEL}(?:\.{_LABEL})*(?::[0-9]{{1,5}})?"
_REPOSITORY = r"[a-z0-9]+(?:(?:[._]|__|-{1,4})[a-z0-9]+)*"

ANY_TEXT = rule(r"[^\x00-\x1f\x7f]*", "a string without control characters")
PYTHON = rule(
    r"3\.(?:[89]|[1-9][0-9])(?:\.(?:0|[1-9][0-9]?))?",
    "a Python version like `3.11` or `3.11.7`, 3.8 or later",
)
CUDA = rule(r"[1-9][0-9]?\.[0-9]{1,2}|cpu|auto", "a CUDA toolkit version like `12.4`, `cpu` or `auto`")
CUDA_VARIANT = rule(r"cu([0-9]{2})([0-9])", "the variant of a wheel like `cu124`")
GLIBC = rule(r"2\.[0-9]{1,2}", "a glibc version like `2.28`")
PLATFORM = rule("|".join(Platform), "a platform")
SETTING_NAME = rule(r"[A-Za-z_][A-Za-z0-9_]{0,254}", "the name of an environment variable")
SETTING_VALUE = rule(r"[^\x00-\x1f\x7f\x85\u2028\u2029]*", "one line of text without control characters")
# As `envlock.lock` and uv's `[[tool.uv.index]] name` spell them.
INDEX_NAME = rule(r"[a-z0-9][a-z0-9._-]{0,99}", "an index name like `pytorch` (`a-z`, `0-9`, `.`, `_`, `-`)")
SOURCE_NAME = rule(
    rf"{INDEX_NAME.text}(?:/[a-z0-9][a-z0-9._-]*)*(?::[0-9]{{1,5}})?",
    "the name of an index, a conda channel or a registry",
)
# The whole set of RFC 3986 without quotes, `$` and backslash; braces for `{variant}`.
SOURCE_URL = rule(
    r"(?:https?://[A-Za-z0-9\[]|file:///)[A-Za-z0-9._~:/?#\[\]@!&()*+,;=%{}-]*",
    "a URL that starts with `https://`, `http://` or `file:///`",
)
PROJECT_NAME = rule(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?", "the name of a distribution")
VARIANT_NAME = rule(r"[a-z0-9][a-z0-9_-]{0,63}", "a variant name like `cpu` (`a-z`, `0-9`, `_`, `-`)")
RELATIVE_PATH = rule(r"(?![/~]|[A-Za-z]:)[^\x00-\x1f\x7f\\]+", "a path relative to the manifest, with `/`")
CHANNEL = rule(
    r"[A-Za-z0-9][A-Za-z0-9._-]*(?:/[A-Za-z0-9][A-Za-z0-9._-]*)*",
    "the name of a conda channel; where it lies is said in `sources`",
)
# name, then version and build with the operators of conda's match specifications, or [key=value].
CONDA_PACKAGE = rule(
    r"(?:[A-Za-z0-9._/-]+::)?[A-Za-z0-9_][A-Za-z0-9_.-]*(?:[ =<>!~][A-Za-z0-9_.*+!<>=~|,() -]*)?"
    r"(?:\[[A-Za-z0-9_.*+!<>=~|,()'\" -]*\])?",
    "a conda specification like `ffmpeg >=6`",
)
VIRTUAL_PACKAGE = rule(r"__[a-z0-9_]+", "the name of a virtual package like `__cuda`")
VIRTUAL_VERSION = rule(r"[A-Za-z0-9][A-Za-z0-9._=]*", "a version like `12.4`")
# As the OCI distribution specification spells references; `oci:DIR` is a layout on disk.
IMAGE_BASE = rule(
    rf"(?:{_HOST}/)?{_REPOSITORY}(?:/{_REPOSITORY})*(?::[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}})?"
    r"(?:@sha256:[0-9a-f]{64})?|oci:[A-Za-z0-9._+~-][A-Za-z0-9._/+~-]*(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?",
    "an image reference like `docker.io/library/python:3.11-slim-bookworm`, or `oci:DIR`",
)
IMAGE_NAME = rule(
    rf"(?!oci:)(?:{IMAGE_BASE.text})", "the name of an image like `registry.example/team/train:1`"
)
APT_NAME = rule(r"[a-z0-9][a-z0-9+.-]+(?::[a-z0-9]+)?", "the name of a Debian package")
APT_PIN = rule(
    rf"{APT_NAME.text}=[A-Za-z0-9][A-Za-z0-9.+:~-]*",
    "a Debian package with its version like `git=1:2.39.5-0+deb12u2`",
)
ARGUMENT = rule(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]*", "one line of text without control characters")
_FOLDER = r"[A-Za-z0-9_+][A-Za-z0-9._+-]*"
CODE_FOLDER = rule(
    rf"\.|{_FOLDER}(?:/{_FOLDER})*", "a folder below the manifest like `src`, or `.` for all of the project"
)
JOB_NAME = rule(
    r"[a-z0-9](?:[a-z0-9-]{0,51}[a-z0-9])?", "a name of `a-z`, `0-9` and `-` of at most 53 characters"
)
MEMORY = rule(r"[1-9][0-9]{0,6}(?:MiB|GiB)", "a size like `32GiB` or `512MiB`")
DURATION = rule(r"[0-9]{1,4}:[0-5][0-9]:[0-5][0-9]", "hours, minutes and seconds like `24:00:00`")
# A first `.` or `/` makes it a path of the host, else it is the name of a volume.
VOLUME_SOURCE = rule(
    rf"\.|(?:\./|/)?{_FOLDER}(?:/{_FOLDER})*", "a path like `./data` or `/srv/data`, or the name of a volume"
)
VOLUME_TARGET = rule(
    rf"(?:/{_FOLDER})+(?::ro)?", "a path in the container like `/data`, or `/data:ro` for reading only"
)
USER_NAME = rule(r"[a-z_][a-z0-9_-]{0,30}", "a user name like `app`")
HASH = rule(r"sha256:[0-9a-f]{64}", "`sha256:` and 64 hexadecimal digits")
INSTANT = rule(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?Z",
    "a time in UTC like `2025-03-01T00:00:00Z`",
)
