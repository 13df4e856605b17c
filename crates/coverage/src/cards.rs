//! The cards of every runbook's page: each of them says something, and some of them move.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use operations::{Card, CardState, Cards, Content};

use crate::report::say;
use crate::repository::Repository;
use crate::walk::{Place, own_namespace};

/// How long all cards of a page may take for their first word, and some of them to move.
const PATIENCE: Duration = Duration::from_secs(90);
/// How many cards of a page have to move, where it has so many.
const MOVING: usize = 2;

/// Looks at every page; whether all of it holds.
pub(crate) async fn look(folders: &[PathBuf], reach: &Path, only: Option<&str>) -> Result<bool> {
    let mut holds = true;
    for folder in folders {
        let repository = Repository::new(folder).await?;
        let shelf = server::folder::Folder::open(repository.path()).map_err(|error| anyhow!("{error}"))?;
        for runbook in &operations::Library::shelf(&shelf).runbooks {
            let id = runbook.id.as_str();
            if only.is_some_and(|text| !id.contains(text)) {
                continue;
            }
            let place = Place::open(repository.path(), reach, own_namespace(runbook)).await?;
            let environment = operations::EnvironmentName("practice".to_owned());
            let cards = place.operations().cards_of_runbook(place.caller(), &runbook.id, &environment).await;
            holds &= page(id, cards.context("the cards of a page")?).await;
            place.close().await;
        }
    }
    Ok(holds)
}

/// One page.
async fn page(id: &str, mut cards: Cards) -> bool {
    drop(tokio::time::timeout(PATIENCE, cards.heard()).await);
    let first = cards.now();
    let silent: Vec<String> = first.iter().filter_map(trouble).collect();
    let mut moved: BTreeSet<String> = BTreeSet::new();
    let wanted = MOVING.min(first.len());
    let moving = async {
        while moved.len() < wanted {
            cards.changed().await;
            let now = cards.now();
            let differ = first.iter().zip(&now).filter(|(before, after)| numbers(before) != numbers(after));
            moved.extend(differ.map(|(card, _)| card.widget.subject.title()));
        }
    };
    drop(tokio::time::timeout(PATIENCE, moving).await);
    let names: Vec<&str> = moved.iter().map(String::as_str).collect();
    say(format_args!("{id}: {} cards, of those that move: {}", first.len(), names.join(", ")));
    for reason in &silent {
        say(format_args!("  {reason}"));
    }
    let moves = moved.len() >= wanted;
    if !moves {
        say(format_args!("  fewer than {wanted} moved within {} s", PATIENCE.as_secs()));
    }
    moves && silent.is_empty()
}

/// What a card says, without when it was said.
fn numbers(card: &Card) -> String {
    match &card.content {
        Content::Workloads(snapshot) => format!("{:?}", snapshot.workloads),
        Content::Gauge(gauge) => {
            let mut readings = gauge.readings.clone();
            for measure in readings.iter_mut().flat_map(|reading| &mut reading.measures) {
                // A past that grows is no news.
                measure.series.clear();
            }
            format!("{:?} {readings:?}", gauge.state)
        }
        Content::Refused(reason) => reason.clone(),
    }
}

/// Why a card says nothing; what is not there says so.
fn trouble(card: &Card) -> Option<String> {
    let state = match &card.content {
        Content::Workloads(snapshot) => &snapshot.state,
        Content::Gauge(gauge) => &gauge.state,
        Content::Refused(reason) => return Some(format!("{}: {reason}", card.widget.subject.title())),
    };
    match state {
        CardState::Fresh | CardState::Absent => None,
        other => Some(format!("{}: {other:?}", card.widget.subject.title())),
    }
}
