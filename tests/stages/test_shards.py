"""Shards: a run that was killed anywhere ends with the rows of one that was not, and repeats one shard."""

from contextlib import suppress

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlcs.judging.judge import judge_in_shards
from rlcs.judging.rule_based import OracleJudge
from rlcs.records import Judgement
from rlcs.stages.shards import in_shards

SCHEMA = pa.schema([pa.field("item", pa.int64()), pa.field("shard", pa.int64())])


class Killed(Exception):
    pass


def rows(folder, items, size, *, killed_at=None, made=None):
    def work(number, shard):
        if number == killed_at:
            raise Killed
        if made is not None:
            made.append(number)
        return [{"item": item, "shard": number} for item in shard]

    return in_shards(folder, items, size, work, SCHEMA, "test")


@given(n=st.integers(0, 20), size=st.integers(1, 8), kills=st.lists(st.integers(0, 8), max_size=4))
def test_rows_stand_in_the_order_of_the_items_whatever_was_killed(tmp_path_factory, n, size, kills):
    folder = tmp_path_factory.mktemp("shards")
    items, made = range(n), []
    for kill in sorted(kills):
        with suppress(Killed):
            rows(folder, items, size, killed_at=kill, made=made)
    expected = [{"item": item, "shard": item // size} for item in items]
    assert rows(folder, items, size, made=made) == expected
    assert made == list(range(-(-n // size)))  # each shard once


def test_a_half_written_shard_is_made_again(tmp_path):
    (tmp_path / "shard-0.unfinished").write_bytes(b"PAR1")
    assert len(rows(tmp_path, range(3), 2)) == 3


def test_a_shard_has_items(tmp_path):
    with pytest.raises(ValueError, match="a shard has 0 items"):
        rows(tmp_path, range(3), 0)


class Counting:
    name = "counting"

    def __init__(self, shard_size):
        self.shard_size = shard_size
        self.asked = []

    def judge(self, comparisons):
        self.asked.append(len(comparisons))
        return [Judgement(c.pair_id, c.order, self.name, "a", 3, c.first) for c in comparisons]


@pytest.mark.parametrize(("size", "asked"), [(None, [12]), (5, [5, 5, 2]), (12, [12])])
def test_a_judge_is_asked_shard_by_shard(tmp_path, comparisons, size, asked):
    judge = Counting(size)
    judgements = judge_in_shards(judge, comparisons, tmp_path)
    assert judge.asked == asked
    assert judgements == Counting(None).judge(comparisons)
    assert judge_in_shards(judge, comparisons, tmp_path) == judgements
    assert judge.asked == asked * (2 if size is None else 1)


def test_judges_that_lose_nothing_have_no_shards():
    assert OracleJudge("oracle").shard_size is None
