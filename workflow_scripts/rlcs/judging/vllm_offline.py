"""A backend in vLLM's offline engine, in the job's process (judging.engine: vllm_offline)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rlcs.config.judging import ScoresConfig
from rlcs.config.prompts import Messages
from rlcs.errors import InputError
from rlcs.judging.backends import TOP_LOGPROBS, Decoding, Reply
from rlcs.judging.score_tokens import score_tokens
from rlcs.judging.soft_verdict import distributions_of_text, last_numbers
from rlcs.models.chat_templates import count_reasoning, markers_of
from rlcs.models.generation import encode
from rlcs.models.loading import load_tokenizer
from rlcs.models.vllm_server import stored_dtype
from rlcs.reasoning import split_reasoning


class OfflineBackend:
    """A model that vLLM runs, which batches and caches prefixes by itself.

    Args:
        folder: a model as ``save_pretrained`` leaves it.
        scores: range of the scores whose log probabilities are read; None reads none.

    Raises:
        InputError: this environment has no vLLM.
        ValueError: a score is not a single token.
    """

    def __init__(
        self,
        folder: Path,
        decoding: Decoding,
        *,
        scores: ScoresConfig | None = None,
    ) -> None:
        try:
            from vllm import LLM, SamplingParams  # not every environment has it
        except ImportError as error:
            raise InputError(
                f"judging.engine vllm_offline needs vLLM in the job's environment (`make gpu`): {error}. "
                "With engine vllm its server may lie in another one"
            ) from None
        self.decoding = decoding
        self.shard_size = 16 * decoding.batch_size  # the engine fills its own batches
        self.scores = scores
        self.tokenizer = load_tokenizer(folder)
        self.markers = markers_of(self.tokenizer)
        if scores is not None:
            score_tokens(self.tokenizer, scores.low, scores.high)
        self.engine = LLM(**{"model": str(folder), "dtype": stored_dtype(folder), **decoding.vllm})
        self._sampling = SamplingParams

    def answer(
        self, conversations: Sequence[Messages], samples: int = 1, seed: int = 0
    ) -> list[Reply | None]:
        """Replies as in ``Backend.answer``; None for a prompt that does not fit into the context window."""
        prompts = encode(self.tokenizer, conversations)
        room = self.engine.llm_engine.model_config.max_model_len - self.decoding.max_new_tokens
        fitting = [i for i, prompt in enumerate(prompts) if len(prompt) <= room]
        sampling = self._sampling(
            n=samples,
            temperature=self.decoding.temperature,
            top_p=self.decoding.top_p,
            seed=seed,
            max_tokens=self.decoding.max_new_tokens,
            logprobs=TOP_LOGPROBS if self.scores else None,
        )
        outputs = self.engine.generate(
            [{"prompt_token_ids": prompts[i]} for i in fitting], sampling, use_tqdm=False
        )
        replies: dict[int, list[Reply | None]] = {
            i: [self._reply(output) for output in request.outputs]
            for i, request in zip(fitting, outputs, strict=True)
        }
        none: list[Reply | None] = [None] * samples
        return [reply for i in range(len(prompts)) for reply in replies.get(i, none)]

    def _reply(self, output: Any) -> Reply:
        written = split_reasoning(output.text, self.markers, truncated=output.finish_reason == "length")
        distributions = None
        if self.scores is not None and not written.truncated:
            positions = [
                {candidates[token].decoded_token or "": candidates[token].logprob}
                | {other.decoded_token or "": other.logprob for other in candidates.values()}
                for token, candidates in zip(output.token_ids, output.logprobs, strict=True)
            ]
            distributions = distributions_of_text(
                written.text, last_numbers(positions), self.scores.low, self.scores.high
            )
        reasoning = count_reasoning(self.tokenizer, written.reasoning)
        return Reply(written.text, len(output.token_ids), written.truncated, distributions, reasoning)
