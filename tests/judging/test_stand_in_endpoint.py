"""The server that stands in for vendors: the asked form, the same answer again, and failures that end."""

import json
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

from rlcs.config.judging import JudgingConfig
from rlcs.judging.stand_in_endpoint import StandInEndpoint
from rlcs.verdict import parse_score, parse_scores

JUDGING = JudgingConfig(
    template="Judge $outline.\n\nStory 1: $story_1\n\nStory 2: $story_2\n\nSay which.",
    scores={"low": 1, "high": 9},
)
FORMS = {"judges/a": "pair", "judges/s": "story", "verifiers/v": "verdict"}


def ask(server, place, question):
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": question}]}).encode()
    request = urllib.request.Request(f"{server.address}/{place}/v1/chat/completions", body)
    try:
        with urllib.request.urlopen(request) as reply:
            return json.loads(reply.read())["choices"][0]["message"]["content"]
    except urllib.error.HTTPError as error:
        return None if error.code == 503 else str(error)


def question(n, first="long " * 30, second="short"):
    return f"Judge {n}.\n\nStory 1: {first}\n\nStory 2: {second}\n\nSay which."


def test_answers_have_the_asked_form_stay_the_same_and_are_often_readable():
    with StandInEndpoint(FORMS, JUDGING) as server:
        for place, read in (
            ("judges/a", lambda text: parse_scores(text, 1, 9)),
            ("judges/s", lambda text: parse_score(text, 1, 9)),
            ("verifiers/v", lambda text: text.endswith(("Verdict: yes", "Verdict: no")) or None),
        ):
            with ThreadPoolExecutor(8) as pool:
                first = list(pool.map(lambda n, place=place: ask(server, place, question(n)), range(120)))
                again = list(pool.map(lambda n, place=place: ask(server, place, question(n)), range(120)))
            assert None not in again  # a request fails once
            assert 1 <= first.count(None) <= 20
            assert all(text in (None, other) for text, other in zip(first, again, strict=True))
            readable = [read(text) for text in again]
            assert 0.7 < sum(value is not None for value in readable) / 120 < 1
        assert server.asked["judges/a"] == 240


def test_most_verdicts_do_not_depend_on_the_order():
    with StandInEndpoint(FORMS, JUDGING) as server:
        same = 0
        for n in range(60):
            one = server.answer("/judges/a/v1", question(n))
            two = server.answer("/judges/a/v1", question(n, first="short", second="long " * 30))
            scores = parse_scores(one, 1, 9), parse_scores(two, 1, 9)
            same += None not in scores and (scores[0][0] > scores[0][1]) == (scores[1][1] > scores[1][0])
    assert 30 < same < 60
