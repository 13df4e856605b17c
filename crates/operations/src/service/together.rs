//! Several people at one run: who does which step, which way is taken, and what there is to remember.

use jiff::Timestamp;
use runbook::{Alternatives, Body, Command, CommandId, Step, StepId};

use super::{Operations, oneself, signature};
use crate::{
    Attachment, AttachmentId, AuditEvent, Caller, Error, EventKind, Mark, Permission, Run, RunId, StepMark, StepState,
    StepView,
};

/// The part of a run that a note on the whole is kept under.
pub(super) const WHOLE: &str = "run";
/// What a text is kept as.
const TEXT: &str = "text/plain; charset=utf-8";
/// The longest name of a file.
const NAME: usize = 120;

/// What somebody says of a part of a run.
struct Saying<'s> {
    part: &'s str,
    kind: EventKind,
    /// One line for the trail.
    said: String,
    /// The rest for the trail.
    words: Vec<String>,
    mark: Mark,
}

/// A note that is to be written.
struct Note {
    /// The step; none for the whole run.
    step: Option<StepId>,
    word: String,
    /// The name and content of what stands beside it.
    file: Option<(String, Vec<u8>)>,
    /// What is said of the step with it.
    tick: Option<Mark>,
}

impl Operations {
    /// Means to do a step: the others leave it alone, or take it over.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`], [`Error::Conflict`] where it is theirs already, [`Error::Audit`],
    /// [`Error::Store`].
    pub async fn claim(&self, caller: &Caller, run: RunId, step: &StepId) -> Result<(), Error> {
        let (this, caller, step) = (self.clone(), caller.clone(), step.clone());
        self.whole(async move {
            this.permit(&caller, Permission::Run, "claim a step").await?;
            let _turn = this.rooms.turn(run).await;
            let run = this.open_run(run).await?;
            let said = match this.claim_of(&caller, &run, &step).await? {
                Some((subject, _)) if subject == caller.person.subject => {
                    return Err(Error::Conflict("You have claimed this step already.".to_owned()));
                }
                Some((_, name)) => format!("Took the step over from {name}"),
                None => "Claimed the step".to_owned(),
            };
            let mark = Mark::Claimed { by: oneself(&caller) };
            let kind = EventKind::StepClaimed;
            this.put(&caller, &run, Saying { part: step.as_str(), kind, said, words: Vec::new(), mark }).await
        })
        .await
    }

    /// Gives a step to somebody else, or, to nobody, back.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`], [`Error::Invalid`] for somebody nobody knows, [`Error::Conflict`] where it
    /// is not theirs to give, [`Error::Audit`], [`Error::Store`].
    pub async fn hand_over_step(
        &self,
        caller: &Caller,
        run: RunId,
        step: &StepId,
        to: Option<&str>,
    ) -> Result<(), Error> {
        let (this, caller, step, to) = (self.clone(), caller.clone(), step.clone(), to.map(str::to_owned));
        self.whole(async move {
            this.permit(&caller, Permission::Run, "hand a step over").await?;
            let to = match to {
                Some(to) => Some(this.known_person(&to).await?),
                None => None,
            };
            let _turn = this.rooms.turn(run).await;
            let run = this.open_run(run).await?;
            let claim = this.claim_of(&caller, &run, &step).await?;
            if let Some((subject, name)) = &claim
                && *subject != caller.person.subject
            {
                return Err(Error::Conflict(format!("It is {name}'s step: take it over first.")));
            }
            let (mark, said) = match to {
                Some(to) => {
                    let said = format!("Handed the step to {}", to.1);
                    (Mark::Claimed { by: to }, said)
                }
                None if claim.is_none() => return Err(Error::Conflict("Nobody has claimed this step.".to_owned())),
                None => (Mark::Released, "Gave the step back".to_owned()),
            };
            let kind = EventKind::StepHandedOver;
            this.put(&caller, &run, Saying { part: step.as_str(), kind, said, words: Vec::new(), mark }).await
        })
        .await
    }

    async fn claim_of(&self, caller: &Caller, run: &Run, step: &StepId) -> Result<Option<(String, String)>, Error> {
        Ok(self.step_view(caller, run, step).await?.claim.map(|claim| claim.by))
    }

    async fn step_view(&self, caller: &Caller, run: &Run, step: &StepId) -> Result<StepView, Error> {
        let view = self.view_run(caller, run.id).await?;
        view.steps.into_iter().find(|view| view.id == *step).ok_or(Error::NotFound("This step"))
    }

    /// Of several ways chooses one: the others stay unpressed, and the choice stays in the trail.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`], [`Error::Conflict`] where the step is somebody else's,
    /// [`Error::Invalid`] where there is nothing to choose, [`Error::Audit`], [`Error::Store`].
    pub async fn choose(&self, caller: &Caller, run: RunId, command: &CommandId) -> Result<(), Error> {
        let (this, caller, command) = (self.clone(), caller.clone(), command.clone());
        self.whole(async move {
            this.permit(&caller, Permission::Run, "choose a way").await?;
            let _turn = this.rooms.turn(run).await;
            let run = this.open_run(run).await?;
            let procedure = this.procedure_of(&run).await?;
            let (step, command) = procedure.command(&command).ok_or(Error::NotFound("This command"))?;
            if !matches!(step.body, Body::Commands { alternatives: Alternatives::One, .. }) {
                return Err(Error::Invalid(
                    "The commands of this step are all meant: there is nothing to choose.".to_owned(),
                ));
            }
            this.step_to_do(&caller, &run, &step.id).await?;
            this.put(&caller, &run, choice(command)).await
        })
        .await
    }

    /// Of several ways the one that is pressed first is the one that was chosen: another one, pressed a moment later, is
    /// refused. Whoever calls has the run's turn.
    pub(super) async fn settle_choice(
        &self,
        caller: &Caller,
        run: &Run,
        of: &Step,
        step: &StepView,
        command: &Command,
    ) -> Result<(), Error> {
        let one = matches!(of.body, Body::Commands { alternatives: Alternatives::One, .. });
        if one && step.chosen.is_none() { self.put(caller, run, choice(command)).await } else { Ok(()) }
    }

    /// A step that the caller may do something to: nobody else has claimed it.
    pub(super) async fn step_to_do(&self, caller: &Caller, run: &Run, step: &StepId) -> Result<StepView, Error> {
        let view = self.step_view(caller, run, step).await?;
        not_somebody_elses(caller, &view)?;
        Ok(view)
    }

    /// Writes a note, to a step or to the whole run, and keeps a picture or text beside it.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`], [`Error::Invalid`] for a note that is empty or too long, for a file of
    /// another kind, and where the run has as many notes as it keeps, [`Error::Audit`], [`Error::Store`].
    pub async fn note(
        &self,
        caller: &Caller,
        run: RunId,
        step: Option<&StepId>,
        word: &str,
        file: Option<(String, Vec<u8>)>,
    ) -> Result<(), Error> {
        let note = Note { step: step.cloned(), word: word.to_owned(), file, tick: None };
        self.write_note(caller, run, note).await
    }

    /// Writes a note to a step and ticks the step with it: both, or neither where the step is not the caller's to do.
    ///
    /// # Errors
    /// As [`Operations::note`] and [`Operations::mark`].
    pub async fn note_and_tick(
        &self,
        caller: &Caller,
        run: RunId,
        step: &StepId,
        word: &str,
        file: Option<(String, Vec<u8>)>,
    ) -> Result<(), Error> {
        let note = Note { step: Some(step.clone()), word: word.to_owned(), file, tick: Some(Mark::Done) };
        self.write_note(caller, run, note).await
    }

    async fn write_note(&self, caller: &Caller, run: RunId, note: Note) -> Result<(), Error> {
        let (this, caller) = (self.clone(), caller.clone());
        let Note { step, word, file, tick } = note;
        self.whole(async move {
            this.permit(&caller, Permission::Run, "write a note").await?;
            check_note(word.trim())?;
            let word = command::mask::mask_text(word.trim());
            if word.is_empty() && file.is_none() {
                return Err(Error::Invalid("Write the note first.".to_owned()));
            }
            let _turn = this.rooms.turn(run).await;
            let run = this.existing_run(run).await?;
            let tick = step.as_ref().zip(tick);
            // Before anything is kept: a form that is sent again must not say it twice.
            if let Some((step, mark)) = &tick {
                this.open_run(run.id).await?;
                this.may_mark(&caller, &run, step.as_str(), mark).await?;
            }
            this.has_room(&run, &word).await?;
            let part = match &step {
                Some(step) => {
                    let procedure = this.procedure_of(&run).await?;
                    procedure.step(step).ok_or(Error::NotFound("This step"))?.id.as_str().to_owned()
                }
                None => WHOLE.to_owned(),
            };
            let file = match file {
                Some((name, bytes)) => Some(this.checked_file(&caller, &run, &name, bytes).await?),
                None => None,
            };
            let about = file.as_ref().map(|file| (file.id, file.name.clone(), file.media_type.clone()));
            let mut words = vec![word.clone()];
            words.extend(about.as_ref().map(|(id, name, kind)| format!("attachment {id}: {name} ({kind})")));
            let mark = Mark::Noted { text: word, attachment: about };
            let (kind, said) = (EventKind::NoteWritten, "Note".to_owned());
            let saying = Saying { part: &part, kind, said, words, mark };
            let at = this.tell(&caller, &run, &saying).await?;
            if let Some(file) = &file {
                this.rooms.incidents.attach(file).await?;
            }
            this.keep_mark(&caller, &run, saying, at).await?;
            match tick {
                Some((step, mark)) => this.put_mark(&caller, &run, step.as_str(), mark).await,
                None => Ok(()),
            }
        })
        .await
    }

    /// Whether a run keeps one more note: everybody who looks at it reads them all.
    async fn has_room(&self, run: &Run, word: &str) -> Result<(), Error> {
        let notes = self.rooms.runs.notes(run.id).await?;
        let length = |note: &StepMark| if let Mark::Noted { text, .. } = &note.mark { text.len() } else { 0 };
        let bytes: usize = notes.iter().map(length).sum();
        if notes.len() < StepMark::NOTES && bytes + word.len() <= StepMark::ALL_NOTES {
            return Ok(());
        }
        Err(Error::Invalid(format!(
            "A run keeps at most {} notes, together at most {} KiB, and {} notes of {} KiB are there. Put what else there \
             is to say where the team keeps its documents.",
            StepMark::NOTES,
            StepMark::ALL_NOTES >> 10,
            notes.len(),
            bytes >> 10
        )))
    }

    /// A file that may be kept: of a kind and size that is taken, a text without its secrets.
    async fn checked_file(&self, caller: &Caller, run: &Run, name: &str, bytes: Vec<u8>) -> Result<Attachment, Error> {
        if bytes.len() > Attachment::LIMIT {
            return Err(Error::Invalid(format!(
                "The file is too large: {} KiB of at most {} KiB.",
                bytes.len() >> 10,
                Attachment::LIMIT >> 10
            )));
        }
        let media_type = media_type(&bytes).ok_or_else(|| {
            Error::Invalid(
                "A note takes a picture (PNG, JPEG, GIF, WebP) or a text in UTF-8, and this is neither.".to_owned(),
            )
        })?;
        let there = self.rooms.incidents.attached(run.id).await?;
        if there.saturating_add(bytes.len() as u64) > Attachment::LIMIT_OF_RUN {
            return Err(Error::Invalid(format!(
                "A run keeps at most {} MiB of files, and {} MiB are there. Write the note without the file.",
                Attachment::LIMIT_OF_RUN >> 20,
                there >> 20
            )));
        }
        let bytes = match String::from_utf8(bytes) {
            Ok(text) if media_type == TEXT => command::mask::mask_text(&text).into_bytes(),
            Ok(text) => text.into_bytes(),
            Err(error) => error.into_bytes(),
        };
        Ok(Attachment {
            id: AttachmentId::new(),
            run: run.id,
            name: file_name(name),
            media_type: media_type.to_owned(),
            bytes,
            by: signature(caller),
            at: self.rooms.now(),
        })
    }

    /// What somebody put beside a note. It may show what a command printed: it is for those who see output.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`], [`Error::Store`].
    pub async fn attachment(&self, caller: &Caller, id: AttachmentId) -> Result<Attachment, Error> {
        super::permit(caller, Permission::SeeOutput)?;
        self.rooms.incidents.attachment(id).await?.ok_or(Error::NotFound("This attachment"))
    }

    /// Writes a mark that says nothing of how far a step is, first to the trail.
    async fn put(&self, caller: &Caller, run: &Run, saying: Saying<'_>) -> Result<(), Error> {
        let at = self.tell(caller, run, &saying).await?;
        self.keep_mark(caller, run, saying, at).await
    }

    /// Writes to the trail what somebody says, and when.
    async fn tell(&self, caller: &Caller, run: &Run, saying: &Saying<'_>) -> Result<Timestamp, Error> {
        let place = (saying.part != WHOLE).then(|| CommandId::new(saying.part));
        let mut event: AuditEvent = self.event(caller, saying.kind, run, place, &saying.said);
        event.argv.clone_from(&saying.words);
        self.rooms.trail.append(&event).await?;
        Ok(event.at)
    }

    async fn keep_mark(&self, caller: &Caller, run: &Run, saying: Saying<'_>, at: Timestamp) -> Result<(), Error> {
        let mark = StepMark { run: run.id, part: saying.part.to_owned(), mark: saying.mark, by: signature(caller), at };
        self.rooms.runs.mark(&mark).await?;
        self.rooms.changed(run.id);
        Ok(())
    }
}

/// The words of a choice.
fn choice(command: &Command) -> Saying<'_> {
    let title = command::mask::mask_script(&crate::running::title(command));
    let (part, kind, said) = (command.id.as_str(), EventKind::ChoiceMade, format!("Chose: {title}"));
    Saying { part, kind, said, words: Vec::new(), mark: Mark::Chosen }
}

/// Whether a text is short enough for a note, on a run or on an incident.
///
/// # Errors
/// [`Error::Invalid`] where it has more than [`StepMark::NOTE`] bytes.
pub(super) fn check_note(text: &str) -> Result<(), Error> {
    if text.len() <= StepMark::NOTE {
        return Ok(());
    }
    Err(Error::Invalid(format!(
        "This is too long: {} of at most {} bytes (4 KiB). Say it shorter; a text to keep goes beside the note of a run, \
         as a file.",
        text.len(),
        StepMark::NOTE
    )))
}

/// Refuses what is done to a step that somebody else has claimed.
pub(super) fn not_somebody_elses(caller: &Caller, step: &StepView) -> Result<(), Error> {
    match step.claim.as_ref().map(|claim| &claim.by) {
        Some((subject, name)) if *subject != caller.person.subject => {
            Err(Error::Conflict(format!("{name} has claimed this step. Take it over first, or leave it to them.")))
        }
        _ => Ok(()),
    }
}

/// Of several ways only the one that somebody chose is pressed; before a choice any of them, and the press is one.
pub(super) fn is_the_way(step: &StepView, command: &CommandId) -> Result<(), Error> {
    match &step.chosen {
        Some(chosen) if chosen != command => {
            Err(Error::Conflict(format!("{chosen} was chosen here, not {command}. Choose this one first.")))
        }
        _ => Ok(()),
    }
}

/// Alternatives are never run together.
pub(super) fn is_alone(of: &Step, step: &StepView, command: &CommandId) -> Result<(), Error> {
    if !matches!(of.body, Body::Commands { alternatives: Alternatives::One, .. }) {
        return Ok(());
    }
    match step.commands.iter().find(|other| other.id != *command && other.state == StepState::Running) {
        None => Ok(()),
        Some(other) => Err(Error::Conflict(format!(
            "Another alternative of this step ({}) is running. Stop it or wait for it: alternatives are never run together.",
            other.id
        ))),
    }
}

/// What a file is, by its content: what it is called says nothing.
fn media_type(bytes: &[u8]) -> Option<&'static str> {
    const PICTURES: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];
    let found = infer::get(bytes).map(|kind| kind.mime_type());
    match found {
        Some(kind) => PICTURES.into_iter().find(|known| *known == kind),
        None if bytes.is_empty() || bytes.contains(&0) => None,
        None => std::str::from_utf8(bytes).is_ok().then_some(TEXT),
    }
}

/// The last part of a path, without anything that a header or a page could stumble over.
fn file_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let plain = |c: char| if c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ' ') { c } else { '_' };
    let name: String = last.chars().map(plain).take(NAME).collect();
    let name = name.trim_matches(['.', ' ']);
    if name.is_empty() { "attachment".to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_what_it_holds() {
        assert_eq!(media_type(b"\x89PNG\r\n\x1a\nrest"), Some("image/png"));
        assert_eq!(media_type("Grüße\n".as_bytes()), Some("text/plain; charset=utf-8"));
        assert_eq!(media_type(b"MZ\x90\0\x03\0"), None);
        assert_eq!(media_type(b"\xff\xfe"), None);
        assert_eq!(media_type(b""), None);
        assert_eq!(media_type(b"PK\x03\x04zip"), None);
    }

    #[test]
    fn a_name_is_plain() {
        assert_eq!(file_name("../../etc/passwd"), "passwd");
        assert_eq!(file_name("a\"b\r\nSet-Cookie: x.png"), "a_b__Set-Cookie_ x.png");
        assert_eq!(file_name("C:\\pictures\\graph.png"), "graph.png");
        assert_eq!(file_name("..."), "attachment");
    }
}
