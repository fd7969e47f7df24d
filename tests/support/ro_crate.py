"""The validator of RO-Crate, in an environment of its own: it holds back the versions of what it shares.

The JSON-LD context that it asks the network for comes from the rocrate package, which has the same file.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.support.environments import uv_online

_PINS = ("roc-validator==0.13.0", "rocrate==0.16.0")
_CHECK = """
import importlib.util, pathlib, sys
import requests
from rocrate_validator import models, services
from rocrate_validator.utils import http

origin = importlib.util.find_spec("rocrate").origin
context = pathlib.Path(origin).parent.joinpath("data", "ro-crate.jsonld").read_bytes()

def get(self, url, **how):
    assert url == "https://w3id.org/ro/crate/1.3/context", url
    answer = requests.Response()
    answer.status_code, answer.url, answer._content = 200, url, context
    answer.headers["Content-Type"] = "application/ld+json"
    return answer

http.HttpRequester.get = get
for folder in sys.argv[1:]:
    settings = services.ValidationSettings(
        rocrate_uri=folder,
        profile_identifier="ro-crate-1.3",
        requirement_severity=models.Severity.REQUIRED,
    )
    result = services.validate(settings)
    issues = sorted({f"{each.check.identifier}: {each.message}" for each in result.get_issues()})
    print("valid" if result.passed() else "invalid: " + " / ".join(issues))
"""


def validate(tools: Path, *crates: Path) -> list[str]:
    """A line for each crate: `valid`, or what a REQUIRED rule of RO-Crate 1.3 says against it."""
    python = tools / "bin" / "python"
    uv_online("venv", tools)
    command = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", str(python), *_PINS]
    subprocess.run(command, check=True)
    done = subprocess.run(
        [python, "-W", "ignore", "-c", _CHECK, *crates], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()
