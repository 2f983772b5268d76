"""Plug-ins as a user writes them, in a folder of the test's own."""


def plugin(folder, text, name="mine.py"):
    """The path of a file with this text."""
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file
