"""What holds for the benchmarks: their results stand in the documents as they are."""

import json
import re

import pytest

from benchmarks import step, tables
from tests.test_repository import ROOT


@pytest.mark.parametrize("path", tables.DOCUMENTS, ids=lambda path: path.name)
def test_the_tables_are_those_of_the_results(path):
    text = path.read_text(encoding="utf-8")
    assert tables.PLACE.search(text)
    assert tables.written(text) == text, "python -m benchmarks.tables writes them anew"


def test_every_result_stands_in_a_document():
    text = "".join(path.read_text(encoding="utf-8") for path in tables.DOCUMENTS)
    shown = set(re.findall(r"<!-- table: (\w+) -->", text))
    assert shown == {path.stem for path in (ROOT / "docs" / "results").glob("*.json")}


def test_a_ratio_says_how_many_times_as_long_as_ours():
    run = {"median": 10.0, "milliseconds": [10.0], "peak_megabytes": 1}
    stock = {**run, "median": 25.0, "ratio": 2.5}
    results = {"device": "a", "precision": "b", "date": "c", "rounds": 1}
    results["cases"] = {"resnet20, 128": {"ours": run, "Keras as it comes": stock}}
    assert "| resnet20, 128 | 10.0 ms | 25.0 ms (2.50) | not installed |" in step.table(
        json.loads(json.dumps(results))
    )
