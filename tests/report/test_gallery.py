"""The gallery: what it tells of stories and judgements, and the page itself in a browser."""

import json
import re

import pytest

from chromium import chromium_page
from rlcs.records import Constraint, Context, Judgement
from rlcs.report.gallery import build_gallery, without_texts
from rlcs.report.html import fill_template

ROPE, DOUBT = Constraint("required_word", {"word": "rope"}), Constraint("described", {"text": "she doubts"})
HOSTILE = (
    "</script><script>document.title = 'taken'</script>"
    "<img src=x onerror=\"document.title='taken'\"> <!-- {{ 7*7 }} &amp;"
)
POLICIES, JUDGES = ["sft", "rlcs"], ["oracle", "genrm"]


def context(name, domain="story"):
    return Context(name, domain, "Mira & <i>Tom</i>", HOSTILE, "after", (ROPE, DOUBT), "test")


def story(context_id, policy, text="the rope", sample=0):
    row = {"context_id": context_id, "policy": policy, "sample": sample, "seed": 1}
    return row | {"text": text, "tokens": 3, "truncated": policy == "sft"}


def match(context_id, policy_a="sft", policy_b="rlcs", sample=0):
    name = f"{policy_a}/{policy_b}/{context_id}/{sample}"
    sides = {"policy_a": policy_a, "policy_b": policy_b}
    return {"match_id": name, "context_id": context_id, "sample": sample, **sides}


def said(one, ab, ba, judge="genrm", **values):
    return [Judgement(one["match_id"], order, judge, v, **values) for order, v in (("ab", ab), ("ba", ba))]


def items_of(matches, judged, stories=None, count=9, **more):
    stories = stories or [story(m["context_id"], policy) for m in matches for policy in POLICIES]
    contexts = {row["context_id"]: context(row["context_id"]) for row in stories}
    return build_gallery(contexts, stories, matches, judged, POLICIES, "sft", count, **more)


@pytest.mark.parametrize(
    ("sides", "ab", "ba", "outcomes", "gain", "flips"),
    [
        (("sft", "rlcs"), "b", "b", ["wins", "wins"], 1, False),
        (("sft", "rlcs"), "a", "b", ["loses", "wins"], 0, True),
        (("rlcs", "sft"), "a", "a", ["wins", "wins"], 1, False),
        (("rlcs", "sft"), "b", "tie", ["loses", "ties"], -0.5, True),
        (("rlcs", "sft"), "none", "b", ["no verdict", "loses"], -1, False),
        (("sft", "rlcs"), "none", "none", ["no verdict", "no verdict"], None, False),
    ],
)
def test_judgements_are_told_from_the_side_of_the_policy(sides, ab, ba, outcomes, gain, flips):
    one = match("c1", *sides)
    ((reference, rlcs),) = [item["stories"] for item in items_of([one], {"genrm": said(one, ab, ba)})]
    assert reference["judged"] == {}
    told = rlcs["judged"]["genrm"]
    assert [answer["outcome"] for answer in told["orders"]] == outcomes
    assert [answer["shown"] for answer in told["orders"]] == (
        ["second", "first"] if sides[0] == "sft" else ["first", "second"]
    )
    assert (told["gain"], told["flips"]) == (gain, flips)


def test_scores_and_p_are_those_of_the_policys_story_first():
    one = match("c1")
    judged = {"genrm": said(one, "a", "a", score_a=8.0, score_b=3.0, p_a=0.75, raw="8 3", analysis="why")}
    answer = items_of([one], judged)[0]["stories"][1]["judged"]["genrm"]
    assert answer["gain"] == -0.5  # 2p - 1 where the judge says a p
    assert [(o["scores"], o["p"], o["analysis"]) for o in answer["orders"]] == [([3, 8], 0.25, "why")] * 2


def test_judges_disagree_where_one_prefers_the_story_and_another_the_references():
    one, other = match("c1"), match("c2")
    judged = {
        "oracle": said(one, "a", "a", "oracle") + said(other, "a", "a", "oracle"),
        "genrm": said(one, "b", "b") + said(other, "a", "b"),
    }
    assert [item["disagree"] for item in items_of([one, other], judged)] == [True, False]


def test_constraints_are_kept_broken_or_beyond_a_rule():
    stories = [story("c1", "sft", "no word"), story("c1", "rlcs")]
    (item,) = items_of([], {}, stories)
    assert [[c["kept"] for c in shown["constraints"]] for shown in item["stories"]] == [
        [False, None],
        [True, None],
    ]


def test_a_verifier_model_answers_where_no_rule_can_and_only_there():
    told = {"sample": 0, "seed": 1, "tokens": 1, "raw": ""}
    checks = [
        {"context_id": "c1", "policy": "rlcs", "constraint": place, "satisfied": satisfied, **told}
        for place, satisfied in ((0, True), (1, False))
    ]
    (item,) = items_of([], {}, [story("c1", "sft"), story("c1", "rlcs", "no word")], checks=checks)
    assert [[c["kept"] for c in shown["constraints"]] for shown in item["stories"]] == [
        [True, None],
        [False, False],
    ]


def test_stories_of_the_training_stand_with_their_policy_in_order():
    steps = [
        {"step": n, "context_id": "c1", "text": "rope" * n, "tokens": n, "truncated": False} for n in (0, 5)
    ]
    stories = [story("c1", policy) for policy in POLICIES]
    (item,) = items_of([], {}, stories, snapshots={"rlcs": steps})
    reference, rlcs = item["stories"]
    assert reference["training"] == []
    assert [(told["step"], told["text"]) for told in rlcs["training"]] == [(0, ""), (5, "rope" * 5)]
    assert [told["constraints"][0]["kept"] for told in rlcs["training"]] == [False, False]


def test_contexts_stand_in_the_order_of_the_data():
    stories = [story(name, policy) for name in ("c9", "c10") for policy in POLICIES]
    assert [item["id"] for item in items_of([], {}, stories)] == ["c9", "c10"]


def test_the_references_lowest_sample_is_shown_and_only_contexts_with_another_policy():
    stories = [
        *(story("c2", policy, f"{policy} {n}", n) for n in (3, 2) for policy in POLICIES),
        story("c2", "rlcs", "of a sample without the reference", 0),
        story("c1", "sft"),
        *(story("c3", policy) for policy in POLICIES),
    ]
    items = items_of([match("c2", sample=3), match("c2", sample=2)], {}, stories)
    assert [item["id"] for item in items] == ["c2", "c3"]
    assert [shown["text"] for shown in items[0]["stories"]] == ["sft 2", "rlcs 2"]
    assert len(items_of([], {}, stories, count=1)) == 1


def test_without_texts_there_are_outcomes_and_no_words_of_anybody():
    one = match("c1")
    judged = {"genrm": said(one, "b", "b", score_a=2.0, score_b=7.0, analysis="MARKER analysis")}
    stories = [story("c1", policy, f"MARKER {policy}") for policy in POLICIES]
    steps = [{"step": 0, "context_id": "c1", "text": "MARKER draft", "tokens": 1, "truncated": False}]
    (item,) = items_of([one], judged, stories, snapshots={"rlcs": steps})
    assert "MARKER" in json.dumps(item)
    told = without_texts(item)
    page = fill_template(
        "gallery.html.j2",
        run="mine",
        synthetic=False,
        rehearsal=True,
        reference="sft",
        judges=["genrm"],
        policies=POLICIES,
        seeds=[{"seed": 1, "items": [told]}],
    )
    for words in ("MARKER", HOSTILE[:20], "Mira", "after", "rope", "she doubts"):
        assert words not in json.dumps(told)
    assert "MARKER" not in page
    rlcs = told["stories"][1]
    assert rlcs["judged"]["genrm"]["gain"] == 1
    assert [answer["scores"] for answer in rlcs["judged"]["genrm"]["orders"]] == [[7, 2]] * 2
    assert [constraint["kept"] for constraint in rlcs["constraints"]] == [False, None]


# ------------------------------------------------------------------------------------------ the page


def write_page(path):
    """Three contexts: both judges for rlcs; they disagree; genrm flips and a constraint is broken."""
    one, two, three = matches = [match(f"c{n}") for n in (1, 2, 3)]
    judged = {
        "oracle": [j for m, v in ((one, "b"), (two, "a"), (three, "tie")) for j in said(m, v, v, "oracle")],
        "genrm": [
            *said(one, "b", "b", score_a=2.0, score_b=7.0, analysis=HOSTILE),
            *said(two, "b", "b", score_a=2.0, score_b=9.0),
            *said(three, "a", "b"),
        ],
    }
    stories = [story(f"c{n}", policy, HOSTILE + " the rope") for n in (1, 2, 3) for policy in POLICIES]
    stories[-1]["text"] = "nothing tied"
    for row in stories:
        row["truncated"] = row["context_id"] == "c2"
    contexts = {f"c{n}": context(f"c{n}", "poem" if n == 2 else "story") for n in (1, 2, 3)}
    steps = [
        {"step": n, "context_id": "c1", "text": f"draft {n}", "tokens": 2, "truncated": False}
        for n in (0, 10)
    ]
    snapshots = {"rlcs": steps}
    items = build_gallery(contexts, stories, matches, judged, POLICIES, "sft", 9, snapshots=snapshots)
    other = build_gallery(
        contexts, [row for row in stories if row["context_id"] == "c2"], [], {}, POLICIES, "sft", 9
    )
    page = fill_template(
        "gallery.html.j2",
        run="tiny",
        synthetic=True,
        rehearsal=False,
        seeds=[{"seed": 1, "items": items}, {"seed": 2, "items": other}],
        judges=JUDGES,
        policies=POLICIES,
        reference="sft",
    )
    path.write_text(page, encoding="utf-8")
    return page


def test_text_of_models_ends_no_tag_and_the_page_asks_for_nothing(tmp_path):
    page = write_page(tmp_path / "gallery.html")
    assert "taken'</script>" not in page
    assert "<img" not in page
    assert len(re.findall("<script", page)) == 2
    assert "default-src 'none'" in page
    assert not re.search(r"https?://|innerHTML|insertAdjacent|document\.write|eval\(", page)
    embedded = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)[1]
    assert json.loads(embedded)["seeds"][0]["items"][0]["previous_plot"] == HOSTILE


def test_the_page_steps_filters_and_sorts(tmp_path):
    write_page(tmp_path / "gallery.html")
    with chromium_page(tmp_path) as page:

        def shown():
            return page.text("#position").partition(" · ")[::2]

        page.open(tmp_path / "gallery.html")
        assert shown() == ("1 of 3", "c1")
        assert page.texts(".written") == [HOSTILE + " the rope"] * 2
        assert page.value("document.title") == "Gallery · tiny"
        assert "Mira & <i>Tom</i>" in page.text("dl")
        assert page.texts(".story h2")[0].startswith("sft · the reference")
        assert page.texts("summary") == ["shown second: wins 7 : 2", "shown first: wins 7 : 2"]

        assert page.texts(".moments button") == ["0", "10", "after"]
        page.press(",")
        assert page.texts(".written") == [HOSTILE + " the rope", "draft 10"]
        assert page.texts("summary") == []  # what judges said is of the story after the training
        page.press(",")
        page.press(",")
        assert page.texts(".written")[1] == "draft 0"
        page.press(".")
        assert page.text("[aria-pressed=true]") == "10"
        page.click(".moments button:last-child")
        assert page.texts(".written")[1] == HOSTILE + " the rope"

        for key, place in (("j", "c2"), ("ArrowRight", "c3"), ("j", "c3"), ("k", "c2"), ("ArrowLeft", "c1")):
            page.press(key)
            assert shown()[1] == place
        page.click("#next")
        assert shown() == ("2 of 3", "c2")
        assert page.value("location.hash") == "#c2"

        page.choose("[name=show]", "disagree")
        assert shown() == ("1 of 1", "c2")
        page.choose("[name=show]", "flips")
        assert page.text("#position") == "No such context"  # the oracle never does
        page.choose("[name=judge]", "genrm")
        assert shown() == ("1 of 1", "c3")
        page.choose("[name=show]", "violated")
        assert page.texts("li.no") == ["✗ use the word rope"]
        page.choose("[name=show]", "truncated")
        assert shown() == ("1 of 1", "c2")
        page.choose("[name=show]", "")
        page.choose("[name=domain]", "poem")
        assert shown() == ("1 of 1", "c2")
        page.choose("[name=domain]", "")

        page.choose("[name=judge]", "oracle")
        page.choose("[name=order]", '[1,"rlcs"]')
        assert shown() == ("1 of 3", "c1")
        page.choose("[name=order]", '[-1,"rlcs"]')
        assert shown() == ("1 of 3", "c2")

        page.choose("[name=order]", "")
        page.choose("[name=seed]", "2")
        assert shown() == ("1 of 1", "c2")
        page.choose("[name=seed]", "1")
        assert page.text("#position").startswith("2 of 3")

        page.screenshot(tmp_path / "gallery.png")
        assert not page.is_too_wide()
        page.screenshot(tmp_path / "gallery-phone-dark.png", phone=True, dark=True)
        assert not page.is_too_wide()
