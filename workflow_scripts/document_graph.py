"""Write the rule graph into the README as Mermaid, from what `snakemake --rulegraph mermaid-js` prints."""

from __future__ import annotations

import re
import sys
from pathlib import Path

README = Path(__file__).parent.parent / "README.md"
BEGIN, END = (
    "<!-- rule graph: written by workflow_scripts/document_graph.py -->",
    "<!-- end of rule graph -->",
)


def edges(mermaid: str) -> set[tuple[str, str]]:
    """Which rule's output goes into which rule, by name; the target ``all`` is left out."""
    names = dict(re.findall(r"(id\d+)\[(\w+)\]", mermaid))
    pairs = {(names[a], names[b]) for a, b in re.findall(r"(id\d+) --> (id\d+)", mermaid)}
    return {(a, b) for a, b in pairs if b != "all"}


def without_shortcuts(pairs: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """The transitive reduction: an edge is left out where a longer way leads there too."""
    below: dict[str, set[str]] = {}
    for a, b in pairs:
        below.setdefault(a, set()).add(b)

    def reached(start: str) -> set[str]:
        found: set[str] = set()
        waiting = list(below.get(start, ()))
        while waiting:
            if (name := waiting.pop()) not in found:
                found.add(name)
                waiting += below.get(name, ())
        return found

    return {(a, b) for a, b in pairs if not any(b in reached(other) for other in below[a] - {b})}


def graph(pairs: set[tuple[str, str]]) -> str:
    """The edges in the order of their names, so that the same graph is the same text."""
    lines = [f"  {a} --> {b}" for a, b in sorted(without_shortcuts(pairs))]
    return "\n".join([BEGIN, "", "```mermaid", "flowchart LR", *lines, "```", "", END])


def main() -> None:
    text = README.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    README.write_text(before + graph(edges(sys.stdin.read())) + after, encoding="utf-8")


if __name__ == "__main__":
    main()
