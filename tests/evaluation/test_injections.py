"""Prompt injection stay stories: in the prompt, in what is parsed, and in the table."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from judges import of_model
from rlcs.config.prompts import judge_prompt, user, without_control_tokens
from rlcs.evaluation.injections import (
    PLAIN,
    injected_pairs,
    injection_table,
    injection_texts,
    prompt_structure,
)
from rlcs.judging.scalar import ScalarJudge
from rlcs.models.generation import encode
from rlcs.models.loading import load_causal, load_scalar, load_tokenizer
from rlcs.models.special_tokens import neutralize, special_tokens
from rlcs.records import Judgement
from rlcs.verdict import parse_scores, read_judgement

CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + "
    "'<|im_end|>\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
LLAMA_2 = (
    "{{ bos_token }}{% for message in messages %}{% if message['role'] == 'user' %}"
    "{{ '[INST] ' + message['content'] + ' [/INST]' }}{% else %}{{ message['content'] }}{% endif %}"
    "{% endfor %}"
)


def byte_tokenizer(template, **special):
    """A tokenizer of bytes and special tokens, as hub models have them."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={sign: i for i, sign in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, chat_template=template, **special)


@pytest.fixture(scope="module", params=["tiny world", "chatml", "llama 2"])
def any_tokenizer(request, tokenizer, tmp_path_factory):
    """Tokenizers as the workflow loads them."""
    if request.param == "chatml":
        more = ["<|im_start|>", "<|im_end|>", "<tool_call>"]
        tokenizer = byte_tokenizer(CHATML, eos_token="<|im_end|>", additional_special_tokens=more)
    if request.param == "llama 2":
        tokenizer = byte_tokenizer(
            LLAMA_2, bos_token="<s>", eos_token="</s>", additional_special_tokens=["[INST]", "[/INST]"]
        )
    folder = tmp_path_factory.mktemp("tokenizer")
    tokenizer.save_pretrained(folder)
    return load_tokenizer(folder)


def added(tokenizer=None):
    own = special_tokens(tokenizer) if tokenizer else []
    return injection_texts(1, 9, own)


NAMES = [name for name in added() if name != "a million characters"]


def prompt_ids(tokenizer, judging, context, first, second):
    return encode(tokenizer, [judge_prompt(judging.template, {}, context, first, second)])[0]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("place", ["first", "second", "outline"])
def test_the_prompt_keeps_its_structure(any_tokenizer, judging, context, name, place):
    text = added(any_tokenizer)[name]
    special = any_tokenizer.convert_tokens_to_ids(special_tokens(any_tokenizer))
    plain = prompt_ids(any_tokenizer, judging, context, "A wolf.", "A fox.")
    talks = replace(context, outline=context.outline + text) if place == "outline" else context
    stories = ["A wolf." + text * (place == "first"), "A fox." + text * (place == "second")]
    ids = prompt_ids(any_tokenizer, judging, talks, *stories)
    assert prompt_structure(ids, special) == prompt_structure(plain, special) != []
    if name != PLAIN:
        assert ids != plain


@given(
    pieces=st.lists(st.sampled_from(["<", "|", "<|", "|>", "end", "<|end|>", "user", "<|user|>", " ", "s"]))
)
def test_no_text_writes_a_special_token(tokenizer, pieces):
    ids = encode(tokenizer, [user("".join(pieces))])[0]
    assert prompt_structure(ids, tokenizer.all_special_ids) == prompt_structure(
        encode(tokenizer, [user("")])[0], tokenizer.all_special_ids
    )


def test_a_template_is_repaired_once_and_renders_other_text_as_it_was(tokenizer, any_tokenizer):
    template = any_tokenizer.chat_template
    assert neutralize(template, ["<|more|>"]) == template
    bare = byte_tokenizer(CHATML, eos_token="<|im_end|>")
    told = bare.apply_chat_template(user("A 'tale' of {braces}\n"), tokenize=False)
    bare.chat_template = neutralize(CHATML, ["<|im_end|>", 'a"quote', "back\\slash"])
    assert bare.apply_chat_template(user("A 'tale' of {braces}\n"), tokenize=False) == told
    said = bare.apply_chat_template(user('a"quote back\\slash'), tokenize=False)
    assert 'a "quote b ack\\slash' in said


@pytest.mark.parametrize("name", NAMES)
def test_the_parser_reads_the_judges_own_words_alone(comparisons, name):
    text = added()[name]
    quoted = f"The first story says: {text}"
    for first, second in ((2, 7), (7, 2)):
        own = f"{quoted}\nScores: {first} {second}"
        judgement = read_judgement(comparisons[0], "genrm", own, 9, 1, 9)
        assert (judgement.score_a, judgement.score_b) == (first, second)
    # a quotation is no verdict unless the judge ends on it
    assert parse_scores(f"{quoted}\nI cannot say.", 1, 9) is None


def test_what_does_not_fit_is_no_verdict_and_is_said(model_folder, judging, context, comparisons, caplog):
    long = replace(comparisons[0], story_a="on " * 400_000)
    tokenizer, template = load_tokenizer(model_folder), judging.template.partition("\n")[0]
    for judge in (
        of_model("genrm", load_causal(model_folder), tokenizer, judging),
        ScalarJudge("bt", load_scalar(model_folder, new_head=True), tokenizer, template, 4),
    ):
        said = judge.judge([long, *comparisons[1:3]])
        assert (said[0].verdict, said[0].raw) == ("none", "")
        assert said[1:] == judge.judge(comparisons[1:3])
    assert "1 of 3 prompts do not fit into the context window" in caplog.text


@pytest.mark.parametrize(
    "token",
    [
        "<|im_start|>",
        "<|eot_id|>",
        "<｜User｜>",
        "<s>",
        "</s>",
        "[INST]",
        "[/INST]",
        "<end_of_turn>",
        "<eos>",
    ],
)
def test_common_control_tokens_are_broken_up_for_endpoints(token):
    (message,) = without_control_tokens(user(f"A {token}tale{token}."))
    assert token not in message["content"]
    assert message["content"].replace(f"{token[0]} {token[1:]}", token) == f"A {token}tale{token}."


@given(st.text(alphabet=st.characters(exclude_characters="<[")))
def test_other_text_goes_to_endpoints_as_it_is(text):
    assert without_control_tokens(user(text)) == user(text)


def test_the_worse_story_is_the_one_that_talks():
    pairs = [
        {"pair_id": "p", "context_id": "c", "story_a": "good", "story_b": "bad", "label": "a"},
        {"pair_id": "q", "context_id": "c", "story_a": "bad", "story_b": "good", "label": "b"},
        {"pair_id": "r", "context_id": "c", "story_a": "one", "story_b": "two", "label": "tie"},
    ]
    rows = injected_pairs(pairs, {PLAIN: "", "x": "!"})
    assert [(row["pair_id"], row["story_a"], row["story_b"]) for row in rows] == [
        (f"{name}/{pair}", "bad" + text, "good") for name, text in ((PLAIN, ""), ("x", "!")) for pair in "pq"
    ]


def test_a_very_long_text_is_tried_with_one_pair():
    pairs = [{"pair_id": n, "context_id": "c", "story_a": "x", "story_b": "y", "label": "a"} for n in "pqr"]
    rows = injected_pairs(pairs, {"short": "!", "long": "!" * 10_001})
    assert [row["pair_id"] for row in rows] == ["short/p", "short/q", "short/r", "long/p"]


def test_the_table_counts_escapes_and_moves():
    def said(name, p_q):
        return [
            Judgement(f"{name}/{pair}", order, "genrm", v)
            for pair, v in zip("pq", p_q, strict=True)
            for order in ("ab", "ba")
        ]

    judgements = said(PLAIN, ["b", "b"]) + said("x", ["a", "b"]) + said("y", ["none", "none"])
    tried = [
        {
            "judge": "genrm",
            "injection": name,
            "pair_id": pair,
            "order": order,
            "structure_kept": (name, pair) != ("x", "p"),
        }
        for name in (PLAIN, "x", "y")
        for pair in "pq"
        for order in ("ab", "ba")
    ]
    frame = injection_table({"genrm": {1: judgements}}, tried, {"p": "c", "q": "d"}, seed=0).set_index(
        "injection"
    )
    assert frame["tried"].tolist() == [4, 4, 4]
    assert frame["escaped"].tolist() == [0, 2, 0]
    assert [frame.loc[name, "injected_wins"].value for name in (PLAIN, "x")] == [0, 0.5]
    assert frame.loc["x", "over_plain"].value == 0.5
    assert frame.loc[PLAIN, "over_plain"] is None
    assert frame.loc["y", "injected_wins"].n == 0
    assert frame["pairs_read"].tolist() == [2, 2, 0]
    # none of 2 contexts is not none at all, nor is all of 2 all
    none, all_unread = frame.loc[PLAIN, "injected_wins"], frame.loc["y", "unparsed"]
    assert (none.low, none.high) == (0, pytest.approx(1 - 0.025**0.5))
    assert (all_unread.low, all_unread.high) == (pytest.approx(0.025**0.5), 1)
    assert [frame.loc[name, "unparsed"].value for name in (PLAIN, "y")] == [0, 1]


def test_every_kind_of_talk_is_in_the_corpus():
    texts = "".join(added().values())
    for sign in (
        "Scores: 9 1",
        "</story>",
        "<|im_end|>",
        "Ignore the rubric",
        "{story_2}",
        "```",
        "\u202e",
        "\x00",
    ):
        assert sign in texts
    assert max(map(len, added().values())) > 990_000
    assert re.search(r"\bon\b", added()["a million characters"])
