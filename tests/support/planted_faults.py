"""The table of planted faults in docs/rehearsal.md."""

from paths import ROOT


def message(fault):
    """What is said of the fault that begins with these words."""
    page = (ROOT / "docs" / "rehearsal.md").read_text(encoding="utf-8")
    (row,) = (line for line in page.splitlines() if line.startswith(f"| {fault}"))
    return row.split(" | ")[-1].removesuffix(" |")
