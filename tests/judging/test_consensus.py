import json
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

import forked
from paths import SCRIPTS
from rlcs.errors import InputError
from rlcs.judging.consensus import (
    CONSENSUS_OUTCOMES,
    consensus_chains,
    find_consensus,
    likelier_label,
    mean_probabilities,
    own_labels,
)
from rlcs.records import (
    LABELS,
    ORDERS,
    PAIRS,
    UNLABELLED,
    Context,
    Judgement,
    read_judgements,
    read_rows,
    write_contexts,
    write_judgements,
    write_rows,
)
from rlcs.verdict import compare

VERDICTS = (*LABELS, "none")


def both(teacher, verdicts, pair="p"):
    """A teacher's judgements of a pair; ``verdicts`` is 'ab ba', with - for an order that is missing."""
    said = zip(ORDERS, verdicts.split(), strict=True)
    return [Judgement(pair, order, teacher, verdict) for order, verdict in said if verdict != "-"]


@pytest.mark.parametrize(
    ("said", "agree", "label", "outcome"),
    [
        (["a a", "a a"], 2, "a", "consensus"),
        (["b b", "b b"], 2, "b", "consensus"),
        (["tie tie", "tie tie"], 2, "tie", "consensus"),
        (["a a", "b b"], 2, None, "disagreement"),
        (["a a", "tie tie"], 2, None, "disagreement"),
        (["a a", "a b"], 2, None, "undecided"),
        (["a b", "a b"], 2, None, "undecided"),  # who names the first story each time agrees with nobody
        (["a a", "a none"], 2, None, "undecided"),
        (["a a", "a -"], 2, None, "undecided"),
        (["a a", "- -"], 2, None, "undecided"),
        (["none none", "none none"], 2, None, "undecided"),
        (["a a", "a a", "a b"], 2, "a", "consensus"),
        (["a a", "a a", "b b"], 2, None, "disagreement"),
        (["a a", "a a", "a b"], 3, None, "undecided"),
        (["a a", "a a", "a a"], 3, "a", "consensus"),
    ],
)
def test_what_teachers_make_of_a_pair(said, agree, label, outcome):
    by_teacher = {f"t{n}": both(f"t{n}", verdicts) for n, verdicts in enumerate(said)}
    assert find_consensus(by_teacher, ["p"], agree) == {"p": (label, outcome)}


@pytest.mark.parametrize(("teachers", "agree"), [(1, 2), (2, 3), (2, 1), (0, 2)])
def test_one_teacher_is_no_consensus(teachers, agree):
    with pytest.raises(ValueError, match="must agree; 2 are the least"):
        find_consensus({f"t{n}": both(f"t{n}", "a a") for n in range(teachers)}, ["p"], agree)


@st.composite
def panels(draw):
    names = [f"p{n}" for n in range(draw(st.integers(0, 5)))]
    said = {}
    for teacher in ("t", "u", "v")[: draw(st.integers(2, 3))]:
        cases = [
            (pair, order, draw(st.none() | st.sampled_from(VERDICTS))) for pair in names for order in ORDERS
        ]
        judgements = [Judgement(p, order, teacher, verdict) for p, order, verdict in cases if verdict]
        said[teacher] = draw(st.permutations(judgements))
    return names, said


@given(panels())
def test_every_label_rests_on_chains_that_all_say_it(case):
    names, said = case
    found = find_consensus(said, names, 2)
    assert list(found) == names
    assert {outcome for _, outcome in found.values()} <= set(CONSENSUS_OUTCOMES)
    labelled = {pair for pair, (label, _) in found.items() if label is not None}
    assert labelled == {pair for pair, (_, outcome) in found.items() if outcome == "consensus"}
    chains = consensus_chains(said, labelled)
    for pair in labelled:
        of_pair = [chain for chain in chains if chain.pair_id == pair]
        assert {chain.verdict for chain in of_pair} == {found[pair].label}
        assert len(of_pair) == 2 * len({chain.judge for chain in of_pair}) >= 4
    assert {chain.pair_id for chain in chains} == labelled


@given(panels())
def test_neither_the_names_of_the_stories_nor_the_order_of_the_teachers_matters(case):
    names, said = case
    other = {"a": "b", "b": "a"}
    swapped = {
        teacher: [
            Judgement(j.pair_id, "ba" if j.order == "ab" else "ab", j.judge, other.get(j.verdict, j.verdict))
            for j in judgements
        ]
        for teacher, judgements in reversed(said.items())
    }
    for pair, (label, outcome) in find_consensus(said, names, 2).items():
        assert find_consensus(swapped, names, 2)[pair] == (other.get(label, label), outcome)


def test_a_teacher_that_always_says_a_agrees_with_nobody():
    pairs = [f"p{n}" for n in range(20)]
    first = {t: [j for p in pairs for j in both(t, "a b", p)] for t in ("t", "u")}  # un-swapped
    assert own_labels(first["t"]) == {}
    assert {outcome for _, outcome in find_consensus(first, pairs, 2).values()} == {"undecided"}


def with_p(teacher, pair, ab, ba):
    """A teacher's p that story a is better, in both orders; None: no verdict."""
    return [
        Judgement(pair, order, teacher, "none" if p is None else compare(p, 0.5), p_a=p)
        for order, p in zip(ORDERS, (ab, ba), strict=True)
    ]


def test_p_is_the_mean_over_orders_and_teachers():
    one = [*with_p("t", "p", 0.9, 0.5), *with_p("t", "q", 0.1, None), *with_p("t", "r", 0.2, 0.4)]
    other = [*with_p("u", "p", 0.3, 0.3), *with_p("u", "q", 0.2, 0.2)]
    assert mean_probabilities({"t": one}) == pytest.approx({"p": 0.7, "r": 0.3})
    assert mean_probabilities({"t": one, "u": other}) == pytest.approx({"p": 0.5})
    with pytest.raises(InputError, match="teacher 'v' gives verdicts without a probability: name a judge"):
        mean_probabilities({"t": one, "v": both("v", "a a")})


@given(st.lists(st.floats(0, 1), min_size=1, max_size=4))
def test_other_sides_have_the_other_p_and_label(values):
    said = {f"t{n}": with_p(f"t{n}", "p", p, p) for n, p in enumerate(values)}
    swapped = {f"t{n}": with_p(f"t{n}", "p", 1 - p, 1 - p) for n, p in enumerate(values)}
    (p,), (other,) = mean_probabilities(said).values(), mean_probabilities(swapped).values()
    assert p == pytest.approx(1 - other)
    sides = {"a": "b", "b": "a", "tie": "tie"}
    assert likelier_label(p) == sides[likelier_label(other)]


@pytest.fixture
def find(tmp_path):
    """``find_consensus.py`` on two labelled and two unlabelled pairs, given what two teachers say of each."""
    contexts = [Context(f"c{n}", "story", "", "", f"o{n}", (), "train") for n in range(4)]
    pairs = [
        {
            "pair_id": f"p{n}",
            "context_id": f"c{n}",
            "story_a": "x",
            "story_b": "y",
            "label": "b",
            "source": "web",
            "annotator": "ann",
        }
        for n in range(4)
    ]
    preferences = tmp_path / "preferences"
    preferences.mkdir()
    write_contexts(preferences / "contexts.parquet", contexts)
    write_rows(preferences / "pairs.parquet", pairs[:2], PAIRS)
    write_rows(preferences / "unlabelled.parquet", pairs[2:], UNLABELLED)

    def run(labels="verdicts", **said):
        folders = [preferences]
        for teacher, verdicts in said.items():
            folders.append(tmp_path / teacher)
            folders[-1].mkdir()
            judge = both if labels == "verdicts" else lambda teacher, p, pair: with_p(teacher, pair, *p)
            judgements = [j for n, v in enumerate(verdicts) for j in judge(teacher, v, f"p{n}")]
            write_judgements(folders[-1] / "judgements.parquet", judgements)
        for folder in folders:
            (folder / "manifest.json").write_text("{}")
        config = {"name": "panel", "consensus": {"teachers": list(said), "labels": labels}}
        manifests = [str(folder / "manifest.json") for folder in folders]
        command = [forked.python(), SCRIPTS / "find_consensus.py", "--config", json.dumps(config)]
        command += ["--preferences", manifests[0], "--judgements", *manifests[1:]]
        command += ["--output", tmp_path / "out" / "manifest.json"]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    return run


def test_the_stage_writes_pairs_their_chains_and_what_the_audit_needs(find, tmp_path):
    done = find(t=["b b", "a b", "a a", "b b"], u=["a a", "a a", "a a", "a a"])
    assert done.returncode == 0, done.stderr
    assert "2 pairs with a human label: 1 undecided, 1 disagreement, 0 consensus" in done.stderr
    assert "2 pairs without a label: 0 undecided, 1 disagreement, 1 consensus" in done.stderr
    (pair,) = read_rows(tmp_path / "out" / "pairs.parquet", PAIRS)
    assert (pair["pair_id"], pair["label"], pair["source"], pair["annotator"]) == (
        "p2",
        "a",
        "consensus",
        None,
    )
    assert read_rows(tmp_path / "out" / "audit.parquet", PAIRS) == []
    chains = read_judgements(tmp_path / "out" / "chains.parquet")
    assert [(c.judge, c.pair_id, c.order) for c in chains] == [(t, "p2", o) for t in "tu" for o in ORDERS]


def test_the_stage_writes_soft_labels_without_chains(find, tmp_path):
    done = find("probability", probe=[(0.9, 0.7), (0.5, 0.5), (0.2, 0.1), (0.8, None)])
    assert done.returncode == 0, done.stderr
    assert "2 pairs with a human label: 2 have a probability" in done.stderr
    assert "2 pairs without a label: 1 have a probability" in done.stderr
    (pair,) = read_rows(tmp_path / "out" / "pairs.parquet", PAIRS)
    assert (pair["pair_id"], pair["label"], pair["source"]) == ("p2", "b", "consensus")
    assert pair["soft_label"] == pytest.approx(0.15)
    audited = read_rows(tmp_path / "out" / "audit.parquet", PAIRS)
    assert [(pair["pair_id"], pair["label"]) for pair in audited] == [("p0", "a"), ("p1", "tie")]
    assert read_judgements(tmp_path / "out" / "chains.parquet") == []


def test_without_a_probability_the_stage_stops_and_says_so(find):
    done = find("probability", probe=[(0.9, 0.7), (0.5, 0.5), (None, 0.1), (0.8, None)])
    assert done.returncode == 1
    said = "error: teachers probe have a probability for none of 2 unlabelled pairs: there is nothing to add"
    assert said in done.stderr


def test_without_consensus_the_stage_stops_and_says_so(find, tmp_path):
    done = find(first=["a b"] * 4, other=["a a"] * 4)
    assert done.returncode == 1
    assert (
        "error: teachers first, other agree on none of 2 unlabelled pairs: there is nothing to add"
        in done.stderr
    )
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()
