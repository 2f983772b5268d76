"""Run by the Python that has vLLM (test_vllm.py): its offline engine judges what a JSON file asks.

    python offline_judge.py REQUEST ANSWER SITE-PACKAGES

What vLLM's environment lacks comes from the tests' own, whose site-packages are named last.
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "workflow_scripts"))
sys.path.insert(0, str(Path(__file__).parent))
sys.path.append(sys.argv[3])

from judges import decoding
from rlcs.config.judging import JudgingConfig
from rlcs.judging.generative import GenerativeJudge
from rlcs.judging.vllm_offline import OfflineBackend
from rlcs.records import Comparison, Context


def main() -> None:
    request = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    comparisons = [
        Comparison(**{**told, "context": Context(**{**told["context"], "constraints": ()})})
        for told in request["comparisons"]
    ]
    judging = JudgingConfig.model_validate(request["judging"])
    scores = judging.scores if request["soft"] else None
    backend = OfflineBackend(Path(request["folder"]), decoding(judging), scores=scores)
    judge = GenerativeJudge("judge", backend, judging)
    said = [vars(judgement) for judgement in judge.judge(comparisons)]
    Path(sys.argv[2]).write_text(json.dumps(said), encoding="utf-8")


if __name__ == "__main__":  # the engine starts processes, which import this file
    main()
