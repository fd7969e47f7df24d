"""What every value of a lockfile must look like, in full: a lockfile is read as untrusted input."""

from __future__ import annotations

from envlock.manifest import locked_patterns as shared
from envlock.manifest.tables import rule

CONDA_BUILD = shared.CONDA_BUILD
CONDA_DISTRIBUTION = shared.CONDA_DISTRIBUTION
CONDA_FILE = shared.CONDA_FILE
CONDA_LINK = shared.CONDA_LINK
CONDA_NAME = shared.CONDA_NAME
CONDA_NOARCH = shared.CONDA_NOARCH
CONDA_SPEC = shared.CONDA_SPEC
CONDA_SUBDIR = shared.CONDA_SUBDIR
CONDA_VERSION = shared.CONDA_VERSION
ENTRY_POINT = shared.ENTRY_POINT
FIXUP_PATH = shared.FIXUP_PATH
LINK_SCRIPT = shared.LINK_SCRIPT
MD5 = shared.MD5
NAME = shared.NAME
VERSION = shared.VERSION

WHEEL_FILE = rule(r"[A-Za-z0-9_][A-Za-z0-9_.!+-]{0,249}\.whl", "the file name of a wheel")
SHA256 = rule(r"[0-9a-f]{64}", "64 hexadecimal digits in lower case")
RUNTIME_HASH = rule(r"rt1:[0-9a-f]{64}", "`rt1:` and 64 hexadecimal digits in lower case")
PYTHON_EXACT = rule(r"3\.(?:[89]|[1-9][0-9])\.(?:0|[1-9][0-9]?)", "an exact Python version like `3.11.7`")
CUDA = rule(r"[0-9]{1,2}\.[0-9]{1,2}|cpu", "a CUDA toolkit version like `12.4`, or `cpu`")
CUDA_VARIANT = rule(r"[a-z0-9]+(?:\.[a-z0-9]+)*", "the variant of a wheel like `cu124`")
GPU_ARCHITECTURE = rule(r"(?:sm|compute)_[0-9]{2,3}[a-z]?", "a GPU architecture like `sm_90`")
DRIVER = rule(r"[0-9]+(?:\.[0-9]+){0,3}", "a driver version like `525.60.13` or `580`")
PLACE = rule(r"lib|scripts|headers|data", "`lib`, `scripts`, `headers` or `data`")
NUMERICS_CLASS = rule(r"nc1:[0-9a-f]{16}", "`nc1:` and 16 hexadecimal digits in lower case")
CLASS_KEY = rule(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*", "the name of a value of the numerics class like `aten`")
PROBE = rule(r"(?:cuda:)?[a-z0-9]+(?:-[a-z0-9]+)*", "the name of a probe like `matmul-f32`")
DTYPE = rule(r"[a-z]+[0-9]*", "the type of a probe's values like `float32`")
SAMPLE = rule(r"(?:[A-Za-z0-9+/]{4}){0,256}(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?", "values in base64")
