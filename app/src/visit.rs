//! What one request brings along: who asks, what they may call, what their address says.

use jiff::Timestamp;
use leptos::prelude::*;
use leptos_router::hooks::{use_params_map, use_query_map};
use leptos_router::params::ParamsMap;
use operations::{Caller, Card, Cards, Operations, Permission};
use runbook::{ProcedureId, RunbookId};
use std::time::Duration;

/// What a page knows of the portal it stands in. The server provides it as context.
#[derive(Clone, Debug, Default)]
pub struct Site {
    /// Whether this portal's cluster is the practice cluster: every page then says that nothing is real.
    pub practice: bool,
    /// What to call this portal beside its name, where several stand side by side: `Payments`, `eu-west-1`.
    pub label: Option<String>,
    /// The identity provider's origin, where signing out may end.
    pub provider_origin: Option<String>,
}

/// How long a page waits for a first word before it draws a card as loading.
const FIRST_WORD: Duration = Duration::from_millis(600);

/// One request for a page.
#[derive(Clone)]
pub(crate) struct Visit {
    pub(crate) operations: Operations,
    pub(crate) caller: Caller,
    pub(crate) site: Site,
    pub(crate) now: Timestamp,
    pub(crate) params: ParamsMap,
    pub(crate) query: ParamsMap,
}

impl Visit {
    /// The request that is being answered; `None` where the server did not say who asks.
    pub(crate) fn current() -> Option<Self> {
        let (params, query) = (use_params_map().get_untracked(), use_query_map().get_untracked());
        Some(Self { params, query, ..Self::astray()? })
    }

    /// A request whose address leads nowhere: outside of a matched route there are no parameters to ask for.
    pub(crate) fn astray() -> Option<Self> {
        let operations: Operations = use_context()?;
        Some(Self {
            now: operations.now(),
            operations,
            caller: use_context()?,
            site: use_context().unwrap_or_default(),
            params: ParamsMap::new(),
            query: ParamsMap::new(),
        })
    }

    /// Whether the person's role permits it: decides what a page offers, never what it may do.
    pub(crate) fn may(&self, permission: Permission) -> bool {
        self.caller.person.role.permits(permission)
    }

    /// A part of the path.
    pub(crate) fn param(&self, name: &str) -> String {
        self.params.get(name).unwrap_or_default()
    }

    /// A part of the query, trimmed; `None` where it is absent or empty.
    pub(crate) fn asked(&self, name: &str) -> Option<String> {
        let text = self.query.get(name)?;
        let text = text.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }

    pub(crate) fn runbook_id(&self) -> RunbookId {
        RunbookId::new(self.param("runbook"))
    }

    pub(crate) fn procedure_id(&self) -> ProcedureId {
        ProcedureId::new(self.param("procedure"))
    }

    /// The cards of a page as they are now. What does not answer at once is drawn as loading.
    pub(crate) async fn cards(&self, mut cards: Cards) -> Vec<Card> {
        drop(tokio::time::timeout(FIRST_WORD, cards.heard()).await);
        cards.now()
    }
}
