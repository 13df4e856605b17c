//! In which order incidents are listed, and which of them.

use std::cmp::Reverse;
use std::fmt;
use std::str::FromStr;

use incident::Terms;

use crate::{Incident, NewIncident};

/// How bad an incident is of which nobody says: in lists it comes after all others.
const UNKNOWN: u8 = u8::MAX;

impl Incident {
    /// How bad it is; 0 is the worst there can be. As its runbook's level says, else as the name of its severity is meant
    /// everywhere (`critical`, `SEV2`). `None` where nothing says.
    #[must_use]
    pub fn rank(&self) -> Option<u8> {
        rank(&self.terms, self.severity.as_deref())
    }

    /// Where it stands in every list.
    #[must_use]
    pub fn place(&self) -> IncidentPlace {
        let number = Reverse(self.number);
        match self.resolved_at {
            None => IncidentPlace::Open { rank: self.rank().unwrap_or(UNKNOWN), number },
            Some(_) => IncidentPlace::Over { number },
        }
    }
}

impl NewIncident {
    /// As [`Incident::rank`].
    #[must_use]
    pub fn rank(&self) -> Option<u8> {
        rank(&self.terms, self.severity.as_deref())
    }
}

fn rank(terms: &Terms, severity: Option<&str>) -> Option<u8> {
    let level = terms.level.as_ref().map(|level| level.rank);
    level.or_else(|| incident::severity::rank_of_label(&[], severity?))
}

/// Where an incident stands in a list: open ones first, the worst of them before the newest; then what is over, the newest
/// first. As text (`2-31`, `31`) it is the cursor of the next page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum IncidentPlace {
    /// It is open.
    Open {
        /// How bad it is; 255 where nothing says.
        rank: u8,
        /// Its number.
        number: Reverse<i64>,
    },
    /// It is over.
    Over {
        /// Its number.
        number: Reverse<i64>,
    },
}

impl fmt::Display for IncidentPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open { rank, number } => write!(f, "{rank}-{}", number.0),
            Self::Over { number } => write!(f, "{}", number.0),
        }
    }
}

/// A text that is no [`IncidentPlace`].
#[derive(Debug, thiserror::Error)]
#[error("this is no place in a list of incidents")]
pub struct NoPlace;

impl FromStr for IncidentPlace {
    type Err = NoPlace;

    fn from_str(text: &str) -> Result<Self, NoPlace> {
        let number = |text: &str| text.parse::<u32>().map(|number| Reverse(i64::from(number))).map_err(|_| NoPlace);
        match text.split_once('-') {
            Some((rank, rest)) => Ok(Self::Open { rank: rank.parse().map_err(|_| NoPlace)?, number: number(rest)? }),
            None => Ok(Self::Over { number: number(text)? }),
        }
    }
}

/// Which incidents to list, in the order of [`IncidentPlace`].
#[derive(Clone, Debug, Default)]
pub struct IncidentFilter {
    /// Only those that are not resolved.
    pub open: bool,
    /// Only those that this subject leads, or in which, or in whose runs, they did something.
    pub with: Option<String>,
    /// Only those behind this place: the next page.
    pub before: Option<IncidentPlace>,
    /// How many at most; 0 means 50.
    pub limit: u32,
}

/// A page of incidents.
#[derive(Clone, Debug)]
pub struct IncidentPage {
    /// In the order of [`IncidentPlace`].
    pub incidents: Vec<Incident>,
    /// What [`IncidentFilter::before`] is on the next page; `None` where this is the last one.
    pub next: Option<IncidentPlace>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_ordered_and_come_back_from_their_text() {
        let open = |rank, number| IncidentPlace::Open { rank, number: Reverse(number) };
        let over = |number| IncidentPlace::Over { number: Reverse(number) };
        let ordered = [open(1, 3), open(2, 9), open(2, 8), open(UNKNOWN, 99), over(100), over(7)];
        assert!(ordered.is_sorted(), "{ordered:?}");
        for place in ordered {
            assert_eq!(place.to_string().parse::<IncidentPlace>().unwrap(), place);
        }
        for text in ["", "-", "1-", "-1", "999-1", "x", "1-2-3", "99999999999999999999"] {
            assert!(text.parse::<IncidentPlace>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_severity_has_a_rank_without_a_runbook() {
        let ranked = |severity| rank(&Terms::default(), severity);
        let said = [Some("critical"), Some("P2"), Some("sev-3"), Some("Weird"), Some("none"), None].map(ranked);
        assert_eq!(said, [Some(1), Some(2), Some(3), None, None, None]);
    }
}
