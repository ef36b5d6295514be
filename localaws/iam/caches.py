"""What ministack's IAM reads out of policies again and again: patterns and documents, each read once.

It keeps 4,096 compiled patterns and compiles all later ones for every request, and reads a policy's JSON for each. A
server that has seen a hundred lakes then spends most of its time there.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

# Some 60 patterns and 10 documents are a lake's.
_PATTERNS = 65_536
_DOCUMENTS = 8_192


def install(evaluator: Any) -> None:
    """Have ministack's ``iam_evaluator`` keep what was used last. What it reads is never changed afterwards."""
    evaluator._fnmatch_compile = lru_cache(_PATTERNS)(evaluator._fnmatch_compile)
    parse = evaluator.parse_policy_document
    parse_text = lru_cache(_DOCUMENTS)(parse)
    evaluator.parse_policy_document = lambda document: (parse_text if isinstance(document, str) else parse)(document)
