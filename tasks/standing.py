"""How a person stands to a seat, and which verbs that gives him now: the relations and refusals of `tasks.lifecycle`, filled with facts.

It reads the seat and changes nothing; what a verb does is its own service's matter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Connection, Row, String, and_, bindparam, case as sql_case, cast, exists, func, literal, literal_column, or_, select
from sqlalchemy.orm import aliased
from sqlalchemy.sql.functions import aggregate_strings

from tasks import errors, lifecycle
from tasks.actors import Actor
from tasks.candidate_lines import person_of
from tasks.ended_by import answered, ended_by
from tasks.lifecycle import (
    ACTING, ACTUAL_OWNER, ADDER, BUSINESS_ADMINISTRATOR, DELEGATOR, LIVE, OPEN, PARKED, PAST_OWNER, POTENTIAL_OWNER, PROCESS_OWNER, STAKEHOLDER,
    PRINCIPAL, STAND_IN, SUBSTITUTE, TASK_INITIATOR,
)
from tasks.models import CaseActor, CaseParty, Draft, Organisation, Person, Seat, SeatExclusion, SeatOffer, UndoRecord
from tasks.operation_models import Voting
from tasks.permissions import steers
from tasks.sight import sees_fully
from workflows.case import Case
from workflows.case_store import locking
from workflows.definitions import ProcessVersion
from workflows.engine import INSTANCE
from workflows.errors import Conflict, Forbidden, NotFound, Rejection
from workflows.graph import Node, listed
from workflows.models import Incident
from workflows.store import Among, Texts

SEAT, CHILD, OTHER = Seat.__table__, aliased(Seat.__table__, name="child"), aliased(Seat.__table__, name="other")
SIGNERS = ("before", "parallel", "after")
COMMA: Any = literal_column("','")  # a plain "," is put into the text of the statement anew each time it runs
ALWAYS = frozenset({"claim", "release", "save", "complete", "answer", "take_back", "take_back_from_agent", "undo", "withdraw", "reassign"})
DEFAULT_OPERATIONS = frozenset({"forward", "delegate", "ask", "comment", "circulate", "urge", "snooze"})
APPLICANT_OPERATIONS = frozenset({"ask", "comment", "urge", "snooze"})  # an application is its applicant's alone
BARRED_FROM = frozenset({"claim", "save", "complete", "answer", "forward", "delegate", "ask", "return", *(f"add_{when}" for when in SIGNERS)})


def is_live(status: Any) -> ColumnElement[bool]:
    """SQL: a seat's status is one of LIVE. Written without a list, whose statement would have to be put together anew each time it runs."""
    return and_(*(status != over for over in lifecycle.STATES if over not in LIVE))


def own_line(column: Any) -> ColumnElement[str]:
    """SQL: the candidate line "person:42" of the person number in `column`."""
    return literal("person:") + cast(column, String)


def seats_with_facts(which: ColumnElement[bool]) -> Any:
    """The statement of the seats of a condition, their cases, and what depends on a person; built once: building it costs more than running it."""
    person: BindParameter[int] = bindparam("person")
    offer = (SeatOffer.seat_id == SEAT.c.id, Among(SeatOffer.candidate, bindparam("candidates", type_=Texts())))

    def represented(column: Any) -> Any:
        """Whom this person would act for: by a key that is offered to him, or because he claimed the seat by one."""
        offered = select(SeatOffer.principal_id).where(*offer).correlate(SEAT)
        return or_(column.in_(offered), and_(SEAT.c.owner_id == person, SEAT.c.claimed_as == own_line(column)))

    waiting = (CHILD.c.parent_seat_id == SEAT.c.id, is_live(CHILD.c.status))
    root = func.coalesce(INSTANCE.c.body_of, INSTANCE.c.id)
    named = {"owner_name": SEAT.c.owner_id, "completer_name": SEAT.c.completed_by}
    people = [select(Person.name).where(Person.id == column).scalar_subquery().label(name) for name, column in named.items()]
    facts = {
        "offered_as": select(func.min(SeatOffer.candidate)).where(*offer),
        "offered_own": select(func.count()).select_from(SeatOffer).where(*offer, SeatOffer.principal_id.is_(None)),
        "offered_for": select(func.min(SeatOffer.principal_id)).where(*offer),
        "acted_nodes_for": select(aggregate_strings(CaseActor.node_id, COMMA)).where(CaseActor.instance_id == root, represented(CaseActor.person_id)),
        "excluded_for": select(func.min(SeatExclusion.reason)).where(SeatExclusion.seat_id == SEAT.c.id, represented(SeatExclusion.person_id)),
        "excluded": select(SeatExclusion.reason).where(SeatExclusion.seat_id == SEAT.c.id, SeatExclusion.person_id == person),
        "acted_nodes": select(aggregate_strings(CaseActor.node_id, COMMA)).where(CaseActor.instance_id == root, CaseActor.person_id == person),
        # "his" when the person added one of the live signers below, "some" when others did; in this order
        "signers": select(func.min(sql_case((CHILD.c.added_by == person, "his"), else_="some"))).where(*waiting, or_(*(CHILD.c.kind == kind for kind in SIGNERS))),
        "party_codes": select(aggregate_strings(CaseParty.organisation_code, COMMA)).where(CaseParty.instance_id == INSTANCE.c.id),
    }
    conditions = {
        "drafted": exists().where(Draft.seat_id == SEAT.c.id),
        # more than this seat decides the activity: participants vote, or signers were added
        "several": exists().where(Voting.instance_id == SEAT.c.instance_id, Voting.token == SEAT.c.token) | exists().where(
            OTHER.c.instance_id == SEAT.c.instance_id, OTHER.c.token == SEAT.c.token, OTHER.c.id != SEAT.c.id, OTHER.c.status != "cancelled"
        ),
        "alarmed": exists().where(Incident.instance_id == INSTANCE.c.id, Incident.resolved_at.is_(None)),
        "keyed": exists().where(SeatOffer.seat_id == SEAT.c.id, SeatOffer.principal_id == person),  # an agent has a key to his seat
        "has_children": exists().where(*waiting),
        "awaits_advice": exists().where(*waiting, CHILD.c.blocking.is_(True), CHILD.c.kind == "delegate"),
        "awaits_signers": exists().where(*waiting, CHILD.c.blocking.is_(True), or_(CHILD.c.kind == "before", CHILD.c.kind == "parallel")),
    }
    seat = [column.label(f"seat_{column.name}") for column in SEAT.c]
    columns = [query.scalar_subquery().label(name) for name, query in facts.items()]
    query = select(*INSTANCE.c, *seat, *people, *columns, *[condition.label(name) for name, condition in conditions.items()])
    return query.join(INSTANCE, INSTANCE.c.id == SEAT.c.instance_id).where(which)


SEE_SEAT = seats_with_facts(SEAT.c.id == bindparam("seat"))  # columns of the case under their own names, of the seat as seat_…
LOCK_CASE_OF_SEAT = locking(select(SEAT.c.instance_id).where(SEAT.c.id == bindparam("seat")))


def locked_seat(connection: Connection, actor: Actor, seat_id: int) -> Row[Any]:
    """The row of SEE_SEAT for a command; raises NotFound. The case is locked first, in a statement of its own: then all the row says is
    as the one before left it.

    The lock of the case is the lock of its seats: nobody changes a seat without it.
    """
    if connection.dialect.name != "sqlite":
        connection.execute(LOCK_CASE_OF_SEAT, {"seat": seat_id})
    return see(connection, actor, seat_id)


def facts_asked(actor: Actor, seat_id: int) -> dict[str, Any]:
    """What SEE_SEAT is bound to."""
    return {"seat": seat_id, "candidates": actor.candidates, "person": actor.person_id}


@dataclass(frozen=True)
class Standing:
    """How a person stands to a seat: his relations, the verbs he may use now, and why not the others."""

    relations: frozenset[str]
    on_behalf_of: int | None  # whom he would act for, None in his own name
    excluded: bool  # a four-eyes rule keeps him out
    undoable: bool
    draft: Any
    pooled: bool  # it is offered to more than named people
    refusal: Callable[[str], Rejection | None]
    usable: Callable[[], frozenset[str]]

    @cached_property
    def verbs(self) -> frozenset[str]:
        """All verbs he may use now; a command, which needs one of them, does not ask."""
        return self.usable()

    @property
    def stands_in(self) -> bool:
        """Whether he could act for the applicant alone."""
        return STAND_IN in self.relations


def require(standing: Standing, verb: str) -> None:
    """Raise, in words that name who holds the seat or what keeps this person out, unless he may use `verb` now."""
    refused = standing.refusal(verb)
    if refused is not None:
        raise refused


def near(
    connection: Connection, actor: Actor, row: Row[Any], version: ProcessVersion, *, wider: Any = None, owns: Callable[[], bool] | None = None
) -> Standing:
    """The standing that the locked row tells by itself, without a statement: enough for claim, release, save, complete, answer.

    `row` is a row of SEE_SEAT. Nobody is a stakeholder or an administrator here; `standing` knows that too. `owns` says whether he
    answers for the process, where somebody asks for that.
    """
    node = version.graph.nodes[row.seat_node_id]
    answers_for = frozenset({PROCESS_OWNER}) if owns is not None and row.seat_status in LIVE and owns() else frozenset()
    relations = frozenset(_relations(actor, row, node)) | answers_for | (_wider_relations(actor, wider) if wider is not None else frozenset())
    allowed = operations_of(node)
    kind = lifecycle.reading(row.seat_kind, row.seat_counts)
    barred = _barred(row, version, node)

    def by_table(verb: str) -> Rejection | None:
        return lifecycle.refusal(verb, row.seat_status, kind, row.status, relations)

    def refusal(verb: str) -> Rejection | None:
        found = by_table(verb)
        return _concrete(connection, verb, row, relations, found) if found is not None else by_model(verb)

    def by_model(verb: str) -> Rejection | None:
        if verb not in ALWAYS and verb not in allowed:
            return Conflict("该环节没有开放这项操作。", "The model does not offer this operation at this step.")
        if row.seat_parent_seat_id is not None and verb == "return" and not signer_may_return(row, node):
            return Conflict("加签人没有退回，请答复“建议退回”。", "A signer has no return; answer “suggest to return”.")
        if verb == "take_back" and not row.awaits_advice:
            return Conflict("没有委派出去，无需收回。", "It is not delegated; there is nothing to take back.")
        if verb in BARRED_FROM and barred:
            return barred
        if verb == "undo" and wider is not None and not wider.undoable:
            return Conflict("已不能撤销。", "It can no longer be undone.")
        return None

    def usable() -> frozenset[str]:
        verbs = frozenset(verb for verb in lifecycle.VERBS if by_table(verb) is None and by_model(verb) is None)
        signed = row.signers == "his" or (row.signers and answers_for)
        # Of his signers, not of this seat.
        return verbs | {"remove_signer"} if signed and "remove_signer" in allowed and row.status == "active" else verbs

    return Standing(
        relations, _on_behalf_of(row, relations), barred is not None, bool(wider and wider.undoable), wider.draft if wider else None,
        bool(wider and wider.pooled), refusal, usable,
    )


def standing(connection: Connection, actor: Actor, row: Row[Any], case: Case, owns: Callable[[], bool] | None = None) -> Standing:
    """How `actor` stands to the seat of `row` (of SEE_SEAT) at its activity; one statement more than the row."""
    mine = SeatOffer.seat_id == row.seat_id
    deciding = exists().where(OTHER.c.instance_id == row.seat_instance_id, OTHER.c.token == row.seat_token, is_live(OTHER.c.status))
    # A vote on what is still being decided may be taken back although others have voted since.
    undo = and_(UndoRecord.seat_id == row.seat_id, UndoRecord.expires_at >= case.now, or_(UndoRecord.revision == row.revision, deciding))
    draft = select(Draft.values).where(Draft.seat_id == row.seat_id, Draft.person_id == actor.person_id)
    pooled = select(func.count()).select_from(SeatOffer).where(mine, SeatOffer.candidate.not_like("person:%"))
    wider = connection.execute(select(
        sees_fully(actor).label("full"), exists().where(undo).label("undoable"), draft.scalar_subquery().label("draft"),
        pooled.scalar_subquery().label("pooled"), steers(actor).label("steers"),
    ).where(INSTANCE.c.id == row.seat_instance_id)).one()
    return near(connection, actor, row, case.version, wider=wider, owns=owns)


def see(connection: Connection, actor: Actor, seat_id: int) -> Row[Any]:
    """The seat with its case and facts, not locked; raises NotFound."""
    found: Row[Any] | None = connection.execute(SEE_SEAT, facts_asked(actor, seat_id)).first()
    if found is None:
        raise NotFound("没有这个待办事项。", "There is no such task.")
    return found


def operations_of(node: Node) -> frozenset[str]:
    """The operations beside the plain decision that the model offers at an activity (`operations`, `signers`, `return_to`)."""
    settings = node.properties
    offered = settings.get("operations")
    signers = {f"add_{when}" for when in listed(settings.get("signers")) if when in SIGNERS}
    if offered is not None:
        found = set(listed(offered))
    else:
        found = set(APPLICANT_OPERATIONS if settings.get("applicant") == "true" else DEFAULT_OPERATIONS) | signers
        found |= {"return"} if listed(settings.get("return_to")) else set()
    return frozenset(found | ({"remove_signer"} if any(name.startswith("add_") for name in found) else set()))


def signer_may_return(row: Row[Any], node: Node) -> bool:
    """Whether the model lets the signer of this child seat return the case from here (`signers_may_return`)."""
    return row.seat_kind in SIGNERS and node.properties.get("signers_may_return") == "true"


def _relations(actor: Actor, row: Row[Any], node: Node) -> Iterable[str]:
    live, mine = row.seat_status in LIVE, row.seat_owner_id == actor.person_id
    free = row.seat_owner_id is None or mine
    advised = live and row.awaits_advice and not row.awaits_signers  # it waits for an opinion and nothing else
    if not row.excluded:
        if (row.offered_own and free) or duty_is_mine(actor, row):
            yield POTENTIAL_OWNER
        if row.offered_own and row.seat_owner_id is None and advised:
            yield DELEGATOR  # whoever delegated it does not hold it any more
        if row.offered_for is not None and (free or row.seat_owner_id == row.offered_for) and not row.excluded_for:
            yield SUBSTITUTE
            if advised:
                yield DELEGATOR  # his key opens what the principal could decide himself
        if row.offered_as is None and live and _may_stand_in(actor, row, node):
            yield STAND_IN
    if mine and live:
        yield ACTUAL_OWNER
        if advised:
            yield DELEGATOR
    if row.keyed or (row.seat_claimed_as == f"person:{actor.person_id}" and not mine and row.seat_owner_id is not None):
        yield PRINCIPAL
    if row.seat_added_by == actor.person_id:
        yield ADDER
    if row.seat_status == "completed" and row.seat_completed_by == actor.person_id:
        yield PAST_OWNER
    if row.subject_person is not None and row.subject_person == actor.person_id:
        yield TASK_INITIATOR


def _wider_relations(actor: Actor, wider: Any) -> frozenset[str]:
    return frozenset(({STAKEHOLDER} if wider.full or actor.is_system else set()) | ({BUSINESS_ADMINISTRATOR} if wider.steers else set()))


def duty_is_mine(actor: Actor, row: Row[Any]) -> bool:
    """The office that must decide may take over a claim of an office that only may."""
    if row.seat_duty is None or row.seat_duty not in actor.candidates or row.seat_owner_id in (None, actor.person_id):
        return False
    return bool(row.seat_status in LIVE and row.seat_claimed_as != row.seat_duty)


def _may_stand_in(actor: Actor, row: Row[Any], node: Node) -> bool:
    """Whether the model lets this person act for the applicant (`proxy`: roles) in a case of his organisation."""
    roles = set(listed(node.properties.get("proxy")))
    mine = {one.organisation_code for one in actor.memberships if one.role in roles}
    return bool(mine & set((row.party_codes or "").split(","))) and row.subject_person != actor.person_id and row.seat_parent_seat_id is None


def _on_behalf_of(row: Row[Any], relations: frozenset[str]) -> int | None:
    if STAND_IN in relations:
        return int(row.subject_person) if row.subject_person is not None else None
    if ACTUAL_OWNER in relations:
        return principal_of(row)
    if SUBSTITUTE in relations and POTENTIAL_OWNER not in relations:
        return int(row.offered_for)
    return None


def principal_of(row: Row[Any]) -> int | None:
    """For whom the owner of the seat claimed it: an agent's claim names his principal's line."""
    return principal_of_line(row.seat_claimed_as, row.seat_owner_id)


def principal_of_line(claimed_as: str | None, owner: int | None) -> int | None:
    """The same from the two columns alone."""
    found = person_of(claimed_as)
    return None if found == owner else found


def line_taken(actor: Actor, row: Row[Any]) -> str | None:
    """The candidate line by which `actor` takes the seat: his principal's when only an agent's key admits him."""
    if row.offered_for is not None and not row.offered_own and row.seat_owner_id != actor.person_id and not duty_is_mine(actor, row):
        return f"person:{row.offered_for}"
    line: str | None = row.offered_as or row.seat_duty
    return line


def _barred(row: Row[Any], version: ProcessVersion, node: Node) -> Forbidden | None:
    """The four-eyes rule that keeps this person from acting, whatever he is offered or holds; a question may be put to anybody."""
    if row.seat_kind == "asked":
        return None
    if row.excluded:
        return errors.kept_out(row.excluded)
    others = version.kept_apart[node.id]
    found = next((other for other in others if other in (row.acted_nodes or "").split(",")), None)
    if found:
        return errors.four_eyes(f"您已办理“{version.label(found, 'zh')}”")
    if row.offered_own and principal_of(row) is None:
        return None
    for_him = next((other for other in others if other in (row.acted_nodes_for or "").split(",")), None)
    return errors.four_eyes(f"委托您代理的人已办理“{version.label(for_him, 'zh')}”") if for_him else None


def _concrete(connection: Connection, verb: str, row: Row[Any], relations: frozenset[str], plain: Rejection) -> Rejection:
    """The table's refusal in the words of this seat: who decided, who holds it since when, which clause keeps a person out."""
    if row.seat_status == "completed" and row.completer_name and verb not in ("undo", "withdraw", "comment", "circulate"):
        return errors.already_decided(row.completer_name, row.seat_completed_at, _office(connection, row.seat_claimed_as))
    ended = ended_by(connection, row) if row.status not in lifecycle.VERBS[verb].cases or row.seat_status == "cancelled" else None
    if ended is not None:
        return ended
    if row.seat_status == "cancelled" and row.several:
        return _without_him(connection, row) or plain
    if verb == "take_back" and row.seat_status == OPEN:
        return answered(connection, row) or plain
    if row.seat_status == PARKED and ACTUAL_OWNER not in relations and row.owner_name and lifecycle.VERBS[verb].by & set(ACTING):
        return errors.already_claimed(row.owner_name, row.seat_claimed_at or row.seat_created_at)
    if row.seat_status not in LIVE or not isinstance(plain, Forbidden):
        return plain
    if verb == "release":
        return Conflict("您没有领取这个事项。", "You have not claimed this item.")
    if not lifecycle.VERBS[verb].by & set(ACTING):
        return plain
    if row.excluded:
        return errors.kept_out(row.excluded)
    if row.seat_owner_id is not None and ACTUAL_OWNER not in relations and row.owner_name:
        return errors.already_claimed(row.owner_name, row.seat_claimed_at or row.seat_created_at)
    return errors.not_yours((row.seat_summary or {}).get("clause"))


def _without_him(connection: Connection, row: Row[Any]) -> Conflict | None:
    """Who cast the vote that decided the activity while this seat was open."""
    last = select(Person.name, SEAT.c.completed_at, SEAT.c.claimed_as).join(Person, Person.id == SEAT.c.completed_by).where(
        SEAT.c.instance_id == row.seat_instance_id, SEAT.c.token == row.seat_token, SEAT.c.status == "completed"
    ).order_by(SEAT.c.completed_at.desc(), SEAT.c.id.desc())
    found = connection.execute(last.limit(1)).first()
    return errors.already_decided(found.name, found.completed_at, _office(connection, found.claimed_as)) if found else None


def _office(connection: Connection, line: str | None) -> str | None:
    code = line.partition("@")[2] if line else ""
    return connection.execute(select(Organisation.name).where(Organisation.code == code)).scalar() if code else None


__all__ = ["OTHER", "SEE_SEAT", "Standing", "facts_asked", "near", "operations_of", "require", "seats_with_facts", "see", "standing"]
