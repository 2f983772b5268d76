"""Entries that name a file: where its hash is, where it is not, and what is refused."""

import copy

import pytest

from plugin_files import plugin
from rlcs.config import parsing
from rlcs.config.data import DataConfig
from rlcs.constraints.plugin_kinds import load_kind
from rlcs.constraints.registry import instruction, satisfied
from rlcs.data.preferences import Preferences, write_preferences
from rlcs.errors import InputError
from rlcs.planning import rehearsal, stage_configs
from rlcs.planning.plugin_files import plugin_problems, unreadable_plugins
from rlcs.plugins import KIND_FILES, load_module
from rlcs.records import Constraint, Context
from rlcs.stages import codehash
from smoke_run import SMOKE

KIND = """
from rlcs.constraints.kind import ConstraintKind, Some

class Kind(ConstraintKind):
    n: Some
    wording = "count to {n}"

    def satisfied(self, text):
        return str(self.n) in text
"""
FILES = {
    "r.py": "def reward(stories, contexts):\n    return [1.0 for _ in stories]\n",
    "j.py": "def judge(comparisons):\n    return ['a' for _ in comparisons]\n",
    "f.py": "def read(text):\n    return {'winner': text}\n",
    "k.py": KIND,
}


@pytest.fixture
def raw(tmp_path, monkeypatch):
    """The smoke run with a plug-in of each sort, in the folder of the run."""
    monkeypatch.chdir(tmp_path)
    for name, text in FILES.items():
        plugin(tmp_path, text, name)
    raw = copy.deepcopy(SMOKE)
    raw["judges"]["mine"] = {"kind": "plugin", "file": "j.py"}
    raw["judges"]["guest"] = {
        "kind": "generative",
        "train": "none",
        "base": "small",
        "answer": {"file": "f.py"},
    }
    raw["policies"]["rlcs"]["reward"] = [
        {"function": "r.py"},
        {"judge": "mine", "weight": 0.5},
        {"judge": "bt", "kind": "scalar"},
    ]
    raw["tables"]["gains"]["rows"] = ["rlcs-bt"]
    raw["data"] = {"constraint_kinds": {"count": "k.py"}}
    load_module.cache_clear()
    codehash._parsed.cache_clear()
    yield raw
    load_module.cache_clear()
    codehash._parsed.cache_clear()
    KIND_FILES.clear()


def problems(raw):
    with pytest.raises(parsing.ConfigError) as error:
        parsing.parse(raw)
    return str(error.value)


def test_the_hash_is_in_the_sections_of_what_uses_the_file(raw, tmp_path):
    config = parsing.parse(raw)
    assert unreadable_plugins(config) == plugin_problems(config) == []
    policy = stage_configs.train_policy(config, "rlcs")
    mine = stage_configs.judge(config, "mine")
    assert policy["plugins"].keys() == {"r.py"}
    assert mine["plugins"].keys() == {"j.py"}
    assert mine in policy["judges"]
    assert stage_configs.judge(config, "guest")["plugins"].keys() == {"f.py"}
    assert stage_configs.ingest(config)["plugins"].keys() == {"k.py"}
    for others in (
        stage_configs.judge(config, "bt"),
        stage_configs.train_judge(config, "bt"),
        stage_configs.train_policy(config, "sft"),
        stage_configs.stories(config, "rlcs"),
    ):
        assert "plugins" not in others
    assert stage_configs.gated_judges(config, "rlcs") == []

    plugin(tmp_path, FILES["r.py"].replace("1.0", "2.0"), "r.py")
    codehash._parsed.cache_clear()
    changed = stage_configs.train_policy(config, "rlcs")
    assert changed["plugins"] != policy["plugins"]
    assert changed["judges"] == policy["judges"]


def test_a_remark_in_a_file_changes_nothing(raw, tmp_path):
    config = parsing.parse(raw)
    before = stage_configs.judge(config, "mine")
    plugin(tmp_path, '"""Words."""\n' + FILES["j.py"] + "# a remark\n", "j.py")
    codehash._parsed.cache_clear()
    assert stage_configs.judge(config, "mine") == before


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("judges/mine/file", None, "judges.mine.file: Field required"),
        ("judges/mine/options", 3, "judges.mine.options: Input should be a valid dict"),
        (
            "judges/guest/answer",
            {"fil": "f.py"},
            "judges.guest.answer.fil: unknown key; did you mean 'file'?",
        ),
        ("judges/guest/answer", 3, "judges.guest.answer: Input should be a valid string"),
        ("judges/oracle/kind", "plugins", "judges.oracle.kind: 'plugins' is not one of"),
        (
            "policies/rlcs/reward",
            {"function": "r.py", "judge": "bt"},
            "policies.rlcs.reward.judge: unknown key",
        ),
        (
            "policies/rlcs/reward",
            [{"function": "r.py", "pivots": 2}],
            "policies.rlcs.reward.0.pivots: unknown key",
        ),
        ("policies/rlcs/reward", [{"function": "r.py"}] * 2, "no judge or file twice, has ['r', 'r']"),
        (
            "tables/gains/rows",
            ["rlcs"],
            "'rlcs' is rewarded by ['a function', 'mine', 'bt'], not by one judge",
        ),
        ("data/constraint_kinds", {"max_words": "k.py"}, "max_words is there already: take another name"),
        ("consensus/panel/teachers", ["teacher", "mine"], "'mine' is not a judge of kind 'generative'"),
    ],
)
def test_a_wrong_entry_is_refused(raw, path, value, message):
    *parents, key = path.split("/")
    section = raw
    for parent in parents:
        section = section[parent]
    if value is None:
        del section[key]
    else:
        section[key] = value
    assert message in problems(raw)


@pytest.mark.parametrize(
    ("name", "text", "first", "message"),
    [
        ("r.py", None, True, "policies.rlcs.reward.function: r.py: no such file in"),
        (
            "k.py",
            "class Kind(:\n",
            True,
            "data.constraint_kinds.count: k.py: it is no Python: invalid syntax (line 1)",
        ),
        ("j.py", "1 / 0\n", False, "judges.mine.file: j.py: it raises at import ZeroDivisionError"),
        (
            "f.py",
            "def read(): ...\n",
            False,
            "judges.guest.answer.file: f.py: read() cannot be called as read(text)",
        ),
        ("k.py", "def kind(text): ...\n", False, "data.constraint_kinds.count: k.py: it has no class 'Kind'"),
    ],
)
def test_a_wrong_file_is_refused(raw, tmp_path, name, text, first, message):
    """What can be seen without running the file is refused whenever the run is planned; the rest by check."""
    config = parsing.parse(raw)
    (tmp_path / name).unlink()
    if text is not None:
        plugin(tmp_path, text, name)
    (said,) = plugin_problems(config)
    seen = unreadable_plugins(config)
    assert len(seen) == first
    assert (seen[0] if first else said).startswith(message)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('wording = "count to {n}"', "pass", "no wording"),
        ("def satisfied", "def satisfies", "no satisfied"),
    ],
)
def test_a_kind_states_an_instruction_and_a_check(tmp_path, old, new, message):
    with pytest.raises(InputError, match=message):
        load_kind(plugin(tmp_path, KIND.replace(old, new), f"{new[:4]}.py"))


def test_the_pool_is_checked_by_the_kinds_of_files(raw):
    pool = [{"kind": "count", "parameters": {"n": 0}}]
    raw["data"]["draw_constraints"] = {"pool": pool}
    (said,) = plugin_problems(parsing.parse(raw))
    assert said.startswith("data.draw_constraints.pool: constraint count has the parameters {'n': 0}")
    KIND_FILES.clear()
    with pytest.raises(ValueError, match="unknown constraint kind 'count'"):
        DataConfig.model_validate({"draw_constraints": {"pool": pool}})


def test_a_kind_travels_with_the_preferences_that_state_it(raw, tmp_path):
    stated = Constraint("count", {"n": 3})
    contexts = [Context("c", "d", "", "", "o", (stated,), "train")]
    artifact = tmp_path / "preferences"
    artifact.mkdir()
    kinds = {"count": tmp_path / "k.py", "unused": tmp_path / "k.py"}
    write_preferences(artifact, contexts, [], [], [], kinds)
    (tmp_path / "k.py").unlink()
    assert [file.name for file in (artifact / "constraint_kinds").iterdir()] == ["count.py"]
    with pytest.raises(ValueError, match="unknown constraint kind 'count'"):
        instruction(stated)
    (context,) = Preferences(artifact).contexts.values()
    assert instruction(context.constraints[0]) == "count to 3"
    assert satisfied(context.constraints[0], "1, 2, 3") is True
    assert satisfied(context.constraints[0], "1, 2") is False


def test_a_rehearsal_keeps_rewards_judges_and_kinds(raw, tmp_path):
    small = parsing.parse(rehearsal.derive(parsing.parse(raw), folder=tmp_path / "r", server="http://h"))
    assert unreadable_plugins(small) == []
    assert str(small.judges["mine"].file) == "j.py"
    reward = small.policies["rlcs"].function_rewards[0]
    assert (str(reward.function), reward.max_failure_share) == ("r.py", 1)
    assert small.data.constraint_kinds.keys() == {"count"}
    assert small.judges["guest"].answer == "scores"
    kinds = [rehearsal.job_kind(parsing.parse(raw), "judges", name) for name in ("mine", "oracle")]
    assert kinds[0] != kinds[1]
