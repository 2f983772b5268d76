"""Generative judges over each backend, as ``loading.load_judge`` makes them of a section."""

from rlcs.judging.answers import AnswerStore
from rlcs.judging.backends import Decoding
from rlcs.judging.endpoint import EndpointBackend
from rlcs.judging.generative import GenerativeJudge
from rlcs.judging.in_process import TransformersBackend
from rlcs.models.loading import load_causal, load_tokenizer


def decoding(judging, temperature=0.0):
    """How a judge of the run answers."""
    return Decoding(
        judging.engine, judging.max_new_tokens, judging.batch_size, judging.vllm, temperature=temperature
    )


def in_process(name, folder, judging, **options):
    """The model that lies in a folder."""
    return of_model(name, load_causal(folder), load_tokenizer(folder), judging, **options)


def of_model(name, model, tokenizer, judging, *, soft=False, votes=1, temperature=0.0):
    backend = TransformersBackend(
        model,
        tokenizer,
        max_new_tokens=judging.max_new_tokens,
        batch_size=judging.batch_size,
        temperature=temperature,
        scores=judging.scores if soft and votes == 1 else None,
    )
    return GenerativeJudge(name, backend, judging, votes)


def at_endpoint(name, entry, judging, answers, *, soft=False):
    """The model behind an endpoint; ``answers`` is the folder where its answers are kept."""
    scores = judging.scores if soft and entry.votes == 1 else None
    backend = EndpointBackend(name, entry, AnswerStore(answers), scores=scores)
    return GenerativeJudge(name, backend, judging, entry.votes)
