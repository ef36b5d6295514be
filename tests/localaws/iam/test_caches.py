"""Patterns and policies are read once, however many there have been."""

from __future__ import annotations

from types import SimpleNamespace

from localaws.iam import caches


def test_each_pattern_and_each_text_is_read_once() -> None:
    compiled, parsed = [], []
    evaluator = SimpleNamespace(
        _fnmatch_compile=lambda pattern, ignore_case: compiled.append((pattern, ignore_case)),
        parse_policy_document=lambda document: parsed.append(document),
    )
    caches.install(evaluator)
    # More than ministack keeps.
    for _ in range(3):
        for number in range(5_000):
            evaluator._fnmatch_compile(f"arn:{number}", False)
        evaluator._fnmatch_compile("arn:0", True)
        evaluator.parse_policy_document('{"Statement": []}')
        evaluator.parse_policy_document({"Statement": []})
    assert len(compiled) == 5_001
    assert parsed == ['{"Statement": []}', {"Statement": []}, {"Statement": []}, {"Statement": []}]
