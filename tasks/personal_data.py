"""Personal data at rest: encryption, the blind index to find it again, masks, and the check of an ID number.

It knows no table and no person; keys live in a file beside the database, never in it.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import unicodedata
from datetime import date
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from workflows.errors import Words

KEY_BYTES = 32
NONCE_BYTES = 12
INDEX_BYTES = 16

# GB 11643-1999 (ISO 7064 MOD 11-2): weight of each of the first 17 digits, and the check character per remainder.
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
CHECK_CHARACTERS = "10X98765432"

WRONG_LENGTH: Words = {"zh": "身份证号应为 18 位", "en": "an ID number has 18 characters"}
WRONG_CHARACTERS: Words = {"zh": "身份证号只能是数字，末位可为 X", "en": "an ID number consists of digits; only the last may be X"}
WRONG_DATE: Words = {"zh": "出生日期错误", "en": "the date of birth in the ID number does not exist"}
WRONG_CHECKSUM: Words = {"zh": "校验码错误", "en": "the check digit of the ID number is wrong"}


class WrongKey(ValueError):
    """The stored value was not written with this installation's key, or not for this column."""


class PersonalData:
    """Encrypts, decrypts and indexes personal values with the keys of one installation.

    `key_material` is what `load_or_create_keys` returns (or 32 raw bytes: one key, id 1). The last key of the file
    encrypts; every key of the file decrypts; the first one makes the index, so that found stays found after a new key.
    """

    def __init__(self, key_material: bytes) -> None:
        keys = _read_keys(key_material)
        self._ciphers = {key_id: AESGCM(_derive(key, b"column encryption")) for key_id, key in keys.items()}
        self._current = list(keys)[-1]
        self._root = next(iter(keys.values()))
        self._index_key = _derive(self._root, b"blind index")

    def encrypt(self, column: str, text: str) -> bytes:
        """`text` as key id ‖ nonce ‖ AES-GCM ciphertext, readable only for the same `column` ("table.column")."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return bytes([self._current]) + nonce + self._ciphers[self._current].encrypt(nonce, text.encode(), column.encode())

    def decrypt(self, column: str, data: bytes) -> str:
        """The text that `encrypt` was given; raises WrongKey when key or column are not the ones it was written with."""
        cipher = self._ciphers.get(data[0])
        if cipher is None:
            raise WrongKey(f"no key {data[0]} in the key file")
        try:
            return cipher.decrypt(data[1 : 1 + NONCE_BYTES], data[1 + NONCE_BYTES :], column.encode()).decode()
        except InvalidTag as error:
            raise WrongKey(f"{column}: written with another key or for another column") from error

    def blind_index(self, value: str) -> bytes:
        """A keyed hash of a normalised ID number: equal numbers meet, nothing can be read from it."""
        return hmac.new(self._index_key, normalise_id_number(value).encode(), hashlib.sha256).digest()[:INDEX_BYTES]

    def derived_key(self, purpose: str) -> bytes:
        """A separate 32-byte key for another use of this installation, such as signing sessions."""
        return _derive(self._root, purpose.encode())

    def keyed_hash(self, purpose: str, text: str) -> str:
        """Hexadecimal keyed hash of a high-entropy secret, such as an activation code."""
        return hmac.new(self.derived_key(purpose), text.encode(), hashlib.sha256).hexdigest()


def load_or_create_keys(path: Path | None) -> bytes:
    """The content of the key file, made once with mode 600: lines of "key id, 64 hexadecimal digits".

    Without a path: a key that nobody keeps, for a database in memory.
    """
    if path is None:
        return secrets.token_bytes(KEY_BYTES)
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return path.read_bytes()
    content = f"1 {secrets.token_hex(KEY_BYTES)}\n".encode()
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return content


def normalise_id_number(text: str) -> str:
    """Full-width digits to plain ones, all blanks gone, X in upper case."""
    return "".join(unicodedata.normalize("NFKC", text).split()).upper()


def valid_id_number(text: str) -> Words | None:
    """None when `text` is a well-formed resident ID number (GB 11643-1999), else the reason in Chinese and English."""
    number = normalise_id_number(text)
    if len(number) != 18:
        return WRONG_LENGTH
    if not (number.isascii() and number[:17].isdigit() and (number[17].isdigit() or number[17] == "X")):
        return WRONG_CHARACTERS
    if not _is_birthday(number[6:14]):
        return WRONG_DATE
    return None if check_character(number[:17]) == number[17] else WRONG_CHECKSUM


def check_character(digits: str) -> str:
    """The 18th character that fits 17 digits."""
    return CHECK_CHARACTERS[sum(weight * int(digit) for weight, digit in zip(WEIGHTS, digits, strict=True)) % 11]


def mask_id_number(text: str) -> str:
    """The first and last four characters: 4299**********9221."""
    return _mask(normalise_id_number(text), 4, 4)


def normalise_mobile(text: str) -> str:
    """Full-width digits to plain ones, blanks, dashes and a leading +86 gone."""
    number = "".join(unicodedata.normalize("NFKC", text).split()).replace("-", "")
    return number.removeprefix("+86")


def mask_mobile(text: str) -> str:
    """The first three and last four digits: 138****0001."""
    return _mask(normalise_mobile(text), 3, 4)


def _mask(text: str, left: int, right: int) -> str:
    hidden = len(text) - left - right
    return text[:left] + "*" * hidden + text[-right:] if hidden > 0 else "*" * len(text)


def _is_birthday(digits: str) -> bool:
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:])).year >= 1900
    except ValueError:
        return False


def _read_keys(material: bytes) -> dict[int, bytes]:
    if len(material) == KEY_BYTES:
        return {1: material}
    keys = {}
    for line in material.decode("ascii").splitlines():
        if line.strip():
            key_id, digits = line.split()
            keys[int(key_id)] = bytes.fromhex(digits)
    if not keys or any(len(key) != KEY_BYTES or not 0 < key_id < 256 for key_id, key in keys.items()):
        raise ValueError("the key file holds no usable key")
    return keys


def _derive(key: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=b"banjie " + purpose).derive(key)
