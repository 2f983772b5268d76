"""Every kind of constraint: tables of texts, and texts built to keep or to break it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paths import SUPPORT
from rlcs import text as texts
from rlcs.constraints.instructions import INSTRUCTIONS
from rlcs.constraints.measures import MEASURES, RELATIONS
from rlcs.constraints.registry import (
    KINDS,
    all_satisfied,
    instruction,
    loosely_satisfied,
    parse_constraint,
    satisfied,
    variants,
)
from rlcs.records import Constraint


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("", 0),
        ("  \n", 0),
        ("...", 0),
        ("One", 1),
        ("One.", 1),
        ("One. Two!", 2),
        ("One. two", 2),
        ("One.Two.", 2),
        ("It cost 3.50 in all.", 1),
        ("Mr. Mill met Dr. Wolf. They ran.", 2),
        ("One.\n\nTwo.\n", 2),
        ('"Stop." He stopped.', 2),
        ("他走了。她没有！", 2),
    ],
)
def test_sentences(text, sentences):
    assert len(texts.sentences(text)) == sentences


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", 0),
        ("... — !", 0),
        ("Don't stop, now", 3),
        ("a well-known price of 3.50", 6),
        ("l’homme", 1),
        ("他走了", 3),
    ],
)
def test_words(text, words):
    assert len(texts.words(text)) == words


@pytest.mark.parametrize(
    ("text", "phrase", "times"),
    [
        ("The Dragon slept. dragon", "dragon", 2),
        ("dragons", "dragon", 0),
        ("a snapdragon", "dragon", 0),
        ("dragon-slayer", "dragon", 1),
        ("the old mill, the old mill", "old mill", 2),
        ("price: $5 (net)", "$5", 1),
        ("c++ code", "c++", 1),
        ("anything", ".*", 0),
        ("他没有走", "没有", 1),
    ],
)
def test_occurrences(text, phrase, times):
    assert texts.occurrences(text, phrase) == times


# kind, parameters, instruction, texts that keep it, texts that break it
TABLE = [
    ("required_word", {"word": "dragon"}, "use the word dragon", ["A Dragon."], ["Dragons."]),
    (
        "required_words",
        {"words": ["map", "old mill"]},
        "use the words map, old mill",
        ["The map of the Old mill."],
        ["The map of the mill.", "An old mill."],
    ),
    (
        "forbidden_words",
        {"words": ["map", "wolf"]},
        "do not use the words map, wolf",
        ["Maps and wolves."],
        ["The Wolf."],
    ),
    ("opening", {"text": "Once upon"}, "begin with: Once upon", ["  once upon a time"], ["At once upon."]),
    (
        "ending",
        {"text": "The end."},
        "end with: The end.",
        ["And so. the end.", 'He: "The end."'],
        ["The end"],
    ),
    (
        "initials",
        {"unit": "line", "letters": "Sea"},
        "let the first letters of the lines be S E A",
        ["Sun\n\n*Every day.\nÀ la mer."],
        ["Sun\nEvery day.", "Sun\nEvery\nAll\nMore"],
    ),
    (
        "first_letter",
        {"unit": "sentence", "letter": "s"},
        "begin every sentence with the letter S",
        ["Sun rose. “Stay!” She ran."],
        ["Sun rose. He ran."],
    ),
    (
        "paragraph_start",
        {"paragraphs": 2, "nth": 2, "word": "so"},
        "write 2 paragraphs with blank lines between them; paragraph 2 begins with the word so",
        ["One.\n\nSo two."],
        ["So one.\n\nTwo.", "One.\n\nSo two.\n\nThree."],
    ),
    (
        "title",
        {},
        "give it a title in double angular brackets, such as <<a long way home>>",
        ["<<The Mill>>\nMara ran."],
        ["The Mill\nMara ran.", "<<>>", "<< >>", "<The Mill>"],
    ),
    ("quoted", {}, "put the whole text in double quotation marks", ['"Run."', "“Run.”"], ['"Run', '"']),
    (
        "postscript",
        {"marker": "P.S."},
        "add a postscript that begins with P.S.",
        ["Dear Mara.\np.s. Run."],
        ["Dear Mara.", "Dear Mara.\nP.S.", "See p.s. Run."],
    ),
    ("no_lists", {}, "do not use lists", ["Mara - ran.\n***\n-5 degrees"], ["* a map", "Buy:\n 1. a map"]),
    ("no_dialogue", {}, "do not use dialogue", ["Mara's map."], ['"Run," said he.', "„Lauf!“"]),
    ("no_commas", {}, "do not use commas", ["Mara ran."], ["Mara, run."]),
    ("capitals", {}, "write in capital letters only", ["RUN 2."], ["RUn.", "2"]),
    ("lowercase", {}, "write in lowercase letters only", ["run 2."], ["Run."]),
    (
        "language",
        {"code": "de"},
        "write in the language with the ISO 639-1 code de",
        ["Es war einmal ein alter Müller, der hatte drei Söhne und eine Mühle."],
        ["Once upon a time there was an old miller who had three sons and a mill."],
    ),
]
# measure, its parameters, instruction of "exact" 2, texts by count
MEASURED = [
    ("words", {}, "exactly 2 words", {"Don't run": 2, "Run": 1, "a-b c": 3}),
    ("sentences", {}, "exactly 2 sentences", {"Run. Go!": 2, "Run": 1}),
    ("lines", {}, "exactly 2 lines", {"One\n\ntwo": 2, "One. Two.": 1}),
    (
        "paragraphs",
        {},
        "exactly 2 paragraphs with blank lines between them",
        {"One.\n \nTwo.\nStill two.": 2, "One.\nStill one.": 1},
    ),
    (
        "parts",
        {"divider": "***"},
        "exactly 2 parts divided by ***",
        {"One.\n***\nTwo.": 2, "One.\n***": 1, "One": 1, "One.\n***\n***\nThree.": 3},
    ),
    (
        "sections",
        {"marker": "Chapter"},
        "exactly 2 sections, each under a heading of the form Chapter 1",
        {"Chapter 1\nOne.\nChapter 2\nTwo.": 2, "Chapters": 0},
    ),
    ("occurrences", {"phrase": "wolf"}, "use the word wolf exactly 2 times", {"Wolf, wolf, wolves": 2}),
    ("letters", {"letter": "W"}, "use the letter W exactly 2 times", {"Wow": 2, "o": 0}),
    ("capital_words", {}, "exactly 2 words in capital letters", {"RUN or GO, Mara": 2, "Run": 0}),
    (
        "speeches",
        {},
        "exactly 2 passages of direct speech in quotation marks",
        {'"Run," she said, "run!"': 2, "“Go”": 1, 'a 5" nail': 0},
    ),
    (
        "list_items",
        {},
        "a list with exactly 2 items, each on a line that begins with *",
        {"Buy:\n* a map\n* a rope": 2, "1) a": 1, "***": 0},
    ),
    (
        "highlights",
        {},
        "exactly 2 passages highlighted like *this*",
        {"*one* and **two**": 2, "* one": 0, "**": 0},
    ),
    (
        "placeholders",
        {},
        "exactly 2 placeholders in square brackets, such as [name]",
        {"Dear [name] of [place]": 2, "Dear [name": 0},
    ),
]


def test_the_tables_know_every_kind():
    counting = {f"{relation}_{measure}" for relation in RELATIONS for measure in MEASURES}
    assert {row[0] for row in TABLE} | counting | {"described"} | set(INSTRUCTIONS) == set(KINDS)
    assert {row[0] for row in MEASURED} == set(MEASURES)


@pytest.mark.parametrize(("kind", "parameters", "stated", "keep", "break_"), TABLE, ids=lambda value: None)
def test_kinds(kind, parameters, stated, keep, break_):
    constraint = Constraint(kind, parameters)
    assert instruction(constraint) == stated
    assert {text: satisfied(constraint, text) for text in keep + break_} == dict.fromkeys(
        keep, True
    ) | dict.fromkeys(break_, False)


@pytest.mark.parametrize(("measure", "parameters", "stated", "counts"), MEASURED, ids=lambda value: None)
def test_measures(measure, parameters, stated, counts):
    assert instruction(Constraint(f"exact_{measure}", parameters | {"n": 2})) == stated
    for text, count in counts.items():
        possible = range(MEASURES[measure].least, 5)
        kept = {n: satisfied(Constraint(f"exact_{measure}", parameters | {"n": n}), text) for n in possible}
        assert kept == {n: n == count for n in possible}


@pytest.mark.parametrize(
    ("relation", "parameters", "stated", "keep"),
    [
        ("min", {"n": 2}, "at least 2 words", [2, 3, 4]),
        ("max", {"n": 2}, "at most 2 words", [1, 2]),
        ("max", {"n": 1}, "at most 1 word", [1]),
        ("exact", {"n": 2}, "exactly 2 words", [2]),
        ("between", {"low": 2, "high": 3}, "between 2 and 3 words", [2, 3]),
    ],
)
def test_relations(relation, parameters, stated, keep):
    constraint = Constraint(f"{relation}_words", parameters)
    assert instruction(constraint) == stated
    assert [n for n in range(5) if satisfied(constraint, "Run! " * n)] == keep


def test_instructions_of_the_tiny_world():
    """Its models read these words."""
    assert instruction(Constraint("max_sentences", {"n": 4})) == "at most 4 sentences"
    assert instruction(Constraint("required_word", {"word": "$outline"})) == "use the word $outline"


plain_words = st.sampled_from(["mill", "Wolf", "rope", "ran", "never", "again"])
counts = st.integers(0, 6)


def listing(items, separator):
    return separator.join(items) if items else "…"


CASES = (SUPPORT / "data" / "constraint_cases.jsonl").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("case", [*map(json.loads, CASES)], ids=lambda case: case["why"])
def test_texts_of_other_languages_and_typography(case):
    assert satisfied(Constraint(case["kind"], case["parameters"]), case["text"]) is case["satisfied"]


# a text with n of what is counted, from words that the test draws
BUILDERS = {
    "words": lambda n, words: listing([words[i % len(words)] for i in range(n)], ", "),
    "sentences": lambda n, words: listing([f"The {' '.join(words)}." for _ in range(n)], " "),
    "lines": lambda n, words: "\n".join([f"The {' '.join(words)}"] * n),
    "paragraphs": lambda n, words: "\n\n".join([f"The {' '.join(words)}.\nIt was." for _ in range(n)]),
    "parts": lambda n, words: "\n***\n".join([" ".join(words)] * n),
    "sections": lambda n, words: "Mara.\n" + "".join(f"Part {i}\n{' '.join(words)}.\n" for i in range(n)),
    "occurrences": lambda n, words: " ".join(["dragon"] * n + words),
    "letters": lambda n, words: " ".join(["z"] * n + words),
    "capital_words": lambda n, words: " ".join(["AHOY"] * n + words),
    "speeches": lambda n, words: " ".join([f"“{' '.join(words)},” said she."] * n + words),
    "list_items": lambda n, words: "Mara:\n" + "".join(f"* {' '.join(words)}\n" for _ in range(n)),
    "highlights": lambda n, words: "Mara " + " ".join([f"*{words[0]}*"] * n),
    "placeholders": lambda n, words: "Mara " + " ".join([f"[{words[0]}]"] * n),
}
OWN = {
    "parts": {"divider": "***"},
    "sections": {"marker": "Part"},
    "occurrences": {"phrase": "Dragon"},
    "letters": {"letter": "Z"},
}


@pytest.mark.parametrize("measure", MEASURES)
@given(n=counts, low=counts, more=counts, words=st.lists(plain_words, min_size=1, max_size=4))
def test_texts_built_with_n_keep_what_n_keeps_and_break_the_rest(measure, n, low, more, words):
    text = BUILDERS[measure](n, words)
    if not text.strip() or low < MEASURES[measure].least:
        return

    def kept(relation, **parameters):
        return satisfied(Constraint(f"{relation}_{measure}", OWN.get(measure, {}) | parameters), text)

    assert kept("max", n=low) == (n <= low)
    assert kept("exact", n=low) == (n == low)
    assert kept("between", low=low, high=low + more) == (low <= n <= low + more)
    if low:
        assert kept("min", n=low) == (n >= low)


phrases = st.text(min_size=1).filter(lambda text: text == text.strip() and texts.comparable(text))
several = st.lists(plain_words, min_size=1, max_size=4)


@given(before=st.text(), word=phrases, after=st.text())
def test_a_word_between_spaces_is_found(before, word, after):
    text = f"{before} {word} {after}"
    assert satisfied(Constraint("required_word", {"word": word}), text)
    assert not satisfied(Constraint("forbidden_words", {"words": [word]}), text)


@given(words=several, others=several)
def test_texts_built_from_words_keep_and_break_rules_about_words(words, others):
    missing = ["dragon", "old map"]
    text = " ".join(words)
    assert satisfied(Constraint("required_words", {"words": words}), f"{' '.join(others)}. {text}")
    assert not satisfied(Constraint("required_words", {"words": [*words, missing[0]]}), text)
    assert satisfied(Constraint("forbidden_words", {"words": missing}), text)
    assert not satisfied(Constraint("forbidden_words", {"words": missing}), f"{text} the Old Map.")


@given(wanted=phrases, rest=st.text("abc .", min_size=1))
def test_texts_built_with_a_beginning_or_an_end(wanted, rest):
    assert satisfied(Constraint("opening", {"text": wanted}), f"{wanted} {rest}")
    assert not satisfied(Constraint("opening", {"text": f"Q{wanted}"}), f"x{rest}")
    assert satisfied(Constraint("ending", {"text": wanted}), f"{rest} {wanted}")
    assert not satisfied(Constraint("ending", {"text": f"{wanted}Q"}), f"{rest}x")


@given(letters=st.text("abcdefghij", min_size=1, max_size=6), words=several)
def test_texts_built_from_initials(letters, words):
    rest = " ".join(words)
    divided = {"line": "\n", "paragraph": "\n\n", "sentence": " "}
    for unit, divider in divided.items():
        text = divider.join(f"{letter.upper()}{rest}." for letter in letters)
        assert satisfied(Constraint("initials", {"unit": unit, "letters": letters}), text)
        assert not satisfied(Constraint("initials", {"unit": unit, "letters": f"{letters}k"}), text)
        assert not satisfied(Constraint("first_letter", {"unit": unit, "letter": "k"}), text)
        alike = divider.join(f"K{rest}." for _ in letters)
        assert satisfied(Constraint("first_letter", {"unit": unit, "letter": "k"}), alike)


@given(n=st.integers(1, 5), nth=st.integers(1, 5), words=several)
def test_texts_built_from_paragraphs(n, nth, words):
    nth = min(n, nth)
    parts = [" ".join(words)] * n
    parts[nth - 1] = f"Suddenly {parts[nth - 1]}"
    constraint = Constraint("paragraph_start", {"paragraphs": n, "nth": nth, "word": "suddenly"})
    assert satisfied(constraint, "\n\n".join(parts))
    assert not satisfied(constraint, "\n\n".join([*parts, "More."]))
    assert not satisfied(constraint, "\n\n".join([" ".join(words)] * n))


@given(words=several)
def test_texts_built_in_a_format(words):
    text = " ".join(words)
    built = {
        "title": f"<<{text}>>\n{text}",
        "quoted": f'"{text}"',
        "no_lists": text,
        "no_dialogue": text,
        "no_commas": text,
        "capitals": text.upper(),
        "lowercase": text.lower(),
    }
    broken = {
        "title": text,
        "quoted": text,
        "no_lists": f"- {text}",
        "no_dialogue": f"“{text}”",
        "no_commas": f"{text},",
        "capitals": f"{text.upper()}x",
        "lowercase": f"{text.lower()}X",
    }
    for kind in built:
        assert satisfied(Constraint(kind), built[kind])
        assert not satisfied(Constraint(kind), broken[kind])
    marker = {"marker": "P.S."}
    assert satisfied(Constraint("postscript", marker), f"Dear Mara.\nP.S. {text}")
    assert not satisfied(Constraint("postscript", marker), f"Dear Mara. {text}")


LANGUAGES = {
    "en": ["The old miller had three sons.", "She walked through the forest.", "Then the wolf was gone."],
    "de": ["Der alte Müller hatte drei Söhne.", "Sie ging durch den Wald.", "Dann war der Wolf fort."],
    "fr": ["Le vieux meunier avait trois fils.", "Elle marchait dans la forêt.", "Puis le loup était parti."],
}


@given(st.permutations(range(3)), st.sampled_from(sorted(LANGUAGES)))
def test_texts_built_in_a_language(order, written):
    text = " ".join(LANGUAGES[written][i] for i in order)
    for code in LANGUAGES:
        assert satisfied(Constraint("language", {"code": code}), text) == (code == written)


@pytest.mark.parametrize("blank", ["", " ", "\n\t"])
def test_a_blank_text_keeps_nothing(blank):
    for constraint in (Constraint("max_words", {"n": 3}), Constraint("no_lists"), Constraint("no_commas")):
        assert satisfied(constraint, blank) is False
        assert loosely_satisfied(constraint, blank) is False


def test_what_only_a_model_can_tell_is_unknown():
    constraint = Constraint("described", {"text": "the hero must doubt"})
    assert instruction(constraint) == "the hero must doubt"
    assert satisfied(constraint, "A story.") is None
    assert loosely_satisfied(constraint, "A story.") is None


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([], True),
        ([True, True], True),
        ([True, False], False),
        ([True, None], None),
        ([None, False], False),
    ],
)
def test_all_satisfied(verdicts, expected):
    assert all_satisfied(verdicts) is expected


def test_variants_are_those_of_ifeval():
    assert variants("Sure!\n*One.*\nBye") == [
        "Sure!\n*One.*\nBye",
        "*One.*\nBye",
        "Sure!\n*One.*",
        "*One.*",
        "Sure!\nOne.\nBye",
        "One.\nBye",
        "Sure!\nOne.",
        "One.",
    ]


@pytest.mark.parametrize(
    ("constraint", "text", "strict", "loose"),
    [
        (Constraint("opening", {"text": "Once"}), "Sure, here it is:\nOnce.", False, True),
        (Constraint("ending", {"text": "end."}), "The end.\nI hope you like it!", False, True),
        (Constraint("exact_words", {"n": 1}), "Sure!\nRun.\nHope it helps!", False, True),
        (Constraint("ending", {"text": "end."}), "**The end.**", False, True),
        (Constraint("opening", {"text": "Once"}), "At once.", False, False),
        (Constraint("opening", {"text": "Once"}), "Once.", True, True),
    ],
)
def test_loose_checks(constraint, text, strict, loose):
    assert (satisfied(constraint, text), loosely_satisfied(constraint, text)) == (strict, loose)


@given(text=st.text(), n=counts)
def test_what_is_kept_strictly_is_kept_loosely(text, n):
    for kind in ("max_sentences", "exact_words", "max_highlights"):
        constraint = Constraint(kind, {"n": n})
        assert satisfied(constraint, text) <= loosely_satisfied(constraint, text)


@pytest.mark.parametrize(
    "do", [parse_constraint, instruction, lambda constraint: satisfied(constraint, "text")]
)
@pytest.mark.parametrize(
    "constraint",
    [
        Constraint("rhymes"),
        Constraint("max_sentences"),
        Constraint("max_sentences", {"n": "3"}),
        Constraint("max_sentences", {"n": True}),
        Constraint("max_sentences", {"n": 3, "m": 4}),
        Constraint("max_sentences", {"n": -1}),
        Constraint("min_words", {"n": 0}),
        Constraint("between_words", {"low": 3, "high": 2}),
        Constraint("exact_paragraphs", {"n": 0}),
        Constraint("max_lines", {"n": 0}),
        Constraint("between_lines", {"low": 0, "high": 0}),
        Constraint("required_word", {"word": "\u200b"}),
        Constraint("required_word", {"words": "dragon"}),
        Constraint("required_word", {"word": None}),
        Constraint("required_word", {"word": " "}),
        Constraint("required_words", {"words": []}),
        Constraint("required_words", {"words": "dragon"}),
        Constraint("initials", {"unit": "word", "letters": "abc"}),
        Constraint("initials", {"unit": "line", "letters": "a c"}),
        Constraint("paragraph_start", {"paragraphs": 1, "nth": 2, "word": "so"}),
        Constraint("language", {"code": "xx"}),
        Constraint("title", {"text": "The Mill"}),
    ],
    ids=lambda value: json.dumps([value.kind, value.parameters]),
)
def test_constraints_that_cannot_be_checked_are_refused(do, constraint):
    with pytest.raises(ValueError, match=constraint.kind):
        do(constraint)


def test_unknown_kinds_are_answered_with_the_known():
    with pytest.raises(ValueError, match=", ".join(sorted(KINDS))):
        parse_constraint(Constraint("rhymes"))
