"""Text of files in the encodings that programs export: UTF-8, and UTF-16 or UTF-32 by their marks."""

import codecs
import gzip
import io
from pathlib import Path

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LONE = "\udcff"  # no text in Unicode: it marks the row in which bytes could not be decoded


def _mark_undecoded(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return _LONE, error.end


codecs.register_error("rlcs.mark", _mark_undecoded)


def open_text(path: Path, newline: str | None = None) -> io.TextIOWrapper:
    """Open a file's text, gunzipped if its name ends in ``.gz``; what cannot be decoded is a surrogate.

    A file without a mark of its encoding is read as UTF-8, or as UTF-16 if its Latin letters have zero bytes.
    """
    zipped = path.suffix.lower() == ".gz"
    binary = io.BufferedReader(gzip.GzipFile(path)) if zipped else path.open("rb")
    encoding = _encoding(binary.peek(64)[:64])
    errors = "surrogateescape" if encoding == "utf-8-sig" else "rlcs.mark"
    return io.TextIOWrapper(binary, encoding=encoding, errors=errors, newline=newline)


def _encoding(head: bytes) -> str:
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding
    if len(head) > 3 and not any(head[1::2]):
        return "utf-16-le"
    if len(head) > 3 and not any(head[0::2]):
        return "utf-16-be"
    return "utf-8-sig"


def is_unicode(text: str) -> bool:
    """False if the text has bytes that are not of the file's encoding, or half a character."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
