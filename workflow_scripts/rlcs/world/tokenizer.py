"""A byte-level BPE tokenizer for the tiny models: any text round-trips, each word of the world is one token.

Load a saved one with ``PreTrainedTokenizerFast.from_pretrained``: AutoTokenizer rebuilds the class that goes
with the model's architecture, and with it another pre-tokenizer.
"""

from collections.abc import Iterable
from itertools import chain, product

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from rlcs.models.special_tokens import neutralize
from rlcs.verdict import score_line

PAD, END, USER, ASSISTANT = "<|pad|>", "<|end|>", "<|user|>", "<|assistant|>"

CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
# Words and signs with the space before them, and every digit by itself.
_PIECES = Regex(r" ?\p{L}+| ?\p{N}| ?[^\s\p{L}\p{N}]+|\s+")


def train_tokenizer(texts: Iterable[str], vocabulary: int = 1024) -> PreTrainedTokenizerFast:
    """A tokenizer of at most ``vocabulary`` tokens; a conversation's roles are ``user`` and ``assistant``.

    It knows the words of a verdict's score line, whether ``texts`` hold one or not.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(_PIECES, behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[PAD, END, USER, ASSISTANT],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    score_lines = (
        f"1 score {first}\n{score_line(first, second)}" for first, second in product(range(10), repeat=2)
    )
    tokenizer.train_from_iterator(chain(texts, score_lines), trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=END,
        additional_special_tokens=[USER, ASSISTANT],
        chat_template=neutralize(CHAT_TEMPLATE, [PAD, END, USER, ASSISTANT]),
        padding_side="left",
        clean_up_tokenization_spaces=False,
    )
