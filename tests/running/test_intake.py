"""What comes in: read whole or refused with everything that is wrong with it."""

import io
import os
from pathlib import Path

import pytest

from folkmoot.errors import InputError
from folkmoot.prompting import blocks
from folkmoot.running.intake import ATTACHMENT_LIMIT, TEXT_LIMIT, Input, read_input

PNG = b"\x89PNG\r\n\x1a\n" + bytes(8)


def read(prompt: str | None, *files: Path, stdin: bytes = b"") -> Input:
    return read_input(prompt, files, io.BytesIO(stdin))


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_a_prompt_alone_is_sent_as_it_is() -> None:
    assert read("What is 17 * 23? ") == Input("What is 17 * 23? ", "What is 17 * 23? ")


def test_files_follow_the_prompt_each_in_a_block_with_its_path(tmp_path: Path) -> None:
    one, two = write(tmp_path / "a.py", b"print(1)\n"), write(tmp_path / "b.txt", "é".encode())
    found = read("Review this.", one, two)
    assert found.prompt.startswith("Review this.\n\n<file-") and found.title == "Review this."
    assert [(each.text, each.attributes["path"]) for each in blocks(found.prompt)] == [
        ("print(1)\n", str(one)),
        ("é", str(two)),
    ]


def test_a_file_twice_or_empty_or_behind_a_link_is_as_good_as_any(tmp_path: Path) -> None:
    empty = write(tmp_path / "empty", b"")
    link = tmp_path / "link"
    link.symlink_to(empty)
    assert [each.text for each in blocks(read("x", empty, empty, link).prompt)] == ["", "", ""]


def test_files_alone_are_a_prompt_and_name_it(tmp_path: Path) -> None:
    found = read(None, write(tmp_path / "a.txt", b"Do it."))
    assert (found.title, blocks(found.prompt)[0].text) == ("a.txt", "Do it.")


def test_a_dash_reads_standard_input() -> None:
    assert read("-", stdin="Was ist 17 · 23?\n".encode()).prompt == "Was ist 17 · 23?\n"
    assert read("-", stdin=b" x \n").title == "x"
    assert read("ask - this", stdin=b"unread").prompt == "ask - this"


def test_images_and_pdfs_go_along_as_attachments(tmp_path: Path) -> None:
    picture, paper = write(tmp_path / "a.PNG", PNG), write(tmp_path / "b.pdf", b"%PDF-1.7\xff")
    found = read("What is this?", picture, paper)
    assert found.prompt == "What is this?"
    assert [(each.name, each.media_type, each.content) for each in found.attachments] == [
        ("a.PNG", "image/png", PNG),
        ("b.pdf", "application/pdf", b"%PDF-1.7\xff"),
    ]
    assert read(None, picture).prompt == "See the attached files."


@pytest.mark.parametrize("prompt", [None, "", "  \n"])
def test_nothing_to_ask_is_refused(prompt: str | None) -> None:
    with pytest.raises(InputError, match="there is nothing to ask"):
        read(prompt)


@pytest.mark.parametrize(
    ("stdin", "said"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"caf\xe9", "not UTF-8"),
        (b"x" * (TEXT_LIMIT + 1), "longer than 1,000,000 bytes"),
    ],
)
def test_standard_input_that_cannot_be_used_is_refused(stdin: bytes, said: str) -> None:
    with pytest.raises(InputError, match=f"standard input.*{said}"):
        read("-", stdin=stdin)


def test_a_prompt_that_is_no_text_is_refused() -> None:
    with pytest.raises(InputError, match="not UTF-8"):
        read("caf\udce9")


def test_everything_that_is_wrong_with_the_files_is_said_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    bad = [
        tmp_path / "missing",
        tmp_path,
        tmp_path / "pipe",
        write(tmp_path / "binary", b"a\nb\xff\xfe"),
        write(tmp_path / "large", b"x" * (TEXT_LIMIT + 1)),
    ]
    with pytest.raises(InputError) as error:
        read("x", *bad, write(tmp_path / "good", b"ok"))
    assert [problem.removeprefix(str(path)) for problem, path in zip(error.value.problems, bad, strict=True)] == [
        ": No such file or directory",
        ": not a regular file",
        ": not a regular file",
        ": line 2, column 2: this is not UTF-8 text (byte 0xff); save the file as UTF-8",
        ": larger than 1,000,000 bytes",
    ]


def test_a_million_bytes_of_prompt_and_files_together_are_sent_and_not_one_more(tmp_path: Path) -> None:
    half = write(tmp_path / "half", b"x" * (TEXT_LIMIT // 2))
    assert read("y" * (TEXT_LIMIT // 2), half).prompt
    with pytest.raises(InputError, match="1,000,002 bytes together; at most 1,000,000 are sent"):
        read("y" * (TEXT_LIMIT // 2 - 1) + "€", half)


def test_attachments_have_a_limit_of_their_own(tmp_path: Path) -> None:
    large = write(tmp_path / "a.png", bytes(ATTACHMENT_LIMIT))
    assert len(read("x", large).attachments) == 1
    with pytest.raises(InputError, match="20,000,001 bytes together"):
        read("x", large, write(tmp_path / "b.png", b"1"))
