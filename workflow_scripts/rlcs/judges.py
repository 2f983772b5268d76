"""Judges by their entry in the config."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from rlcs import judge_entries
from rlcs.answers import AnswerStore
from rlcs.diversity import words
from rlcs.judge_entries import EndpointTeacher, Judging, WorldTeacher
from rlcs.records import Comparison, Judgement
from rlcs.verdict import compare, read_judgement
from rlcs.world import teacher
from rlcs.world.annotators import utility
from rlcs.world.grammar import read_story

if TYPE_CHECKING:
    from rlcs.judging import Judge


class OracleJudge:
    """The hidden utility of the tiny world, without noise."""

    shard_size = None

    def __init__(self, name: str) -> None:
        self.name = name

    def judge(self, comparisons: Sequence[Comparison]) -> list[Judgement]:
        return [self._judge(c) for c in comparisons]

    def _judge(self, c: Comparison) -> Judgement:
        # rounded: sums of the same weights in another order differ in their last digits, and would be no tie
        a, b = (round(utility(read_story(c.context, story)), 9) for story in (c.story_a, c.story_b))
        return Judgement(c.pair_id, c.order, self.name, compare(a, b), score_a=a, score_b=b)


class LengthJudge:
    """Prefers the longer story, or the shorter one, in words."""

    shard_size = None

    def __init__(self, name: str, entry: judge_entries.LengthJudge) -> None:
        self.name = name
        self.sign = 1 if entry.prefer == "longer" else -1

    def judge(self, comparisons: Sequence[Comparison]) -> list[Judgement]:
        return [self._judge(c) for c in comparisons]

    def _judge(self, c: Comparison) -> Judgement:
        a, b = (float(self.sign * len(words(story))) for story in (c.story_a, c.story_b))
        return Judgement(c.pair_id, c.order, self.name, compare(a, b), score_a=a, score_b=b)


class SimulatedTeacher:
    """The tiny world's biased teacher; its slips depend on (seed, pair, order) alone."""

    shard_size = None

    def __init__(self, name: str, entry: WorldTeacher, judging: Judging) -> None:
        self.name = name
        self.seed = entry.seed
        self.bias = teacher.TeacherBias(
            weights=entry.weights.model_dump(),
            usual_utility=entry.usual_utility,
            utility_per_point=entry.utility_per_point,
            length_bias=entry.length_bias,
            first_position_bias=entry.first_position_bias,
            slip_rate=entry.slip_rate,
        )
        self.scores = judging.scores

    def judge(self, comparisons: Sequence[Comparison]) -> list[Judgement]:
        return [self._judge(c) for c in comparisons]

    def _judge(self, c: Comparison) -> Judgement:
        low, high = self.scores.low, self.scores.high
        rng = Random(f"{self.seed} {c.pair_id} {c.order}")
        raw = teacher.judge(rng, c.context, c.first, c.second, self.bias, low, high)
        return read_judgement(c, self.name, raw, len(raw.split()), low, high)


def load_judge(
    section: Mapping[str, Any],
    folder: Path | None,
    options: Mapping[str, str] | None = None,
    max_failure_share: float | None = None,
    *,
    soft: bool = False,
) -> Judge:
    """The judge of a section made by ``sections.judge``.

    Args:
        folder: the artifact that holds its ``model``; None for a judge without weights.
        options: of the command line. For an endpoint, ``endpoint`` is the JSON of ``sections.endpoint`` and
            ``answers`` the folder where its answers are kept.
        max_failure_share: in place of an endpoint's own.
        soft: ask a GenRM or an endpoint for p(a beats b) as well, from the score tokens.
    """
    name, entry = section["name"], section["judge"]
    kind, backend = entry["kind"], entry.get("backend")
    if kind == "oracle":
        return OracleJudge(name)
    if kind == "length":
        return LengthJudge(name, judge_entries.LengthJudge.model_validate(entry))
    if kind == "teacher" and backend == "world":
        return SimulatedTeacher(
            name, WorldTeacher.model_validate(entry), Judging.model_validate(section["judging"])
        )
    if kind == "teacher" and backend == "openai":
        from rlcs.endpoint import EndpointJudge  # with its client, which other judges need not load

        assert options is not None, f"judge {name} needs the options answers and endpoint"
        asking = json.loads(options["endpoint"])
        if max_failure_share is not None:
            asking["max_failure_share"] = max_failure_share
        return EndpointJudge(
            name,
            EndpointTeacher.model_validate(entry | asking),
            Judging.model_validate(section["judging"]),
            AnswerStore(Path(options["answers"])),
            soft=soft,
        )
    if section.get("judging", {}).get("engine") == "vllm":
        assert folder is not None, f"judge {name} of kind {kind} needs a model"
        assert options is not None, f"judge {name} needs the options answers and endpoint"
        from rlcs.served import serve_judge

        return serve_judge(section, folder, options, max_failure_share, soft=soft)
    from rlcs.judging import GenerativeJudge, ScalarJudge  # with torch: seconds that the others are spared

    assert folder is not None, f"judge {name} of kind {kind} needs a model"
    if kind == "bradley_terry":
        from rlcs import probe_judge

        template, batch_size = section["writing"]["template"], section["batch_size"]
        if (folder / "model" / probe_judge.NAME).exists():
            return probe_judge.ProbeJudge.load_probe(name, folder / "model", template, batch_size)
        return ScalarJudge.load(name, folder / "model", template, batch_size)
    judging = Judging.model_validate(section["judging"])
    asked = {"votes": entry.get("votes", 1), "temperature": entry.get("temperature", 0.0), "soft": soft}
    if judging.engine == "vllm_offline":
        from rlcs.offline import OfflineJudge

        return OfflineJudge(name, folder / "model", judging, **asked)
    return GenerativeJudge.load(name, folder / "model", judging, **asked)


def load_judges(
    sections: Sequence[Mapping[str, Any]],
    folders: Sequence[Path],
    options: Mapping[str, str],
    max_failure_shares: Mapping[str, float],
    soft: Collection[str] = (),
) -> dict[str, Judge]:
    """Several judges by name, beside a training: its process is no place for vLLM's offline engine.

    Args:
        sections: made by ``sections.judge``.
        folders: artifacts of the judges that have weights, in the order of ``sections``.
        options: as in ``load_judge``, but ``endpoint`` is a JSON object of such sections by judge, and
            ``answers`` the folder that holds each judge's own.
        max_failure_shares: by judge; a judge without one keeps an endpoint's own.
        soft: judges that are asked for probabilities.

    Raises:
        ValueError: more or fewer folders than judges with weights.
    """
    with_weights = [section["name"] for section in sections if has_weights(section)]
    folder_of = dict(zip(with_weights, folders, strict=True))
    asking = json.loads(options["endpoint"])
    return {
        name: load_judge(
            _as_served(section),
            folder_of.get(name),
            {
                "endpoint": json.dumps(asking.get(name, {})),
                "answers": str(Path(options["answers"]) / name),
            },
            max_failure_shares.get(name),
            soft=name in soft,
        )
        for name, section in ((section["name"], section) for section in sections)
    }


def _as_served(section: Mapping[str, Any]) -> Mapping[str, Any]:
    if section.get("judging", {}).get("engine") != "vllm_offline":
        return section
    return {**section, "judging": {**section["judging"], "engine": "vllm"}}


def has_weights(section: Mapping[str, Any]) -> bool:
    """Whether a judge is a model in process, whose artifact it needs."""
    kind, backend = section["judge"]["kind"], section["judge"].get("backend")
    return kind in ("bradley_terry", "genrm") or backend == "transformers"
