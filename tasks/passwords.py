"""Passwords: hashing at a bounded cost, the rule for a good one, and codes that a person can type. It knows no account."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from workflows.errors import Rejection, Words

# OWASP Password Storage Cheat Sheet: argon2id, m = 19 MiB, t = 2, p = 1.
HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
AT_ONCE = 4  # hashes computed at the same time: bounds the memory that a flood of sign-ins can take
PATIENCE = 10.0  # seconds a sign-in waits for its turn
SHORTEST, LONGEST = 10, 128
CODE_ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # no 0/O, 1/I/L
CODE_LENGTH = 10

_turn = BoundedSemaphore(AT_ONCE)
_nobody = HASHER.hash(secrets.token_urlsafe(16))  # compared with when there is no account: same cost, never right


def hash_password(password: str) -> str:
    """The argon2id hash to store."""
    with _Turn():
        return HASHER.hash(password)


def matches(stored: str | None, password: str) -> bool:
    """Whether `password` is the one behind `stored`. Without a stored hash it costs as much and is False."""
    with _Turn():
        try:
            return HASHER.verify(stored or _nobody, password[:LONGEST]) and stored is not None
        except (VerifyMismatchError, InvalidHashError):
            return False


def weakness(password: str, personal: Iterable[str | None] = ()) -> Words | None:
    """None when the password will do, else why not. `personal`: words it must not contain (login, name, number)."""
    if len(password) < SHORTEST:
        return {"zh": f"密码至少 {SHORTEST} 个字符", "en": f"a password has at least {SHORTEST} characters"}
    if len(password) > LONGEST:
        return {"zh": f"密码最多 {LONGEST} 个字符", "en": f"a password has at most {LONGEST} characters"}
    if len(set(password.lower())) < 5:
        return {"zh": "密码过于简单，请使用更多不同的字符", "en": "the password repeats too few characters"}
    if _is_run(password):
        return {"zh": "密码不能是连续的数字或字母", "en": "the password must not be a run of digits or letters"}
    if any(len(word) >= 4 and word.lower() in password.lower() for word in personal if word):
        return {"zh": "密码不能包含登录名、姓名或证件号", "en": "the password must not contain login, name or ID number"}
    return None


def new_code() -> str:
    """A one-time code of 49 bits, in two groups a person can type."""
    text = "".join(secrets.choice(CODE_ALPHABET) for _ in range(CODE_LENGTH))
    return f"{text[:5]}-{text[5:]}"


def normalise_code(text: str) -> str:
    """A typed code without blanks and dashes, in upper case."""
    return "".join(text.split()).replace("-", "").upper()


def _is_run(password: str) -> bool:
    steps = {ord(after) - ord(before) for before, after in zip(password, password[1:], strict=False)}
    return steps in ({1}, {-1}, {1, -9}, {-1, 9})


class _Turn:
    """Waits for a place among the hashes computed at once; refuses politely when there is none for long."""

    def __enter__(self) -> None:
        if not _turn.acquire(timeout=PATIENCE):
            raise Rejection("登录人数较多，请稍后再试。", "Too many sign-ins at once; try again shortly.", status=429)

    def __exit__(self, *_error: object) -> None:
        _turn.release()
