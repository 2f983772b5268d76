"""ShapedGRPOTrainer on TRL's private API: what it relies on, and what it changes."""

import inspect
from importlib.metadata import version
from types import SimpleNamespace

import pytest
import torch
from datasets import Dataset
from trl import GRPOConfig, GRPOTrainer

from rlcs.config.prompts import user
from rlcs.config.training import MultipliersConfig, ShapingConfig
from rlcs.models.loading import load_causal, load_tokenizer
from rlcs.training.advantages import adaptive_multipliers, continuous_weights, group_advantages, recenter
from rlcs.training.grpo import (
    ShapedGRPOTrainer,
    assert_shaping,
    assert_whole_groups,
    fill_last_batch,
)
from rlcs.training.options import build_options

GROUP, BATCH, ACCUMULATED = 4, 8, 2
MULTIPLIERS = MultipliersConfig(
    confident_wrong=2, uncertain_correct=3, confident_correct=5, uncertain_wrong=7
)
SHAPED = ShapingConfig(shaping="entropy", multipliers=MULTIPLIERS)


@pytest.mark.parametrize(
    ("batch", "steps", "group", "whole"),
    [
        (8, 1, 8, True),
        (4, 4, 8, True),
        (16, 1, 8, True),
        (12, 1, 8, False),
        (4, 1, 8, False),
        (6, 2, 4, True),
    ],
)
def test_groups_must_be_whole_on_every_process(batch, steps, group, whole):
    args = SimpleNamespace(
        per_device_train_batch_size=batch, steps_per_generation=steps, num_generations=group
    )
    if whole:
        assert_whole_groups(args)
    else:
        with pytest.raises(ValueError, match=f"{batch} x steps_per_generation {steps} .* {group}, or groups"):
            assert_whole_groups(args)


def test_trl_is_the_release_whose_private_methods_are_known():
    assert version("trl") == "1.16.0"
    parameters = {
        "_calculate_rewards": ["self", "inputs", "prompts", "completions", "completion_ids_list"],
        "_generate_and_score_completions": ["self", "inputs"],
        "_get_per_token_logps_and_entropies": [
            *("self", "model", "input_ids", "attention_mask", "logits_to_keep"),
            *("batch_size", "compute_entropy", "compute_aux_loss"),
        ],
    }
    for method, expected in parameters.items():
        found = list(inspect.signature(getattr(GRPOTrainer, method)).parameters)
        assert found[: len(expected)] == expected


@pytest.mark.parametrize(
    ("batch", "evaluated", "error"),
    [
        (16, 8, None),
        (8, 8, "8 x .* = 8 .* 2 x num_gen"),
        (16, 4, "eval_batch_size 4 must be a multiple of 2 x num_generations_eval 4"),
    ],
)
def test_units_of_two_groups_must_be_whole_on_every_process(batch, evaluated, error):
    args = SimpleNamespace(
        per_device_train_batch_size=batch,
        steps_per_generation=1,
        num_generations=8,
        per_device_eval_batch_size=evaluated,
        num_generations_eval=4,
        eval_strategy="steps",
    )
    if error is None:
        assert_whole_groups(args, 2)
    else:
        with pytest.raises(ValueError, match=error):
            assert_whole_groups(args, 2)


@pytest.mark.parametrize(("process", "expected"), [(0, [1.0, 0.0]), (1, [-1.0, 1.0])])
def test_rewards_of_this_process(process, expected):
    trainer = SimpleNamespace(accelerator=SimpleNamespace(process_index=process))
    rewards = torch.tensor([1.0, 0.0, -1.0, 1.0])
    assert ShapedGRPOTrainer._local(trainer, rewards, 2).tolist() == expected


@pytest.mark.parametrize(("correct_reward", "expected"), [(1.0, [True, False]), (None, [False, True])])
def test_correct_by_reward_or_by_group(correct_reward, expected):
    trainer = SimpleNamespace(correct_reward=correct_reward)
    correct = ShapedGRPOTrainer._correct(trainer, torch.tensor([0.0, 0.5]), torch.tensor([1.0, 0.0]))
    assert correct.tolist() == expected


def first_token(completion_ids, **_):
    """Something to learn: begin with a token of an even number."""
    return [float(ids[0] % 2 == 0) for ids in completion_ids]


def never_right(completion_ids, **_):
    """Two rewards, neither of them 1."""
    return [-float(ids[0] % 2) for ids in completion_ids]


@pytest.fixture
def make(model_folder, tmp_path):
    """Makes a trainer of a class on a few prompts."""

    def trainer(kind, reward=first_token, *, options=None, **more):
        options = {
            "per_device_train_batch_size": BATCH,
            "gradient_accumulation_steps": ACCUMULATED,
            "num_generations": GROUP,
            "max_completion_length": 6,
            "max_steps": 2,
            "learning_rate": 1e-2,
        } | (options or {})
        shared = {"bf16": False, "use_cpu": True, "activation_checkpointing": False, "logging_steps": 1}
        prompts = [{"prompt": user(f"Story {'again ' * n}{n}")} for n in range(16)]
        return kind(
            model=load_causal(model_folder),
            reward_funcs=reward,
            args=build_options(GRPOConfig, shared, options, seed=3, output_dir=str(tmp_path)),
            train_dataset=Dataset.from_list(prompts),
            eval_dataset=Dataset.from_list(prompts[:4]),
            processing_class=load_tokenizer(model_folder),
            **more,
        )

    return trainer


def weights(trainer):
    return {name: value.clone() for name, value in trainer.model.state_dict().items()}


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"beta": 0.1, "scale_rewards": "none", "top_entropy_quantile": 0.5}])
def test_without_multipliers_it_is_trls_trainer(make, options):
    results = []
    for kind in (GRPOTrainer, ShapedGRPOTrainer):
        trainer = make(kind, options=options)  # draws begin anew with every trainer
        before = weights(trainer)
        trainer.train()
        results.append(weights(trainer))
    assert same(*results)
    assert not same(before, results[0])


class Recorder(ShapedGRPOTrainer):
    """Keeps what it saw, next to entropies computed anew from the logits."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.seen = []

    def _calculate_rewards(self, inputs, prompts, completions, completion_ids_list):
        rewards = super()._calculate_rewards(inputs, prompts, completions, completion_ids_list)
        self.shown = {"rewards": rewards, "prompts": prompts, "training": self.model.training}
        return rewards

    def _generate_and_score_completions(self, inputs):
        batch = super()._generate_and_score_completions(inputs)
        self.seen.append({**batch, **self.shown, "entropy": self._entropy_anew(batch)})
        return batch

    @torch.no_grad()
    def _entropy_anew(self, batch):
        ids = torch.cat([batch["prompt_ids"], batch["completion_ids"]], dim=1)
        mask = torch.cat([batch["prompt_mask"], batch["completion_mask"]], dim=1)
        length = batch["completion_ids"].size(1)
        logits = self.model(input_ids=ids, attention_mask=mask).logits[:, -length - 1 : -1].double()
        entropies = torch.distributions.Categorical(logits=logits).entropy()
        return [e[m.bool()].mean().item() for e, m in zip(entropies, batch["completion_mask"], strict=True)]


@pytest.fixture
def unshaped(monkeypatch):
    """The advantages that TRL computed, by batch."""
    computed = []
    original = GRPOTrainer._generate_and_score_completions

    def recorded(self, inputs):
        batch = original(self, inputs)
        computed.append(batch["advantages"].clone())
        return batch

    monkeypatch.setattr(GRPOTrainer, "_generate_and_score_completions", recorded)
    return computed


def expected_weight(entropy, threshold, correct):
    if entropy < threshold:
        return 5 if correct else 2
    return 3 if correct else 7


@pytest.mark.slow
def test_shapes_that_shaping_relies_on(make):
    trainer = make(Recorder)
    trainer.train()
    assert [seen["training"] for seen in trainer.seen] == [True, True]
    for seen in trainer.seen:
        n = BATCH * ACCUMULATED
        assert seen["rewards"].shape == (n, 1)
        assert seen["advantages"].shape == (n,)
        assert seen["completion_ids"].shape == seen["completion_mask"].shape
        assert len(seen["completion_ids"]) == len(seen["prompt_ids"]) == n
        for group in range(0, n, GROUP):  # contiguous
            prompts = seen["prompts"][group : group + GROUP]
            assert all(prompt == prompts[0] for prompt in prompts)
        rewards = seen["rewards"].view(-1, GROUP)
        centred = rewards - rewards.mean(dim=1, keepdim=True)
        scaled = centred / (rewards.std(dim=1, keepdim=True) + 1e-4)
        torch.testing.assert_close(seen["advantages"].view(-1, GROUP), scaled)


@pytest.mark.slow
@pytest.mark.parametrize("correct_reward", [None, 1.0])
@pytest.mark.parametrize("reward", [first_token, never_right])
def test_advantages_are_trls_times_the_weights_of_their_cells(make, unshaped, correct_reward, reward):
    trainer = make(Recorder, reward, shaping=SHAPED, correct_reward=correct_reward)
    trainer.train()
    assert len(trainer.seen) == len(unshaped) == 2
    for seen, advantages in zip(trainer.seen, unshaped, strict=True):
        entropy = seen["entropy"]
        middle = sorted(entropy)[len(entropy) // 2 - 1 : len(entropy) // 2 + 1]
        if correct_reward is None:
            correct = [advantage > 0 for advantage in advantages.tolist()]
        else:
            correct = [value >= correct_reward for value in seen["rewards"][:, 0].tolist()]
            assert any(correct) == (reward is first_token)
        cells = [expected_weight(e, sum(middle) / 2, c) for e, c in zip(entropy, correct, strict=True)]
        torch.testing.assert_close(seen["advantages"], advantages * torch.tensor(cells))
        assert len(set(cells)) > 1
        assert any(advantages != 0)


@pytest.mark.slow
def test_each_kind_of_shaping_is_its_formula(make, unshaped):
    """One trainer of every kind; the advantages that TRL computed are those of ``unshaped``."""

    def trained(**shaping):
        unshaped.clear()
        trainer = make(Recorder, shaping=ShapingConfig(multipliers=MULTIPLIERS, **shaping))
        trainer.train()
        told = zip(trainer.seen, unshaped, strict=True)
        return trainer, [(seen, torch.tensor(seen["entropy"]), plain) for seen, plain in told]

    def cells(entropy, plain):
        middle = entropy.quantile(0.5)
        return torch.tensor(
            [expected_weight(h, middle, right) for h, right in zip(entropy, plain > 0, strict=True)]
        )

    for normalize in ("mean_weight", "recenter"):
        for seen, entropy, plain in trained(shaping="entropy", normalize=normalize)[1]:
            weights = cells(entropy, plain).float()
            mended = plain * weights * plain.abs().sum() / (plain.abs() * weights).sum()
            if normalize == "recenter":
                mended = recenter(plain * weights, GROUP)
            torch.testing.assert_close(seen["advantages"], mended)
    for seen, entropy, plain in trained(shaping="entropy_rewards")[1]:
        weighed = seen["rewards"][:, 0] * cells(entropy, plain)
        torch.testing.assert_close(seen["advantages"], group_advantages(weighed, GROUP))
    for seen, entropy, plain in trained(shaping="continuous", strength=0.8)[1]:
        torch.testing.assert_close(
            seen["advantages"], plain * continuous_weights(entropy, plain > 0, 0.8).float()
        )
    trainer, ((first, _, plain), (second, entropy, later)) = trained(shaping="adaptive", strength=1.0)
    torch.testing.assert_close(first["advantages"], plain)  # nothing is known yet
    logged = {
        cell: trainer.state.log_history[0][f"shaping/{cell}"] for cell in MultipliersConfig.model_fields
    }
    chosen = adaptive_multipliers(logged, 1.0)
    weights = [
        getattr(chosen, f"{'confident' if h < entropy.quantile(0.5) else 'uncertain'}_{right}")
        for h, right in zip(entropy, ["correct" if a > 0 else "wrong" for a in later], strict=True)
    ]
    torch.testing.assert_close(second["advantages"], later * torch.tensor(weights))


@pytest.mark.slow
@pytest.mark.parametrize("normalize", ["mean_weight", "recenter"])
def test_masked_completions_count_in_no_normalization_and_no_cell(make, unshaped, normalize):
    options = {"mask_truncated_completions": True, "max_steps": 1}
    trainer = make(Recorder, shaping=SHAPED.model_copy(update={"normalize": normalize}), options=options)
    trainer.train()
    (seen,), (plain,) = trainer.seen, unshaped
    learned, entropy = seen["completion_mask"].any(dim=1), torch.tensor(seen["entropy"])
    assert learned.any()
    assert (plain[~learned] != 0).any()
    middle = entropy[learned].quantile(0.5)
    cells = [expected_weight(h, middle, right) for h, right in zip(entropy, plain > 0, strict=True)]
    weights = torch.tensor(cells).float()
    if normalize == "recenter":
        expected = recenter(plain * weights * learned, GROUP)
    else:
        size = plain.abs() * learned
        expected = plain * weights * size.sum() / (size * weights).sum()
    torch.testing.assert_close(seen["advantages"], expected)
    logged = {
        name: trainer.state.log_history[0][f"shaping/{name}"] for name in MultipliersConfig.model_fields
    }
    assert sum(logged.values()) == pytest.approx(1)
    confident = (entropy[learned] < middle).double().mean().item()
    assert logged["confident_wrong"] + logged["confident_correct"] == pytest.approx(confident)


def scored(trainer, batch):
    """TRL's view of a batch's completions: log probabilities and entropies, (B, T) each."""
    ids = torch.cat([batch["prompt_ids"], batch["completion_ids"]], dim=1)
    mask = torch.cat([batch["prompt_mask"], batch["completion_mask"]], dim=1)
    length = batch["completion_ids"].size(1)
    logps, entropies, _ = trainer._get_per_token_logps_and_entropies(
        trainer.model, ids, mask, length, compute_entropy=True
    )
    logits = trainer.model(input_ids=ids, attention_mask=mask).logits[:, -length - 1 : -1].double()
    return logps, entropies, logits


@pytest.mark.slow
@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_entropies_are_those_at_temperature_one_whatever_samples(make, temperature):
    """Sampled hot, the entropies at the sampling temperature would say little of how sure the model is."""
    options = {"temperature": temperature, "top_entropy_quantile": 0.5}
    trainer = make(Recorder, shaping=SHAPED, options=options)
    trainer.train()
    batch = trainer.seen[-1]
    with torch.no_grad():
        logps, entropies, logits = scored(trainer, batch)
    tokens = batch["completion_mask"].bool()
    exact = torch.distributions.Categorical(logits=logits).entropy()
    torch.testing.assert_close(entropies[tokens].double(), exact[tokens], atol=1e-4, rtol=1e-4)
    hot = torch.log_softmax(logits / temperature, dim=-1)
    sampled = hot.gather(2, batch["completion_ids"][:, :, None])[:, :, 0]
    torch.testing.assert_close(logps[tokens].double(), sampled[tokens], atol=1e-4, rtol=1e-4)
    # what shapes is the same; the weights have not moved much in one step
    means = trainer._sample_entropy(batch)
    torch.testing.assert_close(means.double(), exact.mul(tokens).sum(1) / tokens.sum(1), atol=1e-4, rtol=1e-4)


@pytest.mark.slow
def test_overconfident_shaping_weighs_tokens_of_errors_alone(make, unshaped):
    shaping = ShapingConfig(shaping="overconfident", strength=1.0)
    options = {"beta": 0.1, "learning_rate": 0.5}
    trainer = make(Recorder, shaping=shaping, options=options)
    trainer.train()
    first, second = (batch["advantages"] for batch in trainer.seen)
    torch.testing.assert_close(
        first, unshaped[0][:, None].expand_as(first)
    )  # policy and reference are the same
    weights = (second / unshaped[1][:, None]).nan_to_num(nan=1.0)
    negative = unshaped[1] < 0
    torch.testing.assert_close(weights[~negative], torch.ones_like(weights[~negative]))
    assert (weights[negative] >= 1 - 1e-5).all()
    assert (weights[negative] > 1.01).any()
    assert trainer.state.log_history[0]["shaping/token_weight"] == pytest.approx(1)


@pytest.mark.parametrize(
    ("shaping", "options", "error"),
    [
        ({"shaping": "overconfident"}, {"beta": 0.0}, "beta = 0 loads none"),
        ({"shaping": "overconfident"}, {"beta": 0.1}, None),
        ({"shaping": "entropy", "entropy": "sampled"}, {"temperature": 3.0}, "needs temperature = 1"),
        ({"shaping": "entropy", "entropy": "sampled"}, {"temperature": 1.0}, None),
        ({"shaping": "uniform", "entropy": "sampled"}, {"temperature": 3.0}, None),
    ],
)
def test_shaping_that_a_training_cannot_feed_is_refused(shaping, options, error):
    args = SimpleNamespace(**{"beta": 0.0, "temperature": 1.0} | options)
    if error is None:
        assert_shaping(args, ShapingConfig(**shaping))
    else:
        with pytest.raises(ValueError, match=error):
            assert_shaping(args, ShapingConfig(**shaping))


@pytest.mark.slow
def test_sampled_entropy_is_minus_the_mean_log_probability(make):
    trainer = make(Recorder, shaping=ShapingConfig(shaping="entropy", entropy="sampled"))
    trainer.train()
    batch = {name: value for name, value in trainer.seen[0].items() if name != "entropy"}
    mask = batch["completion_mask"]
    given = batch | {"old_per_token_logps": torch.full(mask.shape, -0.5)}
    torch.testing.assert_close(trainer._sample_entropy(given), torch.full((len(mask),), 0.5))
    assert (trainer._sample_entropy(batch) > 0).all()


@pytest.mark.slow
def test_shaping_is_logged_and_changes_the_training_alone(make, unshaped):
    uniform = make(ShapedGRPOTrainer)
    uniform.train()
    shaped = make(Recorder, shaping=SHAPED)
    shaped.train()
    assert not same(weights(shaped), weights(uniform))
    cells = [f"shaping/{name}" for name in MultipliersConfig.model_fields]
    for entry in shaped.state.log_history[:2]:
        assert sum(entry[cell] for cell in cells) == pytest.approx(1)
    assert not any(cell in entry for entry in uniform.state.log_history for cell in cells)

    unshaped.clear()
    shaped.seen.clear()
    metrics = shaped.evaluate()
    assert not any("shaping" in name for name in metrics)
    assert [seen["training"] for seen in shaped.seen] == [False] * len(shaped.seen)
    for seen, advantages in zip(shaped.seen, unshaped, strict=True):
        assert torch.equal(seen["advantages"], advantages)


def some_token(completion_ids, **_):
    """Points for even tokens, and none for completions that begin with one of a kind."""
    return [None if ids[0] % 5 == 0 else float(ids[0] % 2) for ids in completion_ids]


@pytest.mark.slow
def test_rewards_as_advantages_are_those_of_their_weighted_sum(make):
    """BRPO: r itself, 0 where there is none or where the group is too skewed."""
    trainer = make(Recorder, [first_token, some_token], max_skew=0.6, options={"reward_weights": [1.0, -0.5]})
    trainer.train()
    seen = torch.cat([batch["advantages"] for batch in trainer.seen])
    rewards = torch.cat([batch["rewards"] for batch in trainer.seen])
    expected = rewards[:, 0] - 0.5 * rewards[:, 1].nan_to_num()
    for group, told in zip(expected.view(-1, GROUP), seen.view(-1, GROUP), strict=True):
        dropped = abs(group.sum()) / GROUP > 0.6
        torch.testing.assert_close(told, torch.zeros(GROUP) if dropped else group)
    assert any(seen != 0)


@pytest.mark.slow
@pytest.mark.parametrize("scale", ["group", "batch", "none"])
def test_both_orders_of_a_pair_share_a_baseline(make, unshaped, scale):
    """The mean is that of all 2G completions of a unit, and a scale keeps its meaning."""
    options = {"scale_rewards": scale, "per_device_eval_batch_size": 8}
    trainer = make(Recorder, groups_per_unit=2, baseline_groups=2, options=options)
    before = weights(trainer)
    trainer.train()
    assert not same(before, weights(trainer))
    differ = False
    for seen, of_groups in zip(trainer.seen, unshaped, strict=True):
        rewards = seen["rewards"][:, 0].view(-1, 2 * GROUP)
        centred = rewards - rewards.mean(dim=1, keepdim=True)
        deviation = {"group": rewards.std(dim=1, keepdim=True), "batch": rewards.std(), "none": 1 - 1e-4}
        told = seen["advantages"].view(-1, 2 * GROUP)
        torch.testing.assert_close(told, centred / (deviation[scale] + 1e-4))
        differ = differ or not torch.allclose(seen["advantages"], of_groups)
    assert differ


@pytest.mark.slow
def test_a_weight_before_the_normalisation_keeps_the_baseline_of_the_pair(make):
    shaping = ShapingConfig(shaping="entropy_rewards", multipliers=MULTIPLIERS)
    options = {"per_device_eval_batch_size": 8}
    trainer = make(Recorder, shaping=shaping, groups_per_unit=2, baseline_groups=2, options=options)
    trainer.train()
    sums = [seen["advantages"].view(-1, 2 * GROUP).sum(dim=1) for seen in trainer.seen]
    torch.testing.assert_close(sums, [torch.zeros_like(total) for total in sums], atol=2e-3, rtol=0)
    assert any(seen["advantages"].view(-1, GROUP).sum(dim=1).abs().max() > 0.1 for seen in trainer.seen)


def second_token(completion_ids, **_):
    """A part that weighs much, and says nothing about which completion is correct."""
    return [float(len(ids) > 1 and ids[1] % 2) for ids in completion_ids]


@pytest.mark.slow
def test_the_first_reward_says_what_is_correct(make):
    trainer = make(
        Recorder,
        [first_token, second_token],
        shaping=SHAPED,
        correct_reward=1.0,
        options={"reward_weights": [1.0, 5.0], "max_steps": 1},
    )
    trainer.train()
    logged = trainer.state.log_history[0]
    correct = logged["shaping/confident_correct"] + logged["shaping/uncertain_correct"]
    assert correct == pytest.approx(logged["rewards/first_token/mean"])
    assert 0 < correct < 1


@pytest.mark.parametrize(("prompts", "filled"), [(5, 8), (8, 8), (3, 4), (1, 4)])
def test_every_prompt_of_a_fixed_order_is_in_a_whole_batch(prompts, filled):
    args = SimpleNamespace(generation_batch_size=16, num_generations=4)
    numbers = fill_last_batch(Dataset.from_dict({"n": list(range(prompts))}), args)["n"]
    assert len(numbers) == filled
    assert list(numbers[:prompts]) == list(range(prompts))
    assert all(n == i % prompts for i, n in enumerate(numbers))


@pytest.mark.slow
def test_straddling_groups_are_refused_before_training(make, monkeypatch):
    options = {"num_generations": 8, "per_device_train_batch_size": 12, "gradient_accumulation_steps": 1}
    monkeypatch.setattr(GRPOConfig, "world_size", 2)
    with pytest.raises(ValueError, match="groups are split across processes"):
        make(ShapedGRPOTrainer, options=options)
