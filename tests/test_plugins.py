"""A plug-in is loaded by its path; whatever is wrong with it is said with its file and what to write."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin_files import plugin
from rlcs.errors import InputError
from rlcs.plugins import JUDGE, REWARD, PluginFunction, load_function, load_module
from rlcs.stages.retries import comes_again

GOOD = "def reward(stories, contexts, scale=1.0):\n    return [scale * len(story) for story in stories]\n"


def test_a_function_is_called_with_its_options(tmp_path):
    function = load_function(plugin(tmp_path, GOOD), REWARD, {"scale": 2})
    assert function.numbers(2, ["a", "bcd"], [None, None]) == [2.0, 6.0]


def test_a_class_of_a_file_finds_its_own_names(tmp_path):
    """Dataclasses and pydantic look for the names of annotations in the module, which must be known."""
    text = (
        "from __future__ import annotations\nfrom dataclasses import dataclass\n"
        "@dataclass\nclass A:\n    b: B\n@dataclass\nclass B:\n    c: int\n"
    )
    assert load_module(plugin(tmp_path, text)).A(3).b == 3


def test_an_edit_of_the_same_second_and_size_counts_and_nothing_compiled_is_left(tmp_path):
    for number in (1, 2):
        module = load_module(plugin(tmp_path, f"n = {number}\n"))
        assert module.n == number
        load_module.cache_clear()
    assert [file.name for file in tmp_path.iterdir()] == ["mine.py"]


def test_what_a_file_prints_at_import_is_not_in_the_output_of_the_script(tmp_path, capsys):
    load_module(plugin(tmp_path, "print('loading')\n"))
    assert capsys.readouterr() == ("", "loading\n")


def test_files_of_one_name_are_apart(tmp_path):
    (tmp_path / "other").mkdir()
    one, two = (plugin(folder, f"N = {n}\n") for n, folder in enumerate((tmp_path, tmp_path / "other")))
    assert (load_module(one).N, load_module(two).N) == (0, 1)


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        (None, {}, "mine.py: no such file in /.*, the folder of the run"),
        ("x = 1\n\n1 / 0\n", {}, r"raises at import ZeroDivisionError: division by zero \(line 3\); mend"),
        ("import nothing_of_this_name\n", {}, r"ModuleNotFoundError: No module named .* \(line 1\)"),
        ("def reward(:\n", {}, r"raises at import SyntaxError: .* \(line 1\)"),
        ("import sys\nsys.exit(0)\n", {}, r"raises at import SystemExit: 0 \(line 2\)"),
        (
            "def rewards(stories, contexts): ...\n",
            {},
            r"no function 'reward'; write def reward\(stories, contexts\)",
        ),
        ("reward = 3\n", {}, "no function 'reward'"),
        (
            "def reward(stories): ...\n",
            {},
            r"reward\(stories\) cannot be called as reward\(stories, contexts\)",
        ),
        (
            GOOD,
            {"skale": 2},
            r"reward\(stories, contexts, skale=2\): got an unexpected keyword argument 'skale'",
        ),
        (GOOD, {"stories": 2}, "multiple values for argument 'stories'"),
        ("def reward(a, b, *, c): ...\n", {}, "missing a required.*argument: 'c'"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(tmp_path, text, options, message):
    file = tmp_path / "mine.py" if text is None else plugin(tmp_path, text)
    with pytest.raises(InputError, match=message) as error:
        load_function(file, REWARD, options)
    assert str(error.value).startswith(f"{file}: ")


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        ("[1.0]", "returned 1 values for 2 stories; write def reward"),
        ("[1.0, 2.0, 3.0]", "returned 3 values for 2 stories"),
        ("[1.0, float('nan')]", "returned nan at 1, which is no finite number"),
        ("[float('-inf'), 1.0]", "returned -inf at 0"),
        ("['high', 1.0]", "returned 'high' at 0"),
        ("'ab'", "returned 'ab', not a list"),
        ("None", "returned None, not a list"),
        ("{1: 2, 3: 4}", "not a list"),
        ("[1.0, stories[7]]", r"raises IndexError: list index out of range \(line 2\); mend it"),
    ],
)
def test_a_wrong_value_names_the_file(tmp_path, returned, message):
    file = plugin(tmp_path, f"def reward(stories, contexts):\n    return {returned}\n")
    with pytest.raises(InputError, match=message) as error:
        load_function(file, REWARD).numbers(2, ["a", "b"], [None, None])
    assert str(error.value).startswith(f"{file}: reward r")
    assert comes_again(error.value)


def test_an_error_of_the_network_may_be_gone_at_the_next_attempt(tmp_path):
    file = plugin(tmp_path, "def judge(comparisons):\n    raise ConnectionError('gone')\n")
    with pytest.raises(InputError, match="raises ConnectionError: gone") as error:
        load_function(file, JUDGE).values(0, [])
    assert not comes_again(error.value)


@given(st.lists(st.none() | st.integers(-9, 9) | st.floats(allow_nan=False, allow_infinity=False)))
def test_numbers_of_any_kind_are_floats_and_none_stays(values):
    function = PluginFunction("mine.py", REWARD, lambda: values, {})
    found = function.numbers(len(values))
    assert found == values
    assert all(value is None or type(value) is float for value in found)


def test_an_array_is_a_list_of_numbers():
    values = np.array([1, 2.5], dtype=np.float32)
    found = PluginFunction("mine.py", REWARD, lambda: values, {}).numbers(2)
    assert found == [1.0, 2.5]
    assert all(math.isfinite(value) and type(value) is float for value in found)
