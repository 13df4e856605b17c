//! What every database must do, said once and asked of both: SQLite always, PostgreSQL where `TEST_POSTGRES_URL` names a
//! throw-away server (a superuser's address; each test makes a schema of its own there).

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

mod audit;
mod audit_pages;
mod durability;
mod fixture;
mod incidents;
mod output;
mod past;
mod people;
mod runs;
mod sessions;
mod tokens;

/// Makes two tests of each function, one for each database.
macro_rules! contract {
    ($($room:ident: $($name:ident),+ $(,)?;)+) => {
        mod sqlite {
            $(mod $room {
                $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    crate::$room::$name(&crate::fixture::Fixture::sqlite().await).await;
                })+
            })+
        }

        mod postgres {
            $(mod $room {
                $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    let Some(fixture) = crate::fixture::Fixture::postgres().await else {
                        println!("skipped: no PostgreSQL");
                        return;
                    };
                    crate::$room::$name(&fixture).await;
                    fixture.remove().await;
                })+
            })+
        }
    };
}

contract! {
    runs:
        a_run_comes_back_as_it_was_made,
        numbers_grow_and_texts_are_kept_once,
        runs_are_filtered_newest_first,
        a_run_closes_once,
        variables_are_carried,
        an_execution_begins_and_ends,
        many_presses_start_it_once,
        only_the_latest_thousand_are_read,
        the_latest_of_a_command_is_never_forgotten,
        however_many_notes_leave_the_marks_alone,
        marks_come_back_in_order,
        procedures_are_pinned_by_each_person,
        columns_are_tied;
    incidents:
        an_incident_comes_back_as_it_was_changed,
        an_incident_is_kept_with_the_alert_that_opens_it_or_not_at_all,
        open_incidents_come_first,
        the_worst_comes_before_the_newest_on_every_page,
        an_alert_finds_its_open_incident,
        runs_and_events_belong_to_an_incident,
        who_took_part_is_called_as_their_last_sign_in_told,
        messages_and_attachments_come_back,
        every_kind_of_event_is_known_to_the_database;
    people:
        what_was_known_last_counts,
        people_are_listed_by_role_and_latest_first,
        columns_are_tied;
    past:
        runs_come_with_what_became_of_them,
        what_is_long_is_left_out,
        a_run_is_read_whole_or_not_at_all;
    output:
        pieces_come_back_in_order,
        great_pieces_are_split,
        lists_are_paged,
        a_cursor_misses_nothing,
        output_belongs_to_its_execution;
    audit:
        an_event_comes_back_as_it_was_written,
        anything_can_be_an_argument,
        an_outcome_completes_its_intent_once,
        unfinished_intents_are_found,
        actions_of_an_execution_in_order,
        changes_of_a_run_in_order,
        rows_never_change,
        columns_are_tied;
    audit_pages:
        many_appends_all_land,
        filters_select,
        text_is_taken_literally,
        pages_follow_each_other;
    sessions:
        a_session_goes_round,
        a_taken_id_is_replaced,
        expired_sessions_are_gone,
        a_deleted_session_stays_gone,
        ids_are_not_in_the_table;
    tokens:
        a_token_comes_back_as_it_was_made,
        lists_are_by_owner_and_newest_first,
        a_token_is_revoked_once,
        what_is_known_of_an_owner_reaches_their_tokens_alone,
        ended_tokens_are_forgotten,
        columns_are_tied;
    durability:
        everything_is_there_after_reopening,
        a_second_connection_migrates_nothing,
        one_portal_at_a_time,
        a_changed_migration_is_refused;
}
