"""IFEval's instructions without parameters, with its code's rules, its languages and its sentences.

nltk and langdetect are imported where they are used: they take seconds that other kinds are spared.
"""

from __future__ import annotations

import json
import re
from functools import cache
from typing import TYPE_CHECKING

from rlcs.constraints.kinds import without_parameters

if TYPE_CHECKING:
    from langdetect.detector_factory import DetectorFactory
    from nltk.tokenize.punkt import PunktSentenceTokenizer

_OPTIONS = ("My answer is yes.", "My answer is no.", "My answer is maybe.")


@cache
def detectors() -> DetectorFactory:
    """langdetect's detectors of languages, with a seed: its code draws."""
    from langdetect.detector_factory import PROFILES_DIRECTORY, DetectorFactory

    factory = DetectorFactory()
    factory.set_seed(0)
    factory.load_profile(PROFILES_DIRECTORY)
    return factory


@cache
def _punkt() -> PunktSentenceTokenizer:
    """NLTK's tokenizer with its English model, which the package ``punkt`` carries."""
    from nltk.tokenize.punkt import PunktParameters, PunktSentenceTokenizer
    from punkt import load_model

    model, parameters = load_model("english"), PunktParameters()
    parameters.abbrev_types = set(model.abbrev_types)
    parameters.collocations = set(model.collocations)
    parameters.sent_starters = set(model.sent_starters)
    parameters.ortho_context.update(model.ortho_context)
    return PunktSentenceTokenizer(parameters)


def punkt_sentences(text: str) -> list[str]:
    """Sentences by Punkt (Kiss and Strunk 2006), as NLTK finds them in English."""
    return list(_punkt().tokenize(text))


def is_in(text: str, code: str) -> bool:
    """True if langdetect finds the language, or cannot tell any."""
    from langdetect.lang_detect_exception import LangDetectException

    detector = detectors().create()
    detector.append(text)
    try:
        return bool(detector.detect() == code)
    except LangDetectException:
        return True


@without_parameters("give one of these answers: " + ", ".join(_OPTIONS))
def constrained_response(text: str) -> bool:
    """One of IFEval's three answers is there."""
    return any(option in text for option in _OPTIONS)


@without_parameters("write JSON and nothing else")
def json_format(text: str) -> bool:
    """The whole text is JSON; it may stand in a fenced block."""
    bare = text.strip()
    for fence in ("```json", "```Json", "```JSON", "```"):
        bare = bare.removeprefix(fence)
    try:
        json.loads(bare.removesuffix("```").strip())
    except (ValueError, RecursionError):
        return False
    return True


@without_parameters("give it a title in double angular brackets, such as <<a long way home>>")
def angular_title(text: str) -> bool:
    """There is a title in double angular brackets."""
    titles = re.findall(r"<<[^\n]+>>", text)
    return any(title.lstrip("<").rstrip(">").strip() for title in titles)


@without_parameters("write two different texts with ****** between them")
def two_responses(text: str) -> bool:
    """There are two different parts with six asterisks between them."""
    parts = [part.strip() for part in text.split("******")]
    written = [part for part in parts if part]
    return all(parts[1:-1]) and len(written) == 2 and written[0] != written[1]


@without_parameters("put the whole text in double quotation marks")
def quotation(text: str) -> bool:
    """The text begins and ends with straight double quotation marks."""
    bare = text.strip()
    return len(bare) > 1 and bare[0] == bare[-1] == '"'


@without_parameters("write in English, in capital letters only")
def english_capital(text: str) -> bool:
    """Every letter is a capital, and langdetect finds English."""
    return text.isupper() and is_in(text, "en")


@without_parameters("write in English, in lowercase letters only")
def english_lowercase(text: str) -> bool:
    """No letter is a capital, and langdetect finds English."""
    return text.islower() and is_in(text, "en")


@without_parameters("do not use commas")
def no_comma(text: str) -> bool:
    """There is no comma of Latin script."""
    return "," not in text
