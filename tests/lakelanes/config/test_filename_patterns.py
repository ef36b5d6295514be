"""Patterns of file names: none takes long, what RE2 lacks is refused, and the rest means what it means to re."""

from __future__ import annotations

import copy
import json
import pickle
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakelanes.config.filename_patterns import FilenamePattern
from lakelanes.config.loading import json_schema
from tests.lakelanes.config.support import changed, faults

REPOSITORY = Path(__file__).resolve().parents[3]
# Each is exponential or a high power of the name's length for whoever goes back and tries again.
SLOW = [
    r"(?:[a-z]+_?)+(\d{4})",
    r"(?:a|a)*(\d{4})",
    r"(?:[a-z]|\w)*(\d{4})",
    r"(?:.*){9}(\d{4})x",
    r".*a.*a.*a.*a.*a.*a.*a.*(\d{4})",
    r"(?:a?){400}a{400}(\d{4})",
    r"(?:\w{1,30}){1,33}(\d{4})",
    r"(?i)(?:[a-z]+)+(?:[a-z]+)+\.csv",
]


def known_patterns() -> set[str]:
    """The patterns of the configuration that comes along, of the docs, and of common names."""
    texts = [(REPOSITORY / "include" / "lake.json").read_text()]
    texts += [page.read_text() for page in (REPOSITORY / "docs").glob("*.md")]
    written = {
        json.loads(found) for text in texts for found in re.findall(r'"filename_pattern": ("(?:[^"\\]|\\.)*")', text)
    }
    assert len(written) >= 5
    return written | {
        r"sales_.*?(\d+)_(\d+)_(\d+)\.csv",
        r"sales_data_(\d{4})_(\d{2})_(\d{2})_\w\.csv",
        r"sales_data_[\d_]+\.csv",
        r"(?P<year>\d{4})/(?P<month>\d{2})/[^/]+\.(?:csv|txt)(?:\.(?:gz|bz2|zst))?",
        r"(?i)report[ _-]?(?P<region>[a-z]{2,3}|EMEA)\b.*\.csv",
        r"^x_(\d{4}-\d{2}-\d{2})$",
        r"export\.(\d{1,3})(?:\.\d+)*\.csv",
        r"[^.]+\.(?P<y>20\d\d)(?:-(?P<m>0[1-9]|1[0-2]))?\.csv",
        r"Größe_(\d+)\.csv",
    }


KNOWN = sorted(known_patterns())
_PIECES = st.sampled_from(
    [
        "sales_data_",
        "web_sessions_",
        "invoices_CH_",
        "2024",
        "2024_03_15",
        "03",
        "-",
        "_",
        ".csv",
        ".gz",
        "T07",
        "/",
        "\n",
    ]
)


@st.composite
def patterns_and_names(draw: st.DrawFn) -> tuple[str, str]:
    """A pattern, and a name that matches, or nearly, or is made of pieces of names."""
    pattern = draw(st.sampled_from(KNOWN))
    name = draw(st.one_of(st.from_regex(pattern, fullmatch=True), st.lists(_PIECES).map("".join), st.text()))
    if draw(st.booleans()):
        at = draw(st.integers(0, len(name)))
        name = name[:at] + draw(st.one_of(st.text(max_size=2), _PIECES)) + name[at + draw(st.integers(0, 2)) :]
    return pattern, name


@pytest.mark.slow
@settings(max_examples=2000, deadline=None)
@given(patterns_and_names())
def test_a_pattern_means_what_it_means_to_re(case: tuple[str, str]) -> None:
    pattern, name = case
    compiled, known = FilenamePattern(pattern), re.compile(pattern, re.ASCII)
    assert (compiled.groups, dict(compiled.groupindex)) == (known.groups, dict(known.groupindex))
    found, expected = compiled.fullmatch(name), known.fullmatch(name)
    if not name.isascii() and pattern.startswith("(?i)"):
        return  # re.ASCII folds no other letters, RE2 does: the Kelvin sign is a k
    assert (found is None) == (expected is None)
    if found is not None and expected is not None:
        assert found.groups() == expected.groups()
        assert found.groupdict() == expected.groupdict()


def test_no_name_takes_a_pattern_long() -> None:
    # Each of these takes re longer than anybody waits; RE2 needs milliseconds.
    program = """
import json, sys, time
from lakelanes.config.filename_patterns import FilenamePattern
for pattern in json.loads(sys.argv[1]):
    compiled = FilenamePattern(pattern)
    started = time.process_time()
    for name in ("a" * 1024, "a_" * 512, "a" * 1020 + "2024", ("a" * 25 + "1") * 39, "ä" * 512):
        compiled.fullmatch(name)
    print(f"{time.process_time() - started:.4f}", pattern)
"""
    command = [sys.executable, "-c", program, json.dumps(SLOW)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    times = [float(line.split()[0]) for line in done.stdout.splitlines()]
    assert len(times) == len(SLOW)
    assert max(times) < 5, done.stdout


@pytest.mark.parametrize(
    ("pattern", "name", "instead"),
    [
        (r"(?=sales)(.*)\.csv", "looking ahead", "spell out the names"),
        (r"(?!tmp)(.*)\.csv", "looking ahead", "spell out"),
        (r"(.*)(?<!tmp)\.csv", "looking ahead or back", "spell out"),
        (r"(\d{4})_\1\.csv", "a reference", "write the group's expression again"),
        (r"(?P<y>\d{4})_(?P=y)\.csv", "a reference", "write the group's expression again"),
        (r"(a)(b)(c)(d)(e)(f)(g)(h)(i)(j)(k)(l)\12", "a reference", "again"),
        (r"(a)?(?(1)b|c)", "a condition", "write the alternatives out"),
        (r"(?>a+)b", "a group that gives nothing back", "write (?:...)"),
        (r"a++b", "a quantifier that gives nothing back", "leave the last + out"),
        (r"a{2}+b", "a quantifier that gives nothing back", "leave the last + out"),
        (r"a{,3}b", "a quantifier without", "write {0,n}"),
        (r"a(?#day)b", "a comment", "leave it out"),
        (r"(?x) a b", "the flag x", "without spaces"),
        (r"(?a)\d+", "a flag", "leave it out"),
        (r"(?u:\d+)", "a flag", "leave it out"),
        (r"sales\.csv\Z", r"\Z", "leave it out"),
        (r"\u00e4\.csv", "an escape", "write the character itself"),
        (r"[\u00e4x]\.csv", "an escape", "write the character itself"),
        (r"\N{DIGIT ONE}\.csv", "an escape", "write the character itself"),
        (r"a{1001}", "RE2", "at most 1000 times"),
        (r"(a{1,100}){1,100}", "RE2", "at most 1000 times"),
        (r"[[:alpha:]]+\.csv", "may mean another thing", "escape it"),
        (r"sales_(\d{4}", "not a regular expression", "unterminated"),
    ],
)  # fmt: skip
def test_what_re2_lacks_is_refused_with_what_to_write_instead(pattern: str, name: str, instead: str) -> None:
    found = faults(changed("entities.sales.filename_pattern", pattern))
    mine = [fault for fault in found if fault.startswith("entities.sales.filename_pattern: ")]
    assert len(mine) == 1, found
    assert name in mine[0] and instead in mine[0], mine[0]


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        (r"\(\?=a\)", "(?=a)"),
        (r"a\\1", "a\\1"),
        (r"[(?=]+", "(?="),
        (r"[]\]+]+", "]+"),
        (r"a\++", "a++"),
        (r"a}+", "a}}"),
        (r"a{,x", "a{,x"),
        (r"a\{,3}", "a{,3}"),
        (r"\x41\101", "AA"),
        (r"\\Z", "\\Z"),
        (r"(?P<aLu>a)(?i:b)", "aB"),
        (r"(?s).(?-s:x)", "\nx"),
    ],
)  # fmt: skip
def test_what_only_looks_like_it_is_taken(pattern: str, name: str) -> None:
    assert re.fullmatch(pattern, name) is not None
    assert FilenamePattern(pattern).fullmatch(name) is not None


def test_digits_and_letters_are_ascii() -> None:
    # A partition's value goes into the keys and into SQL; no other script's digits were ever one.
    assert re.fullmatch(r"x_(\d{4})\.csv", "x_٢٠٢٤.csv")
    assert FilenamePattern(r"x_(\d{4})\.csv").fullmatch("x_٢٠٢٤.csv") is None


def test_half_a_surrogate_pair_matches_nothing() -> None:
    assert FilenamePattern(r".*").fullmatch("\ud800.csv") is None


def test_a_pattern_can_be_copied_and_sent() -> None:
    pattern = FilenamePattern(r"x_(\d{4})")
    for twin in (copy.deepcopy(pattern), pickle.loads(pickle.dumps(pattern))):
        found = twin.fullmatch("x_2024")
        assert found is not None and found.groups() == ("2024",)


def test_the_schema_of_the_configuration_asks_for_text_alone() -> None:
    setting = json_schema()["$defs"]["Entity"]["properties"]["filename_pattern"]
    assert setting["type"] == "string" and "pattern" not in setting and "format" not in setting
