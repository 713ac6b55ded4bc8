"""What child seats are called, and the fixed answers an opinion may have. Words only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from workflows.errors import Words

KIND_WORDS: Mapping[str, Words] = {
    "delegate": {"zh": "委派", "en": "Delegated"},
    "before": {"zh": "前加签", "en": "Signer before"},
    "parallel": {"zh": "并加签", "en": "Parallel signer"},
    "after": {"zh": "后加签", "en": "Signer after"},
    "asked": {"zh": "征求意见", "en": "Asked"},
}
AGREE = {"value": "suggest_agree", "zh": "建议同意", "en": "Suggest to agree", "style": "primary"}
DISAGREE = {"value": "suggest_disagree", "zh": "建议不同意", "en": "Suggest to disagree", "style": "danger", "requires": ["opinion"]}
RETURN = {"value": "suggest_return", "zh": "建议退回", "en": "Suggest to return", "requires": ["opinion"]}
HAND_BACK = {"value": "hand_back", "zh": "交回", "en": "Hand back", "style": "default"}
ANSWER = {"value": "answer", "zh": "答复", "en": "Answer", "style": "primary", "requires": ["opinion"]}
ANSWERS: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "delegate": (AGREE, DISAGREE, HAND_BACK),
    "before": (AGREE, DISAGREE, RETURN),
    "parallel": (AGREE, DISAGREE, RETURN),
    "after": (AGREE, DISAGREE, RETURN),
    "asked": (ANSWER,),
}
ANSWER_WORDS: Mapping[str, Words] = {
    str(one["value"]): {"zh": str(one["zh"]), "en": str(one["en"])} for one in (AGREE, DISAGREE, RETURN, HAND_BACK, ANSWER)
}
HOLDER_LEFT: Words = {"zh": "办理人已离岗，无需您再提供意见", "en": "Its holder has left; your opinion is no longer needed"}
OPINION_FORM: Mapping[str, Any] = {"type": "textarea", "id": "opinion", "key": "opinion", "label": "意见"}
# What the history says of child seats; see tasks.timeline.
SENTENCES: Mapping[str, tuple[str, str]] = {
    "delegated": ("“{node}”委派给{name}", "“{node}” delegated to {name}"),
    "taken_back": ("收回“{node}”的委派", "Delegation of “{node}” taken back"),
    "asked": ("就“{node}”向{name}提问", "{name} was asked about “{node}”"),
    "signers_added": ("“{node}”加签：{name}", "Signers added to “{node}”: {name}"),
    "signer_removed": ("“{node}”减签：{name}", "Signer removed from “{node}”: {name}"),
    "advice_given": ("对“{node}”的意见：{outcome}", "Opinion on “{node}”: {outcome}"),
    "vote_turned": ("加签人不同意，“{node}”的意见改为：{outcome}", "A signer refused; “{node}” now says: {outcome}"),
    "child_closed": ("“{node}”的征求意见取消", "A request for an opinion on “{node}” cancelled"),
}
