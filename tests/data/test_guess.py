"""What the columns and labels of a file mean is guessed only where their names and values say it."""

import pytest

from rlcs.data.guess import guess
from rlcs.errors import InputError


def guessed(**row):
    """The keys for a file of rows that differ in the label alone, which is a list."""
    labels = {name: value for name, value in row.items() if isinstance(value, tuple)}
    (name, values) = next(iter(labels.items()), (None, (None,)))
    rows = [{**row, name: value} if name else row for value in values]
    return guess(list(row), rows).keys


@pytest.mark.parametrize(
    ("row", "keys"),
    [
        ({"prompt": "p", "story_a": "x", "story_b": "y", "label": ("a", "b", "tie", "")}, {}),
        ({"prompt": "p", "chosen": "x", "rejected": "y"}, {"format": "chosen_rejected"}),
        ({"prompt": "p", "chosen": "x", "rejected": ["y", "z"]}, {"format": "best_of"}),
        (
            {"prompt": "p", "chosen": [{"role": "user", "content": "x"}], "rejected": [{"role": "user"}]},
            {"format": "chosen_rejected"},
        ),
        (
            {"Premise": "p", "Story 1": "x", "Story 2": "y", "Winner": ("1", "2", "tie")},
            {
                "columns": {
                    "story_a": "Story 1",
                    "story_b": "Story 2",
                    "prompt": "Premise",
                    "label": "Winner",
                },
                "labels": {"1": "a", "2": "b"},
            },
        ),
        (
            {"prompt": "p", "response_a": "x", "response_b": "y", "winner": ("model_a", "model_b", "both")},
            {
                "columns": {"story_a": "response_a", "story_b": "response_b", "label": "winner"},
                "labels": {"model_a": "a", "model_b": "b", "both": "tie"},
            },
        ),
        (
            {"prompt": "p", "left": "x", "right": "y", "choice": ("left", "right"), "worker": "w"},
            {
                "columns": {"story_a": "left", "story_b": "right", "label": "choice", "annotator": "worker"},
                "labels": {"left": "a", "right": "b"},
            },
        ),
        (
            {"prompt": "p", "story_a": "x", "story_b": "y", "label": (0, 1, "tie")},
            {"labels": {"0": "?", "1": "?"}},
        ),
        (
            {"prompt": "p", "story_a": "x", "story_b": "y", "winner": "a", "choice": "b"},
            {"columns": {"label": "?"}},
        ),
        ({"prompt": "p", "story_a": "x", "story_b": "y", "label": ("x", "y")}, {}),
    ],
)
def test_what_names_and_values_say(row, keys):
    assert guessed(**row) == keys


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"premise": "p", "one": "x", "two": "y"}, "no two columns are surely the stories of a pair"),
        ({"Prompt": "p", "Story": "x", "Fun": 3}, "or ratings of single stories"),
        (
            {"prompt": "p", "story_a": "x", "story_b": "y", "chosen": "x", "rejected": "y"},
            "several pairs of columns may be the stories",
        ),
        (
            {"prompt": "p", "story_a": "x", "story_b": "y", "pair_id": "1"},
            "no column says which story people prefer: .* Columns found: 'prompt', .*'pair_id'",
        ),
        (
            {"premise": "p", "question": "q", "story_a": "x", "story_b": "y", "label": "a"},
            "'premise', 'question': which one is the prompt?",
        ),
    ],
)
def test_what_is_not_sure_is_asked(row, said):
    with pytest.raises(InputError, match=said):
        guessed(**row)
