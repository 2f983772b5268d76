"""The table of what is found: its order, its columns, and what `strict` makes of it."""

from rlcs.planning.findings import Finding, count, strictly, table

FOUND = [
    Finding("ok", "gpu", "1 x A100"),
    Finding("warning", "judges.x", "no key", here=True),
    Finding("error", "data.preferences", "no such file: x"),
    Finding("warning", "training.y", "has no effect"),
]


def test_errors_come_first_and_what_is_fine_last():
    assert table(FOUND).splitlines() == [
        "error    data.preferences  no such file: x",
        "warning  judges.x          no key",
        "warning  training.y        has no effect",
        "ok       gpu               1 x A100",
    ]
    assert table([]) == ""
    assert count(FOUND) == "1 error, 2 warnings"


def test_strict_makes_errors_of_what_this_machine_lacks_alone():
    assert [finding.level for finding in strictly(FOUND)] == ["ok", "error", "error", "warning"]


def test_a_line_is_split_at_its_first_colon():
    assert Finding.of_line("ok", "disk: 3 GB: a, b") == Finding("ok", "disk", "3 GB: a, b")
