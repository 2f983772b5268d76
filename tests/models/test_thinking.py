"""Models that think: templates like R1's, which open the thought, and like Qwen3's, which have a switch."""

import copy
from types import SimpleNamespace

import pytest
import torch
from pydantic import ValidationError

from paths import ROOT
from prepare_base import bring
from rlcs.config.bases import PretrainedBaseConfig
from rlcs.config.prompts import assistant, user
from rlcs.models.chat_templates import markers_of
from rlcs.models.generation import generate
from rlcs.models.loading import load_causal, load_tokenizer
from rlcs.reasoning import Markers
from rlcs.rewards.thoughtless import without_reasoning

TEMPLATES = ROOT / "tests" / "support" / "chat_templates"
THOUGHT, STORY = "Mara lost the ring", "A wolf used the rope ."


@pytest.fixture(params=["r1_like", "qwen3_like"])
def template(request):
    return (TEMPLATES / f"{request.param}.jinja").read_text(encoding="utf-8")


@pytest.fixture
def thinking(tokenizer):
    """Make a tokenizer that has the markers as tokens which are not special, and a template."""

    def make(template):
        made = copy.deepcopy(tokenizer)
        made.add_tokens(["<think>", "</think>"])
        made.chat_template = template
        return made

    return make


class Scripted(torch.nn.Module):
    """A model that writes given texts."""

    def __init__(self, tokenizer, texts):
        super().__init__()
        self.tokenizer, self.texts = tokenizer, texts
        self.config, self.device = SimpleNamespace(), torch.device("cpu")
        self.generation_config = SimpleNamespace(eos_token_id=None)

    def generate(self, input_ids, max_new_tokens, **_):
        rows = []
        for text in self.texts:
            ids = self.tokenizer(text, add_special_tokens=False)["input_ids"]
            ids = [*ids, self.tokenizer.eos_token_id][:max_new_tokens]
            rows.append(ids + [self.tokenizer.pad_token_id] * (max_new_tokens - len(ids)))
        return torch.cat([input_ids, torch.tensor(rows)], dim=1)


def write(tokenizer, text, limit=40):
    (completion,) = generate(
        Scripted(tokenizer, [text]), tokenizer, [user("Mara")], max_new_tokens=limit, batch_size=1
    )
    return completion


def test_markers_are_those_of_the_tokenizer(thinking, tokenizer):
    r1, qwen = ((TEMPLATES / f"{name}.jinja").read_text() for name in ("r1_like", "qwen3_like"))
    assert markers_of(thinking(r1)) == Markers(opened=True)
    assert markers_of(thinking(qwen)) == Markers()
    assert markers_of(tokenizer) is None


def test_a_story_has_no_thoughts_and_they_are_counted(template, thinking):
    tokenizer = thinking(template)
    opened = "" if markers_of(tokenizer).opened else "<think>"
    plain = write(tokenizer, STORY)
    completion = write(tokenizer, f"{opened}{THOUGHT}</think>{STORY}")
    assert completion.text == plain.text != ""
    assert (plain.reasoning, plain.truncated, completion.truncated) == (None, False, False)
    assert completion.reasoning == len(tokenizer(THOUGHT, add_special_tokens=False)["input_ids"])
    assert completion.tokens == plain.tokens + completion.reasoning + 1 + bool(opened)


def test_a_thought_that_the_limit_ends_leaves_no_story(template, thinking):
    tokenizer = thinking(template)
    opened = "" if markers_of(tokenizer).opened else "<think>"
    completion = write(tokenizer, opened + THOUGHT * 20, limit=12)
    assert (completion.text, completion.truncated, completion.tokens) == ("", True, 12)


@pytest.mark.parametrize(
    ("values", "end"), [({}, "<|assistant|>"), ({"enable_thinking": False}, "<think>\n\n</think>\n\n")]
)
def test_a_bases_variables_are_part_of_its_saved_template(model_folder, thinking, tmp_path, values, end):
    raw = tmp_path / "raw"
    load_causal(model_folder).save_pretrained(raw)
    thinking((TEMPLATES / "qwen3_like.jinja").read_text(encoding="utf-8")).save_pretrained(raw)
    base = PretrainedBaseConfig(kind="pretrained", model=str(raw), chat_template_kwargs=values)
    bring(base, tmp_path / "model", tmp_path)
    tokenizer = load_tokenizer(tmp_path / "model")
    prompt = tokenizer.apply_chat_template(user("Mara"), add_generation_prompt=True, tokenize=False)
    assert prompt.endswith(end)
    assert markers_of(tokenizer) == Markers()
    # as it is where a trained model is loaded and saved again
    tokenizer.save_pretrained(tmp_path / "again")
    assert load_tokenizer(tmp_path / "again").chat_template == tokenizer.chat_template


@pytest.mark.parametrize(
    "values", [{"messages": "x"}, {"add_generation_prompt": True}, {"a b": 1}, {"x": [1]}]
)
def test_variables_that_are_not_a_users_are_refused(values):
    with pytest.raises(ValidationError, match="chat_template_kwargs"):
        PretrainedBaseConfig(kind="pretrained", model="m", chat_template_kwargs=values)


def test_a_text_in_a_variable_is_no_template(thinking):
    from rlcs.models.chat_templates import with_variables

    said = 'a "quote" {{ 1 + 1 }} %} \\ ü\n'
    tokenizer = thinking(with_variables("{{ note }}", {"note": said}))
    assert tokenizer.apply_chat_template(user("x"), tokenize=False) == said


def test_a_reward_reads_stories_without_thoughts(template, thinking):
    tokenizer = thinking(template)
    opened = "" if markers_of(tokenizer).opened else "<think>"
    seen, logged = [], {}

    def reward(*, completions, **_):
        seen.extend(completion[-1]["content"] for completion in completions)
        return [1.0] * len(completions)

    (wrapped,) = without_reasoning([reward], tokenizer, 4, [0])
    texts = [f"{opened}hm</think>\n{STORY}", STORY, f"{opened}hm, and"]
    rewards = wrapped(
        completions=[assistant(text) for text in texts],
        completion_ids=[[1, 0], [1, 0], [1, 1, 1, 1]],
        log_metric=logged.__setitem__,
        context_id=["c"] * 3,
    )
    assert rewards == [1.0] * 3
    assert seen == [STORY, STORY, ""]
    assert logged["reasoning/only"] == pytest.approx(1 / 3)
    assert logged["reasoning/tokens"] > 0
    assert wrapped.__name__ == "reward"


def test_a_model_that_does_not_think_has_its_rewards_as_they_are(tokenizer):
    assert without_reasoning([len], tokenizer, 4, [0]) == [len]
