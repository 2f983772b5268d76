import json
import math
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from chromium import chromium_page
from rlcs.data.lost_update import LostUpdate
from rlcs.data.parent_and_child import ParentAndChild
from rlcs.evaluation.statistics import Estimate
from rlcs.records import Constraint, Context, Judgement
from rlcs.report import curves, figure_style
from rlcs.report.captions import sweep_caption
from rlcs.report.page import (
    Headline,
    Note,
    PageSection,
    ReportData,
    ReportFigure,
    ReportTable,
    arrange_sections,
    collect_headlines,
    collect_notes,
    inline_svg,
    mark_own_judges,
    note_lost_updates,
    note_parents,
    render_report,
)
from rlcs.report.provenance import ArtifactRecord, summarize_cost, tabulate_models
from rlcs.report.samples import SampleContext, SampleStory, choose_samples

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
    return figure_style.to_svg(curves.plot_metric({"a<b>": {0: history}, "c": {0: history}}, "reward"))


def table(title="Judges", folded=False):
    frame = pd.DataFrame({"system": ["gen_rm"], "accuracy": [Estimate(0.7, 0.65, 0.75, 9)]})
    return ReportTable(title, "caption", frame, folded, name=title.lower())


def data(**changes):
    story = SampleStory(
        "rlcs", HOSTILE, truncated=True, violated=["use the word rope"], analyses={"first": HOSTILE}
    )
    figure = ReportFigure("Curves", "caption", [curve_svg(), curve_svg()])
    values = {
        "run": "tiny",
        "synthetic": True,
        "has_policies": True,
        "headlines": [Headline("rlcs wins", Estimate(0.87, 0.83, 0.9, 300), "note", paper=72.4)],
        "notes": [Note("all is well"), Note("something is not", flagged=True)],
        "sections": [PageSection("judges", "Of judges", "caption", [figure], [table(), table("More", True)])],
        "samples": [SampleContext(CONTEXT, [story])],
        "facts": {"Versions": {"trl": "1.16.0"}},
        "work": [table("Stages")],
    }
    return ReportData(**{**values, **changes})


def test_model_text_is_escaped_and_whole():
    page = render_report(data())
    assert "<script" not in page
    assert "<b>bold" not in page
    assert HOSTILE in Tags(page).text


def test_page_asks_for_nothing_outside_itself():
    page = Tags(render_report(data()))
    assert not {"script", "link", "img", "iframe", "object"} & set(page.tags)
    assert not [value for value in page.values if re.search(r"//|data:|@import", value)]
    assert "@import" not in "".join(page.text)
    assert "url(" not in re.sub(r"url\(#f\d", "", render_report(data()))


def test_ids_are_unique_although_two_panels_are_equal():
    ids = Tags(render_report(data())).ids
    assert len(ids) == len(set(ids))


def test_numbers_their_intervals_and_the_papers_figure_are_on_the_page():
    text = " ".join("".join(Tags(render_report(data())).text).split())
    assert "87.0 % [83.0, 90.0]" in text.replace("\xa0", " ")
    assert "paper, its own data: 72.4 %" in text.replace("\xa0", " ")
    assert "gen_rm70.0[65.0, 75.0]" in text.replace(" ", "").replace(",", ", ")


def test_a_number_over_nothing_is_a_dash_and_not_a_crash():
    nothing = Estimate(math.nan, math.nan, math.nan, 0)
    page = render_report(data(headlines=[Headline("nothing", nothing)]))
    assert not re.search(r"\bnan\b", page)
    assert "–" in "".join(Tags(page).text)


def test_only_a_synthetic_run_says_that_it_is_one():
    page = render_report(data())
    assert "Synthetic tiny world." in page
    assert "Synthetic tiny world: caption" in page
    assert "ynthetic" not in render_report(data(synthetic=False))


def test_a_run_of_judges_alone_has_no_gallery_to_go_to():
    assert "gallery.html" in render_report(data())
    alone = render_report(data(has_policies=False))
    assert "gallery" not in alone
    assert "A policy" not in alone


def test_a_rehearsal_says_that_no_number_means_anything():
    assert "no\nnumber or story here means anything" in render_report(data(rehearsal=True))
    assert "Rehearsal" not in render_report(data())


def test_page_without_sections_samples_and_facts():
    page = render_report(data(sections=[], samples=[], facts={}, work=[], notes=[]))
    assert 'href="#stories"' not in page
    assert 'href="#judges"' not in page
    assert "<svg" not in page


def test_inline_svg_is_well_formed_and_follows_the_page():
    body = inline_svg(curve_svg(), "f1-")
    root = ElementTree.fromstring(body)
    assert "viewBox" in root.attrib
    assert "width" not in root.attrib
    assert all(element.attrib["id"].startswith("f1-") for element in root.iter() if "id" in element.attrib)
    for reference in re.findall(r'(?:href="#|url\(#)([^")]+)', body):
        assert f'id="{reference}"' in body
    assert "var(--ink)" in body
    assert figure_style.INK not in body
    assert "a&lt;b&gt;" in body


def test_every_section_is_linked_and_what_is_folded_is_there():
    page = render_report(data())
    assert '<a href="#judges">Of judges</a>' in page
    assert '<section id="judges">' in page
    assert re.search(r'<details class="fold"><summary>More</summary>', page)
    assert re.findall(r'<li( class="flagged")?>([^<]*)</li>', page) == [
        (' class="flagged"', "something is not"),
        ("", "all is well"),
    ]


def test_tables_and_figures_stand_in_the_sections_of_their_captions():
    frame = table().frame
    made = arrange_sections({"effects": frame, "filter": frame}, {"judges": ["<svg/>"], "bases": []})
    assert [(s.name, len(s.figures), len(s.tables)) for s in made] == [
        ("claims", 0, 1),
        ("training", 1, 0),
        ("data", 0, 1),
    ]


def test_a_sweep_stands_in_the_section_of_its_entries_with_its_own_words():
    sweep = {"title": "Few labels", "metric": "accuracy_both_orders", "x": "human_labels", "x_label": None}
    caption = sweep_caption({**sweep, "lines": ["people", "bt"], "registry": "judges"})
    (section,) = arrange_sections({}, {"sweep_few": ["<svg/>"]}, {"sweep_few": caption})
    assert section.name == "judges"
    assert [(figure.title, figure.caption) for figure in section.figures] == [
        (
            "Few labels",
            "Accuracy, both orders %, over human_labels, with 95 % intervals. Horizontal lines: people, bt, "
            "by verdicts if they have no p.",
        )
    ]
    shorter = sweep_caption(sweep | {"x_label": "labels", "lines": [], "registry": "judges"})
    assert shorter.text == "Accuracy, both orders %, over labels, with 95 % intervals."


def test_a_figure_and_a_table_of_one_title_have_one_heading():
    figure = ReportFigure("Judges", "what it shows", [curve_svg()])
    other = ReportFigure("More", "what it shows", [curve_svg()])
    section = PageSection("judges", "Of judges", "caption", [figure, other], [table(), table("More", True)])
    page = render_report(data(sections=[section]))
    assert re.findall(r"<h3>(Judges|More)</h3>", page) == ["Judges", "More"]
    assert "<summary>More: the numbers</summary>" in page
    assert page.count("what it shows") == 2


def test_what_does_not_hold_has_a_section_of_its_own():
    text = " ".join("".join(Tags(render_report(data(failed=["GRPO beats SFT: does not hold"]))).text).split())
    section = text[text.rindex("What does not hold") :]
    assert section.startswith(
        "What does not hold Claims of the papers GRPO beats SFT: does not hold Flags "
        "All of them stand at the top."
    )
    assert "All that does not hold: 2" in text
    good = "".join(Tags(render_report(data(notes=[]))).text)
    assert "Nothing is flagged, and no measured claim fails." in good
    assert "Look at this first" not in good


def test_the_three_worst_stand_at_the_top_and_no_flag_is_told_twice():
    notes = [Note(f"flag {number}", flagged=True) for number in range(5)]
    page = render_report(data(notes=notes))
    assert [page.count(note.text) for note in notes] == [1] * 5
    top, others = page[: page.index('<section id="fails">')], page[page.index('<section id="fails">') :]
    assert [note.text in top for note in notes] == [True, True, True, False, False]
    assert "The others:" in others


def test_a_policys_own_judge_is_marked_and_its_rivals_are_not():
    frame = pd.DataFrame({"policy": ["rlcs", "rlcs", "sft"], "judge": ["genrm", "oracle", "genrm"]})
    marked = mark_own_judges(frame, {"rlcs": ["genrm"], "sft": []})
    assert list(marked["judge"]) == ["genrm (its own judge)", "oracle", "genrm"]
    assert list(frame["judge"]) == ["genrm", "oracle", "genrm"]


# ------------------------------------------------------------------------------------------- in a browser


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    """The page with a wide table, in a browser."""
    folder = tmp_path_factory.mktemp("page")
    share = Estimate(0.7, 0.65, 0.75, 9)
    columns = ["win_rate", "length_controlled", "rating", "constraints", "words", "repeated", "truncated"]
    rows = [
        {"policy": policy, "judge": "genrm (its own judge)", "reference": "sft"}
        | dict.fromkeys(columns, share)
        for policy in ("sft", "rlcs", "rlcs-entropy")
    ]
    wide = ReportTable("Win rates", "caption", pd.DataFrame(rows, dtype=object), name="win_rates")
    section = PageSection("policies", "Policies", "caption", [], [wide, table("Narrow")])
    (folder / "report.html").write_text(render_report(data(sections=[section])), encoding="utf-8")
    for name in re.findall(r'href="(\w+\.csv)"', (folder / "report.html").read_text(encoding="utf-8")):
        (folder / name).write_text("a\n", encoding="utf-8")
    with chromium_page(folder) as page:
        page.file = folder / "report.html"
        page.open(page.file)
        yield page


SCROLL = "document.querySelector('[aria-label=\"Win rates\"]')"


@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_fits_and_a_wide_table_scrolls_with_its_first_column_in_view(opened, width):
    phone = width < 500
    opened.ask(
        "Emulation.setDeviceMetricsOverride", width=width, height=844, deviceScaleFactor=1, mobile=phone
    )
    opened.open(opened.file)
    assert not opened.is_too_wide()
    box = opened.value(f"{SCROLL}.getBoundingClientRect().left")
    opened.value(f"{SCROLL}.scrollLeft = 0")
    before = opened.value(f"{SCROLL}.querySelector('tbody td').getBoundingClientRect().left")
    scrolls = opened.value(f"{SCROLL}.scrollWidth > {SCROLL}.clientWidth + 1")
    assert scrolls or not phone
    opened.wait(
        f"getComputedStyle({SCROLL}.querySelector('.hint')).visibility === "
        f"'{'visible' if scrolls else 'hidden'}'"
    )
    opened.value(f"{SCROLL}.scrollLeft = 10000")
    after = opened.value(f"{SCROLL}.querySelector('tbody td').getBoundingClientRect().left")
    assert box <= after <= before
    assert opened.value(f"getComputedStyle({SCROLL}.querySelector('tbody td')).position") == "sticky"


def test_a_narrow_table_has_no_sign_that_it_scrolls(opened):
    assert opened.value(
        "getComputedStyle(document.querySelector('[aria-label=\"Narrow\"] .hint')).visibility"
    ) == ("hidden")


def test_links_to_the_tables_numbers_resolve(opened):
    links = opened.value("[...document.querySelectorAll('a[href$=\".csv\"]')].map((a) => a.href)")
    assert len(links) == 3
    for link in links:
        assert Path(link.removeprefix("file://")).is_file(), link


def test_what_is_worst_is_seen_without_scrolling(opened):
    opened.ask(
        "Emulation.setDeviceMetricsOverride", width=1280, height=900, deviceScaleFactor=1, mobile=False
    )
    opened.value("scrollTo(0, 0)")
    assert opened.value("document.querySelector('.worst').getBoundingClientRect().bottom < innerHeight")


# ------------------------------------------------------------------------------------------- notes


def share(value):
    return Estimate(value, value, value, 9)


def told(quarantined=0, **tables):
    good = pd.DataFrame({"system": ["bt"], "flip_rate": [share(0.0)], "unparsed": [share(0.0)]}, dtype=object)
    return [(note.text, note.flagged) for note in collect_notes({"alignment": good} | tables, quarantined, 9)]


def test_nothing_to_look_into():
    assert told() == []


def test_judges_that_flip_or_cannot_be_read_are_flagged():
    frame = pd.DataFrame(
        {
            "system": ["bt", "genrm", "length only"],
            "flip_rate": [share(0.15), share(0.2), None],
            "unparsed": [share(0.051), share(0.05), None],
        },
        dtype=object,
    )
    assert told(alignment=frame) == [
        ("bt: 5.1% of its judgements could not be read (limit 5%)", True),
        ("genrm: 20.0% of its verdicts flip with the order (limit 15%)", True),
    ]


def test_signs_of_collapse_claims_and_lost_rows_are_told():
    signs = pd.DataFrame(
        [
            {"training": "policy a", "sign": "entropy is lost", "reached": 0.9, "limit": 0.7, "flag": flag}
            for flag in ("! seed 1, step 5", None)
        ],
        dtype=object,
    )
    assert told(diagnostics=signs) == [("policy a: entropy is lost, 0.9 (limit 0.7)", True)]
    assert told(diagnostics=signs[1:]) == [("No sign of collapse in 1 trainings", False)]
    effects = pd.DataFrame({"holds": ["holds", "does not hold", "cannot be said"]})
    assert told(effects=effects) == [("1 of 3 claims of the papers hold", True)]
    assert told(effects=effects[:1]) == [("1 of 1 claims of the papers hold", False)]
    assert told(quarantined=2) == [("2 of 9 rows of the data could not be used", False)]


# ------------------------------------------------------------------------------------------- samples


def story(context_id, policy, text="the rope", sample=0):
    return {"context_id": context_id, "policy": policy, "sample": sample, "text": text, "truncated": False}


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
    return choose_samples(contexts, stories, matches, judgements, ["sft", "rlcs"], "sft", count)


@pytest.mark.parametrize(
    ("policy_a", "policy_b", "ab", "ba", "words"),
    [
        ("sft", "rlcs", "a", "a", "loses to sft in both orders"),
        ("sft", "rlcs", "b", "b", "beats sft in both orders"),
        ("rlcs", "sft", "a", "a", "beats sft in both orders"),
        ("rlcs", "sft", "tie", "tie", "ties with sft in both orders"),
        ("rlcs", "sft", "none", "none", "no verdict against sft in both orders"),
        (
            "rlcs",
            "sft",
            "a",
            "b",
            "changes with the order, beats sft if shown first, loses to sft if shown second",
        ),
        (
            "sft",
            "rlcs",
            "a",
            "b",
            "changes with the order, beats sft if shown first, loses to sft if shown second",
        ),
        ("sft", "rlcs", "b", None, "beats sft if shown second"),
    ],
)
def test_the_verdict_of_both_orders_is_told_from_the_policys_side(policy_a, policy_b, ab, ba, words):
    one = match("c1", policy_a, policy_b)
    judgements = [
        Judgement(one["match_id"], order, "oracle", verdict, analysis=f"why in {order}")
        for order, verdict in (("ba", ba), ("ab", ab))
        if verdict is not None
    ]
    (sample,) = choose([one], judgements)
    reference, rlcs = sample.stories
    assert rlcs.verdict == f"oracle: {words}"
    first, second = ("ab", "ba") if policy_a == "rlcs" else ("ba", "ab")
    expected = {"first": f"why in {first}", "second": f"why in {second}"}
    assert rlcs.analyses.items() <= expected.items()
    assert len(rlcs.analyses) == len(judgements)
    assert (reference.verdict, reference.analyses) == ("", {})


def test_violated_constraints_are_named():
    (sample,) = choose([], [])
    assert [len(shown.violated) for shown in sample.stories] == [1, 0]
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


def test_contexts_in_which_policies_differ_come_first():
    stories = [story("c1", "sft", "same"), story("c1", "rlcs", "same"), story("c2", "sft", "one")]
    stories.append(story("c2", "rlcs", "another"))
    first, second = choose([], [], stories)
    assert [[shown.text for shown in sample.stories] for sample in (first, second)] == [
        ["one", "another"],
        ["same", "same"],
    ]


def headlines(*both_orders):
    alignment = pd.DataFrame(
        {
            "system": ["bt", "genrm", "length only"],
            "accuracy": [Estimate(v, v, v, 1000) for v in (0.6, 0.7, 0.5)],
            "accuracy_both_orders": [both_orders[0], both_orders[1], None],
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
    return collect_headlines(alignment, wins)


def test_headlines_name_the_last_judge_and_each_policy_by_the_first_judge():
    judge, policy = headlines(None, None)
    assert (judge.estimate.value, judge.paper) == (0.7, 68.0)
    assert (policy.estimate.value, policy.paper) == (0.8, None)
    assert "oracle" in policy.note


def test_p_over_both_orders_is_a_headline_if_it_says_something_else():
    _, both_orders, _ = headlines(None, Estimate(0.8, 0.7, 0.9, 1000))
    assert (both_orders.label, both_orders.estimate.value) == (
        "genrm agrees with the label by p over both orders",
        0.8,
    )
    assert len(headlines(None, Estimate(0.7, 0.7, 0.7, 1000))) == 2  # a reward model's p has its accuracy


def test_a_benchmark_that_training_pairs_hold_is_noted():
    rows = [
        {"benchmark": name, "pairs": 1200, "same_prompt": shared, "same_story": 0, "shared_ngram": 9}
        for name, shared in (("litbench", 7), ("clean", 0))
    ]
    assert told(benchmark_data=pd.DataFrame(rows)) == [
        ("litbench: of 1,200 pairs, 7 have a prompt of the training pairs and 0 a story", True)
    ]


def test_an_update_that_was_lost_is_noted():
    made = ArtifactRecord("judges/j/seed1", "train", 1, "abc", 60.0, (), "node", "3.11", None)
    losses = LostUpdate("bfloat16", 0.97, 0.97), LostUpdate("bfloat16", 0.1, 0.1), None
    nothing = LostUpdate("float32", None, None)
    notes = note_lost_updates([replace(made, lost=lost) for lost in (*losses, nothing)])
    assert [note.text for note in notes] == [
        "judges/j/seed1: published in bfloat16, weights lose 97.0% of the training's update (limit 10%)",
        "judges/j/seed1: the training changed no weight (limit 10%)",
    ]
    assert all(note.flagged for note in notes)


def test_a_parent_that_was_published_is_noted_and_in_the_table_of_models():
    made = ArtifactRecord("judges/j/seed1", "train", 1, "abc", 60.0, (), "node", "3.11", None)
    worse, better = (ParentAndChild("accuracy", 9, 0.8, child) for child in (0.7, 0.9))
    artifacts = [replace(made, compared=compared) for compared in (None, worse, better)]
    (note,) = note_parents(artifacts)
    assert note.flagged
    assert note.text == (
        "judges/j/seed1: accuracy on 9 validation pairs: parent 0.8000, child 0.7000; the parent is published"
    )
    assert list(tabulate_models(artifacts)["published"]) == [None, "parent", "child"]


def test_what_a_run_took_is_told_with_the_answers_that_were_paid_for(tmp_path):
    made = ArtifactRecord("judges/j/seed1", "train", 1, "abc", 7200.0, ("H100", "H100"), "node", "3.11", None)
    (tmp_path / "gemini").mkdir()
    answer = {"prompt_tokens": 100, "completion_tokens": 20, "cost": 0.5}
    lines = "\n".join([json.dumps(answer), json.dumps(answer), '{"torn'])
    (tmp_path / "gemini" / "1.jsonl").write_text(lines, encoding="utf-8")
    assert summarize_cost(
        [made, replace(made, name="tables/x", stage="tabulate", seconds=3600.0, gpus=())], tmp_path
    ) == {
        "time of all stages": "3 h 00 min",
        "longest stage": "judges/j/seed1, 2 h 00 min",
        "GPU hours": "4.00 (train 4.0)",
        "endpoint of gemini": "2 answers, 240 tokens, cost 1.00",
    }
