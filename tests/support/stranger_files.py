"""Small files in the shapes in which people export preferences, by the name of a case."""

import csv
import gzip
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

Row = dict[str, Any]


class Case(NamedTuple):
    """A file: its extension, what is in it, its section ``data`` of the config, and its bytes."""

    extension: str
    what: str
    data: Mapping[str, Any]
    content: bytes


def rows(count: int = 8, **fields: Any) -> list[Row]:
    """Pairs that can be used; a field that is a function is called with the row's number."""
    return [
        {
            "prompt": f"Premise {i}.",
            "story_a": f"The fox ran {i}.",
            "story_b": f"The owl slept {i}.",
            "label": "ab"[i % 2],
            "split": "train" if i < count - 3 else "test",
        }
        | {name: value(i) if callable(value) else value for name, value in fields.items()}
        for i in range(count)
    ]


def jsonl(rows: Sequence[Row], end: str = "\n") -> bytes:
    """JSON lines."""
    return "".join(json.dumps(row, ensure_ascii=False) + end for row in rows).encode()


def csv_bytes(rows: Sequence[Row], enc: str = "utf-8", bom: bytes = b"", delimiter: str = ",") -> bytes:
    """A CSV with a header."""
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return bom + file.getvalue().encode(enc)


def ratings_csv(ratings: Sequence[tuple[str, str, str, Any]]) -> bytes:
    """A CSV of ratings: prompt, story, rater and score."""
    return csv_bytes([dict(zip(("Prompt", "Story", "Worker", "Fun"), row, strict=True)) for row in ratings])


def rated(count: int = 20, close: int = 0) -> list[tuple[str, str, str, int]]:
    """Two ratings of each of two stories; those of the first ``close`` prompts are alike."""
    return [
        (f"P{i}", f"Story {i} {k}", rater, 3 + (0 if i < close else k))
        for i in range(count)
        for k in (0, 1)
        for rater in "xy"
    ]


def near() -> list[Row]:
    """Forty premises in seven spellings each."""
    pairs = []
    for i in range(40):
        premise = f"A keeper finds letter {i}."
        spellings = (
            premise,
            premise + " ",
            premise + "\n",
            premise.lower(),
            premise.replace(" ", "  ", 1),
            "[WP] " + premise,
            premise.replace("A keeper", "A\u00a0keeper"),
        )
        for k, spelling in enumerate(spellings):
            stories = {"story_a": f"He read {i} {k}.", "story_b": f"He burned {i} {k}."}
            pairs.append({"prompt": spelling, **stories, "label": "ab"[i % 2]})
    return pairs


ROWS = rows()
SIMPLE = "".join(f"P{i},A{i},B{i},{'ab'[i % 2]},{'train' if i < 5 else 'test'}\n" for i in range(8)).encode()
RATINGS = {
    "format": "ratings",
    "columns": {"prompt": "Prompt", "story": "Story", "rater": "Worker"},
    "ratings": {"criteria": ["Fun"], "margin": 1.0},
    "splits": {"train": 0.5, "validation": 0, "test": 0.5},
}

CASES: dict[str, Case] = {
    "json_array": Case(
        "json",
        "a JSON array (TRL, LLaMA-Factory, alpaca_eval, Label Studio: all .json)",
        {},
        json.dumps(ROWS).encode(),
    ),
    "jsonl_in_json": Case(
        "json", "JSON lines in a file named .json (salesforce/creativity_eval lamp-R)", {}, jsonl(ROWS)
    ),
    "gz": Case("jsonl.gz", "gzipped JSON lines (anthropics/hh-rlhf)", {}, gzip.compress(jsonl(ROWS))),
    "tsv": Case("tsv", "tab-separated", {}, csv_bytes(ROWS, delimiter="\t")),
    "upper": Case("CSV", "extension in capitals (Windows)", {}, csv_bytes(ROWS)),
    "txt": Case("txt", "txt", {}, csv_bytes(ROWS)),
    "semicolon": Case("csv", "semicolons (Excel in de, fr, es, it, nl)", {}, csv_bytes(ROWS, delimiter=";")),
    "tab_csv": Case("csv", "tabs in a .csv", {}, csv_bytes(ROWS, delimiter="\t")),
    "bom": Case("csv", "UTF-8 with BOM, CRLF (Excel 'CSV UTF-8')", {}, csv_bytes(ROWS, bom=b"\xef\xbb\xbf")),
    "cp1252": Case(
        "csv",
        "cp1252 with curly quotes in one row of eight",
        {},
        csv_bytes(
            rows(story_a=lambda i: f"He said \u201cyes\u201d {i}" if i == 2 else f"Plain {i}"), enc="cp1252"
        ),
    ),
    "utf16": Case(
        "csv",
        "UTF-16 with BOM (Excel 'Unicode text', Qualtrics TSV)",
        {},
        csv_bytes(ROWS).decode().encode("utf-16"),
    ),
    "newlines": Case(
        "csv",
        "line breaks, commas and doubled quotes inside quoted cells",
        {},
        csv_bytes(rows(story_a=lambda i: f'Line one, {i}\nShe said "no".\r\n\r\nEnd.')),
    ),
    "header_spaces": Case(
        "csv",
        "spaces after the commas of the header",
        {},
        b"prompt, story_a, story_b, label, split\n"
        + b"".join(
            f"P{i},A{i},B{i},{'ab'[i % 2]},{'train' if i < 5 else 'test'}\n".encode() for i in range(8)
        ),
    ),
    "header_twice": Case(
        "csv",
        "two columns named story_a (a join in R or pandas)",
        {},
        b"prompt,story_a,story_a,story_b,label,split\n"
        + b"".join(
            f"P{i},first{i},second{i},B{i},{'ab'[i % 2]},{'train' if i < 5 else 'test'}\n".encode()
            for i in range(8)
        ),
    ),
    "backslash": Case(
        "csv",
        'backslash-escaped quotes (MySQL, Spark, R): "He said \\"no\\", twice"',
        {},
        b"prompt,story_a,story_b,label,split\n"
        + b"".join(
            f'"P{i}","He said \\"no\\", twice {i}","B{i}",a,{"train" if i < 5 else "test"}\n'.encode()
            for i in range(8)
        ),
    ),
    "qualtrics": Case(
        "csv",
        "three header rows (Qualtrics): names, questions, ImportId",
        {"columns": {"prompt": "Q1", "story_a": "Q2", "story_b": "Q3", "label": "Q4"}},
        csv_bytes(
            [
                dict(
                    Q1="Read this premise", Q2="Story 1", Q3="Story 2", Q4="Which is better?", split="split"
                ),
                dict(
                    Q1='{"ImportId":"QID1"}',
                    Q2='{"ImportId":"QID2"}',
                    Q3='{"ImportId":"QID3"}',
                    Q4='{"ImportId":"QID4"}',
                    split='{"ImportId":"QID5"}',
                ),
            ]
            + [
                dict(Q1=r["prompt"], Q2=r["story_a"], Q3=r["story_b"], Q4=r["label"], split=r["split"])
                for r in rows(60)
            ]
        ),
    ),
    "cr": Case("jsonl", "old Mac line ends", {}, jsonl(ROWS, "\r")),
    "crlf": Case("jsonl", "Windows line ends", {}, jsonl(ROWS, "\r\n")),
    "u2028": Case(
        "jsonl",
        "U+2028 and U+0085 inside a story",
        {},
        jsonl(rows(story_a=lambda i: f"One\u2028two\x85three {i}.")),
    ),
    "nul": Case("csv", "a NUL in a cell", {}, csv_bytes(rows(story_a=lambda i: f"One\x00two {i}."))),
    "trailing_comma": Case(
        "csv",
        "trailing comma in every line (Excel, empty column)",
        {},
        b"prompt,story_a,story_b,label,split,\n"
        + b"".join(
            f"P{i},A{i},B{i},{'ab'[i % 2]},{'train' if i < 5 else 'test'},\n".encode() for i in range(8)
        ),
    ),
    "ragged": Case(
        "csv",
        "trailing empty cells left away in the rows (Google Sheets, hand edited)",
        {},
        b"prompt,story_a,story_b,label,split,comment\n"
        + b"".join(
            f"P{i},A{i},B{i},{'ab'[i % 2]},{'train' if i < 5 else 'test'}\n".encode() for i in range(8)
        ),
    ),
    "label_nan": Case(
        "jsonl",
        "NaN among labels (pandas to_json, json.dumps)",
        {},
        jsonl(rows(label=lambda i: float("nan") if i == 1 else "ab"[i % 2])),
    ),
    "label_na_csv": Case(
        "csv",
        "'NA', 'nan', 'None' among labels (R, pandas)",
        {},
        csv_bytes(rows(60, label=lambda i: ["NA", "nan", "None"][i] if i < 3 else "ab"[i % 2])),
    ),
    "label_missing_column": Case(
        "jsonl",
        "the label column has another name, here 'winner'",
        {},
        jsonl([{("winner" if k == "label" else k): v for k, v in r.items()} for r in ROWS]),
    ),
    "votes_empty_csv": Case(
        "csv",
        "a CSV with counts in some rows and an empty cell in others",
        {},
        csv_bytes(rows(votes=lambda i: '{"a": 3, "b": 1}' if i % 2 == 0 else "")),
    ),
    "votes_zero": Case(
        "jsonl", "counts that are all 0, with a label", {}, jsonl(rows(votes=lambda i: {"a": 0, "b": 0}))
    ),
    "votes_upvotes": Case(
        "csv",
        "a column 'votes' that means something else: '1,024'",
        {},
        csv_bytes(rows(votes=lambda i: "1,024")),
    ),
    "votes_word": Case("csv", "votes as '3:1'", {}, csv_bytes(rows(votes="3:1"))),
    "split_dev": Case(
        "jsonl",
        "split 'dev', 'val', 'valid', 'eval', 'Train' (most data sets)",
        {},
        jsonl(rows(split=lambda i: ["Train", "dev", "val", "test"][i % 4])),
    ),
    "split_all_test": Case(
        "jsonl", "a benchmark file: every row says split = test", {}, jsonl(rows(split="test"))
    ),
    "constraints_text": Case(
        "jsonl",
        "a column 'constraints' in prose (CS4)",
        {},
        jsonl(rows(constraints="Write 200 words; no dialogue.")),
    ),
    "outline_and_prompt": Case(
        "jsonl",
        "prompt and outline both given (a plan for the story)",
        {},
        jsonl(rows(outline=lambda i: f"First {i}, then that.")),
    ),
    "annotator_float": Case(
        "jsonl",
        "annotator 12.0 (pandas with a missing value)",
        {},
        jsonl(rows(annotator=lambda i: float(i % 3))),
    ),
    "source_int": Case("jsonl", "source 7", {}, jsonl(rows(source=7))),
    "prompt_int": Case("jsonl", "prompt is a number", {}, jsonl(rows(prompt=lambda i: i))),
    "domain_null": Case(
        "jsonl",
        "null in optional fields",
        {},
        jsonl(rows(domain=None, characters=None, votes=None, constraints=None)),
    ),
    "characters_list": Case(
        "jsonl", "characters as a list of names", {}, jsonl(rows(characters=["Ann", "Bob"]))
    ),
    "hh": Case(
        "jsonl",
        "dialogues without a prompt (hh-rlhf)",
        {"format": "chosen_rejected"},
        jsonl(
            [
                dict(
                    chosen=f"\n\nHuman: A tale {i}?\n\nAssistant: Yes.",
                    rejected=f"\n\nHuman: A tale {i}?\n\nAssistant: No.",
                )
                for i in range(8)
            ]
        ),
    ),
    "messages": Case(
        "jsonl",
        "chosen and rejected as lists of messages (UltraFeedback binarized, TRL conversational)",
        {"format": "chosen_rejected"},
        jsonl(
            [
                dict(
                    prompt=f"Tale {i}",
                    prompt_id=str(i),
                    chosen=[dict(role="user", content=f"Tale {i}"), dict(role="assistant", content="Once.")],
                    rejected=[dict(role="user", content=f"Tale {i}"), dict(role="assistant", content="No.")],
                    score_chosen=8.5,
                    score_rejected=5.0,
                )
                for i in range(8)
            ]
        ),
    ),
    "nested": Case(
        "jsonl",
        "nested (OpenAI summarize_from_feedback)",
        {
            "columns": {
                "prompt": "info.post",
                "story_a": "summaries.0.text",
                "story_b": "summaries.1.text",
                "label": "choice",
            }
        },
        jsonl(
            [
                dict(
                    info=dict(post=f"Post {i}"),
                    summaries=[dict(text=f"One {i}"), dict(text=f"Two {i}")],
                    choice=i % 2,
                    worker="w",
                    split="train",
                )
                for i in range(8)
            ]
        ),
    ),
    "arena_csv": Case(
        "csv",
        "lmsys 55k CSV: prompt and responses are JSON lists in text, winners in three columns",
        {"columns": {"story_a": "response_a", "story_b": "response_b"}},
        csv_bytes(
            [
                dict(
                    id=i,
                    model_a="m",
                    model_b="n",
                    prompt=json.dumps([f"Tale {i}"]),
                    response_a=json.dumps([f"Once {i}"]),
                    response_b=json.dumps([f"No {i}"]),
                    winner_model_a=i % 2,
                    winner_model_b=1 - i % 2,
                    winner_tie=0,
                )
                for i in range(8)
            ]
        ),
    ),
    "anon_votes": Case(
        "jsonl",
        "three rows a pair, no annotator column (crowd export without names)",
        {},
        jsonl([r | {"label": label} for r in rows() for label in "aba"]),
    ),
    "anon_conflict_few": Case(
        "jsonl",
        "as above, but 4 % of the pairs stand twice with opposite labels",
        {},
        jsonl(rows(50) + [r | {"label": "a" if r["label"] == "b" else "b"} for r in rows(50)[3:5]]),
    ),
    "cr_both": Case(
        "jsonl",
        "the same pair in both directions (two people disagreed)",
        {"format": "chosen_rejected"},
        jsonl(
            [dict(prompt=f"P{i}", chosen=f"A{i}", rejected=f"B{i}") for i in range(50)]
            + [dict(prompt="P3", chosen="B3", rejected="A3")]
        ),
    ),
    "near_prompts": Case(
        "jsonl",
        "one premise with a trailing space, a line end, other case, two spaces, [WP], a no-break space",
        {},
        jsonl(near()),
    ),
    "nfc_nfd": Case(
        "jsonl",
        "café composed and decomposed (macOS)",
        {},
        jsonl(
            [
                dict(prompt=f"Caf{e} {i}", story_a=f"A{i}{k}", story_b=f"B{i}{k}", label="ab"[i % 2])
                for i in range(40)
                for k, e in enumerate(("\u00e9", "e\u0301"))
            ]
        ),
    ),
    "dup_stories_ws": Case(
        "jsonl",
        "the same two stories again, with a trailing line end",
        {},
        jsonl(rows(40) + [r | {"story_a": r["story_a"] + "\n"} for r in rows(40)]),
    ),
    "story_across": Case(
        "jsonl",
        "the same two stories under two prompts, in train and in test (reposts)",
        {},
        jsonl(
            [
                dict(
                    prompt=f"P{i} {k}",
                    story_a=f"A long story {i}",
                    story_b=f"Another one {i}",
                    label="ab"[i % 2],
                    split=s,
                )
                for i in range(8)
                for k, s in enumerate(("train", "test"))
            ]
        ),
    ),
    "removed": Case(
        "jsonl",
        "'[removed]' and '[deleted]' as stories (Reddit, LitBench rehydrated)",
        {},
        jsonl(rows(story_b="[removed]")),
    ),
    "newline_tokens": Case(
        "jsonl",
        "<newline> tokens (WritingPrompts)",
        {"story_length": {"max_words": 60}},
        jsonl(rows(story_a=lambda i: f"It ran {i} . <newline> <newline> It slept .")),
    ),
    "invisible": Case("jsonl", "a story of zero-width spaces", {}, jsonl(rows(story_b="\u200b\u200b\ufeff"))),
    "zh_long": Case(
        "jsonl",
        "a Chinese story of 9,000 characters with story_words.most 450",
        {"story_length": {"max_words": 450}},
        jsonl(rows(story_a=lambda i: "\u72d0\u72f8\u8dd1\u8fdb\u4e86\u68ee\u6797\u3002" * 1000 + str(i))),
    ),
    "zh_cut": Case(
        "jsonl",
        "a Chinese story in lines, cut",
        {"story_length": {"max_words": 20, "too_long": "truncate"}},
        jsonl(
            rows(
                story_a=lambda i: (
                    "\n".join(f"\u7b2c{n}\u53e5\u8bdd\u3002\u5b83\u8dd1\u4e86" for n in range(40)) + str(i)
                )
            )
        ),
    ),
    "long20k": Case(
        "jsonl",
        "a story of 20,000 words, no story_words",
        {},
        jsonl(rows(story_a=lambda i: "word " * 20000 + str(i))),
    ),
    "cut_same": Case(
        "jsonl",
        "two stories that are the same after the cut",
        {"story_length": {"max_words": 5, "too_long": "truncate"}},
        jsonl(
            rows(
                story_b=lambda i: f"The fox ran {i}. And then it slept a while there.",
                story_a=lambda i: f"The fox ran {i}. And then it ate a big hen.",
            )
        ),
    ),
    "emoji": Case(
        "jsonl",
        "emoji, RTL, combining marks",
        {},
        jsonl(
            rows(
                story_a=lambda i: (
                    f"\U0001f98a\u200d\U0001f525 \u0627\u0644\u062b\u0639\u0644\u0628 {i} e\u0301"
                )
            )
        ),
    ),
    "surrogate": Case(
        "jsonl",
        "half an emoji, cut by JavaScript",
        {},
        b"".join(
            json.dumps(r | {"story_a": "cut \ud83d"} if i == 0 else r).encode() + b"\n"
            for i, r in enumerate(rows(60))
        ),
    ),
    "ratings_close": Case(
        "csv",
        "two of twenty prompts whose stories were rated alike: nothing is wrong with these rows",
        RATINGS,
        ratings_csv(rated(close=2)),
    ),
    "ratings_space": Case(
        "csv",
        "a trailing space in the prompt of one story in ten prompts",
        RATINGS,
        ratings_csv(
            [(p + " " if s.endswith("1") and int(p[1:]) < 10 else p, s, w, f) for p, s, w, f in rated()]
        ),
    ),
    "ratings_comma": Case(
        "csv", "decimal commas: 3,5", RATINGS, ratings_csv([(p, s, w, f"{f},5") for p, s, w, f in rated()])
    ),
    "ratings_reverse": Case(
        "csv", "ranks, 1 is best", RATINGS, ratings_csv([(p, s, w, 5 - f) for p, s, w, f in rated()])
    ),
    "ratings_wide": Case(
        "csv",
        "one column for each rater (wide): taken for criteria",
        {
            "format": "ratings",
            "columns": {"prompt": "Prompt", "story": "Story"},
            "ratings": {"criteria": ["r1", "r2"]},
        },
        csv_bytes(
            [dict(Prompt=f"P{i}", Story=f"S{i}{k}", r1=3 + k, r2=4 + k) for i in range(20) for k in (0, 1)]
        ),
    ),
    "cr_prompt_inside": Case(
        "jsonl",
        "chosen and rejected repeat the prompt (OpenRLHF #909, hh-rlhf with a prompt)",
        {"format": "chosen_rejected"},
        jsonl(
            [
                dict(
                    prompt=f"Premise {i}.",
                    chosen=f"Premise {i}. The fox ran.",
                    rejected=f"Premise {i}. The owl slept.",
                )
                for i in range(40)
            ]
        ),
    ),
    "cr_label": Case(
        "jsonl",
        "a column 'label' beside chosen and rejected (KTO, RewardBench)",
        {"format": "chosen_rejected"},
        jsonl([dict(prompt=f"P{i}", chosen=f"A{i}", rejected=f"B{i}", label=1) for i in range(40)]),
    ),
    "mapped_away": Case(
        "jsonl",
        "columns maps label to 'winner', but the file has 'Winner'",
        {"columns": {"label": "winner"}},
        jsonl([{("Winner" if k == "label" else k): v for k, v in r.items()} for r in ROWS]),
    ),
    "mapped_story": Case(
        "jsonl",
        "columns names columns that are not there",
        {"columns": {"story_a": "left", "story_b": "right"}},
        jsonl(ROWS),
    ),
    "context_reused": Case(
        "jsonl",
        "context_id is the annotator's task number, and 5 % of the ids stand for two prompts",
        {},
        jsonl(rows(40, context_id=lambda i: str(i if i < 39 else 0))),
    ),
    "empty_file": Case("jsonl", "an empty file", {}, b""),
    "no_header": Case(
        "csv",
        "a CSV without a header",
        {},
        "".join(f"P{i},A{i},B{i},{'ab'[i % 2]}\n" for i in range(8)).encode(),
    ),
    "html": Case(
        "jsonl",
        "HTML (StoryER, web scrapes): <br><br>, &amp;",
        {},
        jsonl(rows(story_a=lambda i: f"It ran {i}.<br><br>Then &amp; then.")),
    ),
    "mapped_split": Case(
        "jsonl",
        "columns names split 'fold', but the column is called 'Fold': the official held-out split is lost",
        {"columns": {"split": "fold"}},
        jsonl([{("Fold" if k == "split" else k): v for k, v in r.items()} for r in rows(40)]),
    ),
    "sep_line": Case(
        "csv", "'sep=,' as the first line (Excel's own trick)", {}, b"sep=,\n" + csv_bytes(ROWS)
    ),
    "pretty": Case(
        "jsonl",
        "pretty-printed objects, named .jsonl",
        {},
        "".join(json.dumps(r, indent=1) + "\n" for r in ROWS).encode(),
    ),
    "swapped": Case(
        "jsonl",
        "two annotators; the second saw the stories in the other order and agrees with the first",
        {},
        jsonl(
            [r | {"annotator": "x"} for r in ROWS]
            + [
                r
                | {
                    "annotator": "y",
                    "story_a": r["story_b"],
                    "story_b": r["story_a"],
                    "label": "b" if r["label"] == "a" else "a",
                }
                for r in ROWS
            ]
        ),
    ),
    "label_AB": Case("jsonl", "labels ['A', 'B']", {}, jsonl(rows(label=lambda i: ["A", "B"][i % 2]))),
    "label_model": Case(
        "jsonl",
        "labels ['model_a', 'model_b']",
        {},
        jsonl(rows(label=lambda i: ["model_a", "model_b"][i % 2])),
    ),
    "label_arena": Case(
        "jsonl",
        "labels ['model_a', 'tie (bothbad)']",
        {},
        jsonl(rows(label=lambda i: ["model_a", "tie (bothbad)"][i % 2])),
    ),
    "label_one_two": Case("jsonl", "labels ['1', '2']", {}, jsonl(rows(label=lambda i: ["1", "2"][i % 2]))),
    "label_ints": Case("jsonl", "labels [1, 2]", {}, jsonl(rows(label=lambda i: [1, 2][i % 2]))),
    "label_zero_one": Case("jsonl", "labels [0, 1]", {}, jsonl(rows(label=lambda i: [0, 1][i % 2]))),
    "label_left": Case(
        "jsonl", "labels ['left', 'right']", {}, jsonl(rows(label=lambda i: ["left", "right"][i % 2]))
    ),
    "label_first": Case(
        "jsonl", "labels ['first', 'second']", {}, jsonl(rows(label=lambda i: ["first", "second"][i % 2]))
    ),
    "label_Tie": Case("jsonl", "labels ['a', 'Tie']", {}, jsonl(rows(label=lambda i: ["a", "Tie"][i % 2]))),
    "label_signed": Case("jsonl", "labels [-3, 2]", {}, jsonl(rows(label=lambda i: [-3, 2][i % 2]))),
    "label_floats": Case("jsonl", "labels [1.0, 0.0]", {}, jsonl(rows(label=lambda i: [1.0, 0.0][i % 2]))),
    "label_bools": Case(
        "jsonl", "labels [True, False]", {}, jsonl(rows(label=lambda i: [True, False][i % 2]))
    ),
    "label_words": Case(
        "jsonl",
        "labels ['Story A', 'Story B']",
        {},
        jsonl(rows(label=lambda i: ["Story A", "Story B"][i % 2])),
    ),
}
