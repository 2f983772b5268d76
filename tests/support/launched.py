"""The policy's GRPO stage, but completions depend on the step and the place in the global batch alone: what
one process and several make of the same completions can be compared."""

import sys
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).parents[2] / "workflow_scripts"))

import train_policy_grpo
from rlcs.stages.launch import run_workers
from rlcs.stages.stage import run_stage
from rlcs.training.constrained_grpo import ConstrainedGRPOTrainer

LENGTH = 10


class GivenCompletions(ConstrainedGRPOTrainer):
    def _generate_single_turn(self, prompt_ids, *_, **__):
        first = self.accelerator.process_index * len(prompt_ids)
        places = range(first, first + len(prompt_ids))
        return [self._completion(Random(f"{self.state.global_step} {place}")) for place in places], None

    def _completion(self, rng):
        tokens = [
            token for token in range(len(self._tokenizer)) if token not in self._tokenizer.all_special_ids
        ]
        return [*rng.choices(tokens, k=rng.randrange(3, LENGTH)), self._tokenizer.eos_token_id]


def main(stage):
    train_policy_grpo.ConstrainedGRPOTrainer = GivenCompletions
    train_policy_grpo.main(stage)


if __name__ == "__main__":
    run_stage(
        main,
        __file__,
        inputs={"preferences": 1, "model": 1, "judge": "*", "verifier": "?"},
        options=["endpoint", "answers", "serving"],
        seed=True,
        launch=run_workers,
    )
