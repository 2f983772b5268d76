"""Prompts in the shape of IFEval's file, and the tables of constraints."""

import json

import pytest

from paths import SUPPORT
from rlcs.constraints.ifeval import constraint_of, read_prompts
from rlcs.constraints.instructions import INSTRUCTIONS
from rlcs.constraints.registry import instruction
from rlcs.errors import InputError
from rlcs.evaluation.constraint_accuracy import constraint_table, instruction_table
from rlcs.records import Constraint, Context, Judgement

FILE = SUPPORT / "data" / "ifeval.jsonl"

ARGUMENTS = {
    "keywords:existence": {"keywords": ["map", "wolf"]},
    "keywords:forbidden_words": {"forbidden_words": ["map"]},
    "keywords:frequency": {"keyword": "map", "frequency": 3, "relation": "at least"},
    "keywords:letter_frequency": {"letter": "q", "let_frequency": 4, "let_relation": "less than"},
    "language:response_language": {"language": "kn"},
    "length_constraints:number_words": {"num_words": 300, "relation": "less than"},
    "length_constraints:number_sentences": {"num_sentences": 5, "relation": "at least"},
    "length_constraints:number_paragraphs": {"num_paragraphs": 4},
    "length_constraints:nth_paragraph_first_word": {
        "num_paragraphs": 4,
        "nth_paragraph": 2,
        "first_word": "so",
    },
    "detectable_content:number_placeholders": {"num_placeholders": 2},
    "detectable_content:postscript": {"postscript_marker": "P.P.S"},
    "detectable_format:number_bullet_lists": {"num_bullets": 3},
    "detectable_format:number_highlighted_sections": {"num_highlights": 3},
    "detectable_format:multiple_sections": {"section_spliter": "SECTION", "num_sections": 3},
    "detectable_format:constrained_response": {},
    "detectable_format:json_format": {},
    "detectable_format:title": {},
    "combination:two_responses": {},
    "combination:repeat_prompt": {"prompt_to_repeat": " Write a poem. "},
    "startend:end_checker": {"end_phrase": "Is there anything else?"},
    "startend:quotation": {},
    "change_case:capital_word_frequency": {"capital_frequency": 10, "capital_relation": "less than"},
    "change_case:english_capital": {},
    "change_case:english_lowercase": {},
    "punctuation:no_comma": {},
}


def test_every_supported_instruction_is_a_constraint_with_an_instruction():
    assert set(ARGUMENTS) == set(INSTRUCTIONS)
    for name, arguments in ARGUMENTS.items():
        assert instruction(constraint_of(name, arguments | {"unused": None}))


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        (
            "length_constraints:number_words",
            {"num_words": 300, "relation": "less than"},
            Constraint("length_constraints:number_words", {"num_words": 300, "relation": "less than"}),
        ),
        (
            "length_constraints:number_words",
            {"num_words": 300, "relation": "at least", "num_bullets": None},
            Constraint("length_constraints:number_words", {"num_words": 300, "relation": "at least"}),
        ),
        ("detectable_format:json_format", {}, Constraint("detectable_format:json_format")),
        ("new:unheard_of", {"n": 1}, None),
    ],
)
def test_constraint_of(name, arguments, expected):
    assert constraint_of(name, arguments) == expected


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("keywords:existence", {}, "keywords: Field required"),
        ("keywords:existence", {"keywords": None}, "keywords: Field required"),
        ("keywords:existence", {"keywords": "map"}, "keywords: Input should be a valid list"),
        ("keywords:existence", {"keywords": []}, "keywords: List should have at least 1 item"),
        ("keywords:existence", {"keywords": ["(map"]}, "takes it as a pattern, which '.map' is none of"),
        ("detectable_content:postscript", {"postscript_marker": r"\Z"}, "takes it as a pattern"),
        ("startend:end_checker", {"end_phrase": 3}, "end_phrase: Input should be a valid string"),
        ("startend:end_checker", {"end_phrase": " "}, "end_phrase: "),
        ("language:response_language", {"language": "zh"}, "'zh' is not one of .*zh-cn"),
        (
            "length_constraints:number_sentences",
            {"num_sentences": 1, "relation": "less than"},
            "no text has less than 1 sentence",
        ),
        (
            "length_constraints:nth_paragraph_first_word",
            {"num_paragraphs": 2, "nth_paragraph": 3, "first_word": "so"},
            "nth_paragraph = 3 must be at most num_paragraphs = 2",
        ),
        (
            "length_constraints:nth_paragraph_first_word",
            {"num_paragraphs": 2, "nth_paragraph": 1, "first_word": "so it"},
            "no first word can be 'so it'",
        ),
        (
            "length_constraints:nth_paragraph_first_word",
            {"num_paragraphs": 2, "nth_paragraph": 1, "first_word": "don't"},
            "no first word can be",
        ),
        ("language:response_language", {"language": "klingon"}, "'klingon' is not one of"),
        (
            "length_constraints:number_words",
            {"num_words": 3, "relation": "about"},
            "relation: Input should be",
        ),
        ("length_constraints:number_words", {"num_words": "3", "relation": "less than"}, "num_words: "),
    ],
)
def test_arguments_that_cannot_be_used_are_refused(name, arguments, message):
    with pytest.raises(ValueError, match=message):
        constraint_of(name, arguments)


def test_read_prompts():
    prompts = read_prompts(FILE)
    assert [prompt.key for prompt in prompts] == ["1000", "1001", "1005", "1012"]
    assert prompts[0].text == "Write a summary in at least 5 words. Do not use any commas."
    assert prompts[1].constraints == (
        ("format:emoji", None),
        ("keywords:existence", Constraint("keywords:existence", {"keywords": ["wolf"]})),
    )
    assert prompts[3].constraints[0][1] == Constraint(
        "length_constraints:number_sentences", {"num_sentences": 3, "relation": "less than"}
    )


GOOD = {"key": 1, "prompt": "Write.", "instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}]}


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "has no prompts"),
        (["{"], "line 1: line: Invalid JSON"),
        ([GOOD, {**GOOD, "key": 2, "prompt": 3}], "line 2: prompt: "),
        ([{**GOOD, "kwargs": []}], "line 1: zip"),
        ([GOOD, GOOD], "line 2: the key 1 stands in two lines"),
        (
            [{**GOOD, "instruction_id_list": ["keywords:existence"]}],
            "line 1: constraint keywords:existence has",
        ),
        (
            [{name: value for name, value in GOOD.items() if name != "kwargs"}],
            "line 1: kwargs: Field required",
        ),
        (["\udcff"], "line 1: "),
    ],
)
def test_files_that_cannot_be_read_are_refused_with_the_line(lines, message, tmp_path):
    path = tmp_path / "input_data.jsonl"
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("\n".join(texts), encoding="utf-8", errors="surrogateescape")
    with pytest.raises(InputError, match=message):
        read_prompts(path)


def response(key, text, policy="sft", seed=0, truncated=False):
    return {"key": key, "policy": policy, "seed": seed, "text": text, "tokens": 1, "truncated": truncated}


def test_instruction_table_counts_what_is_followed_and_what_is_unsupported():
    responses = [
        response("1000", "one two three four five"),
        response("1001", "wolf", truncated=True),
        response("1005", "one ****** two"),
        response("1012", "Sure!\nIt rained. She ran. The end."),  # 4 sentences; 3 without the first line
        response("1000", "one, two", "grpo"),
    ]
    frame = instruction_table(
        read_prompts(FILE), responses, policies=["sft", "grpo"], paper={"sft": 83.36}, seed=0
    ).set_index("policy")
    sft, grpo = frame.loc["sft"], frame.loc["grpo"]
    assert (sft["prompts"], sft["unsupported"]) == (4, 2)
    assert (sft["prompt_strict"].value, sft["prompt_strict"].n) == (0.5, 2)
    assert (sft["instruction_strict"].value, sft["instruction_strict"].n) == (4 / 5, 5)
    assert grpo["instruction_strict"].value == 0
    assert (grpo["words"].value, grpo["prompts"]) == (2, 1)  # a prompt without an answer does not count
    assert (sft["paper"], grpo["paper"]) == (83.36, None)
    assert (sft["truncated"].value, sft["truncated"].n, grpo["truncated"].value) == (1 / 4, 4, 0)


def test_loose_accuracies_let_go_of_the_first_line():
    responses = [response("1012", "Sure!\nIt rained. The end."), response("1000", "a, b")]
    row = instruction_table(read_prompts(FILE), responses, policies=["sft"], paper={}, seed=0).iloc[0]
    assert (row["prompt_strict"].value, row["prompt_loose"].value) == (0, 0.5)
    assert (row["instruction_strict"].value, row["instruction_loose"].value) == (1 / 4, 2 / 4)


SHORT, DOUBT = Constraint("max_words", {"n": 2}), Constraint("described", {"text": "she doubts"})
CONTEXTS = {
    "c0": Context("c0", "quest", "", "", "", (SHORT,), "test"),
    "c1": Context("c1", "quest", "", "", "", (SHORT, DOUBT), "test"),
    "c2": Context("c2", "quest", "", "", "", (), "test"),
}


def story(policy, context_id, text, seed=0):
    row = {"policy": policy, "seed": seed, "context_id": context_id, "sample": 0, "text": text}
    return row | {"truncated": not text.endswith(".")}


def table(texts, verified=None, won=("a", "a", "b")):
    """Of policies sft and rlmr, with one match a context that sft plays as policy_a."""
    stories = [story(policy, f"c{n}", text) for policy, own in texts.items() for n, text in enumerate(own)]
    matches = [
        {"match_id": f"m{n}", "context_id": f"c{n}", "policy_a": "sft", "policy_b": "rlmr", "sample": 0}
        for n in range(3)
    ]
    said = [
        Judgement(f"m{n}", order, "oracle", verdict)
        for n, verdict in enumerate(won)
        for order in ("ab", "ba")
    ]
    return constraint_table(
        stories,
        CONTEXTS,
        verified or {},
        matches,
        {0: said},
        {"rlmr": 86.65},
        policies=["sft", "rlmr"],
        reference="sft",
        judge="oracle",
        seed=0,
    ).set_index("policy")


TEXTS = {"sft": ["She ran on.", "She ran.", "So."], "rlmr": ["She ran.", "She stood.", "So it was."]}


def test_constraint_table_by_story_and_by_constraint():
    verified = {("sft", 0, "c1", 0): {1: False}, ("rlmr", 0, "c1", 0): {1: True}}
    frame = table(TEXTS, verified)
    sft, rlmr = frame.loc["sft"], frame.loc["rlmr"]
    assert (sft["prompt_strict"].value, sft["prompt_strict"].n) == (0, 2)  # c2 has no constraints
    assert (sft["instruction_strict"].value, sft["instruction_strict"].n) == (pytest.approx(1 / 3), 3)
    assert rlmr["prompt_strict"].value == rlmr["instruction_strict"].value == 1
    assert (sft["unverified"], rlmr["unverified"]) == (0, 0)
    assert (sft["stories"], sft["words"].value) == (3, 2)
    assert (sft["paper"], rlmr["paper"]) == (None, 86.65)


def test_a_truncated_story_is_counted_and_keeps_what_its_missing_end_would_break():
    frame = table(TEXTS | {"sft": ["She ran", "She ran.", "So."]})
    assert (frame.loc["sft", "prompt_strict"].value, table(TEXTS).loc["sft", "prompt_strict"].value) == (1, 0)
    shares = [frame.loc[policy, "truncated"] for policy in ("sft", "rlmr")]
    assert [(share.value, share.n) for share in shares] == [(pytest.approx(1 / 3), 3), (0, 3)]


def test_what_nobody_verified_is_left_out_and_counted():
    frame = table(TEXTS)
    sft, rlmr = frame.loc["sft"], frame.loc["rlmr"]
    assert (sft["prompt_strict"].value, sft["prompt_strict"].n) == (0, 1)
    assert (rlmr["prompt_strict"].value, rlmr["prompt_strict"].n) == (1, 1)
    assert (rlmr["instruction_strict"].n, rlmr["unverified"]) == (2, pytest.approx(1 / 3))


def test_wins_overall_and_where_both_comply():
    rlmr = table(TEXTS, {("sft", 0, "c1", 0): {1: True}, ("rlmr", 0, "c1", 0): {1: True}}).loc["rlmr"]
    assert (rlmr["win_rate"].value, rlmr["win_rate"].n) == (pytest.approx(1 / 3), 3)
    assert (rlmr["win_rate_compliant"].value, rlmr["win_rate_compliant"].n) == (0.5, 2)  # c1 lost, c2 won
    assert table(TEXTS).loc["sft"]["win_rate"] is None
