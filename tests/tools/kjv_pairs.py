"""Pairs of passages of the King James Bible, labelled by a rule with noise, for docs/results/smollm.

    apt-get install bible-kjv; python tests/tools/kjv_pairs.py 150 250 500 200 > my_pairs.jsonl

Whole verses of one book in a row, of LOW to HIGH words. Story a is preferred with probability sigmoid(2 d),
where d is how much larger its share of words of saying is than story b's, in standard deviations. COUNT pairs
of some books are for training and, one in eight, for validation: on them a recipe is chosen. TEST pairs of
other books, which no recipe has seen, are held out.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import subprocess
from statistics import pstdev

from scipy.special import expit

# Books of the training and validation pairs, with their numbers of chapters.
CHAPTERS = {
    "gen": 50,
    "exod": 40,
    "josh": 24,
    "judg": 21,
    "ruth": 4,
    "1sam": 31,
    "2sam": 24,
    "1kin": 22,
    "2kin": 25,
    "esth": 10,
    "matt": 28,
    "mark": 16,
    "luke": 24,
    "john": 21,
    "acts": 28,
}
# Books of the held-out pairs.
FRESH = {"num": 36, "2chr": 36, "ezra": 10, "neh": 13, "jer": 52, "dan": 12, "jonah": 4}
Texts = dict[str, list[str]]
SAYING = {"said", "saying", "saith", "answered", "spake"}


def passages(book: str, chapters: int, low: int, high: int) -> list[str]:
    """Verses in a row until there are ``low`` words, where they are no more than ``high``."""
    asked = ["bible", "-f", f"{book} 1:1-{book} {chapters}:1"]
    lines = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.splitlines()
    verses = [re.sub(r"^\S+\s+", "", line) for line in lines if re.match(r"^\S+\d+:\d+ ", line)]
    found: list[str] = []
    taken: list[str] = []
    for verse in verses:
        taken.append(verse)
        text = " ".join(taken)
        if len(text.split()) >= low:
            if len(text.split()) <= high:
                found.append(text)
            taken = []
    return found


def saying(text: str) -> float:
    """Share of words of saying."""
    words = re.findall(r"[a-z']+", text.lower())
    return sum(word in SAYING for word in words) / len(words)


def pairs(by_book: Texts, deviation: float, rng: random.Random) -> list[dict[str, str]]:
    """Pairs of passages of the same book with their labels, shuffled."""
    rows = []
    for book, texts in by_book.items():
        rng.shuffle(texts)
        for i in range(0, len(texts) - 1, 2):
            d = (saying(texts[i]) - saying(texts[i + 1])) / deviation
            prompt = f"Tell a story of {book}, part {i // 2 + 1}."
            label = "a" if rng.random() < expit(2 * d) else "b"
            rows.append({"prompt": prompt, "story_a": texts[i], "story_b": texts[i + 1], "label": label})
    rng.shuffle(rows)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("low", type=int)
    parser.add_argument("high", type=int)
    parser.add_argument("count", type=int)
    parser.add_argument("test", type=int)
    wanted = parser.parse_args()

    def texts_of(books: dict[str, int]) -> Texts:
        return {book: passages(book, chapters, wanted.low, wanted.high) for book, chapters in books.items()}

    known, fresh = texts_of(CHAPTERS), texts_of(FRESH)
    deviation = pstdev(saying(text) for texts in known.values() for text in texts)
    chosen = pairs(known, deviation, random.Random(1))[: wanted.count]
    for i, row in enumerate(chosen):
        print(json.dumps(row | {"split": "validation" if i % 8 == 0 else "train"}))
    for row in pairs(fresh, deviation, random.Random(2))[: wanted.test]:
        print(json.dumps(row | {"split": "test"}))


if __name__ == "__main__":
    main()
