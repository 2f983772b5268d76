"""Write the rules into docs/graph.md as Mermaid; standard input is `snakemake --rulegraph mermaid-js`."""

import re
import sys
from pathlib import Path

import networkx

PAGE = Path(__file__).parent.parent / "docs" / "graph.md"
BEGIN = "<!-- rule graph: written by workflow_scripts/document_graph.py -->"
END = "<!-- end of rule graph -->"


def read_edges(mermaid: str) -> set[tuple[str, str]]:
    """Pairs of rules: the second reads an output of the first. The target ``all`` is left out."""
    names = dict(re.findall(r"(id\d+)\[(\w+)\]", mermaid))
    pairs = {(names[a], names[b]) for a, b in re.findall(r"(id\d+) --> (id\d+)", mermaid)}
    return {(a, b) for a, b in pairs if b != "all"}


def without_shortcuts(pairs: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """The transitive reduction: an edge is left out if a longer path leads to the same rule."""
    return set(networkx.transitive_reduction(networkx.DiGraph(pairs)).edges)


def mermaid_block(pairs: set[tuple[str, str]]) -> str:
    """The page's section, with the edges sorted by name, so that equal graphs give equal text."""
    lines = [f"  {a} --> {b}" for a, b in sorted(without_shortcuts(pairs))]
    return "\n".join([BEGIN, "", "```mermaid", "flowchart LR", *lines, "```", "", END])


def main() -> None:
    pairs = read_edges(sys.stdin.read())
    if not pairs:
        sys.exit("error: no rule graph on standard input; call `make docs`")
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(before + mermaid_block(pairs) + after, encoding="utf-8")


if __name__ == "__main__":
    main()
