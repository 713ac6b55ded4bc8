"""Personal data at rest: what is stored cannot be read, moved or guessed, and ID numbers are checked."""

from __future__ import annotations

import secrets
import stat
from pathlib import Path

import pytest

from tasks.personal_data import (
    PersonalData, WrongKey, load_or_create_keys, mask_id_number, mask_mobile, normalise_id_number, normalise_mobile, valid_id_number,
)

COLUMN = "person.id_number"
SAMPLES = (
    "149999200311059015", "429999200402199221", "419999200212309133", "149999200507079448", "429999200106309051", "419999200308159360",
    "149999200404019477", "419999200202289589", "429999200312249694", "149999200510109708", "149999197310029119", "42999919750318928X",
    "419999196409119393", "149999196603019200",
)


@pytest.fixture
def data() -> PersonalData:
    return PersonalData(secrets.token_bytes(32))


def test_what_is_encrypted_comes_back_and_never_looks_the_same_twice(data: PersonalData) -> None:
    first, second = data.encrypt(COLUMN, SAMPLES[0]), data.encrypt(COLUMN, SAMPLES[0])
    assert first != second
    assert SAMPLES[0].encode() not in first
    assert data.decrypt(COLUMN, first) == data.decrypt(COLUMN, second) == SAMPLES[0]


def test_a_value_moved_to_another_column_or_key_cannot_be_read(data: PersonalData) -> None:
    stored = data.encrypt(COLUMN, SAMPLES[0])
    with pytest.raises(WrongKey):
        data.decrypt("person.mobile", stored)
    with pytest.raises(WrongKey):
        PersonalData(secrets.token_bytes(32)).decrypt(COLUMN, stored)
    with pytest.raises(WrongKey):
        data.decrypt(COLUMN, stored[:-1] + bytes([stored[-1] ^ 1]))


def test_the_blind_index_meets_equal_numbers_however_they_were_typed(data: PersonalData) -> None:
    expected = data.blind_index("42999919750318928X")
    assert data.blind_index(" 42999919750318928x ") == expected
    assert data.blind_index("４２９９９９１９７５０３１８９２８Ｘ") == expected
    assert data.blind_index(SAMPLES[0]) != expected
    assert PersonalData(secrets.token_bytes(32)).blind_index("42999919750318928X") != expected


def test_a_new_key_encrypts_while_the_old_one_still_reads_and_finds() -> None:
    old = f"1 {secrets.token_hex(32)}\n"
    before, after = PersonalData(old.encode()), PersonalData((old + f"2 {secrets.token_hex(32)}\n").encode())
    assert after.decrypt(COLUMN, before.encrypt(COLUMN, "x")) == "x"
    assert after.encrypt(COLUMN, "x")[0] == 2
    assert after.blind_index(SAMPLES[0]) == before.blind_index(SAMPLES[0])


def test_the_key_file_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    content = load_or_create_keys(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_or_create_keys(path) == content
    PersonalData(content)


def test_a_damaged_key_file_is_refused() -> None:
    with pytest.raises(ValueError, match="key file"):
        PersonalData(b"1 abcd\n")


@pytest.mark.parametrize("number", SAMPLES)
def test_sample_numbers_are_well_formed(number: str) -> None:
    assert valid_id_number(number) is None
    assert valid_id_number(f" {number.lower()} ") is None


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("149999200311059016", "校验码错误"), ("14999920031105901", "身份证号应为 18 位"), ("149999200302309015", "出生日期错误"),
        ("14999920031105901A", "身份证号只能是数字，末位可为 X"), ("1499992003110X9015", "身份证号只能是数字，末位可为 X"), ("", "身份证号应为 18 位"),
        ("²49999200311059015", "校验码错误"), ("149999189911059015", "出生日期错误"),
    ],
)
def test_a_wrong_number_says_what_is_wrong(number: str, reason: str) -> None:
    words = valid_id_number(number)
    assert words is not None and words["zh"] == reason and words["en"]


def test_every_single_wrong_digit_is_noticed() -> None:
    for place in range(17):
        for digit in "0123456789":
            changed = SAMPLES[1][:place] + digit + SAMPLES[1][place + 1 :]
            assert (valid_id_number(changed) is None) == (changed == SAMPLES[1])


def test_masks_show_only_the_ends() -> None:
    assert mask_id_number("429999200402199221") == "4299**********9221"
    assert mask_mobile("+86 138-0000-0001") == "138****0001"
    assert mask_id_number("12345") == "*****"
    assert normalise_id_number(" 42999919750318928x") == "42999919750318928X"
    assert normalise_mobile("１３８ 0000 0001") == "13800000001"
