"""Prompt injection of a judge by the stories that it reads: the worse story of each pair tries it."""

from rlcs.config.judging import ScoresConfig
from rlcs.data.artifacts import INJECTIONS_FILE, JUDGEMENTS_FILE
from rlcs.data.preferences import Preferences
from rlcs.evaluation.injections import injected_pairs, injection_texts, prompt_structure
from rlcs.judging.backends import Access
from rlcs.judging.generative import GenerativeJudge
from rlcs.judging.in_process import TransformersBackend
from rlcs.judging.judge import judge_in_shards
from rlcs.judging.loading import load_judge
from rlcs.models.generation import encode
from rlcs.models.special_tokens import special_tokens
from rlcs.stages.stage import ACCESS, Stage, run_stage


def main(stage: Stage) -> None:
    preferences = Preferences(stage.folder("preferences"))
    decided = [pair for pair in preferences.pairs("test") if pair["label"] in ("a", "b")]
    pairs = decided[: stage.config["pairs"]]
    scores = ScoresConfig.model_validate(stage.config["scores"])
    with stage.artifact() as folder:
        judge = load_judge(stage.config, stage.optional_folder("model"), Access.of(stage.options))
        backend = judge.backend if isinstance(judge, GenerativeJudge) else None
        tokenizer = backend.tokenizer if isinstance(backend, TransformersBackend) else None
        special = special_tokens(tokenizer) if tokenizer else []
        reads = stage.config["judge"].get("reads", "pair")
        added = injection_texts(scores.low, scores.high, special, reads)
        comparisons = preferences.comparisons(injected_pairs(pairs, added))
        structures: dict[tuple[str, str], list[int]] = {}
        if isinstance(judge, GenerativeJudge) and tokenizer is not None:
            prompts = [judge.judging.prompt(c, reads) for c in comparisons]
            ids = tokenizer.convert_tokens_to_ids(special)
            for c, prompt in zip(comparisons, encode(tokenizer, prompts), strict=True):
                structures[c.pair_id, c.order] = prompt_structure(prompt, ids)
        rows = []
        for c in comparisons:
            injection, _, pair_id = c.pair_id.partition("/")
            plain = structures.get((f"plain/{pair_id}", c.order))
            same = None if tokenizer is None else structures[c.pair_id, c.order] == plain
            rows.append(
                {
                    "judge": judge.name,
                    "injection": injection,
                    "pair_id": pair_id,
                    "order": c.order,
                    "structure_kept": same,
                }
            )
        INJECTIONS_FILE.write(folder, rows)
        judgements = judge_in_shards(judge, comparisons, stage.checkpoints())
        JUDGEMENTS_FILE.write(folder, judgements)


if __name__ == "__main__":
    run_stage(main, __file__, inputs={"preferences": 1, "model": "?"}, options=ACCESS, seed=True)
