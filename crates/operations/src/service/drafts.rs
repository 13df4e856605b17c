//! The texts that an incident's runbooks have for telling people, named so that a program can ask for one of them again.

use std::collections::BTreeMap;

use command::mask::mask_text;
use incident::{Filled, Template};

use super::{Operations, version};
use crate::{Caller, Error, IncidentId};

/// A text of a runbook, and what is known for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// Names it by what it says: another text has another name.
    pub id: String,
    /// The text.
    pub template: Template,
    /// What the incident knows for its fields, by their names.
    pub known: BTreeMap<String, String>,
}

impl Operations {
    /// The texts of [`Operations::templates`] with what the incident knows for each.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`], [`Error::Store`].
    pub async fn drafts(&self, caller: &Caller, id: IncidentId) -> Result<Vec<Draft>, Error> {
        let templates = self.templates(caller, id).await?;
        let incident = self.existing_incident(id).await?;
        let draft =
            |template: Template| Draft { id: name(&template), known: self.known(&incident, &template), template };
        Ok(templates.into_iter().map(draft).collect())
    }

    /// A text as it would leave: what the incident knows stands in it, over that what was given, and no secret.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`], [`Error::Store`].
    pub async fn preview(
        &self,
        caller: &Caller,
        id: IncidentId,
        draft: &str,
        given: BTreeMap<String, String>,
    ) -> Result<Filled, Error> {
        let drafts = self.drafts(caller, id).await?;
        let Draft { template, mut known, .. } =
            drafts.into_iter().find(|one| one.id == draft).ok_or(Error::NotFound("This text"))?;
        known.extend(given);
        let filled = template.fill(&known);
        Ok(Filled {
            subject: filled.subject.as_deref().map(mask_text),
            text: mask_text(&filled.text),
            missing: filled.missing,
        })
    }
}

/// What a text is called, by all that people see of it.
fn name(template: &Template) -> String {
    let Template { procedure, step, title, subject, text, .. } = template;
    let subject = subject.as_deref().unwrap_or_default();
    version(&[procedure.as_str(), step.as_str(), title, subject, text].join("\0"))
}
