"""The GenRM's GRPO stage, but answers depend on the step and the place in the global batch alone: what one
process and several make of the same answers can be compared."""

import sys
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).parents[2] / "workflow_scripts"))

import train_genrm_grpo
from rlcs.stages.launch import run_workers
from rlcs.stages.stage import run_stage
from rlcs.training.grpo import ShapedGRPOTrainer

LENGTH = 24
WORDS = ("wolf", "rope", "mill", "yes", "not")


class GivenAnswers(ShapedGRPOTrainer):
    """Every eighth answer or so cannot be read."""

    def _generate_single_turn(self, prompt_ids, *_, **__):
        first = self.accelerator.process_index * len(prompt_ids)
        places = range(first, first + len(prompt_ids))
        texts = [answer(Random(f"{self.state.global_step} {place}")) for place in places]
        return [[*self._tokenizer.encode(text), self._tokenizer.eos_token_id] for text in texts], None


def answer(rng):
    scores = f"Scores: {rng.randint(1, 9)} {rng.randint(1, 9)}" if rng.random() < 7 / 8 else "who knows"
    return f"{' '.join(rng.choices(WORDS, k=rng.randint(1, 6)))}\n{scores}"


def main(stage):
    train_genrm_grpo.ShapedGRPOTrainer = GivenAnswers
    train_genrm_grpo.main(stage)


if __name__ == "__main__":
    run_stage(
        main,
        __file__,
        inputs={"preferences": 1, "model": 1, "chains": "?", "consensus": "*"},
        options=["serving"],
        seed=True,
        launch=run_workers,
    )
