"""An exported judge on new pairs and on several stories for a prompt: p, ranks, ties, failures."""

import json
import shutil
import sys

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import judge as script
from configs import merged
from rlcs.config import parsing
from rlcs.data.exports import JUDGE_NAME, write_judge
from rlcs.data.new_rows import NewPair, read_new_rows
from rlcs.errors import InputError
from rlcs.judging.backends import Reply
from rlcs.judging.in_process import TransformersBackend
from rlcs.judging.new_texts import comparisons_to_rank, judged_pairs, rank, ranked_stories
from rlcs.planning import stage_configs
from rlcs.records import Context, Judgement

LENGTHS = {"long": "a very long story", "short": "short", "same": "other", "silent": "silence"}


def jsonl(path, *rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def exported(folder, model_folder, name, change=lambda raw: None):
    """A folder as `snakemake export` writes it, with random weights."""
    raw = merged(["smoke.yaml"])
    change(raw)
    shutil.copytree(model_folder, folder)
    write_judge(folder, stage_configs.judge(parsing.parse(raw), name))
    return folder


def says(monkeypatch, answer):
    """The judge says ``answer(stories in the order shown)``; None is no answer that can be read."""

    def answers(self, conversations, samples=1, seed=0):
        shown = [[word for word in LENGTHS.values() if word in c[0]["content"]] for c in conversations]
        order = [
            sorted(stories, key=c[0]["content"].rindex)
            for stories, c in zip(shown, conversations, strict=True)
        ]
        return [Reply(answer(stories), 3, False) for stories in order]

    monkeypatch.setattr(TransformersBackend, "answer", answers)


def run(monkeypatch, capsys, *arguments):
    monkeypatch.setattr(sys, "argv", ["judge.py", *map(str, arguments)])
    script.main()
    return capsys.readouterr().out


def rows_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def by_length(stories):
    first, second = (min(9, len(story)) for story in stories)
    return "so" if "silence" in stories else f"I read both.\nScores: {first} {second}"


def test_new_pairs_have_p_over_both_orders_and_failures_are_null(tmp_path, model_folder, monkeypatch, capsys):
    folder = exported(tmp_path / "genrm", model_folder, "genrm")
    says(monkeypatch, by_length)
    pairs = jsonl(
        tmp_path / "new.jsonl",
        {"prompt": "p", "story_a": LENGTHS["short"], "story_b": LENGTHS["long"], "label": "b"},
        {"prompt": "q", "story_a": LENGTHS["same"], "story_b": LENGTHS["short"], "pair_id": "mine"},
        {"prompt": "r", "story_a": LENGTHS["silent"], "story_b": LENGTHS["short"]},
        {"prompt": "s", "story_a": ""},
    )
    printed = run(
        monkeypatch, capsys, "--model", folder, "--pairs", pairs, "--output", tmp_path / "out" / "o.jsonl"
    )
    rows = rows_of(tmp_path / "out" / "o.jsonl")
    told = {row.get("pair_id"): row for row in rows}
    assert (told["1"]["p"], told["1"]["verdict"], told["1"]["flips"], told["1"]["label"]) == (
        *(0.0, "b", False, "b"),
    )
    assert [(o["order"], o["verdict"], o["score_a"]) for o in told["1"]["orders"]] == [
        ("ab", "b", 5.0),
        ("ba", "b", 5.0),
    ]
    assert told["1"]["orders"][0]["analysis"] == "I read both."
    assert (told["mine"]["p"], told["mine"]["verdict"]) == (0.5, "tie")
    assert "label" not in told["mine"]
    assert (told["3"]["p"], told["3"]["verdict"], told["3"]["flips"]) == (None, None, None)
    assert told["3"]["orders"][0]["unread"] == "so"
    assert rows[-1] == {"line": 4, "p": None, "error": "empty story"}
    assert "3 pairs, 6 judgements in the orders ab and ba, 2 of them without a verdict" in printed
    assert "1 rows could not be used" in printed
    assert "agrees with the label: 100.0% of 1; one context has no interval" in printed
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["o.jsonl"]


def test_stories_are_ranked_with_ties_said(tmp_path, model_folder, monkeypatch, capsys):
    folder = exported(tmp_path / "genrm", model_folder, "genrm")
    says(monkeypatch, by_length)
    prompts = jsonl(
        tmp_path / "new.jsonl",
        {"prompt": "p", "stories": [LENGTHS[name] for name in ("short", "long", "same")]},
        {"prompt": "p", "stories": [LENGTHS["silent"], LENGTHS["long"]], "context_id": "c"},
        {"prompt": "p", "stories": ["alone"]},
    )
    printed = run(
        monkeypatch, capsys, "--model", folder, "--pairs", prompts, "--output", tmp_path / "o.parquet"
    )
    first, second, third = pd.read_parquet(tmp_path / "o.parquet").to_dict("records")
    assert [(s["story"], s["rank"], s["tied"], s["p"], s["opponents"]) for s in first["ranking"]] == [
        (1, 1, False, 1.0, 2),
        (0, 2, True, 0.25, 2),
        (2, 2, True, 0.25, 2),
    ]
    assert (second["context_id"], second["unjudged"]) == ("c", 1)
    assert all(pd.isna(s["rank"]) for s in second["ranking"])
    assert (third["line"], third["error"]) == (3, "fewer than two stories")
    assert "2 prompts, 8 judgements" in printed


def test_a_pointwise_judge_scores_each_story_once(tmp_path, model_folder, monkeypatch, capsys):
    def pointwise(raw):
        raw["judging"]["story_template"] = "$outline $story"
        raw["judges"]["point"] = {"kind": "generative", "train": "none", "base": "small", "reads": "story"}

    folder = exported(tmp_path / "point", model_folder, "point", pointwise)
    asked = []
    says(monkeypatch, lambda stories: asked.append(stories) or f"so\nScore: {min(9, len(stories[0]))}")
    prompts = jsonl(
        tmp_path / "n.jsonl", {"prompt": "p", "stories": [LENGTHS[n] for n in ("short", "long", "same")]}
    )
    run(monkeypatch, capsys, "--model", folder, "--pairs", prompts, "--output", tmp_path / "o.jsonl")
    (row,) = rows_of(tmp_path / "o.jsonl")
    assert [s["story"] for s in row["ranking"]] == [1, 0, 2]
    assert len(asked) == 3


def test_a_real_model_answers_from_the_folder_alone(tmp_path, model_folder, monkeypatch, capsys):
    """Random weights write nothing that can be read; what matters is that they are loaded and asked."""
    folder = exported(tmp_path / "genrm", model_folder, "genrm")
    pairs = jsonl(tmp_path / "new.jsonl", {"prompt": "p", "story_a": "one story", "story_b": "another"})
    printed = run(monkeypatch, capsys, "--model", folder, "--pairs", pairs, "--output", tmp_path / "o.jsonl")
    assert "1 pairs, 2 judgements" in printed
    assert rows_of(tmp_path / "o.jsonl")[0]["orders"][0]["tokens"] > 0


def test_what_cannot_be_judged_is_one_line(tmp_path, model_folder, monkeypatch, capsys):
    pairs = jsonl(tmp_path / "new.jsonl", {"prompt": "p", "first": "one", "story_b": "two"})
    arguments = ["--pairs", pairs, "--output", tmp_path / "o.jsonl"]
    with pytest.raises(SystemExit, match=rf"is no exported judge: it has no {JUDGE_NAME}"):
        run(monkeypatch, capsys, "--model", tmp_path, *arguments)
    folder = exported(tmp_path / "genrm", model_folder, "genrm")
    with pytest.raises(SystemExit, match="no row has a column 'story_a'"):
        run(monkeypatch, capsys, "--model", folder, *arguments)
    says(monkeypatch, lambda stories: "Scores: 1 2")
    run(monkeypatch, capsys, "--model", folder, *arguments, "--columns", "story_a=first")
    with pytest.raises(SystemExit, match="not of the form FIELD=NAME"):
        run(monkeypatch, capsys, "--model", folder, *arguments, "--columns", "first")
    jsonl(pairs, {"prompt": "p", "story_a": "one", "story_b": "One"})
    with pytest.raises(SystemExit, match="no row can be judged, of 1"):
        run(monkeypatch, capsys, "--model", folder, *arguments)
    with pytest.raises(SystemExit, match="no such file"):
        run(monkeypatch, capsys, "--model", folder, "--pairs", "nowhere", "--output", tmp_path / "o.jsonl")


def test_a_judge_file_of_something_else_is_refused(tmp_path):
    for text in ("{", "[]", '{"name": "j"}'):
        (tmp_path / JUDGE_NAME).write_text(text)
        with pytest.raises(InputError, match=JUDGE_NAME):
            script.section_of(tmp_path, "transformers", None)


PROBABILITIES = st.one_of(st.none(), st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]))


@given(st.integers(2, 5).flatmap(lambda n: st.tuples(st.just(n), st.lists(PROBABILITIES, min_size=10))))
def test_ranks_are_those_of_a_competition_by_mean_p(drawn):
    count, probabilities = drawn
    sides = [(i, j) for i in range(count) for j in range(i + 1, count)]
    matches = [{"story_a": i, "story_b": j, "p": p} for (i, j), p in zip(sides, probabilities, strict=False)]
    ranked = rank(count, matches)
    assert sorted(row["story"] for row in ranked) == list(range(count))
    known = [row for row in ranked if row["rank"] is not None]
    assert [row["p"] for row in known] == sorted((row["p"] for row in known), reverse=True)
    for row in ranked:
        better = sum(other["p"] > row["p"] for other in known) if row["p"] is not None else None
        assert row["rank"] == (None if better is None else better + 1)
        assert row["tied"] == (sum(other["rank"] == row["rank"] for other in known) > 1)
        assert (row["opponents"] == 0) == (row["p"] is None)
    assert all(row["rank"] is None for row in ranked[len(known) :])


def test_two_rows_with_one_id_are_two_contexts(tmp_path):
    row = {"context_id": "c", "prompt": "p", "stories": ["a", "b"]}
    new = read_new_rows(jsonl(tmp_path / "n.jsonl", row, {**row, "prompt": "q"}), {})
    comparisons = comparisons_to_rank(new.to_rank)
    assert len({c.pair_id for c in comparisons}) == 2
    assert len({c.context.context_id for c in comparisons}) == 2
    judgements = [
        Judgement(c.pair_id, c.order, "j", "a" if c.context.outline == "p" else "b") for c in comparisons
    ]
    ranked = ranked_stories(new.to_rank, judgements)
    assert [ranked[number]["ranking"][0]["story"] for number in (1, 2)] == [0, 1]


def test_the_judges_own_p_counts_before_its_verdict():
    judgements = [Judgement("1", "ab", "j", "a", p_a=0.9), Judgement("1", "ba", "j", "b", p_a=0.4)]
    pair = NewPair(1, 1, "mine", Context("1", "story", "", "", "p", (), "test"), "c", "x", "y", None)
    row = judged_pairs([pair], judgements)[1]
    assert row["p"] == pytest.approx(0.65)
    assert (row["verdict"], row["flips"]) == ("a", True)


def test_the_output_has_the_rows_of_the_input_in_their_order(tmp_path, model_folder, monkeypatch, capsys):
    """Pairs, lists, broken rows, repeated and swapped pairs, whatever label or id they have."""
    folder = exported(tmp_path / "genrm", model_folder, "genrm")
    says(monkeypatch, by_length)
    pair = {"prompt": "p", "story_a": LENGTHS["short"], "story_b": LENGTHS["long"]}
    pairs = jsonl(
        tmp_path / "new.jsonl",
        pair,
        {"prompt": "s", "story_a": ""},
        pair | {"label": "b", "pair_id": "x"},
        {"prompt": "p", "stories": [LENGTHS["short"], LENGTHS["long"]]},
        pair | {"story_a": pair["story_b"], "story_b": pair["story_a"], "pair_id": "x", "label": "b"},
    )
    printed = run(monkeypatch, capsys, "--model", folder, "--pairs", pairs, "--output", tmp_path / "o.jsonl")
    rows = rows_of(tmp_path / "o.jsonl")
    assert [row["line"] for row in rows] == [1, 2, 3, 4, 5]
    assert [row.get("verdict") for row in rows] == ["b", None, "b", None, "a"]
    assert [row.get("pair_id") for row in rows] == ["1", None, "x", None, "x"]
    assert rows[3]["ranking"][0]["story"] == 1
    assert "3 pairs, 1 prompts, 8 judgements" in printed
    assert "agrees with the label: 50.0% of 2; one context has no interval" in printed
    assert "nan" not in printed


def test_rows_on_one_line_are_told_apart(tmp_path):
    row = {"prompt": "p", "story_a": "x", "story_b": "y"}
    (tmp_path / "n.json").write_text(json.dumps([row, row]))
    assert [pair.row_number for pair in read_new_rows(tmp_path / "n.json", {}).pairs] == [1, 2]


def test_an_output_that_is_a_folder_is_refused_before_judging(tmp_path, model_folder, monkeypatch, capsys):
    folder = exported(tmp_path / "genrm", model_folder, "genrm")
    says(monkeypatch, lambda stories: pytest.fail("it was asked"))
    pairs = jsonl(tmp_path / "new.jsonl", {"prompt": "p", "story_a": "one", "story_b": "two"})
    with pytest.raises(SystemExit, match=r"error: --output: .* is a folder: name a file in it"):
        run(monkeypatch, capsys, "--model", folder, "--pairs", pairs, "--output", tmp_path)


def test_judgements_are_kept_until_they_are_written(tmp_path, model_folder, monkeypatch, capsys):
    folder = exported(tmp_path / "genrm", model_folder, "genrm")
    says(monkeypatch, by_length)
    pairs = jsonl(tmp_path / "new.jsonl", {"prompt": "p", "story_a": "short", "story_b": "a very long story"})
    arguments = ["--model", folder, "--pairs", pairs, "--output", tmp_path / "out" / "o.jsonl"]

    def full(rows, path):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(script, "write_output", full)
        with pytest.raises(SystemExit, match=r"error: .*No space left"):
            run(patched, capsys, *arguments)
    assert list((tmp_path / "out").glob(".judging-*/*"))
    says(monkeypatch, lambda stories: pytest.fail("it was asked again"))
    run(monkeypatch, capsys, *arguments)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["o.jsonl"]


def test_rows_that_are_not_used_are_told_without_keys_of_a_config(tmp_path):
    bad = {"prompt": "p", "story_a": 5, "story_b": "y"}
    path = jsonl(tmp_path / "n.jsonl", bad, bad | {"story_a": "x", "label": "zzz"}, bad)
    with path.open("ab") as file:
        file.write(b'{"prompt": "caf\xe9", "story_a": "x", "story_b": "y"}\n')
    told = script.not_used(read_new_rows(path, {}))
    assert told[:2] == [
        "2 x wrong type of story_a, as in line 1 (story_a: 5)",
        "1 x unknown label, as in line 2 (label: 'zzz')",
    ]
    assert told[2].startswith("1 x wrong encoding, as in line 4 ")
    assert "iconv -f cp1252" in told[2]
