"""The text of a file whose encoding nobody knows."""

from __future__ import annotations

import codecs
from collections.abc import Callable
from pathlib import Path

from iale._closest import meant
from iale.errors import DataError

_MARKS = {  # that of UTF-32 begins like that of UTF-16
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
# Without a choice, charset-normalizer takes accents of Western Europe for Central European ones.
_GUESSED = ["cp1252", "cp1251", "gb18030", "shift_jis", "big5", "euc_kr", "cp874"]
_PRINTABLE = bytes(32 if byte < 32 and chr(byte) not in "\t\r\n" else byte for byte in range(256))
_LOOKED_AT = 1 << 16  # bytes that tell the encoding


def read_text(path: Path, encoding: str = "auto") -> tuple[str, str]:
    """The text of a file, and the encoding if it was guessed.

    A byte order mark decides. Otherwise it is UTF-16 if it begins like that, UTF-8 if it can be, and else a guess:
    Western European if few letters are not ASCII, or what charset-normalizer finds.

    Raises:
        DataError: the file cannot be read, or is no text.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"there is no file {path}: {meant(path)}check the path.") from None
    except IsADirectoryError:
        raise DataError(f"{path} is a folder: a file was expected, such as a table.") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}; check the path.") from error
    found = encoding if encoding != "auto" else next((e for mark, e in _MARKS.items() if data.startswith(mark)), None)
    if found is not None:
        return _decode(path, data, found).removeprefix("\ufeff"), ""
    if wide := _utf_16(data):
        return _decode(path, data, wide), wide
    try:
        return data.decode(), ""
    except UnicodeDecodeError:
        guess = _guess(data)
        if guess is None:
            raise DataError(f"{path} is no table that can be read as text: save it as CSV in UTF-8.") from None
    return _decode(path, data, guess), guess


def tell_guess(path: Path, encoding: str, say: Callable[[str], None]) -> None:
    """Says in which encoding a file was read, if it was guessed: wrong letters would be names of other things."""
    if encoding:
        say(f"{path} is not in UTF-8 and was read as {encoding}: if letters come out wrong, save it in UTF-8")


def _decode(path: Path, data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeError as error:
        raise DataError(
            f"{path} is not in {encoding.upper()}: save it in UTF-8, or name its encoding with --encoding."
        ) from error
    except LookupError as error:  # a codec that makes no text, such as hex
        raise DataError(f"{encoding} is no encoding of texts: name another with --encoding.") from error


def _utf_16(data: bytes) -> str | None:
    """The byte order of UTF-16 without a mark: one byte of each letter is 0 if the header begins in ASCII."""
    zeros = [byte == 0 for byte in data[:4]]
    return "utf-16-le" if zeros == [False, True] * 2 else "utf-16-be" if zeros == [True, False] * 2 else None


def _guess(data: bytes) -> str | None:
    ascii_letters = sum(bytes((byte,)).isalpha() for byte in data[:_LOOKED_AT])
    if sum(byte > 127 for byte in data[:_LOOKED_AT]) < ascii_letters / 2:
        try:
            data.decode("cp1252")
        except UnicodeDecodeError:
            pass
        else:
            return "cp1252"
    from charset_normalizer import from_bytes

    # It takes text with control characters for something else.
    best = from_bytes(data[:_LOOKED_AT].translate(_PRINTABLE), cp_isolation=_GUESSED).best()
    return None if best is None else best.encoding
