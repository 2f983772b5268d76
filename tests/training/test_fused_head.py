"""Leaving prompts out of TRL's fused LM head changes its work, not its results."""

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM
from trl.trainer import utils

from rlcs.training import options

LABELS = torch.tensor([[-100, -100, -100, 5, 6], [-100, -100, 3, -100, -100]])


@pytest.fixture
def scored(monkeypatch):
    """Scores LABELS; returns the model's output, its gradients and how many positions the head saw."""
    torch.manual_seed(0)
    size = {"hidden_size": 8, "intermediate_size": 8, "num_attention_heads": 2, "num_hidden_layers": 2}
    model = LlamaForCausalLM(LlamaConfig(vocab_size=11, **size))
    utils.add_fused_lm_head(model, outputs=("log_probs", "entropy", "is_top1"))
    rows = []
    kernel = utils._ChunkedLogProbFunction.apply

    def spy(states, *rest):
        rows.append(len(states))
        return kernel(states, *rest)

    monkeypatch.setattr(utils._ChunkedLogProbFunction, "apply", spy)
    monkeypatch.setattr(utils, "_use_triton", options._has_triton)

    def run():
        model.zero_grad()
        output = model(input_ids=torch.arange(10).view(2, 5), labels=LABELS, fused_lm_head=True)
        output.loss.backward()
        return output, [weights.grad.clone() for weights in model.parameters()], rows[-1]

    return run


def test_only_what_is_learned_is_scored(scored):
    everything, gradients, positions = scored()
    assert positions == 8  # should TRL leave prompts out by itself, skip_prompts can go
    options.skip_prompt_logits()
    learned, same_gradients, positions = scored()
    assert positions == 3
    for name in ("loss", "log_probs", "entropy", "is_top1", "label_mask"):
        torch.testing.assert_close(learned[name], everything[name])
    torch.testing.assert_close(same_gradients, gradients)
