"""The names of our own settings: the camunda:property entries a diagram may carry, and where each belongs.

It knows names only; what a setting does is decided by whoever reads it.
"""

from __future__ import annotations

import difflib

USER_TASK_SETTINGS: dict[str, str] = {
    "separate_from": "activities whose actors may not act here (four-eyes), ids separated by commas",
    "voting": "how several votes become one outcome: any, all, a fraction, veto …",
    "participants": "FEEL list of the persons who each get a seat",
    "sequential": "true: participants act one after the other",
    "wait_for_all": "true: decide only when everybody has voted",
    "veto": "who may refuse alone",
    "signers_may_return": "true: added signers may return the case",
    "add_signers": "whether and how signers may be added",
    "return_to": "where this activity may return to",
    "resubmit": "how a returned case comes back: every_step or direct",
    "withdrawable": "false: the last handler may not withdraw",
    "bulk": "false: never decided in bulk",
    "open_first": "true: must be opened before it is decided in bulk",
    "on_timeout": "what happens when the deadline passes",
    "on_empty": "what happens when nobody can act",
    "on_same_person": "what happens when the same person decided before",
    "on_applicant": "what happens when the applicant would decide",
    "field_permissions": "visible, editable, hidden and required fields",
    "decision": "decision table evaluated when the task is completed",
    "decision_result": "variable that receives the decision's result",
    "outcome": "variable that receives the activity's outcome",
    "outcomes": "the outcomes a person may choose",
    "time_marks": "dates on which candidates are computed anew",
    "reminders": "when reminders are sent",
    "escalate_to": "who is told when the task is late",
    "applicant": "true: this is the applicant's activity; coming back to it raises the round",
    "title": "FEEL text shown in the inbox",
    "summary": "FEEL text shown under the title",
    "opinion": "required, optional or hidden",
    "signature": "true: a signature is required",
    "claim_expires": "working hours after which a claim ends",
    "irreversible": "true: no return past this activity",
    "duration": "working time allowed",
    "cc": "FEEL list of the persons who get a copy",
    "forward": "whether the task may be forwarded",
    "delegate": "whether the task may be delegated",
    "jurisdiction": "FEEL that gives the jurisdiction keys",
    "deadline": "FEEL or calendar key that gives the due date",
    "stage": "FEEL or text: the stage the case is in while this activity is open",
    "summary_fields": "fields shown in lists",
    "fingerprint": "what identifies equal content for automatic skipping",
    "duty": "the duty a person must hold",
    "proxy": "roles that may act for the person",
    "refuse_completion": "FEEL that gives the reason why the task cannot be completed now",
    "clause": "the rule this activity enforces",
    "flags": "FEEL list of marks shown with the task",
    "items": "FEEL list of the items decided one by one",
    "list_facts": "facts shown in lists",
    "facts": "facts of the case shown with the task",
    "parties": "FEEL list of the parties of the case",
    "numbers": "true: the case gets its number when this is completed",
    "sent_by": "which fields say who sent it",
    "sent_by_party": "which party sent it",
    "escalation": "who is told when the task is late",
    "payload": "FEEL context sent with a message",
    "help": "a sentence for the person who acts",
}
ACTIVITY_SETTINGS: dict[str, str] = {
    "irreversible": "true: no return past this activity",
    "output_collection": "variable that receives the list of results of all instances",
    "output_element": "FEEL of one instance's result",
    "connector": "name of the connector a service or send task uses",
    "correlation": "FEEL key that finds the case a message is for",
    "message_variable": "variable that receives the message's content",
    "idempotency_key": "FEEL key that makes a job safe to repeat",
    "retries": "how often a job is tried",
    "stage": "FEEL or text: the stage the case is in from here",
    "payload": "FEEL context sent with a message or job",
    "clause": "the rule this activity enforces",
    "title": "FEEL text shown to people",
    "help": "a sentence for the person who looks",
}
EVENT_SETTINGS: dict[str, str] = {
    "correlation": "FEEL key that finds the case a message is for",
    "message_variable": "variable that receives the message's content",
    "payload": "FEEL context sent with a message or signal",
    "calendar": "calendar a timer follows",
    "stage": "FEEL or text: the stage the case is in from here",
    "clause": "the rule this event enforces",
    "sent_by": "which fields say who sent it",
    "sent_by_party": "which party sent it",
    "facts": "facts shown with the event",
    "irreversible": "true: no return past this event",
    "title": "FEEL text shown to people",
}
PROCESS_SETTINGS: dict[str, str] = {
    "number_prefix": "prefix of the case number",
    "number": "FEEL that gives the case number",
    "title": "FEEL text that names the case",
    "starters": "who may start a case",
    "applicant": "FEEL that gives the applicant",
    "jurisdiction": "FEEL that gives the jurisdiction keys",
    "owner": "the role that owns the process",
    "supervisors": "the roles that supervise the process",
    "calendar": "working calendar of the process",
    "start_form": "form of a new case",
    "field_permissions": "visible, editable, hidden and required fields of the case",
    "description": "what the process is for",
    "category": "where the process is listed",
    "business_key": "FEEL key that no two cases of the process share",
    "subject": "FEEL text that says what the case is about",
    "subject_person": "FEEL that gives the person the case is about",
    "parties": "FEEL list of the parties of the case",
    "facts": "facts every case carries",
    "list_facts": "facts shown in lists",
    "flags": "FEEL list of marks shown with the case",
    "summary": "FEEL text shown under the title",
    "clause": "the rule the process implements",
    "items": "what the items decided one by one are called",
    "stages": "the stages of a case in order",
    "start_roles": "the roles that may start a case",
    "see_roles": "the roles that may see a case",
    "retention": "how long closed cases are kept",
    "withdrawable": "false: the applicant may not withdraw",
    "personal_fields": "fields that hold personal data",
    "help": "a sentence for the person who starts a case",
}
FEEL_SETTINGS = frozenset({"correlation", "output_element"})


def known_settings(element_type: str) -> dict[str, str]:
    """The settings an element of this BPMN type may carry, with what each is for."""
    if element_type in ("userTask", "manualTask"):
        return USER_TASK_SETTINGS
    if element_type == "process":
        return PROCESS_SETTINGS
    return EVENT_SETTINGS if element_type.endswith("Event") else ACTIVITY_SETTINGS


def nearest(name: str, known: dict[str, str]) -> str | None:
    """The known name most like `name`, if any is like it."""
    found = difflib.get_close_matches(name[:80], known, n=1, cutoff=0.5)
    return found[0] if found else None
