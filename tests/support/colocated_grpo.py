"""Run by the Python that has vLLM (test_vllm.py): a GRPO whose vLLM is in its process.

    python colocated_grpo.py REQUEST ANSWER SITE-PACKAGES

What vLLM's environment lacks comes from the tests' own, whose site-packages are named last. The answer has
the log, the snapshots, and greedy stories by vLLM and by transformers, before and after the training.
"""

import copy
import functools
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "workflow_scripts"))
sys.path.append(sys.argv[3])

import torch
from datasets import Dataset
from trl import GRPOConfig
from trl.generation import vllm_generation
from vllm.model_executor.layers import utils

from rlcs.config.training import AdapterConfig
from rlcs.config.untrained_judges import LengthJudgeConfig
from rlcs.judging.rule_based import LengthJudge
from rlcs.models.loading import load_causal, load_tokenizer
from rlcs.records import SNAPSHOTS, Context, read_rows
from rlcs.training.examples import writing_prompts
from rlcs.training.grpo import ShapedGRPOTrainer
from rlcs.training.lora import adapter_config
from rlcs.training.options import build_options
from rlcs.training.selection import SelectBest, Validation, draw_stories
from rlcs.training.snapshots import SNAPSHOTS_FILE, TakeSnapshots
from rlcs.training.watch import INDEPENDENT

# what TRL has no option for, and an engine on a CPU needs
CPU = {"dtype": "float32", "enforce_eager": True, "kv_cache_memory_bytes": 256 * 2**20}


def keep_weights(layer: torch.nn.Module, remove_weight: bool) -> None:
    """vLLM on a CPU packs the weights where no update reaches them; on a GPU they stay, as here."""
    layer.cpu_linear = torch.nn.functional.linear


def first_token_is_even(completion_ids, **_):
    return [float(bool(ids) and ids[0] % 2 == 0) for ids in completion_ids]


def main() -> None:
    request, answer = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")), Path(sys.argv[2])
    start, template = request["model"], "$domain | $outline"
    contexts = [Context(**{**told, "constraints": ()}) for told in request["contexts"]]
    scratch = answer.with_name("scratch")
    shared = {"bf16": False, "use_cpu": True, "activation_checkpointing": False, "shuffle_dataset": False}
    options = build_options(GRPOConfig, shared, request["training"], seed=0, output_dir=str(scratch))
    utils.dispatch_cpu_unquantized_gemm = keep_weights
    vllm_generation.LLM = functools.partial(vllm_generation.LLM, **CPU)
    tokenizer = load_tokenizer(start)
    lora = AdapterConfig(**request["lora"]) if request["lora"] else None
    trainer = ShapedGRPOTrainer(
        model=load_causal(start),
        reward_funcs=first_token_is_even,
        args=options,
        train_dataset=Dataset.from_list(writing_prompts(contexts, template, seed=0)),
        processing_class=tokenizer,
        peft_config=adapter_config(lora, "CAUSAL_LM"),
    )
    engine = trainer.vllm_generation

    def greedy():
        unlike = copy.copy(options)
        unlike.temperature, engine.temperature = 0.0, 0.0
        said = [
            [story.text for story in draw_stories(trainer.model, tokenizer, contexts, template, unlike, by)]
            for by in (engine, None)
        ]
        engine.temperature = options.temperature
        return said

    judges = {INDEPENDENT: LengthJudge("longer", LengthJudgeConfig(kind="length", prefer="longer"))}
    validation = Validation(contexts, template, judges, load_causal(start), tokenizer, options, engine)
    snapshots = TakeSnapshots(contexts, template, tokenizer, options, 2, scratch / "snapshots", engine)
    trainer.add_callback(SelectBest(validation, 2, scratch / "best", trainer, keeps_best=False))
    trainer.add_callback(snapshots)
    said = {"before": greedy()}
    trainer.train()
    snapshots.publish(answer.parent)
    said |= {"after": greedy(), "log": trainer.state.log_history}
    said["snapshots"] = read_rows(answer.with_name(SNAPSHOTS_FILE), SNAPSHOTS)
    answer.write_text(json.dumps(said), encoding="utf-8")


if __name__ == "__main__":  # the engine starts processes, which import this file
    main()
