//! What is looked for.

mod calls;
mod order;
mod sql;
mod text;
mod values;

use runbook::{Procedure, Runbook};

use crate::place::{self, Place};
use crate::{Finding, Rule};

/// Every rule.
pub const RULES: &[&Rule] = &[
    &calls::WRONG,
    &calls::DUPLICATE,
    &calls::MISSING,
    &calls::REMOVED_RESOURCE,
    &calls::OPEN,
    &calls::PASSWORD,
    &calls::NOT_AVAILABLE,
    &order::ENDLESS,
    &order::EVIDENCE,
    &order::SEQUENCE,
    &order::TIME,
    &sql::REMOVED_COLUMN,
    &text::CREDENTIALS,
    &text::DECODED,
    &text::LINK,
    &text::WIDGET,
    &values::UNFILLABLE,
    &values::PATH,
];

/// What all of them find.
pub(crate) fn all(runbook: &Runbook) -> Vec<Finding> {
    let lines = place::lines(runbook);
    let mut found = text::check(runbook, &lines);
    for procedure in &runbook.procedures {
        found.extend(of_procedure(procedure, &lines));
    }
    found
}

/// What those find that look at commands.
pub(crate) fn of_procedure(procedure: &Procedure, lines: &[&str]) -> Vec<Finding> {
    let mut found = Vec::new();
    order::check(procedure, lines, &mut found);
    for command in procedure.commands() {
        let place = Place::new(procedure, command, lines);
        calls::check(&place, &mut found);
        sql::check(&place, &mut found);
        values::check(&place, &mut found);
    }
    found
}
