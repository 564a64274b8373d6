from __future__ import annotations

import queue
import random
import threading

import pytest
import torch
from tests.shared.small_tokenizers import BYTE_FALLBACK, TOKENIZED_FAMILIES, small_tokenizer
from tests.shared.tiny_writers import tiny_gpt2

from transformers import PreTrainedTokenizerBase, TextIteratorStreamer, TextStreamer
from transformers.errors import UserError


class Pieces(TextStreamer):
    """Keeps what it would print."""

    def on_finalized_text(self, text: str, stream_end: bool = False) -> None:
        self.__dict__.setdefault("pieces", []).append(text)


def streamed(streamer: Pieces, prompt: list[int], row: list[int]) -> list[str]:
    streamer.put(torch.tensor([prompt], dtype=torch.long))
    for token in row:
        streamer.put(torch.tensor([token]))
    streamer.end()
    return streamer.__dict__.pop("pieces")


def texts_of(tokenizer: PreTrainedTokenizerBase) -> list[list[int]]:
    """What a tokenizer makes of a text, and tokens in any order: half characters, lone spaces, pieces of words."""
    chance = random.Random(5)
    text = 'It \'s "good" , he said :\n"don\'t!" They \'re 10@-@20 naïve 中国 😀 .'
    words = tokenizer.encode(text, add_special_tokens=False)
    rows = [[chance.randrange(len(tokenizer)) for _ in words] for _ in range(20)]
    shuffled = [chance.sample(words, len(words)) for _ in range(20)]
    return [words, *rows, *shuffled]


@pytest.mark.parametrize("family", TOKENIZED_FAMILIES)
def test_the_pieces_are_the_decoded_text(family: str) -> None:
    tokenizer = small_tokenizer(family)
    for row in texts_of(tokenizer):
        assert "".join(streamed(Pieces(tokenizer), row[:3], row[3:])) == tokenizer.decode(row)
        assert "".join(streamed(Pieces(tokenizer, skip_prompt=True), row[:3], row[3:])) == tokenizer.decode(row[3:])
        plain = {"skip_special_tokens": True, "clean_up_tokenization_spaces": True}
        assert "".join(streamed(Pieces(tokenizer, **plain), row[:3], row[3:])) == tokenizer.decode(row, **plain)


def test_a_piece_comes_as_soon_as_it_is_certain() -> None:
    tokenizer = small_tokenizer("gpt2")
    row = tokenizer.convert_tokens_to_ids(["Ġthe", "â", "ĺ", "ĥ", "Ġ", "t", "ext"])
    assert streamed(Pieces(tokenizer), row[:1], row[1:]) == [" the", "☃", " ", "t", "ext", ""]


@pytest.mark.parametrize("family", TOKENIZED_FAMILIES)
def test_no_half_character_is_printed(family: str) -> None:
    tokenizer = small_tokenizer(family)
    row = tokenizer.encode("the 中国 text 😀👩\u200d👩\u200d👧 ☃", add_special_tokens=False)
    pieces = streamed(Pieces(tokenizer), row[:1], row[1:])
    assert "".join(pieces) == tokenizer.decode(row)
    assert not any("\ufffd" in piece for piece in pieces)
    assert len(pieces) > 3


def test_bytes_are_printed_when_they_must_be_characters() -> None:
    tokenizer = small_tokenizer(BYTE_FALLBACK)
    row = tokenizer.encode("中国 ☃ the", add_special_tokens=False)
    assert streamed(Pieces(tokenizer), row[:2], row[2:]) == ["中国 ", "☃ t", "h", "e", ""]


def test_spaces_that_may_move_are_waited_for() -> None:
    tokenizer = small_tokenizer("bert")
    row = tokenizer.encode("the quick brown fox ' t", add_special_tokens=False)
    assert tokenizer.decode(row) == "the quick brown fox't"
    pieces = streamed(Pieces(tokenizer), row[:1], row[1:])
    assert "".join(pieces) == "the quick brown fox't"
    assert len(pieces) > 2


def test_it_prints(capsys: pytest.CaptureFixture[str]) -> None:
    tokenizer = small_tokenizer("gpt2")
    row = tokenizer.encode("the text")
    streamer = TextStreamer(tokenizer, skip_prompt=True)
    for text in (row, row[::-1]):
        streamer.put(torch.tensor([[0, 1]]))
        for token in text:
            streamer.put(torch.tensor([token]))
        assert capsys.readouterr().out == tokenizer.decode(text), "before the end"
        streamer.end()
        assert capsys.readouterr().out == "\n"


def test_one_text_at_a_time() -> None:
    with pytest.raises(UserError, match="TextStreamer prints one text, and there are 2"):
        TextStreamer(small_tokenizer("gpt2")).put(torch.zeros(2, 3, dtype=torch.long))


def test_a_loop_gets_the_pieces_of_another_thread() -> None:
    tokenizer = small_tokenizer("gpt2")
    row = tokenizer.convert_tokens_to_ids(["Ġthe", "â", "ĺ", "ĥ", "Ġtext"])
    streamer = TextIteratorStreamer(tokenizer, skip_prompt=True, timeout=30.0)

    def write() -> None:
        streamer.put(torch.tensor([[0]]))
        for token in row:
            streamer.put(torch.tensor([token]))
        streamer.end()

    for _ in range(2):
        thread = threading.Thread(target=write)
        thread.start()
        assert list(streamer) == [" the", "☃", " text"]
        thread.join()


def test_a_loop_does_not_wait_for_ever() -> None:
    with pytest.raises(queue.Empty):
        next(TextIteratorStreamer(small_tokenizer("gpt2"), timeout=0.01))


def test_generate_streams_the_text_that_it_returns() -> None:
    tokenizer = small_tokenizer("gpt2")
    model = tiny_gpt2(vocab_size=len(tokenizer), n_positions=48)
    prompt = torch.tensor([[65, 66]])
    for skip_prompt, start in ((True, 2), (False, 0)):
        streamer = Pieces(tokenizer, skip_prompt=skip_prompt)
        tokens = model.generate(prompt, max_new_tokens=30, do_sample=True, top_k=0, streamer=streamer)
        assert "".join(streamer.__dict__["pieces"]) == tokenizer.decode(tokens[0, start:])
