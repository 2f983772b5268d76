"""The store of paid answers: nothing that was put is lost, and nothing torn is read."""

import logging
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paths import SCRIPTS
from rlcs.config.prompts import user
from rlcs.errors import InputError
from rlcs.judging.answers import Answer, AnswerStore, answer_key

WRITER = f"""
import sys
sys.path.insert(0, {str(SCRIPTS)!r})
from pathlib import Path
from rlcs.judging.answers import Answer, AnswerStore
store = AnswerStore(Path(sys.argv[1]))
for n in range(int(sys.argv[3])):
    store.put(f"{{sys.argv[2]}}{{n}}", Answer("text " * 500, n, 2, "stop", 0.5))
    print(n, flush=True)
"""


def answer(text="Scores: 7 3", tokens=1):
    return Answer(text, tokens, 2, "stop", 0.25)


def writer(folder, name, count):
    command = [sys.executable, "-c", WRITER, str(folder), name, str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@given(st.text(), st.integers(0), st.sampled_from([None, "stop", "length"]))
def test_an_answer_comes_back_as_it_was(tmp_path_factory, text, tokens, reason):
    folder = tmp_path_factory.mktemp("answers")
    put = Answer(text, tokens, 3, reason, 1e-7)
    AnswerStore(folder).put("k", put)
    assert AnswerStore(folder).get("k") == put
    assert AnswerStore(folder).get("l") is None


def test_an_answer_is_there_at_once_and_the_first_one_stands(tmp_path):
    store = AnswerStore(tmp_path / "deep" / "down")
    store.put("k", answer("one"))
    assert store.get("k") == answer("one")
    store.put("k", answer("two"))
    store.put("l", answer("three"))
    assert store.get("k") == AnswerStore(store.folder).get("k") == answer("one")
    assert len(store) == len(AnswerStore(store.folder)) == 2


@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from("kl")), min_size=1, max_size=12))
def test_whoever_reads_reads_what_was_written_first(tmp_path_factory, puts):
    """Writers that were started together, so that none knew of another's answers."""
    folder = tmp_path_factory.mktemp("answers")
    stores = [AnswerStore(folder) for _ in range(3)]
    firsts = {}
    # a writer's file is as old as its first answer, so the order within a file follows
    for number, (process, key) in enumerate(sorted(puts, key=lambda put: put[0])):
        put = answer(f"{number}")
        stores[process].put(key, put)
        firsts.setdefault(key, put)
    resumed = AnswerStore(folder)
    assert {key: resumed.get(key) for key in firsts} == firsts


def test_files_are_read_in_the_order_of_their_making_when_clocks_go_back(tmp_path, monkeypatch):
    monkeypatch.setenv("TZ", "UTC-2")
    time.tzset()
    AnswerStore(tmp_path).put("k", answer("summer"))
    monkeypatch.setenv("TZ", "UTC-1")
    time.tzset()
    AnswerStore(tmp_path / "other").put("k", answer("winter"))
    monkeypatch.undo()
    time.tzset()
    for path in (tmp_path / "other").iterdir():
        path.rename(tmp_path / path.name)
    assert AnswerStore(tmp_path).get("k") == answer("summer")


def test_no_file_where_nothing_was_answered(tmp_path):
    assert AnswerStore(tmp_path).get("k") is None
    assert list(tmp_path.iterdir()) == []


def test_a_torn_line_is_left_out_wherever_it_was_torn(tmp_path, caplog):
    store = AnswerStore(tmp_path)
    store.put("k", answer())
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    for length in range(1, len(whole)):
        path.write_bytes(whole + whole[:length])
        again = AnswerStore(tmp_path)
        assert len(again) == 1
        assert again.get("k") == answer()
    path.write_bytes(whole + whole.replace(b'"k"', b'"l"')[:-1])  # all but the end of the line
    torn = AnswerStore(tmp_path)
    assert torn.get("l") is None
    assert "left out 1 torn or unreadable lines" in caplog.text
    torn.put("l", answer("paid again"))  # is not glued to the torn one
    assert AnswerStore(tmp_path).get("l") == answer("paid again")


@pytest.mark.parametrize(
    "line", [b"\n", b"[]\n", b"\xff\xfe\n", b'{"key": "k"}\n', b'{"text": "t"}\n', b"null\n"]
)
def test_what_is_no_answer_is_left_out_and_counted(tmp_path, line, caplog):
    AnswerStore(tmp_path).put("k", answer())
    (tmp_path / "a.jsonl").write_bytes(line * 3)
    with caplog.at_level(logging.WARNING):
        assert len(AnswerStore(tmp_path)) == 1
    assert "left out 3 " in caplog.text


def test_threads_do_not_mix_their_lines(tmp_path):
    store = AnswerStore(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: store.put(str(n), answer(f"{n} " * 300, n)), range(200)))
    again = AnswerStore(tmp_path)
    assert [again.get(str(n)) for n in range(200)] == [answer(f"{n} " * 300, n) for n in range(200)]
    assert len(list(tmp_path.iterdir())) == 1


def test_processes_do_not_mix_their_lines_and_a_killed_one_loses_nothing(tmp_path):
    killed, other = writer(tmp_path, "k", 10**9), writer(tmp_path, "o", 100)
    told = [killed.stdout.readline() for _ in range(50)]
    killed.kill()
    told += killed.stdout.readlines()
    other.communicate()
    assert (killed.wait(), other.returncode) == (-9, 0)
    store = AnswerStore(tmp_path)
    for n in range(100):
        assert store.get(f"o{n}").prompt_tokens == n
    finished = sum(line.endswith("\n") for line in told)
    assert finished >= 50
    for n in range(finished):
        assert store.get(f"k{n}").prompt_tokens == n


def test_a_key_is_of_all_that_an_answer_depends_on():
    keys = {
        answer_key("m", user("a"), {}),
        answer_key("n", user("a"), {}),
        answer_key("m", user("b"), {}),
        answer_key("m", user("a") + user("a"), {}),
        answer_key("m", user("a"), {"temperature": 0}),
        answer_key("m", user("a"), {"temperature": 1}),
    }
    assert len(keys) == 6
    assert all(len(key) == 64 for key in keys)
    one, other = {"top_p": 1, "temperature": 0}, {"temperature": 0, "top_p": 1}
    assert answer_key("m", user("a"), one) == answer_key("m", user("a"), other)
    assert answer_key("m", user("\ud800"), {})  # text that cannot be sent has a key too


def test_what_cannot_be_written_is_one_clear_error(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match=r"answers in .*file cannot be read: .*File exists"):
        AnswerStore(tmp_path / "file")
    store = AnswerStore(tmp_path / "full")
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no /dev/full here")
    really = Path.open
    monkeypatch.setattr(Path, "open", lambda self, mode: really(full, "wb"))
    with pytest.raises(InputError, match=r"cannot be kept in .*full: .*No space left"):
        store.put("k", answer())
    assert store.get("k") is None
