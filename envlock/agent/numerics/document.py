"""The document that the probes print. Schema `envlock.numerics/1`."""

from typing import Dict, TypedDict

SCHEMA = "envlock.numerics/1"

# The class is named by a key that is no Python name, so the functional form. `failed`: probes that did not
# run; `broken`: libraries that are installed and could not be imported; each with its last words.
NumericsFacts = TypedDict(
    "NumericsFacts",
    {
        "schema": str,
        "class": str,
        "host": Dict[str, str],
        "versions": Dict[str, str],
        "probes": Dict[str, "ProbeFacts"],
        "failed": Dict[str, str],
        "broken": Dict[str, str],
        "seconds": Dict[str, float],
    },
)


class ProbeFacts(TypedDict):
    """A fingerprint; `repeats`: the same process gave the same bits again. `seconds`: of all its runs, what
    torch imports for the first of its kind included."""

    sha256: str
    dtype: str
    size: int
    sample: str
    repeats: bool
    seconds: float
