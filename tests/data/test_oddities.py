"""What is used although it may not be what was meant."""

import pytest

from rlcs.data.oddities import count_oddities
from rlcs.records import Context

CONTEXT = Context("c", "story", "", "", "A wolf.", (), "train")
STRUCTURE = "a list or an object in the place of a story's text"


@pytest.mark.parametrize(
    ("story", "odd"),
    [
        ("['Ada opened it.', 'Ada wept.']", True),
        ('["Ada opened it."]', True),
        ("{'response': 'Ada wept.'}", True),
        ('[{"text": "Ada wept."}]', True),
        ("[Ada opened it.]", False),
        ("{Ada} wept.", False),
        ("['Tis night] Ada wept.", False),
    ],
)
def test_a_story_that_is_a_list_or_an_object_is_counted(story, odd):
    pair = {"context_id": "c", "story_a": story, "story_b": "It ran."}
    assert (STRUCTURE in count_oddities({"c": CONTEXT}, [pair])) is odd
