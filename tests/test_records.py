import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlcs.records import (
    CONTEXTS,
    LABELS,
    ORDERS,
    PAIRS,
    SPLITS,
    STORIES,
    Constraint,
    Context,
    Judgement,
    read_contexts,
    read_judgements,
    read_rows,
    write_contexts,
    write_judgements,
    write_rows,
)

values = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
constraints = st.builds(Constraint, st.text(), st.dictionaries(st.text(), values | st.lists(values)))
contexts = st.builds(
    Context, *[st.text()] * 5, st.lists(constraints, max_size=3).map(tuple), st.sampled_from(SPLITS)
)
numbers = st.none() | st.floats(allow_nan=False)
judgements = st.builds(
    Judgement,
    st.text(),
    st.sampled_from(ORDERS),
    st.text(),
    st.sampled_from([*LABELS, "none"]),
    st.integers(0, 2**40),
    st.text(),
    st.none() | st.text(),
    numbers,
    numbers,
    numbers,
    st.booleans(),
)
PAIR = {
    "pair_id": "p",
    "context_id": "c",
    "story_a": "x",
    "story_b": "y",
    "label": "a",
    "source": "human",
    "annotator": None,
    "cohort": "experts",
    "soft_label": 1.0,
}


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("records") / "rows.parquet"


@given(rows=st.lists(contexts, max_size=4, unique_by=lambda context: context.context_id))
def test_contexts_come_back(path, rows):
    write_contexts(path, rows)
    assert list(read_contexts(path).values()) == rows


@given(rows=st.lists(judgements, max_size=4))
def test_judgements_come_back(path, rows):
    write_judgements(path, rows)
    assert read_judgements(path) == rows


def test_rows_come_back_and_other_keys_are_left_out(path):
    write_rows(path, [{**PAIR, "utility": 3.0}], PAIRS)
    assert read_rows(path, PAIRS) == [PAIR]


@pytest.mark.parametrize("broken", [{"label": None}, {"story_a": 3}])
def test_missing_and_wrong_values_are_refused(path, broken):
    with pytest.raises((ValueError, TypeError)):
        write_rows(path, [{**PAIR, **broken}], PAIRS)


def test_another_file_is_refused_by_its_columns(path):
    write_rows(path, [PAIR], PAIRS)
    with pytest.raises(ValueError, match="policy"):
        read_rows(path, STORIES)


def test_constraint_parameters_are_stored_as_sorted_json(path):
    context = Context("c", "story", "", "", "", (Constraint("k", {"b": 1, "a": [2]}),), "test")
    write_contexts(path, [context])
    (row,) = read_rows(path, CONTEXTS)
    assert row["constraints"] == [{"kind": "k", "parameters": '{"a": [2], "b": 1}'}]
