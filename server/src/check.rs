//! `runbook-portal check`: what is wrong in runbooks, for their authors and for CI.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use check::{Finding, Severity};

use crate::cli::CheckFormat;
use crate::folder;

/// The files that were looked at.
#[derive(Default)]
struct Report {
    found: Vec<(String, Finding)>,
    unreadable: Vec<String>,
}

/// Prints what is wrong in these folders and files.
///
/// # Errors
/// Where nobody takes what is printed.
pub fn print(paths: &[PathBuf], format: CheckFormat) -> std::io::Result<ExitCode> {
    let mut report = Report::default();
    for path in paths {
        report.look(path);
    }
    // The report is what this command is for.
    let mut out = std::io::stdout().lock();
    match format {
        CheckFormat::Human => report.human(&mut out)?,
        CheckFormat::Sarif => {
            let log = check::sarif(report.found.iter().map(|(path, finding)| (path.as_str(), finding)));
            writeln!(out, "{log:#}")?;
        }
    }
    out.flush()?;
    for reason in &report.unreadable {
        writeln!(std::io::stderr(), "{reason}")?;
    }
    Ok(report.verdict())
}

impl Report {
    fn look(&mut self, path: &Path) {
        if !path.is_dir() {
            return self.file(path);
        }
        let (files, unreadable) = folder::markdown(path);
        files.iter().for_each(|file| self.file(file));
        let shown = |path: &str| Path::new(path).display().to_string();
        self.unreadable.extend(unreadable.iter().map(|one| format!("{}: {}", shown(&one.path), one.reason)));
    }

    fn file(&mut self, path: &Path) {
        let shown = path.display().to_string();
        let read = std::fs::read(path).map_err(|error| format!("it cannot be read: {error}"));
        let parsed = read.and_then(|text| {
            runbook::parse(runbook::RunbookId::new("check"), &text, None).map_err(|error| error.to_string())
        });
        match parsed {
            Ok(runbook) => {
                self.found.extend(check::check(&runbook).into_iter().map(|finding| (shown.clone(), finding)));
            }
            Err(reason) => self.unreadable.push(format!("{shown}: {reason}")),
        }
    }

    fn human(&self, out: &mut impl Write) -> std::io::Result<()> {
        for (path, finding) in &self.found {
            let Finding { rule, line, column, message, suggestion, .. } = finding;
            writeln!(out, "{path}:{line}:{column}: {}: {message} [{}]", rule.severity.word(), rule.id)?;
            writeln!(out, "    {}", rule.why)?;
            if let Some(suggestion) = suggestion {
                writeln!(out, "    write instead: {suggestion}")?;
            }
        }
        let count = |severity| self.found.iter().filter(|(_, finding)| finding.rule.severity == severity).count();
        let (errors, warnings, notes) = (count(Severity::Error), count(Severity::Warning), count(Severity::Note));
        writeln!(out, "{errors} errors, {warnings} warnings, {notes} notes")
    }

    fn verdict(&self) -> ExitCode {
        let worse = self.found.iter().any(|(_, finding)| finding.rule.severity > Severity::Note);
        ExitCode::from(if !self.unreadable.is_empty() { 2 } else { u8::from(worse) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_and_files_are_looked_at_and_what_cannot_be_read_is_worst() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        file("good.md", b"## P\n\n```bash\nkubectl get pods\n```\n");
        let mut report = Report::default();
        report.look(folder.path());
        assert_eq!((report.found.len(), report.verdict()), (0, ExitCode::SUCCESS));

        let noted = file("noted.md", b"## P\n\n```bash\ndocker ps\n```\n");
        report.look(&noted);
        assert_eq!((report.found.len(), report.verdict()), (1, ExitCode::SUCCESS), "a note fails nobody's build");

        file("wrong.md", b"## P\n\n```bash\nkubectl get psp\n```\n");
        let mut report = Report::default();
        report.look(folder.path());
        assert_eq!(report.verdict(), ExitCode::from(1));
        let mut out = Vec::new();
        report.human(&mut out).unwrap();
        let out = String::from_utf8(out).unwrap();
        assert!(out.contains("wrong.md:4:13: error: Kubernetes has no `psp` since 1.25 [removed-resource]"), "{out}");
        assert!(out.ends_with("1 errors, 0 warnings, 1 notes\n"), "{out}");

        report.look(&file("latin.md", b"# caf\xe9\n"));
        report.look(&folder.path().join("nowhere.md"));
        assert_eq!((report.unreadable.len(), report.verdict()), (2, ExitCode::from(2)));
    }
}
