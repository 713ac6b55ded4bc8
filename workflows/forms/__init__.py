"""Forms in the form-js schema (versions 16 to 19), judged on the server: what the browser checks is checked again here.

They must not know tasks, people or HTTP.
"""

from workflows.forms.checking import FormProblem, check_form, form_expressions
from workflows.forms.schema import Field, fields
from workflows.forms.validation import FormResult, validate

__all__ = ["Field", "FormProblem", "FormResult", "check_form", "fields", "form_expressions", "validate"]
