"""Small files in exactly the shapes in which benchmarks are published, with texts made for the tests."""

import csv
import json

PROMPTS = ("A lighthouse keeper finds a letter.", "[WP] A wolf asks for bread.", "The last train is late.")
GOOD = ("He read it twice and lit the lamp.", "It bowed, and the baker wept.", "She waited, and it came.")
BAD = ("He read it.", "It ran.", "Nothing came at all, ever, to anyone there.")
WORSE = ("No.", "It was a wolf.", "Trains.")
WORST = ("The end.", "Bread is bread.", "Late.")

_LITBENCH = (
    "prompt",
    "chosen_story",
    "rejected_story",
    "chosen_comment_id",
    "rejected_comment_id",
    *tuple(
        f"{side}_{name}"
        for name in ("comment_score", "username", "timestamp")
        for side in ("chosen", "rejected")
    ),
)


def litbench_test(file, *, deleted=1):
    """Write what LitBench's script makes of its ids; cells of so many deleted comments are empty."""
    with file.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, _LITBENCH)
        writer.writeheader()
        for n, texts in enumerate(
            [*zip(PROMPTS, GOOD, BAD, strict=True), *[("A deleted one.", "It was.", "")] * deleted]
        ):
            row = dict(
                zip(_LITBENCH, [*texts, f"c{n}", f"r{n}", 9, 2, "ann", "bob", 1.5e9, 1.5e9], strict=True)
            )
            if not texts[2]:
                row |= dict.fromkeys(
                    ("rejected_comment_score", "rejected_username", "rejected_timestamp"), ""
                )
            writer.writerow(row)
    return file


def writing_preference_bench(file):
    """Write a JSON array with nested answers."""

    def answer(text, score):
        words = len(text.split())
        facts = {"score": score, "model": "m", "completion_tokens": words, "prompt_tokens": 9}
        return {"response": text, **facts, "word_len": words}

    rows = [
        {"prompt": prompt, "prompt_id": n, "tag": "Fiction/Fairy tale"}
        | {"chosen": answer(good, 3), "rejected": answer(bad, 0)}
        for n, (prompt, good, bad) in enumerate(zip(PROMPTS, GOOD, BAD, strict=True))
    ]
    file.write_text(json.dumps(rows, indent=2, ensure_ascii=False), encoding="utf-8")
    return file


def reward_bench_2(file):
    """Write rows of RewardBench 2, the last of its subset Ties."""
    subsets = ("Factuality", "Focus", "Ties")
    rows = [
        {
            "id": str(n),
            "prompt": PROMPTS[n],
            "chosen": [GOOD[n], "Equally right."] if subset == "Ties" else [GOOD[n]],
            "rejected": [BAD[n], WORSE[n], WORST[n]],
            "num_correct": 2 if subset == "Ties" else 1,
            "num_incorrect": 3,
            "models": ["m"] * 4,
            "subset": subset,
            "additional_metadata": None,
        }
        for n, subset in enumerate(subsets)
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return file


def story_rmb(file):
    """Write rows with one chosen and three rejected stories."""
    rows = [
        {"prompt": prompt, "chosen": good, "rejected": others}
        for prompt, good, *others in zip(PROMPTS, GOOD, BAD, WORSE, WORST, strict=True)
    ]
    file.write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")
    return file


WRITERS = {
    "litbench_test": (litbench_test, "litbench.csv"),
    "writing_preference_bench": (writing_preference_bench, "WP_bench_english.json"),
    "reward_bench_2": (reward_bench_2, "reward_bench_2.jsonl"),
    "story_rmb": (story_rmb, "story_rmb.json"),
}


def written(preset, folder):
    """The file of a benchmark in the shape of its preset."""
    write, name = WRITERS[preset]
    return write(folder / name)
