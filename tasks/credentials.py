"""Accounts and how one gets in: sign-in with lockout, activation with a one-time code, password change and reset.

A failed attempt must be kept, so these verbs answer with an outcome instead of raising. It knows no HTTP and no session.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, update

from tasks import passwords, security_log
from tasks.models import Person
from tasks.personal_data import PersonalData, valid_id_number
from workflows.business_calendar import Clock
from workflows.errors import InvalidForm, NotFound, Words
from workflows.models import table_of

FAILURES_ALLOWED = 5
LOCKED_FOR = timedelta(minutes=15)
FAILURES_PER_ADDRESS = 60  # within LOCKED_FOR; an office or a dormitory shares one address
CODE_VALID_FOR = timedelta(days=14)
CODE_PURPOSE = "activation code"
PERSON = table_of(Person)

# One sentence for every failure, so that nobody learns which accounts exist.
WRONG: Words = {
    "zh": "登录名或密码不正确。连续输错 5 次，账号将锁定 15 分钟。",
    "en": "Login or password is wrong. After five wrong attempts the account is locked for 15 minutes.",
}
WRONG_CODE: Words = {
    "zh": "证件号（或登录名）与激活码不符，或激活码已失效。连续输错 5 次将锁定 15 分钟；可向发码单位重新索取。",
    "en": "Number (or login) and code do not match, or the code is no longer valid. Five wrong attempts lock for 15 minutes; "
    "the office that issued the code can give a new one.",
}
TOO_MANY: Words = {"zh": "该网络地址失败次数过多，请 15 分钟后再试。", "en": "Too many failures from this address; try again in 15 minutes."}


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended: who is in now, or why not."""

    person_id: int | None = None
    session_version: int = 0
    must_change_password: bool = False
    refused: Words | None = None

    @property
    def accepted(self) -> bool:
        """Whether the person is in."""
        return self.refused is None


@dataclass(frozen=True)
class Attempt:
    """What was found and tested before anything is written: hashing needs no transaction."""

    account: Row[Any] | None
    right: bool
    address: str | None


class Credentials:
    """Sign-in, activation and passwords over the person table."""

    def __init__(self, clock: Clock, personal_data: PersonalData) -> None:
        self._clock = clock
        self._personal_data = personal_data

    def find(self, connection: Connection, login: str) -> Row[Any] | None:
        """The account with this login name, or with this ID number (students sign in with theirs)."""
        typed = login.strip()
        condition = Person.login == typed.lower()
        if valid_id_number(typed) is None:
            condition = Person.id_number_index == self._personal_data.blind_index(typed)
        return connection.execute(select(PERSON).where(condition)).first()

    def try_password(self, connection: Connection, login: str, password: str, address: str | None) -> Attempt:
        """Test a password without writing anything: one query and one hash, whether the account exists or not."""
        account = self.find(connection, login)
        stored = account.password_hash if account is not None and account.active else None
        return Attempt(account, self.verify(stored, password), address)

    def try_own_password(self, connection: Connection, person_id: int, password: str, address: str | None) -> Attempt:
        """The same for somebody who is signed in and proves himself once more."""
        account = self._account(connection, person_id)
        return Attempt(account, self.verify(account.password_hash, password), address)

    @staticmethod
    def verify(stored: str | None, password: str) -> bool:
        """Whether `password` is the stored one; costs the same when there is none."""
        return passwords.matches(stored, password)

    def settle(self, connection: Connection, attempt: Attempt, kind: str = security_log.SIGNED_IN) -> Outcome:
        """Write down how an attempt ended: count and lock on failure, clear the count and log `kind` on success. Keep it in any case."""
        return self._settle(connection, attempt, WRONG, kind)

    def sign_in(self, connection: Connection, login: str, password: str, address: str | None = None) -> Outcome:
        """`try_password` and `settle` in one transaction, for callers that do not mind holding it while hashing."""
        return self.settle(connection, self.try_password(connection, login, password, address))

    def activate(self, connection: Connection, login: str, code: str, password: str, address: str | None = None) -> Outcome:
        """Take an account with its one-time code and give it its first password; the code is then used up.

        Raises InvalidForm (nothing counted) when the new password will not do.
        """
        self._check_password(password, None)
        account = self.find(connection, login)
        given = self._personal_data.keyed_hash(CODE_PURPOSE, passwords.normalise_code(code))
        right = account is not None and account.active and self._code_is_right(account, given)
        outcome = self._settle(connection, Attempt(account, right, address), WRONG_CODE, security_log.ACTIVATED)
        if not outcome.accepted or account is None:
            return outcome
        self._check_password(password, account)  # only now: earlier it would tell a stranger whose account this is
        return Outcome(account.id, self.set_password(connection, account.id, password))

    def change_password(self, connection: Connection, person_id: int, password: str) -> int:
        """Set the password a person chose (his old one is tested already); ends his other sessions. Returns the session version.

        Raises InvalidForm when it will not do or is the old one.
        """
        account = self._account(connection, person_id)
        self._check_password(password, account)
        if self.verify(account.password_hash, password):
            raise InvalidForm({"password": {"zh": "新密码不能与原密码相同", "en": "the new password must differ from the old one"}})
        version = self.set_password(connection, person_id, password)
        security_log.record(connection, self._clock.now(), security_log.PASSWORD_CHANGED, person_id=person_id)
        return version

    def set_password(self, connection: Connection, person_id: int, password: str, *, must_change: bool = False) -> int:
        """Store a password, use up the activation code, unlock, end every session. Returns the new session version."""
        values = {"password_hash": passwords.hash_password(password), "must_change_password": must_change, **_no_code(), **_unlocked()}
        changed = update(Person).where(Person.id == person_id).values(**values, session_version=Person.session_version + 1)
        return int(connection.execute(changed.returning(Person.session_version)).scalar_one())

    def issue_codes(self, connection: Connection, person_ids: Sequence[int]) -> dict[int, str]:
        """A fresh one-time code for each person, valid 14 days; earlier codes end. Only its hash is stored."""
        codes = {person_id: passwords.new_code() for person_id in dict.fromkeys(person_ids)}
        expires = self._clock.now() + CODE_VALID_FOR
        rows = [
            {"b_id": person_id, "hash": self._personal_data.keyed_hash(CODE_PURPOSE, passwords.normalise_code(code)), "expires": expires}
            for person_id, code in codes.items()
        ]
        if rows:
            values = {"activation_hash": bindparam("hash"), "activation_expires_at": bindparam("expires"), **_unlocked()}
            connection.execute(update(PERSON).where(PERSON.c.id == bindparam("b_id")).values(values), rows)
        return codes

    def _code_is_right(self, account: Row[Any], given: str) -> bool:
        if not account.activation_hash or not account.activation_expires_at:
            return False
        fresh: bool = account.activation_expires_at > self._clock.now()
        return hmac.compare_digest(account.activation_hash, given) and fresh

    def _settle(self, connection: Connection, attempt: Attempt, wrong: Words, kind: str) -> Outcome:
        now, account = self._clock.now(), attempt.account
        if attempt.address and security_log.failures_from(connection, attempt.address, now - LOCKED_FOR) >= FAILURES_PER_ADDRESS:
            return Outcome(refused=TOO_MANY)
        if account is None:
            self._log_failure(connection, attempt, now)
            return Outcome(refused=wrong)
        account = self._account(connection, account.id)  # as it is now: another attempt may have locked it while we hashed
        if not account.active or _is_locked(account, now):
            self._log_failure(connection, attempt, now)
            return Outcome(refused=wrong)
        if not attempt.right:
            self._count_failure(connection, attempt, account, now)
            return Outcome(refused=wrong)
        connection.execute(update(Person).where(Person.id == account.id).values(_unlocked()))
        security_log.record(connection, now, kind, person_id=account.id, address=attempt.address)
        return Outcome(account.id, account.session_version, account.must_change_password)

    def _count_failure(self, connection: Connection, attempt: Attempt, account: Row[Any], now: datetime) -> None:
        locked = account.failed_logins + 1 >= FAILURES_ALLOWED
        values = {"failed_logins": 0, "locked_until": now + LOCKED_FOR} if locked else {"failed_logins": account.failed_logins + 1}
        connection.execute(update(Person).where(Person.id == account.id).values(values))
        self._log_failure(connection, attempt, now, security_log.LOCKED if locked else security_log.SIGN_IN_FAILED)

    def _log_failure(self, connection: Connection, attempt: Attempt, now: datetime, kind: str = security_log.SIGN_IN_FAILED) -> None:
        person_id = attempt.account.id if attempt.account is not None else None
        security_log.record(connection, now, kind, person_id=person_id, address=attempt.address, detail={"known": person_id is not None})

    def _account(self, connection: Connection, person_id: int) -> Row[Any]:
        found = connection.execute(select(PERSON).where(PERSON.c.id == person_id)).first()
        if found is None:
            raise NotFound(f"没有编号为 {person_id} 的人员。", f"There is no person {person_id}.")
        return found

    def _check_password(self, password: str, account: Row[Any] | None) -> None:
        personal = [account.login, account.name, account.student_number] if account is not None else []
        reason = passwords.weakness(password, personal)
        if reason:
            raise InvalidForm({"password": reason})


def _is_locked(account: Row[Any], now: datetime) -> bool:
    return account.locked_until is not None and account.locked_until > now


def _unlocked() -> dict[str, Any]:
    return {"failed_logins": 0, "locked_until": None}


def _no_code() -> dict[str, Any]:
    return {"activation_hash": None, "activation_expires_at": None}
