"""Training examples that do not fit into the context window are left out, counted and listed."""

import json

import pytest

from rlcs.config.prompts import assistant, user
from rlcs.errors import InputError
from rlcs.records import QUARANTINE, read_rows
from rlcs.training.context_window import Window, count_tokens


def example(words):
    return {"prompt": user("Mara the brave"), "completion": assistant(" ".join(["rope"] * words))}


def test_what_does_not_fit_is_told(tokenizer, tmp_path, caplog):
    window = Window(count_tokens(example(5), tokenizer))
    assert window.fitting([example(5), example(6), example(1)], tokenizer) == [example(5), example(1)]
    assert f"1 of 3 examples have more than {window.tokens} tokens and are left out" in caplog.text
    window.write(tmp_path)
    (row,) = read_rows(tmp_path / "left_out.parquet", QUARANTINE)
    assert (row["line"], row["reason"]) == (2, f"more than {window.tokens} tokens")
    assert json.loads(row["row"])["tokens"] == window.tokens + 1


def test_both_orders_of_a_pair_fit_or_none(tokenizer, tmp_path):
    window = Window(count_tokens(example(5), tokenizer))
    pairs = [{**example(n), "pair_id": pair} for n, pair in ((5, "p"), (6, "p"), (5, "q"), (4, "q"))]
    assert window.fitting(pairs, tokenizer) == pairs[2:]
    window.write(tmp_path)
    reasons = [row["reason"] for row in read_rows(tmp_path / "left_out.parquet", QUARANTINE)]
    too_long = f"more than {window.tokens} tokens"
    assert reasons == [f"its other order has {too_long}", too_long]


def test_the_longest_answer_counts_and_a_prompt_leaves_room(tokenizer):
    pair = {"prompt": user("Mara"), "chosen": assistant("rope"), "rejected": assistant("rope rope rope")}
    longest = {"prompt": user("Mara"), "completion": pair["rejected"]}
    assert count_tokens(pair, tokenizer) == count_tokens(longest, tokenizer)
    prompt = {"prompt": user("Mara")}
    window = Window(count_tokens(prompt, tokenizer) + 10)
    assert window.fitting([prompt], tokenizer, answer=10) == [prompt]
    with pytest.raises(InputError, match="none is left to train on"):
        window.fitting([prompt], tokenizer, answer=11)


def test_nothing_is_written_where_all_fit(tokenizer, tmp_path):
    window = Window(None)
    assert window.fitting([example(500)], tokenizer) == [example(500)]
    window.write(tmp_path)
    assert not any(tmp_path.iterdir())


def test_the_window_is_the_models_or_a_shorter_one(model_folder):
    window = Window.of(model_folder).tokens
    assert window > 8
    assert Window.of(model_folder, 8).tokens == 8
    assert Window.of(model_folder, window + 1).tokens == window
