"""Any table of texts, in any order of columns, encoding and spelling: every row is accounted for."""

import csv
import gzip
import io
import json
import unicodedata

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rlcs.config.data import DataConfig
from rlcs.data.files import read_files
from rlcs.data.formats import fields_of, required_fields, validated_pairs
from rlcs.text import premise_key

NAMES = ["prompt", "story_a", "story_b", "label", "split", "annotator", "extra"]
SPELLINGS = [
    lambda text: text,
    lambda text: f" {text}\n",
    str.upper,
    lambda text: text.replace(" ", "\u00a0 "),
    lambda text: "[WP] " + text,
    lambda text: unicodedata.normalize("NFD", text),
]
prompts = st.builds(
    lambda n, spell: spell(f"Das Café {n}, um acht"), st.integers(0, 4), st.sampled_from(SPELLINGS)
)
some_text = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)
tables = st.lists(
    st.tuples(
        prompts | some_text,
        some_text | st.sampled_from(["Eins.", "Zwei", " eins. "]),
        some_text | st.sampled_from(["Eins.", "Drei; vier", '"Fünf"']),
        st.sampled_from(["a", "B", " tie ", "", "left", "NA"]),
        st.sampled_from(["", "", "train", "Test", "dev", "fold"]),
        st.sampled_from(["", "", "ann", "bob"]),
        some_text,
    ),
    min_size=1,
    max_size=12,
)


def csv_text(columns, rows, delimiter):
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows([columns, *rows])
    return file.getvalue()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    table=tables,
    order=st.permutations(range(len(NAMES))),
    kind=st.sampled_from(["csv", "tsv", "semicolon.csv", "jsonl", "json"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]),
    zipped=st.booleans(),
)
def test_every_row_is_used_or_set_aside_and_no_prompt_stands_in_two_splits(
    tmp_path, table, order, kind, encoding, zipped
):
    columns = [NAMES[place] for place in order]
    rows = [[row[place] for place in order] for row in table]
    objects = [dict(zip(columns, row, strict=True)) for row in rows]
    if kind == "jsonl":
        text = "".join(json.dumps(row) + "\n" for row in objects)
    elif kind == "json":
        text = json.dumps(objects, indent=1, ensure_ascii=False)
    else:
        text = csv_text(columns, rows, {"csv": ",", "tsv": "\t"}.get(kind, ";"))
    content = text.encode(encoding)
    path = tmp_path / f"table.{kind}{'.gz' if zipped else ''}"
    path.write_bytes(gzip.compress(content) if zipped else content)

    data = DataConfig(splits={"train": 0.5, "validation": 0.1, "test": 0.4})
    read = read_files([path], data.columns, fields_of(data), required_fields(data))
    assert [row.values for row in read] == [
        {name: value for name, value in row.items() if name != "extra"} for row in objects
    ]
    result = validated_pairs(read, data)
    assert len(result.annotations) + len(result.unlabelled) + len(result.quarantine) == len(table)
    assert all(row["found"] is not None and row["advice"] for row in result.quarantine)
    splits = {}
    for context in result.contexts:
        assert splits.setdefault(premise_key(context.outline), context.split) == context.split
