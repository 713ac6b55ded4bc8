"""The verbs and views of human work behind one name, as pages and the command line call them. It adds nothing to them."""

from __future__ import annotations

from datetime import timedelta

from tasks.case_views import CaseViews
from tasks.children.answers import Answers
from tasks.children.asking import Asking
from tasks.children.choosing import Choosing
from tasks.children.delegation import Delegation
from tasks.children.signers import Signers
from tasks.children.tree import ChildSeats
from tasks.commands import Commands
from tasks.going_back import GoingBack
from tasks.operations import Operations
from tasks.people import People
from tasks.returning.wiring import wire as wire_returning
from tasks.seats import Seats
from tasks.service import TaskService
from tasks.steering import Steering
from tasks.talking.circulation import Circulations
from tasks.talking.comments import Comments
from tasks.talking.watching import Watching
from tasks.task_views import TaskViews
from tasks.votes.automatic import Automatic
from tasks.worklist import Worklist
from workflows.business_calendar import BusinessCalendar, Clock
from workflows.engine import ProcessEngine

UNDO_TIME = timedelta(seconds=30)


class Desk:
    """One method per operation of a person."""

    def __init__(
        self, engine: ProcessEngine, seats: Seats, people: People, commands: Commands, worklist: Worklist, clock: Clock,
        calendar: BusinessCalendar,
    ) -> None:
        self.operations = Operations()
        self.automatic = Automatic(engine, seats, people)
        self.deciding = self.automatic.deciding
        self.children, choosing = ChildSeats(seats), Choosing(seats, people)
        answers = Answers(engine, self.children, self.deciding)
        service = TaskService(engine, seats, people, commands, self.deciding, answers, clock)
        going_back = GoingBack(engine, seats, clock)
        steering = Steering(engine, seats, service, people, clock)
        wire_returning(engine, seats, service, people, self.deciding, going_back, calendar, self.operations)
        self.start, self.start_many = service.start, service.start_many
        self.claim, self.release, self.save_draft = service.claim, service.release, service.save_draft
        self.complete, self.bulk_complete = service.complete, service.bulk_complete
        self.undo, self.undo_command, self.withdraw_case = going_back.undo, going_back.undo_command, going_back.withdraw_case
        self.reassign, self.urge, self.send_message = steering.reassign, steering.urge, steering.send_message
        self.return_to_pool, self.hand_over = steering.release, steering.hand_over
        self.task_view = TaskViews(engine, worklist, people).task_view
        self.case_view = CaseViews(engine, worklist, people, steering).case_view
        self.operations.register(*Delegation(engine, self.children, choosing).operations(), *Asking(engine, self.children, choosing).operations())
        self.circulations, self.watching = Circulations(engine, clock), Watching(clock)
        self.operations.register(*Comments(engine).operations(), *self.circulations.operations(), *self.watching.operations())
        self.operations.register(*Signers(engine, self.children, choosing, self.deciding).operations())
