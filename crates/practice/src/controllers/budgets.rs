//! Disruption budgets: how many pods may be evicted now.

use super::replicas::set_status;
use crate::api::budget_state;
use crate::object::number;
use crate::store::Store;
use serde_json::json;

const PLACE: &str = "poddisruptionbudgets.policy";

pub(super) fn reconcile(store: &mut Store) {
    for budget in store.list(PLACE, None) {
        let (expected, healthy, desired) = budget_state(store, &budget);
        let status = json!({
            "expectedPods": expected, "currentHealthy": healthy, "desiredHealthy": desired,
            "disruptionsAllowed": (healthy - desired).max(0),
            "observedGeneration": number(&budget, "/metadata/generation", 1),
        });
        set_status(store, PLACE, &budget, &status);
    }
}
