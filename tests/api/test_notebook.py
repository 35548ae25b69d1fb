"""The notebook of the docs runs from top to bottom."""

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parents[2] / "docs" / "python.ipynb"
SMALLER = {"[192, 128]": "[64, 32]", "steps=20": "steps=2"}
"""What is shown there, and what suffices here."""


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the kernel's libraries, none of which davsn imports
def test_the_notebook_runs_and_shows_what_it_says(tmp_path):
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    for shown, here in SMALLER.items():
        assert any(shown in cell.source for cell in notebook.cells)
        for cell in notebook.cells:
            cell.source = cell.source.replace(shown, here)
    NotebookClient(notebook, timeout=1500, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = [
        "".join(str(output.get("data", output)) for output in cell.outputs)
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]
    assert "True" in shown[2]  # the run is finished
    assert "image/png" in shown[4]  # the overlay
    assert "Did you mean 'steps'?" in shown[-1]


def test_the_notebooks_outputs_name_no_machine():
    text = NOTEBOOK.read_text(encoding="utf-8")
    assert not re.search(r"[\"' ]/(?:home|root|tmp|usr|work)/", text)
    assert '"name": "stderr"' not in text
