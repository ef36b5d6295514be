"""Which tests run on moto in every run of the suite: half a minute's worth, one at least for each promise of AWS that
the engine rests on. All of them run with ``--witness all``."""

from __future__ import annotations

from tests.witness.gaps import FAILS

_BY_MODULE = {
    # Where an alert is sent, and that of many who would send it one does.
    "alerts/test_incidents.py": (
        "test_a_cause_sends_one_message_until_it_is_cured_and_then_another",
        "test_of_many_who_report_and_cure_at_once_one_sends_the_message",
        "test_both_messages_reach_the_topic",
    ),
    # If-Match and If-None-Match, of one request and of uploads in parts; ranges.
    "aws/test_storage.py": (
        "test_an_object_that_is_overwritten_while_it_is_read_is_noticed",
        "test_another_version_than_the_one_asked_for_is_refused",
        "test_what_is_written_is_there_once_it_is_closed",
        "test_an_object_that_should_not_be_there_is_not_overwritten",
        "test_exactly_the_expected_object_is_replaced",
        "test_an_error_on_the_way_leaves_nothing_behind",
    ),
    # BatchCreatePartition and its errors, BatchGetPartition, UpdatePartition, UpdateTable.
    "catalog/test_evolution.py": ("test_a_table_is_created_then_left_then_given_what_the_configuration_gained",),
    "catalog/test_partitions.py": (
        "test_what_is_created_is_found_in_its_folder_and_what_was_there_is_returned",
        "test_a_partition_that_points_elsewhere_is_pointed_to_its_folder",
        "test_a_table_that_is_not_there_has_no_storage",
    ),
    "catalog/test_registrar.py": (
        "test_a_new_partition_costs_one_call_and_a_known_one_none",
        "test_many_processes_at_once_make_one_call",
    ),
    "catalog/test_registrar_of_entities.py": ("test_partitions_are_registered_a_hundred_a_call",),
    # Loads: files, overwritten, refused, dirty, contended, copied as they are.
    "files/test_attempt.py": (
        "test_a_file_becomes_typed_rows_of_its_partition",
        "test_a_missing_column_refuses_the_file_and_every_row_is_among_the_rejects",
        "test_the_same_key_with_new_content_replaces_its_rows",
        "test_loading_again_doubles_nothing",
        "test_two_folders_may_hold_files_of_one_name",
        "test_many_workers_on_the_same_files_load_each_once",
        "test_a_worker_taken_for_dead_does_not_overwrite_its_successor",
        "test_a_csv_table_holds_the_file_as_it_came",
    ),
    # A queue's messages come again, and end in the other queue.
    "files/test_dead_letters.py": (
        "test_a_file_nobody_could_load_is_the_sweeps",
        "test_a_refused_file_stays_refused",
        "test_without_the_queue_there_is_nothing_to_drain",
    ),
    "files/test_events.py": ("test_s3_itself_encodes_keys_as_they_are_read",),
    # DeleteObject with If-Match.
    "files/test_file_objects.py": (
        "test_committed_rejects_are_deleted_unless_they_are_others_by_now",
        "test_an_object_that_is_not_expected_is_not_replaced",
    ),
    # Keys with any character; StartAfter.
    "files/test_listing.py": (
        "test_strange_keys_are_listed_as_they_are",
        "test_recent_files_are_those_named_from_a_date_on",
    ),
    # Partitions by a column: transactions.
    "files/test_partitioned_objects.py": (
        "test_rows_are_in_the_partitions_that_they_name",
        "test_a_refused_version_leaves_the_older_rows_of_every_partition",
        "test_a_first_load_costs_a_put_per_partition_and_two_transactions",
    ),
    "files/test_queue_lane.py": (
        "test_a_file_is_loaded_and_visible_when_its_message_is_done",
        "test_a_message_with_one_bad_file_comes_again_and_its_good_file_stays_loaded",
        "test_a_refused_file_is_a_dead_letter_at_once_with_one_alert_and_its_correction_loads",
    ),
    "files/test_sweep.py": ("test_the_sweep_settles_a_file_that_was_deleted_after_its_worker_died",),
    "files/test_validation.py": ("test_rows_that_vanish_from_the_bucket_fail_the_validation",),
    # Conditions of writes, of one item and of several.
    "ledger/test_files.py": (
        "test_of_many_claimants_one_wins",
        "test_of_many_who_take_over_an_expired_claim_one_wins",
        "test_a_newer_version_is_claimed_and_the_old_one_is_kept_as_superseded",
        "test_a_worker_that_lost_its_lease_cannot_report",
        "test_a_request_that_was_answered_into_the_void_and_sent_again_is_no_conflict",
        "TestAFileOfManyPartitions::test_has_all_of_its_parts_once_it_is_committed",
        "TestAFileOfManyPartitions::test_gets_no_part_from_a_worker_that_lost_its_lease",
    ),
    # Indexes, pages, consistent reads.
    "ledger/test_queries.py": (
        "test_many_entries_are_read_beyond_one_request",
        "test_the_files_of_a_state_come_a_page_at_a_time_newest_first",
        "test_a_partition_is_read_a_page_at_a_time_and_shows_whole_files_for_their_parts",
    ),
    "ledger/test_table.py": ("test_a_write_whose_answer_was_lost_and_that_is_sent_again_finds_itself",),
}
CHOSEN = frozenset(f"{module}::{test}" for module, tests in _BY_MODULE.items() for test in tests) | {
    known.test.partition("[")[0] for known in FAILS
}
