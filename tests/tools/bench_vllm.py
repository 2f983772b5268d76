"""Judging and sampling by vLLM beside the bare engine, on the same prompts; part of ``make bench``.

    python bench_vllm.py REQUEST ANSWER SITE-PACKAGES

The Python that has vLLM runs it, as it does tests/support/offline_judge.py. The bare engine is
``LLM.generate`` with all prompts at once. Ours is the judge and the backend of stages, in the same engine.
The two take turns.
"""

import copy
import json
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "workflow_scripts"))
sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
sys.path.append(sys.argv[3])

from judges import decoding
from rlcs.config.judging import JudgingConfig
from rlcs.judging.generative import GenerativeJudge
from rlcs.judging.vllm_offline import OfflineBackend
from rlcs.models.generation import encode
from rlcs.records import Comparison, Context

TURNS = 3


def seconds(act):
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


def main() -> None:
    request = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    judging = JudgingConfig.model_validate(request["judging"])
    comparisons = [
        Comparison(**{**told, "context": Context(**{**told["context"], "constraints": ()})})
        for told in request["comparisons"]
    ]
    samples = request["samples"]
    backend = OfflineBackend(Path(request["folder"]), decoding(judging))
    judge = GenerativeJudge("judge", backend, judging)
    sampler = copy.copy(backend)  # in the same engine
    sampler.decoding = decoding(judging, temperature=1.0)
    questions = [judging.prompt(comparison) for comparison in comparisons]
    prompts = [{"prompt_token_ids": ids} for ids in encode(backend.tokenizer, questions)]

    def bare(n, temperature):
        parameters = backend._sampling(
            n=n, temperature=temperature, seed=0, max_tokens=judging.max_new_tokens
        )
        requests = backend.engine.generate(prompts, parameters, use_tqdm=False)
        return sum(len(output.token_ids) for request in requests for output in request.outputs)

    # warms up, and counts: the seed is that of the backend, so the sampled texts are the same ones
    tokens = {"judging": bare(1, 0.0), "sampling": bare(samples, 1.0)}
    turns = {
        ("judging", "the bare engine"): lambda: bare(1, 0.0),
        ("judging", "in the job (ours)"): lambda: judge.judge(comparisons),
        ("sampling", "the bare engine"): lambda: bare(samples, 1.0),
        ("sampling", "in the job (ours)"): lambda: sampler.answer(questions, samples),
    }
    times = {turn: [] for turn in turns}
    for _ in range(TURNS):
        for turn, act in turns.items():
            times[turn].append(seconds(act))
    said = {"tokens": tokens, "judging": {}, "sampling": {}}
    for (what, name), each in times.items():
        said[what][name] = tokens[what] / statistics.median(each)
    Path(sys.argv[2]).write_text(json.dumps(said), encoding="utf-8")


if __name__ == "__main__":  # the engine starts processes, which import this file
    main()
