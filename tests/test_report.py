import math
import re
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser

import pandas as pd
import pytest

from rlcs import figures, report
from rlcs.records import Constraint, Context, Judgement
from rlcs.statistics import Estimate

HOSTILE = "<script>alert('x')</script> {{ 7*7 }} {% raw %} </p></details> [[A]] & <b>bold</b>"
ROPE = Constraint("required_word", {"word": "rope"})
CONTEXT = Context("c1", "story", "Mira & <i>Tom</i>", "before", "after", (ROPE,), "test")


class Tags(HTMLParser):
    """Tag names, attribute values and text of a page."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.values, self.text, self.ids = [], [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.values += [value or "" for _, value in attrs]
        self.ids += [value for name, value in attrs if name == "id"]

    def handle_data(self, data):
        self.text.append(data)


def curve_svg():
    history = pd.DataFrame({"step": [1, 2], "metric": "reward", "value": [0.0, 1.0]})
    return figures.to_svg(figures.training_curve({"a<b>": {0: history}, "c": {0: history}}, "reward"))


def data(**changes):
    story = report.SampleStory("rlcs", HOSTILE, cut_off=True, broken=["use the word rope"], analysis=HOSTILE)
    values = {
        "run": "tiny",
        "synthetic": True,
        "headlines": [report.Headline("rlcs wins", Estimate(0.87, 0.83, 0.9, 300), "note", paper=72.4)],
        "tables": [
            report.ReportTable(
                "Judges",
                "caption",
                pd.DataFrame({"system": ["gen_rm"], "accuracy": [Estimate(0.7, 0.65, 0.75, 9)]}),
            )
        ],
        "figures": [report.ReportFigure("Curves", "caption", [curve_svg(), curve_svg()])],
        "samples": [report.Sample(CONTEXT, [story])],
        "facts": {"Versions": {"trl": "1.16.0"}},
    }
    return report.ReportData(**{**values, **changes})


def test_model_text_is_escaped_and_whole():
    page = report.render(data())
    assert "<script" not in page
    assert "<b>bold" not in page
    assert HOSTILE in Tags(page).text


def test_page_asks_for_nothing_outside_itself():
    page = Tags(report.render(data()))
    assert not {"script", "link", "img", "iframe", "object"} & set(page.tags)
    assert not [value for value in page.values if re.search(r"//|data:|@import", value)]
    assert "@import" not in "".join(page.text)
    assert "url(" not in re.sub(r"url\(#f\d", "", report.render(data()))


def test_ids_are_unique_although_two_panels_are_equal():
    ids = Tags(report.render(data())).ids
    assert len(ids) == len(set(ids))


def test_numbers_their_intervals_and_the_papers_figure_are_on_the_page():
    text = " ".join("".join(Tags(report.render(data())).text).split())
    assert "87.0 % [83.0, 90.0]" in text.replace("\xa0", " ")
    assert "paper, its own data: 72.4 %" in text.replace("\xa0", " ")
    assert "gen_rm70.0[65.0, 75.0]" in text.replace(" ", "").replace(",", ", ")


def test_a_number_over_nothing_is_a_dash_and_not_a_crash():
    nothing = Estimate(math.nan, math.nan, math.nan, 0)
    page = report.render(data(headlines=[report.Headline("nothing", nothing)]))
    assert not re.search(r"\bnan\b", page)
    assert "–" in "".join(Tags(page).text)


def test_only_a_synthetic_run_says_that_it_is_one():
    page = report.render(data())
    assert "Synthetic tiny world." in page
    assert "Synthetic tiny world: caption" in page
    assert "ynthetic" not in report.render(data(synthetic=False))


def test_page_without_figures_samples_and_facts():
    page = report.render(data(figures=[], samples=[], facts={}))
    assert 'href="#stories"' not in page
    assert 'href="#figures"' not in page
    assert "<svg" not in page


def test_inline_svg_is_well_formed_and_follows_the_page():
    body = report.inline_svg(curve_svg(), "f1-")
    root = ElementTree.fromstring(body)
    assert "viewBox" in root.attrib
    assert "width" not in root.attrib
    assert all(element.attrib["id"].startswith("f1-") for element in root.iter() if "id" in element.attrib)
    for reference in re.findall(r'(?:href="#|url\(#)([^")]+)', body):
        assert f'id="{reference}"' in body
    assert "var(--ink)" in body
    assert figures.INK not in body
    assert "a&lt;b&gt;" in body


# ------------------------------------------------------------------------------------------- samples


def story(context_id, policy, text="the rope", sample=0):
    return {"context_id": context_id, "policy": policy, "sample": sample, "text": text, "cut_off": False}


def match(context_id, policy_a, policy_b, sample=0):
    return {
        "match_id": f"{policy_a}/{policy_b}/{context_id}/{sample}",
        "context_id": context_id,
        "policy_a": policy_a,
        "policy_b": policy_b,
        "sample": sample,
    }


def choose(matches, judgements, stories=None, count=3):
    contexts = {"c1": CONTEXT, "c2": CONTEXT}
    stories = stories or [story("c1", "sft", "no word"), story("c1", "rlcs")]
    return report.choose_samples(contexts, stories, matches, judgements, ["sft", "rlcs"], "sft", count)


@pytest.mark.parametrize(
    ("policy_a", "policy_b", "verdict", "words"),
    [
        ("sft", "rlcs", "a", "loses to sft"),
        ("sft", "rlcs", "b", "beats sft"),
        ("rlcs", "sft", "a", "beats sft"),
        ("rlcs", "sft", "tie", "ties with sft"),
        ("rlcs", "sft", "none", "no verdict"),
    ],
)
def test_verdict_is_told_from_the_policys_side(policy_a, policy_b, verdict, words):
    one = match("c1", policy_a, policy_b)
    judgements = [
        Judgement(one["match_id"], "ba", "oracle", "none", analysis="the other order"),
        Judgement(one["match_id"], "ab", "oracle", verdict, analysis="why"),
    ]
    (sample,) = choose([one], judgements)
    reference, rlcs = sample.stories
    assert words in rlcs.verdict
    assert rlcs.analysis == "why"
    assert ("shown first" in rlcs.verdict) == (policy_a == "rlcs")
    assert reference.verdict == ""


def test_broken_constraints_are_named():
    (sample,) = choose([], [])
    assert [len(shown.broken) for shown in sample.stories] == [1, 0]
    assert sample.requirements == "use the word rope"


def test_contexts_without_all_policies_are_passed_over_and_the_lowest_sample_is_shown():
    stories = [
        story("c1", "sft"),
        story("c2", "sft"),
        story("c2", "rlcs", "late", 1),
        story("c2", "rlcs", "early"),
    ]
    (sample,) = choose([], [], stories)
    assert [shown.text for shown in sample.stories] == ["the rope", "early"]


def test_headlines_name_the_last_judge_and_each_policy_by_the_first_judge():
    alignment = pd.DataFrame(
        {
            "system": ["bt", "genrm", "length only"],
            "accuracy": [Estimate(v, v, v, 1000) for v in (0.6, 0.7, 0.5)],
            "paper": [None, 68.0, None],
        },
        dtype=object,
    )
    wins = pd.DataFrame(
        [
            {"policy": policy, "reference": "sft", "judge": judge, "win_rate": rate, "paper": None}
            for policy, rate in (("sft", None), ("rlcs", Estimate(0.8, 0.7, 0.9, 300)))
            for judge in ("oracle", "genrm")
        ],
        dtype=object,
    )
    judge, policy = report.headlines(alignment, wins)
    assert (judge.estimate.value, judge.paper) == (0.7, 68.0)
    assert (policy.estimate.value, policy.paper) == (0.8, None)
    assert "oracle" in policy.note
