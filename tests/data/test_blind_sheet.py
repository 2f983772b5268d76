"""The human check: what the sheet hides, what its annotations say, and the whole way round in a browser."""

import json
import time
from collections import Counter
from pathlib import Path

import pytest

import import_argilla
import import_label_studio
import tabulate_human_win_rates
import write_blind_sheet
from chromium import WAIT, chromium_page
from rlcs.config.data import DataConfig
from rlcs.data import label_studio
from rlcs.data.blind_sheet import draw_blind_pairs, read_votes, to_preference_row
from rlcs.data.files import read_file
from rlcs.data.formats import validated_pairs
from rlcs.data.rows import RawRow
from rlcs.evaluation.human import human_win_rate_table
from rlcs.records import (
    KEY,
    STORIES,
    UNLABELLED,
    Constraint,
    Context,
    read_rows,
    write_contexts,
    write_rows,
)
from rlcs.report.formatting import read_table
from rlcs.report.html import fill_template
from rlcs.stages.stage import Stage

POLICIES = ["sft", "policy-one", "policy-two"]
ROPE = Constraint("required_word", {"word": "rope"})
HOSTILE = "</script><script>document.title = 'taken'</script> {{ 7*7 }} & <b>"


def context(name):
    return Context(name, "quest", "Mira & Tom", "lost the ring", HOSTILE, (ROPE,), "test")


def stories_of(contexts=4):
    return {(p, f"c{n}", 0): f"{i} wrote {n}" for n in range(contexts) for i, p in enumerate(POLICIES)}


def writer(text):
    return POLICIES[int(text[0])]


def rows_of(pairs):
    return [to_preference_row(pair, context(pair["context_id"])) for pair in pairs]


def raw(row, line=1):
    return RawRow("file.jsonl", line, json.dumps(row), row)


def marked(pairs, label, annotator="ann", cohort=""):
    return [raw(row | {"label": label, "annotator": annotator, "cohort": cohort}) for row in rows_of(pairs)]


def test_the_key_says_who_wrote_what_and_the_rows_do_not():
    key, pairs = draw_blind_pairs(stories_of(), POLICIES, "sft", count=8, seed=0)
    for match, pair in zip(key, pairs, strict=True):
        assert match["match_id"] == pair["pair_id"]
        assert (match["policy_a"], match["policy_b"]) == (writer(pair["story_a"]), writer(pair["story_b"]))
        assert "sft" in (match["policy_a"], match["policy_b"])
    assert not any(policy in json.dumps(rows_of(pairs)) for policy in POLICIES)
    assert {match["policy_a"] == "sft" for match in key} == {True, False}


def test_the_key_says_which_stories_were_cut_and_the_rows_do_not():
    cut = {("policy-one", "c0", 0), ("sft", "c1", 0)}
    key, pairs = draw_blind_pairs(stories_of(), POLICIES, "sft", 8, 0, cut)
    assert pairs == draw_blind_pairs(stories_of(), POLICIES, "sft", 8, 0)[1]
    for match in key:
        for side in ("a", "b"):
            marked_so = (match[f"policy_{side}"], match["context_id"], match["sample"]) in cut
            assert match[f"truncated_{side}"] == marked_so
    assert sum(match["truncated_a"] + match["truncated_b"] for match in key) == 3
    votes = [
        {"pair_id": match["match_id"], "label": "a", "annotator": "ann", "cohort": None} for match in key
    ]
    table = human_win_rate_table(votes, key, POLICIES, "sft", seed=0).set_index("policy")
    shares = [table.loc[policy, "truncated"] for policy in ("policy-one", "policy-two")]
    assert [(share.value, share.n) for share in shares] == [(1 / 4, 4), (0, 4)]


def test_policies_are_drawn_alike_and_the_seed_draws():
    def drawn(seed, count=5):
        return draw_blind_pairs(stories_of(6), POLICIES, "sft", count, seed)

    key, pairs = drawn(0)
    others = Counter(policy for match in key for policy in (match["policy_a"], match["policy_b"]))
    assert sorted(others.values()) == [2, 3, 5]
    assert drawn(0) == (key, pairs)
    assert len({json.dumps(drawn(seed)[1]) for seed in range(4)}) == 4


def test_equal_stories_are_not_compared_and_no_two_stories_twice():
    same = dict.fromkeys(stories_of(1), "the same")
    assert draw_blind_pairs(same, POLICIES, "sft", 9, 0) == ([], [])
    assert "nothing to compare" in fill_template("sheet.html.j2", sheet="", rows=[], required=[])
    twins = same | {("sft", "c0", 0): "another"}
    assert len(draw_blind_pairs(twins, POLICIES, "sft", 9, 0)[1]) == 1


def test_a_label_speaks_of_its_own_row_and_a_later_row_replaces_an_earlier_one():
    _, (pair, *_) = draw_blind_pairs(stories_of(), POLICIES, "sft", 3, 0)
    (row,) = rows_of([pair])
    turned = row | {"story_a": pair["story_b"], "story_b": pair["story_a"]}
    said = [raw(row | {"label": "a", "annotator": "ann"}), raw(turned | {"label": "a", "annotator": "bob"})]
    assert [(v["annotator"], v["label"]) for v in read_votes(said, [pair])] == [("ann", "a"), ("bob", "b")]
    again = [*said, raw(row | {"label": "tie", "annotator": "ann"})]
    assert [v["label"] for v in read_votes(again, [pair])] == ["tie", "b"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"label": ""}, "missing label"),
        ({"label": "c"}, "unknown label"),
        ({"annotator": ""}, "missing annotator"),
        ({"pair_id": "other"}, "'other' with these stories is not on this run's sheet"),
        ({"story_a": "other"}, "is not on this run's sheet"),
    ],
)
def test_a_row_that_cannot_be_used_is_named(change, words):
    _, pairs = draw_blind_pairs(stories_of(), POLICIES, "sft", 1, 0)
    row = rows_of(pairs)[0] | {"label": "a", "annotator": "ann"} | change
    with pytest.raises(ValueError, match=f"file.jsonl line 7: .*{words}"):
        read_votes([raw(row, 7)], pairs)


def test_people_who_prefer_one_policy_and_call_ties():
    key, pairs = draw_blind_pairs(stories_of(), POLICIES, "sft", 8, 0)
    votes = []
    for annotator, cohort in (("ann", "readers"), ("bob", "writers")):
        for match, pair in zip(key, pairs, strict=True):
            liked = "a" if match["policy_a"] == "policy-one" else "b"
            label = liked if "policy-one" in (match["policy_a"], match["policy_b"]) else "tie"
            votes += read_votes(marked([pair], label, annotator, cohort), pairs)
    table = human_win_rate_table(votes, key, POLICIES, "sft", seed=0)
    assert list(table["policy"]) == ["policy-one"] * 3 + ["policy-two"] * 3
    assert list(table["cohort"]) == ["all", "readers", "writers"] * 2
    assert [rate.value for rate in table["human_win_rate"]] == [1, 1, 1, 0.5, 0.5, 0.5]
    assert [rate.n for rate in table["human_win_rate"]] == [4] * 6
    assert list(table["votes"]) == [8, 4, 4] * 2
    assert list(table["annotators"]) == [2, 1, 1] * 2
    assert table["mutual"][0].value == 1


def test_votes_on_one_pair_are_averaged():
    key, pairs = draw_blind_pairs(stories_of(1), ["sft", "policy-one"], "sft", 1, 0)
    votes = read_votes(
        marked(pairs, "a", "ann") + marked(pairs, "a", "bob") + marked(pairs, "tie", "cy"), pairs
    )
    (row,) = human_win_rate_table(votes, key, POLICIES, "sft", seed=0).to_dict("records")
    for_a = 2.5 / 3
    expected = for_a if key[0]["policy_a"] == "policy-one" else 1 - for_a
    assert row["human_win_rate"].value == pytest.approx(expected)
    assert row["alpha"] is not None


# -------------------------------------------------------------------------------------- the way round


@pytest.fixture
def sheet(tmp_path):
    """What ``write_blind_sheet`` makes of three policies' stories."""
    made = tmp_path / "made"
    made.mkdir()
    write_contexts(made / "contexts.parquet", [context(f"c{n}") for n in range(4)])
    told = [
        {"policy": p, "context_id": c, "sample": s, "seed": 1, "text": text, "tokens": 3}
        | {"truncated": c == "c0"}
        for (p, c, s), text in stories_of().items()
    ]
    write_rows(made / "stories.parquet", told, STORIES)
    (made / "manifest.json").write_text("{}")
    inputs = {name: [made / "manifest.json"] for name in ("preferences", "stories")}
    config = {"policies": POLICIES, "reference": "sft", "pairs": 5, "seed": 0}
    return work(write_blind_sheet, config, tmp_path / "sheet", **inputs)


def work(script, config, folder, **inputs):
    inputs = {name: tuple(paths) for name, paths in inputs.items()}
    path = Path(script.__file__)
    script.main(Stage(path.stem, path, config, inputs, folder / "manifest.json", 0, {}))
    return folder


def tabulate(sheet, folder, *annotations):
    config = {"policies": POLICIES, "reference": "sft", "synthetic": True}
    inputs = {"sheet": [sheet / "manifest.json"], "annotations": annotations}
    made = work(tabulate_human_win_rates, config, folder, **inputs)
    return read_table(made / "human_win_rates.csv").set_index("policy")


def expected_rates(sheet, labels):
    """Win rate by policy of one vote a pair."""
    won = {}
    for match in read_rows(sheet / "key.parquet", KEY):
        if (label := labels.get(match["match_id"])) is not None:
            policy = match["policy_b" if match["policy_a"] == "sft" else "policy_a"]
            own = "a" if match["policy_a"] == policy else "b"
            won.setdefault(policy, []).append(0.5 if label == "tie" else float(label == own))
    return {policy: sum(of_policy) / len(of_policy) for policy, of_policy in won.items()}


def test_sheet_to_annotations_to_table_in_a_browser(sheet, tmp_path):
    assert not any(policy in (sheet / "sheet.html").read_text(encoding="utf-8") for policy in POLICIES)
    pairs = read_rows(sheet / "pairs.parquet", UNLABELLED)
    saved = tmp_path / "annotations-Ann-Lee.jsonl"
    with chromium_page(tmp_path) as page:
        page.open(sheet / "sheet.html")
        assert page.value("document.title") == "Which continuation is better?"
        assert page.texts(".written") == [pairs[0]["story_a"], pairs[0]["story_b"]]
        assert HOSTILE in page.text("#premise")
        assert page.value("document.querySelector('#save').disabled")
        page.click("[data-label=a]")
        page.press("t")
        page.press("b")
        assert page.text("#position") == "4 of 5 · 3 marked"
        page.press("ArrowLeft")
        assert page.value("document.querySelector('[data-label=b]').ariaPressed") == "true"

        page.open(sheet / "sheet.html")  # again: what was marked is still there
        assert page.text("#position") == "4 of 5 · 3 marked"
        page.click("#save")
        assert "Please give a name" in page.text("#note")
        page.choose("#annotator", "Ann Lee")
        page.choose("#cohort", "readers")
        page.screenshot(tmp_path / "sheet.png")
        page.click("#save")
        end = time.monotonic() + WAIT
        while not saved.exists():
            assert time.monotonic() < end, "nothing was saved"
            time.sleep(0.05)
        page.screenshot(tmp_path / "sheet-phone-dark.png", phone=True, dark=True)
        assert not page.is_too_wide()

    rows = [json.loads(line) for line in saved.read_text(encoding="utf-8").splitlines()]
    assert [(r["label"], r["annotator"], r["cohort"]) for r in rows] == [
        (label, "Ann Lee", "readers") for label in ("a", "tie", "b")
    ]
    labels = {pair["pair_id"]: label for pair, label in zip(pairs, ("a", "tie", "b"), strict=False)}
    table = tabulate(sheet, tmp_path / "table", saved)
    rates = {policy: rate.value for policy, rate in table["human_win_rate"].items()}
    assert rates == expected_rates(sheet, labels)
    # and they are preferences as any others are
    found = validated_pairs(list(read_file(saved)), DataConfig(preferences=[saved]))
    assert [vote["label"] for vote in found.annotations] == ["a", "tie", "b"]
    assert found.quarantine == []
    assert found.contexts[0].constraints == (ROPE,)


def test_label_studio_and_back(sheet, tmp_path, monkeypatch, capsys):
    tasks = json.loads((sheet / "label_studio.json").read_text(encoding="utf-8"))
    assert not any(policy in json.dumps(tasks) for policy in POLICIES)
    assert "Required: use the word rope" in tasks[0]["data"]["premise"]
    for field in ("premise", "story_a", "story_b"):
        assert f'"${field}"' in (sheet / "label_studio.xml").read_text(encoding="utf-8")

    def choose(side):
        return {"from_name": "preference", "type": "pairwise", "value": {"selected": side}}

    tie = {"from_name": "equal", "type": "choices", "value": {"choices": ["tie"]}}
    work_on = [
        [{"completed_by": 1, "result": [choose("left")]}],
        [{"completed_by": {"id": 2, "email": "bob@here"}, "result": [choose("right"), tie]}],
        [{"completed_by": 1, "result": [choose("right")]}, {"completed_by": 3, "result": []}],
        [{"completed_by": 1, "result": [choose("left")], "was_cancelled": True}],
        [],
    ]
    export = [{"id": n, **task, "annotations": work_on[n]} for n, task in enumerate(tasks)]
    (tmp_path / "export.json").write_text(json.dumps(export))
    saved = tmp_path / "annotations.jsonl"
    command = ["import", str(tmp_path / "export.json"), str(saved), "--cohort", "readers"]
    monkeypatch.setattr("sys.argv", command)
    import_label_studio.main()
    assert "3 annotations" in capsys.readouterr().out
    rows = [json.loads(line) for line in saved.read_text().splitlines()]
    assert [(r["label"], r["annotator"]) for r in rows] == [("a", "1"), ("tie", "bob@here"), ("b", "1")]
    labels = {row["pair_id"]: row["label"] for row in rows}
    table = tabulate(sheet, tmp_path / "table", saved)
    assert {p: rate.value for p, rate in table["human_win_rate"].items()} == expected_rates(sheet, labels)

    (tmp_path / "export.json").write_text('{"no": "list"}')
    with pytest.raises(SystemExit, match="is not a JSON export of tasks"):
        import_label_studio.main()


def _flattened(record):
    """The record as ``to_list(flatten=True)`` writes it."""
    given = record["responses"].get("preference")
    parts = {"": "value", ".users": "user_id", ".status": "status"}
    return {"id": record["id"], "status": "pending", "premise": record["fields"]["premise"]} | {
        f"preference.responses{part}": [response[name] for response in given] if given else None
        for part, name in parts.items()
    }


@pytest.mark.parametrize("flat", [False, True])
def test_argilla_and_back(sheet, tmp_path, monkeypatch, capsys, flat):
    records = json.loads((sheet / "argilla" / "records.json").read_text(encoding="utf-8"))
    settings = json.loads((sheet / "argilla" / ".argilla" / "settings.json").read_text(encoding="utf-8"))
    assert not any(policy in json.dumps([records, settings]) for policy in POLICIES)
    assert "Required: use the word rope" in records[0]["fields"]["premise"]
    assert [field["name"] for field in settings["fields"]] == list(records[0]["fields"])
    options = [option["value"] for option in settings["questions"][0]["settings"]["options"]]
    assert options == ["a", "b", "tie"]

    answers = [["a"], ["tie", "b"], ["b"], [], []]
    for record, given in zip(records, answers, strict=True):
        responses = [
            {"value": value, "user_id": f"user-{n}", "status": "submitted"} for n, value in enumerate(given)
        ]
        for status in ("draft", "discarded"):
            responses.append({"value": "a", "user_id": status, "status": status})
        record["responses"] = {"preference": responses} if given else {}
    if flat:
        records = [_flattened(record) for record in records]
    export, saved = tmp_path / "records.json", tmp_path / "annotations.jsonl"
    export.write_text(json.dumps(records))
    command = ["import", str(export), str(saved), "--sheet", str(sheet), "--cohort", "readers"]
    monkeypatch.setattr("sys.argv", command)
    import_argilla.main()
    assert "4 annotations of 3 pairs" in capsys.readouterr().out
    rows = [json.loads(line) for line in saved.read_text().splitlines()]
    assert [(r["label"], r["annotator"], r["cohort"]) for r in rows] == [
        ("a", "user-0", "readers"),
        ("tie", "user-0", "readers"),
        ("b", "user-1", "readers"),
        ("b", "user-0", "readers"),
    ]
    table = tabulate(sheet, tmp_path / "table", saved)
    assert table["votes"].sum() == 4
    found = validated_pairs(list(read_file(saved)), DataConfig(preferences=[saved]))
    assert found.quarantine == []

    for changed, why in (
        ({"id": "another"}, "not of this sheet"),
        ({**GONE, "responses": wrong("c")}, "is not one of a, b"),
        ({**GONE, "responses": wrong("c", "draft")}, "no submitted response"),
        ({**GONE, "responses": {"preference": [{"value": "a", "user_id": "u"}]}}, "flatten=True"),
        ({**GONE, "responses": None}, "neither responses nor 'preference.responses'"),
    ):
        changed = {name: value for name, value in (records[0] | changed).items() if value is not ...}
        export.write_text(json.dumps([changed]))
        with pytest.raises(SystemExit, match=why):
            import_argilla.main()


GONE = dict.fromkeys([f"preference.responses{part}" for part in ("", ".users", ".status")], ...)


def wrong(value, status="submitted"):
    return {"preference": [{"value": value, "user_id": "user-0", "status": status}]}


def test_an_annotation_without_a_choice_has_no_label():
    assert label_studio.Annotation(result=[], completed_by=1).label({"tie": "tie"}) is None


def own_project(*annotations):
    """An export of a project with names of its own."""
    data = {"premise": "A wolf.", "text1": "It ran.", "text2": "It slept."}
    return [{"id": 1, "data": data, "drafts": [choice("Left is better")], "annotations": list(annotations)}]


def choice(text, **fields):
    result = [{"type": "choices", "from_name": "better", "value": {"choices": [text]}}]
    return {"id": 7, "completed_by": 1, "result": result} | fields


COLUMNS = ["--columns", "story_a=text1", "story_b=text2", "prompt=premise"]
LABELS = ["--labels", "Left is better=a", "Right is better=b"]


@pytest.fixture
def import_own(tmp_path, monkeypatch):
    def run(tasks, *options, encoding="utf-8"):
        export, saved = tmp_path / "export.json", tmp_path / "rows.jsonl"
        export.write_text(json.dumps(tasks), encoding=encoding)
        monkeypatch.setattr("sys.argv", ["import", str(export), str(saved), *options])
        import_label_studio.main()
        return [json.loads(line) for line in saved.read_text(encoding="utf-8").splitlines()]

    return run


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_label_studio_project_of_ones_own(import_own, encoding):
    cancelled = choice("Left is better", was_cancelled=True)
    tasks = own_project(choice("right is better"), choice("Left is better", completed_by=None), cancelled)
    rows = import_own(tasks, *COLUMNS, *LABELS, encoding=encoding)
    assert [(row["label"], row["annotator"]) for row in rows] == [("b", "1"), ("a", "annotation 7")]
    assert {name: rows[0][name] for name in ("prompt", "story_a", "story_b")} == {
        "prompt": "A wolf.",
        "story_a": "It ran.",
        "story_b": "It slept.",
    }


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (LABELS, "no story_a and no story_b; its data: premise, text1, text2. Say which is which"),
        (COLUMNS, "no finished annotation with a preference; --labels says what"),
        ([*COLUMNS, "--labels", "Left is better=left"], r"--labels: \['left'\] are not of a, b, tie"),
        (["--columns", "story_a"], "are not of the form NAME=NAME"),
    ],
)
def test_a_project_of_ones_own_without_its_names(import_own, options, message):
    with pytest.raises(SystemExit, match=message):
        import_own(own_project(choice("Left is better")), *options)
