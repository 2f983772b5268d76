"""A judge with weights of its own that vLLM runs in the job's process (judging.engine: vllm_offline)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rlcs.config.judging import JudgingConfig
from rlcs.errors import InputError
from rlcs.judging.soft_verdict import with_probability
from rlcs.models.generation import encode
from rlcs.models.loading import load_tokenizer
from rlcs.records import Comparison, Judgement
from rlcs.verdict import by_majority, read_judgement

TOP_LOGPROBS = 20  # as of an endpoint: scores that are less likely count as 0


class OfflineJudge:
    """A GenRM in vLLM's offline engine, which batches and caches prefixes by itself.

    Args:
        folder: a model as ``save_pretrained`` leaves it.
        votes: answers to each comparison, which ``count_votes`` makes one judgement of.
        temperature: at which answers are drawn; 0 is greedy.
        soft: whether its judgements say p(a beats b): the votes' share, or from the log probabilities of the
            two scores of a single answer.

    Raises:
        InputError: this environment has no vLLM.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        judging: JudgingConfig,
        *,
        soft: bool = False,
        votes: int = 1,
        temperature: float = 0.0,
    ) -> None:
        try:
            from vllm import LLM, SamplingParams  # an environment may do without it
        except ImportError as error:
            raise InputError(
                f"judging.engine vllm_offline needs vLLM in the job's environment (`make gpu`): {error}. "
                "With engine vllm its server may lie in another one"
            ) from None
        self.name = name
        self.judging = judging
        self.scores = judging.scores.low, judging.scores.high
        self.votes = votes
        self.by_tokens = soft and votes == 1  # several votes have a probability of their own
        self.shard_size = 16 * judging.batch_size  # the engine fills its own batches
        self.tokenizer = load_tokenizer(folder)
        self.engine = LLM(model=str(folder), **judging.vllm)
        self.sampling = SamplingParams(
            n=votes,
            temperature=temperature,
            seed=0,
            max_tokens=judging.max_new_tokens,
            logprobs=TOP_LOGPROBS if self.by_tokens else None,
        )

    def judge(self, comparisons: Sequence[Comparison]) -> list[Judgement]:
        """Judgements in the order asked; ``none`` where a prompt does not fit into the context window."""
        prompts = encode(self.tokenizer, [self.judging.prompt(c) for c in comparisons])
        room = self.engine.llm_engine.model_config.max_model_len - self.judging.max_new_tokens
        fitting = [i for i, prompt in enumerate(prompts) if len(prompt) <= room]
        outputs = self.engine.generate(
            [{"prompt_token_ids": prompts[i]} for i in fitting], self.sampling, use_tqdm=False
        )
        answers = dict(zip(fitting, (output.outputs for output in outputs), strict=True))
        unread = [None] * self.votes
        judgements = [
            self._judgement(c, answer) for i, c in enumerate(comparisons) for answer in answers.get(i, unread)
        ]
        return by_majority(judgements, self.votes)

    def _judgement(self, comparison: Comparison, answer: Any) -> Judgement:
        if answer is None:
            return Judgement(comparison.pair_id, comparison.order, self.name, "none")
        tokens, truncated = len(answer.token_ids), answer.finish_reason == "length"
        low, high = self.scores
        judgement = read_judgement(
            comparison, self.name, answer.text.strip(), tokens, low, high, truncated=truncated
        )
        if not self.by_tokens:
            return judgement
        return with_probability(judgement, last_numbers(answer.token_ids, answer.logprobs), low, high)


def last_numbers(written: Sequence[int], places: Sequence[Mapping[int, Any]]) -> list[dict[str, float]]:
    """Log probabilities by token in the places of the last two tokens that are numbers; none of fewer.

    Args:
        written: token ids.
        places: for each of them, vLLM's ``Logprob`` by token id.
    """
    numbers = [
        {place[token].decoded_token: place[token].logprob}
        | {other.decoded_token: other.logprob for other in place.values()}
        for token, place in zip(written, places, strict=True)
        if (place[token].decoded_token or "").strip().isdecimal()
    ]
    return numbers[-2:] if len(numbers) > 1 else []
