"""The LaTeX of evidence, set by LaTeX itself. Where there is none, the parser's test stands for it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from envlock.audit.evidence.appendix import render_latex
from envlock.audit.evidence.model import Evidence
from tests.support.evidence import evidence
from tests.unit.audit.evidence.test_pages import hostile

PAPER = "\\documentclass{article}\n\\begin{document}\n\\input{appendix}\n\\end{document}\n"


@pytest.mark.slow
@pytest.mark.parametrize("given", [evidence(), hostile(), evidence(title="Ünï 語 🙂 “x”")])
def test_it_is_set_without_a_package_and_without_an_error(given: Evidence, tmp_path: Path) -> None:
    if shutil.which("pdflatex") is None:
        pytest.skip("no pdflatex here, and it is large: test_pages.py reads the same text with a parser")
    (tmp_path / "appendix.tex").write_bytes(render_latex(given))
    (tmp_path / "paper.tex").write_text(PAPER)
    words = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "paper.tex"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, errors="replace", check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    assert (tmp_path / "paper.pdf").read_bytes().startswith(b"%PDF-")
    assert "Missing character" not in (tmp_path / "paper.log").read_text(errors="replace")
