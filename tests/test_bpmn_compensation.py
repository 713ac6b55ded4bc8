"""Compensation and transactions undo what was completed, latest first."""

from __future__ import annotations

from reference_host import Walk


def test_compensation_runs_the_handlers_latest_first_and_goes_on_afterwards() -> None:
    walk = Walk("compensation", {"failed": True}).complete("book", "pay", "well")
    assert walk.open == ["refund"]
    assert walk.complete("refund").open == ["cancel_booking"]
    assert walk.complete("cancel_booking").open == ["after"] and walk.complete("after").ended


def test_what_was_not_completed_is_not_undone() -> None:
    walk = Walk("compensation").complete("book")
    assert walk.open == ["pay"] and walk.complete("pay", "well").ended


def test_a_named_activity_alone_is_undone() -> None:
    walk = Walk("compensation_named").complete("pay", "book")
    assert walk.open == ["cancel_booking"] and walk.complete("cancel_booking").ended


def test_completed_sub_processes_are_undone_inside_out() -> None:
    walk = Walk("compensation_sub_process").complete("book", "room", "well")
    assert walk.open == ["cancel_room"]
    assert walk.complete("cancel_room").open == ["cancel_booking"]
    assert walk.complete("cancel_booking").ended


def test_a_cancelled_transaction_undoes_its_work_and_leaves_by_the_cancel_event() -> None:
    walk = Walk("transaction", {"cancelled": True}).complete("reserve", "pay")
    assert walk.open == ["unreserve"]
    assert walk.complete("unreserve").open == ["explain"] and walk.complete("explain").ended


def test_a_transaction_that_succeeds_goes_on() -> None:
    assert Walk("transaction").complete("reserve", "pay").ended


def test_cancelling_the_thrower_or_a_handler_leaves_no_stray_token() -> None:
    walk = Walk("compensation", {"failed": True}).complete("book", "pay", "well")
    walk.modify(cancel=["undo", "refund"], start=["well"])
    assert walk.open == ["well"]
    walk = Walk("compensation", {"failed": True}).complete("book", "pay", "well").modify(cancel=["refund"])
    assert walk.open == ["cancel_booking"]
