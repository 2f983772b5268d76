"""The figures of ``bench.py`` as tables, beside those of the stored run."""

from tabulate import tabulate

UNITS = {
    "policy step": "seconds",
    "judging": "pairs/s",
    "planning": "seconds",
    "a job of a plan": "ms",
    "judging by vLLM": "tokens/s",
    "sampling by vLLM": "tokens/s",
}
FASTER_IS_MORE = {"judging", "judging by vLLM", "sampling by vLLM"}
WITHOUT_FIRST = {"planning", "a job of a plan"}  # their lines are of different runs
NOISE = 0.2  # two runs on one quiet machine differ by less than this
MISSING = "–"


def markdown(figures, stored):
    """A table for each measure: every line over the first of its table, and beside the stored run."""
    parts = []
    for name, values in figures.items():
        first, before = next(iter(values.values())), stored.get(name, {})
        rows = [
            (
                what,
                f"{value:.2f}",
                MISSING if name in WITHOUT_FIRST else f"{value / first:.2f}",
                f"{before[what]:.2f}" if what in before else MISSING,
                change(name, value, before.get(what)),
            )
            for what, value in values.items()
        ]
        headers = (name, UNITS[name], "to the first", "stored run", "change")
        parts.append(tabulate(rows, headers, tablefmt="github", disable_numparse=True))
    return "\n\n".join(parts)


def change(name, value, before):
    """In per cent of the stored value, marked with ! where it is slower by more than the noise."""
    if before is None:
        return MISSING
    share = value / before - 1
    slower = -share if name in FASTER_IS_MORE else share
    return f"{share:+.0%}" + (" !" if slower > NOISE else "")


def compared(made_by, stored):
    """What the stored run was, and what makes it hard to compare with this one."""
    if not stored:
        return "No stored run to compare with."
    lines = [
        f"Stored run: commit {stored['commit']}, {stored['machine']}. ! marks what is {NOISE:.0%} slower."
    ]
    if stored["machine"] != made_by["machine"]:
        lines.append(
            f"Another machine: {made_by['machine']}; compare the ratios to the first, not the times."
        )
    versions = [
        f"{name} {stored['versions'].get(name, MISSING)} -> {version}"
        for name, version in made_by["versions"].items()
        if stored["versions"].get(name) != version
    ]
    if versions:
        lines.append(f"Other versions: {', '.join(versions)}.")
    return "\n".join(lines)
