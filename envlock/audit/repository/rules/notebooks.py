"""Notebooks: whether what is shown is what the cells give from top to bottom."""

from __future__ import annotations

from collections.abc import Iterator

from envlock.audit.repository.content import Repository
from envlock.audit.repository.model import Hit, Level, Rule


def notebook_order(repository: Repository) -> Iterator[Hit]:
    for notebook in repository.notebooks:
        last = 0
        for cell in notebook.cells:
            if cell.count is None:
                continue
            if cell.count <= last:
                message = f"this cell ran as In[{cell.count}], and one above it as In[{last}]"
                yield Hit(place=cell.place, message=message)
                break
            last = cell.count


def notebook_unrun(repository: Repository) -> Iterator[Hit]:
    for notebook in repository.notebooks:
        if all(cell.count is None and not cell.has_outputs for cell in notebook.cells):
            continue  # cleared as a whole, which is in order
        for cell in notebook.cells:
            if cell.count is None and cell.has_outputs:
                yield Hit(place=cell.place, message="has outputs, and was edited or never run since")
            elif cell.count is None and not cell.is_empty:
                yield Hit(place=cell.place, message="was never run, while others were")


RULES = (
    Rule(
        id="notebook-order",
        title="a notebook whose cells did not run from top to bottom",
        level=Level.WARNING,
        weight=6,
        why="what it shows depends on an order that is not written down",
        do="restart the kernel, run all, save: `jupyter nbconvert --execute --inplace NOTEBOOK`",
        check=notebook_order,
    ),
    Rule(
        id="notebook-unrun",
        title="cells that were never run, or outputs that are not theirs",
        level=Level.WARNING,
        weight=4,
        why="the results beside them come from other code than is shown",
        do="restart the kernel, run all, save; or clear all outputs",
        check=notebook_unrun,
    ),
)
