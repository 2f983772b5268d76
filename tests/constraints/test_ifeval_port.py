"""Verdicts under IFEval's names are those of the port that lm-eval carries (its task ``ifeval``).

``make test-ifeval`` sets up lm-eval without what it requires, and the Punkt model that llama-index-core has.
"""

import json
import os
import sys
import types
from pathlib import Path
from random import Random

import pytest

from paths import SUPPORT
from rlcs.constraints.ifeval import constraint_of
from rlcs.constraints.instructions import INSTRUCTIONS
from rlcs.constraints.registry import loosely_satisfied, satisfied

CASES = (SUPPORT / "data" / "ifeval_cases.jsonl").read_text(encoding="utf-8").splitlines()
TEXTS = 400
LANGUAGE_TEXTS = 60  # langdetect takes milliseconds a text


@pytest.mark.parametrize("case", [*map(json.loads, CASES)], ids=lambda case: case["why"])
def test_verdicts_of_composed_texts(case):
    constraint = constraint_of(case["instruction"], case["arguments"])
    assert satisfied(constraint, case["text"]) is case["strict"]
    assert loosely_satisfied(constraint, case["text"]) is case["loose"]


@pytest.fixture
def port(monkeypatch):
    """The port's module ``utils``, without the rest of lm-eval."""
    if (folder := os.environ.get("RLCS_IFEVAL")) is None:
        pytest.skip("no lm-eval on this machine: make test-ifeval sets it up")
    import langdetect
    import nltk

    monkeypatch.setattr(langdetect.DetectorFactory, "seed", 0)
    monkeypatch.setattr(nltk.data, "path", [f"{folder}/llama_index/core/_static/nltk_cache"])
    monkeypatch.syspath_prepend(folder)
    for name in ("lm_eval", "lm_eval.tasks"):
        package = types.ModuleType(name)
        package.__path__ = [str(Path(folder, *name.split(".")))]
        monkeypatch.setitem(sys.modules, name, package)
    from lm_eval.tasks.ifeval import utils

    return utils


def verdicts_of_port(port, name, arguments, text):
    example = port.InputExample(0, [name], "Write.", [arguments])
    strict = port.test_instruction_following_strict(example, text)
    loose = port.test_instruction_following_loose(example, text)
    return strict.follow_all_instructions, loose.follow_all_instructions


def verdicts(name, arguments, text):
    constraint = constraint_of(name, arguments)
    return satisfied(constraint, text), loosely_satisfied(constraint, text)


CHECKED = [
    ("keywords:existence", {"keywords": ["war", "map"]}),
    ("keywords:existence", {"keywords": ["灯"]}),
    ("keywords:forbidden_words", {"forbidden_words": ["war", "don't"]}),
    ("keywords:forbidden_words", {"forbidden_words": ["灯"]}),
    ("keywords:frequency", {"keyword": " war ", "frequency": 2, "relation": "at least"}),
    ("keywords:frequency", {"keyword": "U.S.", "frequency": 1, "relation": "less than"}),
    ("keywords:letter_frequency", {"letter": "S", "let_frequency": 9, "let_relation": "less than"}),
    ("keywords:letter_frequency", {"letter": "q", "let_frequency": 1, "let_relation": "at least"}),
    ("length_constraints:number_words", {"num_words": 30, "relation": "at least"}),
    ("length_constraints:number_words", {"num_words": 20, "relation": "less than"}),
    *(
        ("length_constraints:number_sentences", {"num_sentences": number, "relation": relation})
        for number in (2, 3, 5, 8)
        for relation in ("at least", "less than")
    ),
    *(("length_constraints:number_paragraphs", {"num_paragraphs": number}) for number in (1, 2, 3)),
    *(
        (
            "length_constraints:nth_paragraph_first_word",
            {"num_paragraphs": number, "nth_paragraph": nth, "first_word": word},
        )
        for number, nth in ((1, 1), (2, 2), (3, 2))
        for word in ("president", "The", "war")
    ),
    *(("detectable_content:number_placeholders", {"num_placeholders": number}) for number in (1, 2)),
    *(("detectable_content:postscript", {"postscript_marker": mark}) for mark in ("P.S.", "P.P.S", "PS:")),
    *(("detectable_format:number_bullet_lists", {"num_bullets": number}) for number in (1, 2, 3)),
    *(("detectable_format:number_highlighted_sections", {"num_highlights": number}) for number in (1, 2, 3)),
    ("detectable_format:multiple_sections", {"section_spliter": "SECTION", "num_sections": 2}),
    ("detectable_format:multiple_sections", {"section_spliter": "Day", "num_sections": 1}),
    ("detectable_format:constrained_response", {}),
    ("detectable_format:json_format", {}),
    ("detectable_format:title", {}),
    ("combination:two_responses", {}),
    ("combination:repeat_prompt", {"prompt_to_repeat": "The president of the U.S. "}),
    ("startend:end_checker", {"end_phrase": "The end."}),
    ("startend:quotation", {}),
    *(
        ("change_case:capital_word_frequency", {"capital_frequency": number, "capital_relation": relation})
        for number in (1, 3)
        for relation in ("at least", "less than")
    ),
    ("punctuation:no_comma", {}),
]
OF_LANGUAGE = [
    *(("language:response_language", {"language": code}) for code in ("en", "fr", "hi", "ru", "ar")),
    ("change_case:english_capital", {}),
    ("change_case:english_lowercase", {}),
]
PARTS = [
    "The president of the U.S. met Mr. Mill, Dr. Wolf and J. R. Smith at 3 p.m. They left.",
    "President's men came. Wars end; the war did not!",
    "“President,” he said. ‘Who?’ asked she… Nobody.",
    '"War and peace," he said, "are no map." The end.',
    "**President** Ann came, with *one map* and ** ** and *two* of them.",
    "'The' map. Don’t go. Don't stay, e.g. here, i.e. there.",
    "1. one\n2. two\n3. three",
    "* one\n* two",
    "- one\n  - two\n-three",
    "• one\n• two",
    "**Bold:** one\n** two",
    "---",
    "***",
    "******",
    "* * *",
    "P.S. Bring the key.",
    "**P.S.** Bring the key.",
    "p.p.s: and a map",
    "P. P. S.\nNo.",
    "See p. s. Run. ps: no",
    "SECTION 1\nThe war.\nSECTION 2\nThe map.",
    "## Section 1: Day 1",
    "<<The old mill>>",
    "<< >> <<>>",
    '{"story": ["war", 1]}',
    "```json\n[1, 2]\n```",
    "My answer is no. Really",
    "Dear [name] of [place],\nhello [",
    "THE WAR IS OVER. I SAW A U.S. ARMY-TANK IN NATO'S CAMP",
    "i saw the sea and the old grey ship that sails at dawn",
    "été à paris, la mer est grise et le bateau part demain",
    "老灯塔的灯很亮，他说：“走吧。”",
    "Он родился в 1986 г. в Москве. — Кто там? — спросил он.",
    "वह आया। फिर वह चला गया।",
    "It cost 3.50 in all.Nobody paid.\tYes?! No... So it was.",
    "The end.",
    '"The end."',
    "12 345 !? 6",
    "Queen's quilt (quite) Q&A_q",
]
JOINTS = ["\n\n", "\n", " ", "\n***\n", "\n\n***\n\n", " *** ", "\n\n\n", "\n******\n", ""]
WRAPPERS = ["{}", '"{}"', "“{}”", "Sure!\n{}", "{}\nHope it helps!", "**{}**", " {}\n", "```\n{}\n```"]


def composed(number):
    """Texts of parts in the styles that models write in; the first are the parts by themselves."""
    random = Random("IFEval")
    yield from PARTS
    for _ in range(number - len(PARTS)):
        parts = random.choices(PARTS, k=random.randint(1, 4))
        text = "".join(part + random.choice(JOINTS) for part in parts[:-1]) + parts[-1]
        text = random.choices([text, text.upper(), text.lower()], weights=[8, 1, 1])[0]
        before, after = random.choice(WRAPPERS).split("{}")
        yield before + text + after


def test_verdicts_are_those_of_the_port(port):
    assert {name for name, _ in CHECKED + OF_LANGUAGE} == set(INSTRUCTIONS)
    texts = list(composed(TEXTS))
    asked = [(*asked, text) for text in texts for asked in CHECKED]
    asked += [(*asked, text) for text in texts[:LANGUAGE_TEXTS] for asked in OF_LANGUAGE]
    wrong, said = [], {name: set() for name in INSTRUCTIONS}
    for name, arguments, text in asked:
        expected = verdicts_of_port(port, name, arguments, text)
        said[name].add(expected)
        if verdicts(name, arguments, text) != expected:
            wrong.append((name, arguments, text, expected))
    assert wrong == []
    assert {name for name, kinds in said.items() if len(kinds) < 2} == set()  # each is kept and broken


@pytest.mark.parametrize("case", [*map(json.loads, CASES)], ids=lambda case: case["why"])
def test_the_cases_are_those_of_the_port(port, case):
    assert verdicts_of_port(port, case["instruction"], case["arguments"], case["text"]) == (
        case["strict"],
        case["loose"],
    )
