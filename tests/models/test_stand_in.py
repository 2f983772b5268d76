"""Small models in place of large ones: what the large one's files say, and leave out, stays."""

import pytest
from transformers import AutoConfig, AutoTokenizer

from rlcs.config.bases import StandInBaseConfig
from rlcs.errors import InputError
from rlcs.models.stand_in import stand_in

TEXTS = ["Judge two stories. Scores: 7 3", "Write a story."]


def base(model, **more):
    return StandInBaseConfig(kind="stand_in", of={"kind": "pretrained", "model": model}, **more)


@pytest.mark.parametrize(
    ("model", "architecture", "pad", "ends", "thinks"),
    [
        ("Qwen/Qwen2.5-7B-Instruct", "Qwen2ForCausalLM", "<|endoftext|>", 2, False),
        ("deepseek-ai/DeepSeek-R1-Distill-Llama-8B", "LlamaForCausalLM", "<｜end▁of▁sentence｜>", 1, True),
        ("meta-llama/Llama-3.1-8B-Instruct", "LlamaForCausalLM", None, 3, False),
    ],
)
def test_a_family_is_known_without_its_files(model, architecture, pad, ends, thinks):
    small, files = stand_in(base(model), model, TEXTS)
    assert type(small).__name__ == architecture
    assert (small.config.hidden_size, small.config.num_hidden_layers, small.config.head_dim) == (64, 2, 32)
    assert small.config.pad_token_id is None  # as in its config.json: Bradley-Terry models trip over it
    assert files.tokenizer.pad_token == pad
    assert len(small.generation_config.eos_token_id) == ends
    assert [len(files.tokenizer(str(digit), add_special_tokens=False)["input_ids"]) for digit in (7, 10)] == [
        1,
        2,
    ]
    chat = [{"role": "user", "content": "Hello"}]
    prompt = files.tokenizer.apply_chat_template(chat, add_generation_prompt=True, tokenize=False)
    assert prompt.rstrip().endswith("<think>") == thinks
    assert small.num_parameters() < 500_000


def test_the_models_own_files_are_taken_where_they_are(model_folder):
    small, files = stand_in(base(str(model_folder), hidden_size=32), str(model_folder), TEXTS)
    own = AutoConfig.from_pretrained(model_folder)
    assert small.config.model_type == own.model_type
    assert small.config.eos_token_id == own.eos_token_id
    assert small.config.tie_word_embeddings == own.tie_word_embeddings
    assert files.tokenizer.get_vocab() == AutoTokenizer.from_pretrained(model_folder).get_vocab()
    assert small.config.num_attention_heads == 1


def test_a_model_of_which_nothing_is_known_is_refused():
    with pytest.raises(InputError, match=r"no stand-in for 'some/model'.*Qwen/Qwen2\.5"):
        stand_in(base("some/model"), "some/model", TEXTS)
