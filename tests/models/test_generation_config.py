"""A base's own decoding settings: its token ids are used, its penalties and filters are not."""

import json
import shutil

import pytest

from rlcs.config.prompts import user
from rlcs.models.generation import generate
from rlcs.models.loading import load_causal, load_tokenizer

PROMPTS = [user(text) for text in ("A wolf.", "Mara used the rope to cross the river.", "So Mara won.")]
SHIPPED = {
    "do_sample": True,
    "repetition_penalty": 5.0,
    "min_p": 0.9,
    "top_k": 2,
    "top_p": 0.1,
    "temperature": 0.2,
    "no_repeat_ngram_size": 1,
    "min_new_tokens": 12,
    "bad_words_ids": [[5]],
    "max_length": 9,
    "num_beams": 2,
    "renormalize_logits": True,
}


@pytest.fixture
def opinionated(model_folder, tmp_path):
    """The same weights with a generation_config that changes every text."""
    folder = tmp_path / "model"
    shutil.copytree(model_folder, folder)
    path = folder / "generation_config.json"
    plain = json.loads(path.read_text())
    path.write_text(json.dumps({**plain, **SHIPPED, "eos_token_id": [plain["eos_token_id"], 7]}))
    return folder


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_the_texts_are_those_of_a_base_without_settings(model_folder, opinionated, tmp_path, temperature):
    def texts(folder):
        model, tokenizer = load_causal(folder), load_tokenizer(folder)
        options = {"max_new_tokens": 12, "batch_size": 2, "temperature": temperature, "seed": 3}
        return [completion.ids for completion in generate(model, tokenizer, PROMPTS, **options)]

    plain = tmp_path / "plain"
    shutil.copytree(opinionated, plain)
    settings = json.loads((plain / "generation_config.json").read_text())
    (plain / "generation_config.json").write_text(
        json.dumps({name: value for name, value in settings.items() if name not in SHIPPED})
    )
    assert texts(opinionated) == texts(plain)
    assert max(len(ids) for ids in texts(opinionated)) > 1


def test_token_ids_are_kept_and_nothing_else_is_published(opinionated, tmp_path):
    model = load_causal(opinionated)
    assert model.generation_config.eos_token_id[1] == 7
    model.save_pretrained(tmp_path / "published")
    published = json.loads((tmp_path / "published" / "generation_config.json").read_text())
    assert not SHIPPED.keys() & published.keys()
    assert published["eos_token_id"][1] == 7
