"""The verbs and views of human work behind one name, as pages and the command line call them. It adds nothing to them."""

from __future__ import annotations

from tasks.attachments import Attachments
from tasks.bulk import Bulk
from tasks.case_views import CaseViews
from tasks.children.wiring import wire as wire_children
from tasks.filling import Filling
from tasks.going_back import GoingBack
from tasks.ground import Ground
from tasks.keys.claims import Claims
from tasks.keys.wiring import Keys
from tasks.operations import Operations
from tasks.returning.wiring import wire as wire_returning
from tasks.service import UNDO_TIME, TaskService
from tasks.talking.phrases import Phrases
from tasks.talking.wiring import wire as wire_talking
from tasks.task_views import TaskViews
from tasks.votes.automatic import Automatic


class Desk:
    """One method per operation of a person."""

    def __init__(self, ground: Ground) -> None:
        engine, seats, people = ground.engine, ground.seats, ground.people
        self.operations = Operations()
        self.automatic = Automatic(engine, seats, people)
        self.deciding = self.automatic.deciding
        claims = Claims(ground)
        answers = wire_children(engine, seats, people, self.deciding, self.operations, claims.take)
        service = TaskService(engine, self.deciding, answers, Filling(engine, people.personal_data))
        going_back = GoingBack(engine, seats)
        self.keys = keys = Keys(ground, claims, self.deciding, self.operations)
        self.migrate, self.withdraw_case = wire_returning(engine, seats, people, self.deciding, going_back, keys.lapses.apply, ground.calendar, self.operations)
        self.start, self.start_many, self.complete = service.start, service.start_many, service.complete
        self.bulk_complete = Bulk(ground.commands, service.complete, ground.clock.now).complete
        self.claim, self.release, self.save_draft = claims.claim, claims.release, claims.save_draft
        self.undo, self.undo_command = going_back.undo, going_back.undo_command
        self.reassign, self.urge, self.send_message = keys.steering.reassign, keys.steering.urge, keys.steering.send_message
        self.possible = keys.steering.possible
        self.return_to_pool, self.hand_over = keys.steering.release, keys.leaving.hand_over
        self.task_view = TaskViews(engine, ground.worklist, people).task_view
        self.case_view = CaseViews(engine, ground.worklist, people, keys.steering).case_view
        self.attachments, self.phrases = Attachments(engine), Phrases(engine)
        self.circulations, self.watching = wire_talking(engine, ground.clock, self.operations)


__all__ = ["UNDO_TIME", "Desk"]
