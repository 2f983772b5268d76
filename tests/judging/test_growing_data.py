"""A file that grows: old pairs keep their ids and splits, and only new ones are judged."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ingest
import judge_pairs
from rlcs.data.artifacts import JUDGEMENTS_FILE
from rlcs.data.formats import parse_pairs
from rlcs.data.rows import RawRow
from rlcs.data.validation import validate
from rlcs.records import Judgement
from rlcs.stages.stage import Stage

SHARES = {"train": 0.6, "validation": 0.1, "test": 0.3}
SHARD = 4


def pair(n, **fields):
    stories = {"story_a": f"One {n}.", "story_b": f"Two {n}."}
    return {"prompt": f"Quest {n}", "label": "ab"[n % 2]} | stories | fields


class Teacher:
    """Counts what it judges; its answer depends on the shard's place, as that of a sampling model does."""

    name = "teacher"
    shard_size = SHARD

    def __init__(self, most=10_000):
        self.judged = []
        self.most = most

    def judge(self, comparisons):
        if len(self.judged) + len(comparisons) > self.most:
            raise KeyboardInterrupt
        self.judged += [(c.pair_id, c.order) for c in comparisons]
        first = comparisons[0].pair_id
        return [
            Judgement(c.pair_id, c.order, self.name, "a", 3, f"{first} {place}")
            for place, c in enumerate(comparisons)
        ]


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Ingests pairs and has a teacher judge the training pairs; returns the judgements."""

    def work(pairs, teacher, folder="run", config=None):
        base = tmp_path / folder
        base.mkdir(exist_ok=True)
        file = base / "pairs.jsonl"
        file.write_text("".join(json.dumps(row) + "\n" for row in pairs))
        preferences = base / "preferences" / "manifest.json"
        data = {"data": {"splits": {"train": 0.8, "validation": 0, "test": 0.2}}, "synthetic": False}
        inputs = {"files": (file,), "contexts": ()}
        ingest.main(Stage("ingest", Path(ingest.__file__), data, inputs, preferences, 0, {}))
        monkeypatch.setattr(judge_pairs, "load_judge", lambda *args, **named: teacher)
        options = {"split": "train", "answers": str(base / "answers"), "endpoint": "{}", "serving": "{}"}
        judging = {"scores": {"low": 1, "high": 9}}
        section = {"name": "teacher", "judge": {"kind": "generative"}, "judging": judging, "unlabelled": True}
        section |= config or {}
        output = base / "judgements" / "manifest.json"
        inputs = {"preferences": (preferences,), "model": ()}
        stage = Stage("judge_train_pairs", Path(judge_pairs.__file__), section, inputs, output, 1, options)
        judge_pairs.main(stage)
        return JUDGEMENTS_FILE.read(output.parent)

    return work


PAIRS = [pair(n, label=None if n % 5 == 0 else "a") for n in range(40)]
MORE = [pair(n, label=None if n % 5 == 0 else "b") for n in range(40, 60)]


def test_only_new_pairs_are_judged(run):
    first, second = Teacher(), Teacher()
    old = run(PAIRS, first)
    assert len(first.judged) == len(old) == len(set(first.judged))
    grown = run(PAIRS + MORE, second)
    assert len(grown) == len(old) + len(second.judged)
    assert not set(first.judged) & set(second.judged)
    by_id = {(judgement.pair_id, judgement.order): judgement for judgement in grown}
    assert all(by_id[judgement.pair_id, judgement.order] == judgement for judgement in old)

    third = Teacher()
    assert run(PAIRS + MORE, third) == grown
    assert third.judged == []


@pytest.mark.parametrize(
    ("changed", "again"),
    [
        ({"label": "b", "annotator": "ann"}, 0),
        ({"story_a": "Another story."}, 2),
        ({"domain": "poem"}, 2),
    ],
)
def test_a_pair_whose_text_changed_is_judged_again(run, changed, again):
    first, second = Teacher(), Teacher()
    run(PAIRS, first)
    place = next(n for n, row in enumerate(PAIRS) if row["label"] and _in_train(run, row))
    run([row | changed if n == place else row for n, row in enumerate(PAIRS)], second)
    assert len(second.judged) == again


def _in_train(run, row):
    result = validate(parse_pairs([RawRow("f", 1, "", row)]), {"train": 0.8, "validation": 0, "test": 0.2}, 0)
    return result.contexts[0].split == "train"


def test_another_config_judges_all_again(run):
    first, second = Teacher(), Teacher()
    run(PAIRS, first)
    run(PAIRS, second, config={"votes": 3})
    assert second.judged == first.judged


def test_a_killed_stage_ends_as_one_that_was_not(run):
    """The grown file is judged in one go, and by a stage that is killed after each shard."""
    run(PAIRS, Teacher())
    run(PAIRS, Teacher(), "killed")
    whole = run(PAIRS + MORE, Teacher())
    judged = []
    for _ in range(20):
        teacher = Teacher(most=SHARD)
        try:
            ended = run(PAIRS + MORE, teacher, "killed")
            break
        except KeyboardInterrupt:
            judged += teacher.judged
    assert len(judged) == len(set(judged)) > SHARD
    assert ended == whole


rows = st.lists(
    st.builds(
        pair,
        st.integers(0, 9),
        story_a=st.sampled_from(["x", "y", "z"]),
        label=st.sampled_from(["a", "b", "tie", None]),
        annotator=st.sampled_from(["", "ann", "bob"]),
    ),
    max_size=12,
)


@given(rows, rows)
def test_old_pairs_keep_their_ids_and_splits(old, more):
    def places(given):
        result = validate(parse_pairs([RawRow("f", n, "", row) for n, row in enumerate(given)]), SHARES, 0)
        split_of = {context.context_id: context.split for context in result.contexts}
        return {pair["pair_id"]: split_of[pair["context_id"]] for pair in result.pairs + result.unlabelled}

    assert places(old).items() <= places(old + more).items()
