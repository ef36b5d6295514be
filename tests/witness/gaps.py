"""What moto 5.2.5 lacks that AWS has, by the tests that it keeps from passing or from being of use on moto's server.

A difference between moto and the local AWS is settled by AWS's documents, or by what others rely on: the address is
given. Where moto is right, the local AWS has to be mended, and nothing stands here.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

MOTO = "5.2.5"

VERSION_ID = (
    # https://docs.aws.amazon.com/glue/latest/webapi/API_UpdateTable.html; that Glue refuses another version than the
    # present one is what Iceberg's commits rest on:
    # https://github.com/apache/iceberg/blob/main/aws/src/main/java/org/apache/iceberg/aws/glue/GlueTableOperations.java
    "Glue's UpdateTable takes no notice of VersionId: of two that change a table at once the second undoes the first"
)
COMPLETE_IF_MATCH = (
    # https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html
    "S3's CompleteMultipartUpload takes no notice of If-Match (it does of If-None-Match)"
)
SEQUENCER = (
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
    "S3's notifications have no sequencer: versions of one second cannot be ordered"
)
TOO_SLOW = "it is slow: 2,700 objects, each told of to a queue, take it three minutes"
NO_TTL_SWEEP = "nothing expires when a test asks for it; that is a control of the local AWS"
NO_EXPORTS = "DynamoDB's exports by window and their controls, and streams behind functions, are the local AWS's own"
NO_INGESTIONS = "moto's QuickSight reads nothing: its ingestions stay INITIALIZED; the plans rest on the ledger alone"
ATHENA_ALONE = "what is asked is what Athena answers, and that is the same Athena"
OWN_ANSWERS = "what S3 answers of archives, and between the parts of a copy, are answers of the tests themselves"
COUNTED = "what is counted is what the engine asks, whoever answers it"
NO_TABLE_ID = (
    # https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TableDescription.html
    "DynamoDB's tables have no TableId, so that one is not told from another"
)
DEPLOYED = "its lakes are deployed by CloudFormation, with the command"


@dataclass(frozen=True)
class Fails:
    """A test that fails on moto, with the text that its failure has; it is run, and may not fail in another way."""

    test: str
    says: str
    lacks: str


FAILS = (
    Fails(
        "files/test_attempt_schema_policy.py::test_a_column_added_between_reading_and_writing_the_table_is_kept",
        r"assert \['ours', 'both'\] == \['ours'\]",
        VERSION_ID,
    ),
    Fails(
        "files/test_attempt_schema_policy.py::test_a_configured_column_added_at_the_same_time_is_kept_too",
        r"assert \['declared'\] == \['evolved', 'declared'\]",
        VERSION_ID,
    ),
    Fails(
        "catalog/test_evolution.py::"
        "test_of_those_that_add_a_column_at_once_glues_refusal_is_tried_again_until_it_is_there",
        r"assert \['mine'\] == \['one', 'two'",
        VERSION_ID,
    ),
    Fails(
        "aws/test_storage.py::test_exactly_the_expected_object_is_replaced[10485760]",
        "DID NOT RAISE TargetChangedError",
        COMPLETE_IF_MATCH,
    ),
)

# Not run. Whether the first two pass depends on how threads, or a put and the end of a second, come after each other.
NOT_RUN = {
    "files/test_attempt_schema_policy.py::test_many_workers_add_each_column_once_and_lose_none": VERSION_ID,
    "files/test_dead_letters.py::test_a_stale_dead_letter_changes_nothing": SEQUENCER,
    "files/test_listing.py::test_looking_for_a_day_costs_the_same_however_long_the_history": TOO_SLOW,
    "ledger/test_notes.py::test_only_a_note_that_is_kept_for_a_time_expires": NO_TTL_SWEEP,
    "ledger/test_notes.py::test_a_note_that_is_written_again_for_good_does_not_expire": NO_TTL_SWEEP,
}

# Modules of tests/lakelanes with a lake that are not run on moto, by pattern.
NOT_COLLECTED = {
    "tables/*": NO_EXPORTS,
    "overview/*": NO_EXPORTS,
    "catalog/test_athena.py": ATHENA_ALONE,
    "catalog/test_views_of_*.py": ATHENA_ALONE,
    "ledger/test_ownership.py": NO_TABLE_ID,
    "commands/*": DEPLOYED,
    "cost/*": COUNTED,
    "test___main___exit_codes.py": DEPLOYED,
    "dashboards/test_spice.py": NO_INGESTIONS,
    "dashboards/test_refresh_plan.py": NO_INGESTIONS,
    "dashboards/test_enhanced_refresh.py": NO_INGESTIONS,
    "dashboards/test_proposal.py": ATHENA_ALONE,
    "dashboards/test_queries.py": ATHENA_ALONE,
    "dashboards/test_view_columns.py": ATHENA_ALONE,
    "draft/test_table.py": NO_EXPORTS,
    "files/test_attempt_copies.py": OWN_ANSWERS,
    "files/test_sweep_archived.py": OWN_ANSWERS,
}


def expected_failure(test: str) -> Fails | None:
    """What is known of a test, by its place below tests/witness."""
    return next((known for known in FAILS if known.test == test), None)


def reason_not_collected(module: str) -> str | None:
    """Why a module, by its place below tests/lakelanes, is not run on moto."""
    return next((reason for pattern, reason in NOT_COLLECTED.items() if fnmatchcase(module, pattern)), None)
