"""Files, folders and standard input become text, or one line says why not."""

import bz2
import contextlib
import gzip
import io
import lzma
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from charrnn.errors import ConfigError, TextError
from charrnn.text import reading
from charrnn.text.reading import Decoding, find_files, read_blocks

law = settings(derandomize=True, deadline=None, max_examples=100)

BLOCK_SIZES = [1, 2, 3, 4, 5, 6, 7, 8]
BOM = "\ufeff"
# One character of each length in UTF-8, from 1 to 4 bytes.
MIXED = "a\u00e9\u20ac\U0001f600b\n"
COMPRESSORS = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}
Compress = Callable[[bytes], bytes]
compressed = pytest.mark.parametrize(
    ("suffix", "compress"), COMPRESSORS.items(), ids=[suffix[1:] for suffix in COMPRESSORS]
)
any_block_size = pytest.mark.parametrize("block_bytes", BLOCK_SIZES)


@contextlib.contextmanager
def blocks_of(num_bytes: int) -> Iterator[None]:
    """Let files be read in blocks of so many bytes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "BLOCK_BYTES", num_bytes)
        yield


def read(
    *names: Path | str, encoding: str = "utf-8", is_bytes: bool = False, pattern: str = "*.txt"
) -> str:
    """Return the text that names stand for."""
    files = find_files([str(name) for name in names], pattern)
    return "".join(read_blocks(files, Decoding(encoding, is_bytes)))


def notices_of(*names: Path | str, is_bytes: bool = False) -> list[str]:
    """Return what a user is told while files are read."""
    notices: list[str] = []
    for _ in read_blocks(
        [str(name) for name in names], Decoding(is_bytes=is_bytes), notices.append
    ):
        pass
    return notices


def error_of(*names: Path | str, encoding: str = "utf-8", is_bytes: bool = False) -> str:
    """Return the line that says why a text cannot be used."""
    with pytest.raises(TextError) as caught:
        read(*names, encoding=encoding, is_bytes=is_bytes)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that each example of a law writes anew."""
    return tmp_path_factory.mktemp("reading") / "text.txt"


def in_lf(text: str) -> str:
    """Return what is read of a whole text: without one byte order mark, with LF for CRLF."""
    return text.removeprefix(BOM).replace("\r\n", "\n")


# Blocks


@law
@given(
    st.text(st.sampled_from("ab\r\n\u00e9\u20ac\U0001f600\ufeff"), max_size=20),
    st.integers(1, 9),
)
@example("", 1)
@example("\ufeff", 1)
@example("\r", 1)
@example("\r\r\n\n", 1)
def test_blocks_do_not_show(path: Path, text: str, block_bytes: int) -> None:
    """Whatever the size of a block, the text is that of the whole file, and no block is empty."""
    path.write_bytes(text.encode())
    with blocks_of(block_bytes):
        blocks = list(read_blocks([str(path)], Decoding()))
    assert "".join(blocks) == in_lf(text)
    assert all(blocks)


@law
@given(st.lists(st.text(st.sampled_from("a\r\n\u20ac\ufeff"), max_size=6), max_size=4))
def test_files_follow_one_another(path: Path, texts: list[str]) -> None:
    """Several files give their texts one after another, each cleaned by itself."""
    files = []
    for number, text in enumerate(texts):
        file = path.with_name(f"part-{number}")
        file.write_bytes(text.encode())
        files.append(file)
    assert read(*files) == "".join(map(in_lf, texts))


@any_block_size
@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-7", "gb18030"],
)
def test_every_encoding_of_unicode_gives_the_same_text(
    path: Path, encoding: str, block_bytes: int
) -> None:
    """A text comes back from each encoding, however its characters lie across blocks."""
    text = MIXED * 3 + "+\u0416"
    path.write_bytes(text.encode(encoding))
    with blocks_of(block_bytes):
        assert read(path, encoding=encoding) == text


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("latin-1", "\u00e9t\u00e9 \x80\xff"),
        ("cp1252", "\u20ac and \u201cquotes\u201d"),
        ("koi8-r", "\u043c\u0438\u0440"),
        ("shift_jis", "\u65e5\u672c"),
    ],
)
def test_older_encodings(path: Path, encoding: str, text: str) -> None:
    """An encoding that Python knows reads what was written in it."""
    path.write_bytes(text.encode(encoding))
    assert read(path, encoding=encoding) == text


# Byte order mark and line ends


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\xef\xbb\xbfab", "ab"),
        (b"\xef\xbb\xbf", ""),
        (b"\xef\xbb\xbf\xef\xbb\xbfab", BOM + "ab"),
        (b"a\xef\xbb\xbfb", "a" + BOM + "b"),
    ],
    ids=["first", "alone", "second", "later"],
)
@pytest.mark.parametrize("block_bytes", [1, 2, 3, 4, 64])
def test_only_the_first_byte_order_mark_is_dropped(
    path: Path, data: bytes, text: str, block_bytes: int
) -> None:
    """A byte order mark is dropped where a file begins, and is a character elsewhere."""
    path.write_bytes(data)
    with blocks_of(block_bytes):
        assert read(path) == text


@any_block_size
@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"one\r\ntwo\r\n", "one\ntwo\n"),
        (b"\r\n\r\n\r\n", "\n\n\n"),
        (b"a\r\r\nb", "a\r\nb"),
        (b"a\n\rb", "a\n\rb"),
        (b"a\rb\rc\r", "a\rb\rc\r"),
        (b"\r", "\r"),
        (b"a\r\xc3\xa9\r\n", "a\r\u00e9\n"),
    ],
    ids=["lines", "empty-lines", "two-cr", "lf-cr", "lone-cr", "only-cr", "cr-before-two-bytes"],
)
def test_crlf_becomes_lf(path: Path, data: bytes, text: str, block_bytes: int) -> None:
    """CRLF is read as LF and a lone CR stays, wherever a block ends."""
    path.write_bytes(data)
    with blocks_of(block_bytes):
        assert read(path) == text


@any_block_size
def test_changed_line_ends_are_said_once(path: Path, block_bytes: int) -> None:
    """One notice names the file, however many of its line ends were changed."""
    path.write_bytes(b"a\r\nbc\r\nd\r\n")
    with blocks_of(block_bytes):
        (notice,) = notices_of(path)
    assert repr(str(path)) in notice
    assert "CRLF" in notice


def test_changed_line_ends_are_said_for_each_file(tmp_path: Path) -> None:
    """Each file with CRLF has a notice of its own, and only those."""
    for name, data in (("one", b"a\r\n"), ("two", b"a\n"), ("three", b"\r\n")):
        (tmp_path / name).write_bytes(data)
    notices = notices_of(tmp_path / "one", tmp_path / "two", tmp_path / "three")
    assert len(notices) == 2
    assert "one'" in notices[0]
    assert "three'" in notices[1]


@pytest.mark.parametrize("data", [b"", b"a\nb\n", b"a\rb\r"], ids=["empty", "lf", "lone-cr"])
def test_nothing_is_said_of_a_text_that_was_not_changed(path: Path, data: bytes) -> None:
    """Without CRLF there is no notice."""
    path.write_bytes(data)
    assert notices_of(path) == []


# Bytes


@law
@given(st.binary(max_size=40), st.integers(1, 9))
@example(b"\xef\xbb\xbfa\r\n\xff", 1)
def test_bytes_are_read_unchanged(path: Path, data: bytes, block_bytes: int) -> None:
    """Read as bytes, any file gives one character a byte, with nothing dropped or changed."""
    path.write_bytes(data)
    with blocks_of(block_bytes):
        assert read(path, is_bytes=True).encode("latin-1") == data
        assert notices_of(path, is_bytes=True) == []


def test_bytes_need_no_encoding(path: Path) -> None:
    """The encoding does not matter to a text of bytes."""
    path.write_bytes(b"\xff\x00a")
    assert read(path, encoding="ascii", is_bytes=True) == "\xff\x00a"


# What is not text


@any_block_size
@pytest.mark.parametrize("wrong", [0x80, 0xC0, 0xC3, 0xE2, 0xED, 0xF0, 0xF5, 0xFF], ids=hex)
def test_invalid_utf8_is_found_at_its_offset(path: Path, wrong: int, block_bytes: int) -> None:
    """Wherever a byte is wrong, the message names the offset that decoding the whole file finds."""
    good = MIXED.encode()
    cases = [good[:i] + bytes([wrong]) + good[i:] for i in range(len(good) + 1)]
    cases += [good[:i] + bytes([wrong]) + good[i + 1 :] for i in range(len(good))]
    num_wrong = 0
    for data in cases:
        path.write_bytes(data)
        with blocks_of(block_bytes):
            try:
                text = data.decode("utf-8")
            except UnicodeDecodeError as error:
                offset = error.start
            else:
                assert read(path) == text
                continue
            num_wrong += 1
            assert f" at byte offset {offset} (" in error_of(path)
    assert num_wrong > len(good)


@any_block_size
@pytest.mark.parametrize("character", ["\u00e9", "\u20ac", "\U0001f600"], ids=ascii)
def test_a_character_cut_off_at_the_end_is_an_error(
    path: Path, character: str, block_bytes: int
) -> None:
    """A file that ends within a character is not text from where that character begins."""
    data = character.encode()
    for kept in range(1, len(data)):
        for before in (b"", b"abc", MIXED.encode()):
            path.write_bytes(before + data[:kept])
            with blocks_of(block_bytes):
                assert f" at byte offset {len(before)} (" in error_of(path)


@any_block_size
@pytest.mark.parametrize(
    ("encoding", "data", "offset"),
    [
        ("ascii", b"ab\xe9", 2),
        ("cp1252", b"abc\x81d", 3),
        ("utf-8-sig", b"\xef\xbb\xbfab\xffc", 5),
        ("utf-8-sig", b"ab\xffc", 2),
        ("utf-16-le", b"a\x00b\x00\x00\xdcc\x00", 4),
        ("utf-16-le", b"a\x00b\x00c", 4),
        ("utf-16", b"\xff\xfea\x00\x00\xdc", 4),
        ("shift_jis", b"ab\x88", 2),
    ],
    ids=[
        "ascii",
        "cp1252",
        "utf-8-with-mark",
        "utf-8-without-mark",
        "half-of-a-pair",
        "odd-length",
        "utf-16-with-mark",
        "cut-off-kanji",
    ],
)
def test_the_offset_is_that_of_the_file_in_any_encoding(
    path: Path, encoding: str, data: bytes, offset: int, block_bytes: int
) -> None:
    """The offset counts bytes of the file, a byte order mark included."""
    path.write_bytes(data)
    with blocks_of(block_bytes):
        message = error_of(path, encoding=encoding)
    assert f"not {encoding} at byte offset {offset} (" in message


def test_the_message_says_where_what_and_what_to_do(path: Path) -> None:
    """A file that is not text is named with the wrong bytes and with both ways out."""
    path.write_bytes(b"caf\xe9 au lait")
    message = error_of(path)
    assert message.startswith(f"{str(path)!r}: not utf-8 at byte offset 3 (e9 20 61 75)")
    assert "--encoding latin-1" in message
    assert "--bytes" in message


def test_the_file_that_is_not_text_is_the_one_named(tmp_path: Path) -> None:
    """Of several files the message names the wrong one, and the offset is within it."""
    (tmp_path / "good.txt").write_bytes(b"many good characters")
    (tmp_path / "wrong.txt").write_bytes(b"ab\xff")
    message = error_of(tmp_path / "good.txt", tmp_path / "wrong.txt")
    assert "wrong.txt'" in message
    assert "good.txt" not in message
    assert " at byte offset 2 (" in message


@pytest.mark.parametrize("mark", ["utf-16-le", "utf-16-be"])
def test_utf16_is_recognized(path: Path, mark: str) -> None:
    """A file with the mark of UTF-16 is not UTF-8, and the encoding that is offered reads it."""
    path.write_bytes((BOM + MIXED).encode(mark))
    message = error_of(path)
    assert " at byte offset 0 (" in message
    assert "--encoding utf-16," in message
    assert read(path, encoding="utf-16") == MIXED


@any_block_size
@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_an_encoding_that_needs_a_mark_says_so(path: Path, encoding: str, block_bytes: int) -> None:
    """A file without the byte order mark that its encoding needs is not in that encoding."""
    path.write_bytes(b"plain letters, plain letters")
    with blocks_of(block_bytes):
        message = error_of(path, encoding=encoding)
    assert message.startswith(f"{str(path)!r}: not {encoding}")
    assert "--encoding" in message
    assert "--bytes" in message


@pytest.mark.parametrize(
    "encoding", ["nonsense", "", "hex", "rot13", "undefined", "\udcff"], ids=ascii
)
def test_an_encoding_that_is_none_of_text_is_refused(encoding: str) -> None:
    """An encoding that Python cannot read text in is a wrong option, said before any file is."""
    with pytest.raises(ConfigError, match="--encoding") as caught:
        Decoding(encoding)
    assert repr(encoding) in str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-8", "UTF8", "utf-16", "utf-32-be", "cp1252", "big5"])
def test_an_encoding_of_text_is_taken(encoding: str) -> None:
    """An encoding that Python reads text in is as the user wrote it."""
    assert Decoding(encoding).encoding == encoding


# Compressed files


@compressed
@pytest.mark.parametrize("block_bytes", [1, 3, 1 << 22])
def test_compressed_is_plain(
    tmp_path: Path, suffix: str, compress: Compress, block_bytes: int
) -> None:
    """A compressed file gives the text of the plain one, cleaned in the same way."""
    data = (BOM + "one\r\n" + MIXED * 5).encode()
    (tmp_path / "plain.txt").write_bytes(data)
    (tmp_path / f"text{suffix}").write_bytes(compress(data))
    (tmp_path / f"TEXT{suffix.upper()}").write_bytes(compress(data))
    with blocks_of(block_bytes):
        plain = read(tmp_path / "plain.txt")
        assert plain == "one\n" + MIXED * 5
        assert read(tmp_path / f"text{suffix}") == plain
        assert read(tmp_path / f"TEXT{suffix.upper()}") == plain


@compressed
def test_two_compressed_files_in_one(tmp_path: Path, suffix: str, compress: Compress) -> None:
    """Compressed files that were joined give their texts one after another."""
    (tmp_path / f"text{suffix}").write_bytes(compress(b"first ") + compress(b"second"))
    assert read(tmp_path / f"text{suffix}") == "first second"


@compressed
def test_a_compressed_file_cut_short_is_refused(
    tmp_path: Path, suffix: str, compress: Compress
) -> None:
    """No beginning of a compressed file passes for the whole."""
    path = tmp_path / f"text{suffix}"
    data = compress(b"a text to be cut short")
    for length in range(1, len(data)):
        path.write_bytes(data[:length])
        assert error_of(path).startswith(f"{str(path)!r}: ")


@compressed
def test_a_damaged_compressed_file_never_gives_another_text(
    tmp_path: Path, suffix: str, compress: Compress
) -> None:
    """With any one byte changed a compressed file is refused or still gives its text."""
    path = tmp_path / f"text{suffix}"
    data = compress(b"a text to be damaged")
    num_refused = 0
    for place in range(len(data)):
        path.write_bytes(data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :])
        try:
            text = read(path)
        except TextError:
            num_refused += 1
        else:
            assert text == "a text to be damaged"
    assert num_refused > len(data) // 2


@compressed
def test_plain_text_with_the_name_of_compressed(
    tmp_path: Path, suffix: str, compress: Compress
) -> None:
    """A file that is not what its name says is refused."""
    path = tmp_path / f"text{suffix}"
    path.write_bytes(b"not compressed at all")
    assert error_of(path).startswith(f"{str(path)!r}: ")
    path.write_bytes(compress(b"compressed"))
    assert read(path) == "compressed"


@compressed
def test_the_offset_in_a_compressed_file_is_that_of_the_text(
    tmp_path: Path, suffix: str, compress: Compress
) -> None:
    """Where a compressed text is wrong is counted in what it decompresses to."""
    path = tmp_path / f"text{suffix}"
    path.write_bytes(compress(b"abc" * 100 + b"\xff"))
    assert " at byte offset 300 (ff)" in error_of(path)


# Folders


def test_a_folder_is_its_texts_in_order(tmp_path: Path) -> None:
    """A folder stands for the files below it at any depth that fit the pattern, by name."""
    names = ["b.txt", "a.txt", "c/z.txt", "c/d/y.txt", "B.txt", "e.md", "txt"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"<{name}>")
    assert read(tmp_path) == "<B.txt><a.txt><b.txt><c/d/y.txt><c/z.txt>"
    assert read(tmp_path, pattern="*.md") == "<e.md>"
    assert read(tmp_path, pattern="[ab].*") == "<a.txt><b.txt>"


@pytest.mark.parametrize("name", [".a.txt", ".git/a.txt", "b/.c/d/a.txt"])
def test_hidden_files_are_left_out(tmp_path: Path, name: str) -> None:
    """Neither a hidden file nor one in a hidden folder belongs to a folder."""
    (tmp_path / "seen.txt").write_text("seen")
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text("hidden")
    assert read(tmp_path) == "seen"
    assert read(tmp_path / name) == "hidden"


def test_a_hidden_folder_can_be_named(tmp_path: Path) -> None:
    """What a user names is read, be it hidden."""
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "a.txt").write_text("named")
    assert read(tmp_path / ".hidden") == "named"


def test_a_folder_that_fits_the_pattern_is_no_file(tmp_path: Path) -> None:
    """Only files are read of a folder."""
    (tmp_path / "folder.txt").mkdir()
    (tmp_path / "folder.txt" / "a.txt").write_text("inside")
    assert read(tmp_path) == "inside"


def test_names_keep_their_order(tmp_path: Path) -> None:
    """Files and folders are read in the order in which they are named, as often as named."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a.txt").write_text("a")
    (tmp_path / "z.md").write_text("z")
    names = [str(tmp_path / "z.md"), str(tmp_path / "folder"), str(tmp_path / "z.md")]
    expected = [names[0], str(tmp_path / "folder" / "a.txt"), names[2]]
    assert find_files(names) == expected


def test_the_pattern_is_for_folders_only(tmp_path: Path) -> None:
    """A file that a user names is read whatever its name."""
    (tmp_path / "notes").write_text("notes")
    assert read(tmp_path / "notes") == "notes"


def test_a_folder_without_a_text_is_an_error(tmp_path: Path) -> None:
    """The message names the folder, the pattern and the option that changes it."""
    (tmp_path / "a.md").write_text("a")
    message = error_of(tmp_path)
    assert message.startswith(f"{str(tmp_path)!r}: ")
    assert "'*.txt'" in message
    assert "--glob" in message


# What cannot be read


@pytest.mark.parametrize(
    "name", ["missing.txt", "missing/a.txt", "x" * 300], ids=["file", "folder", "long"]
)
def test_a_name_that_is_not_there_is_an_error(tmp_path: Path, name: str) -> None:
    """The message names what does not exist."""
    assert error_of(tmp_path / name).startswith(f"{str(tmp_path / name)!r}: ")


def test_a_file_that_went_away_is_an_error(tmp_path: Path) -> None:
    """A file that is gone when its turn comes is named."""
    path = tmp_path / "gone.txt"
    path.write_text("a")
    files = find_files([str(path)])
    path.unlink()
    with pytest.raises(TextError, match=r"gone.txt': No such file"):
        list(read_blocks(files, Decoding()))


def test_a_disk_that_fails_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that cannot be read to its end is named with the reason."""

    class FailingDisk(io.FileIO):
        def read1(self, _: int | None = -1) -> bytes:
            raise OSError(5, "Input/output error")

    path = tmp_path / "a.txt"
    path.write_text("a")
    monkeypatch.setattr(Path, "open", lambda *_: FailingDisk(path))
    assert error_of(path) == f"{str(path)!r}: Input/output error"


@pytest.mark.parametrize("name", ["new\nline", "\x1b[31mred", "\u202eright", "quote'"], ids=ascii)
@pytest.mark.parametrize("kind", ["missing", "folder", "not-text", "damaged"])
def test_names_in_messages_are_quoted(tmp_path: Path, kind: str, name: str) -> None:
    """No file name can break a line of a message or control the terminal."""
    path = tmp_path / (name + ".gz" if kind == "damaged" else name)
    if kind == "folder":
        path.mkdir()
    elif kind != "missing":
        path.write_bytes(b"\xff")
    message = error_of(path)
    assert message.startswith(f"{str(path)!r}: ")
    assert message.isprintable()


def test_names_in_notices_are_quoted(tmp_path: Path) -> None:
    """A notice is one printable line as well."""
    path = tmp_path / "new\nline\x1b"
    path.write_bytes(b"\r\n")
    (notice,) = notices_of(path)
    assert notice.startswith(f"{str(path)!r}: ")
    assert notice.isprintable()


def test_files_are_closed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader that stops early keeps no file open."""
    path.write_text("a text of several blocks")
    with path.open("rb") as file, blocks_of(4):
        monkeypatch.setattr(Path, "open", lambda *_: file)
        blocks = read_blocks([str(path)], Decoding())
        assert next(blocks) == "a te"
        assert not file.closed
        blocks.close()  # type: ignore[attr-defined]
        assert file.closed


# Pipes


def write_from_a_thread(pipe: Path, data: bytes) -> threading.Thread:
    """Write to a named pipe as soon as it is opened for reading."""
    thread = threading.Thread(target=pipe.write_bytes, args=(data,), daemon=True)
    thread.start()
    return thread


def test_a_named_pipe_is_read(tmp_path: Path) -> None:
    """A pipe with a name gives its text, once."""
    os.mkfifo(tmp_path / "pipe")
    thread = write_from_a_thread(tmp_path / "pipe", MIXED.encode())
    assert read(tmp_path / "pipe") == MIXED
    thread.join(timeout=5)


def test_a_named_pipe_is_not_part_of_a_folder(tmp_path: Path) -> None:
    """A folder is read without waiting for a pipe that lies in it."""
    os.mkfifo(tmp_path / "pipe.txt")
    (tmp_path / "a.txt").write_text("a")
    assert read(tmp_path) == "a"


@any_block_size
def test_standard_input_is_read(
    path: Path, monkeypatch: pytest.MonkeyPatch, block_bytes: int
) -> None:
    """The name ``-`` gives standard input, cleaned like a file, and leaves it open."""
    path.write_bytes((BOM + "one\r\n" + MIXED).encode())
    with path.open() as stdin, blocks_of(block_bytes):
        monkeypatch.setattr(sys, "stdin", stdin)
        assert read("-") == "one\n" + MIXED
        os.fstat(stdin.fileno())
        assert not stdin.closed


def test_standard_input_in_the_middle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Standard input takes its place among files."""
    for name in ("one", "two", "three"):
        (tmp_path / name).write_text(f"<{name}>")
    with (tmp_path / "two").open() as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        assert read(tmp_path / "one", "-", tmp_path / "three") == "<one><two><three>"


def test_standard_input_that_is_not_text(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message calls standard input what the user called it."""
    path.write_bytes(b"ab\xff")
    with path.open("rb") as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        assert error_of("-").startswith("'-': not utf-8 at byte offset 2 (ff)")


def test_standard_input_that_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process without standard input says so."""
    monkeypatch.setattr(sys, "stdin", None)
    assert error_of("-") == "'-': standard input is closed"


def test_standard_input_is_read_once() -> None:
    """Standard input cannot be named twice."""
    with pytest.raises(ConfigError, match="only once"):
        find_files(["-", "-"])


def test_a_file_called_minus_can_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of that name is reached by a path."""
    monkeypatch.chdir(tmp_path)
    Path("-").write_text("a file")
    assert read("./-") == "a file"


def test_standard_input_of_a_process() -> None:
    """Bytes in a real pipe, more than one pipe holds at once, come through as text."""
    program = (
        "import sys\n"
        "from charrnn.text.reading import Decoding, find_files, read_blocks\n"
        "text = ''.join(read_blocks(find_files(['-']), Decoding()))\n"
        "sys.stdout.buffer.write(text.encode())\n"
    )
    text = MIXED * 20_000
    result = subprocess.run(
        [sys.executable, "-c", program],
        input=text.encode(),
        capture_output=True,
        timeout=60,
        check=True,
        env=os.environ | {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    )
    assert result.stdout.decode() == text
    assert result.stderr == b""
