//! The report of a file: a row for each of its rows that is bad, beside the file.
//!
//! It grows under a name of its own, and takes the report's name when all of the file is durable and
//! before the file is moved. So whoever sees the file in its place sees its report, and a crash in
//! between writes the same report again.

use std::{
    fs,
    io::{self, BufWriter, ErrorKind},
    path::{Path, PathBuf},
};

use ferry_canonical::FailureKind;
use ferry_systems::files::{BadRow, REPORT};

use crate::import::Tell;

#[derive(Debug)]
pub(crate) struct Report {
    /// Where it grows.
    part: PathBuf,
    writer: Option<csv::Writer<BufWriter<fs::File>>>,
}

impl Report {
    /// What an earlier try has left is not part of it.
    pub(crate) fn begin(folder: &Path, file: &str) -> io::Result<Self> {
        let part = folder.join(format!(".{file}.errors.part"));
        gone(fs::remove_file(&part))?;
        Ok(Self { part, writer: None })
    }

    /// What the file cannot be read on for.
    pub(crate) fn unreadable(&mut self, reason: &str) -> io::Result<()> {
        self.row(&["", FailureKind::Parse.as_str(), "", reason])
    }

    /// Gives it its name beside `file`, durably. Where nothing was bad, no report is there.
    pub(crate) fn keep(self, file: &Path) -> io::Result<()> {
        let mut name = file.as_os_str().to_owned();
        name.push(REPORT);
        let Some(writer) = self.writer else { return gone(fs::remove_file(name)) };
        let buffered = writer.into_inner().map_err(csv::IntoInnerError::into_error)?;
        let written = buffered.into_inner().map_err(io::IntoInnerError::into_error)?;
        written.sync_all()?;
        fs::rename(self.part, name)
    }

    fn row(&mut self, fields: &[&str; 4]) -> io::Result<()> {
        if self.writer.is_none() {
            let file = BufWriter::new(fs::File::create(&self.part)?);
            let mut writer = csv::Writer::from_writer(file);
            writer.write_record(["line", "kind", "field", "problem"])?;
            self.writer = Some(writer);
        }
        if let Some(writer) = &mut self.writer {
            writer.write_record(fields)?;
        }
        Ok(())
    }
}

impl Tell for Report {
    fn bad_row(&mut self, line: u32, bad: &BadRow) -> io::Result<()> {
        let field = bad.field.as_deref().unwrap_or_default();
        self.row(&[&line.to_string(), bad.kind.as_str(), field, &bad.problem])
    }
}

/// It was there or not.
fn gone(removed: io::Result<()>) -> io::Result<()> {
    removed.or_else(|error| {
        let is_gone = error.kind() == ErrorKind::NotFound;
        if is_gone { Ok(()) } else { Err(error) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bad(problem: &str) -> BadRow {
        BadRow {
            kind: FailureKind::Validation,
            field: Some("quantity".to_owned()),
            problem: problem.to_owned(),
            fragment: Vec::new(),
            key: None,
        }
    }

    #[test]
    fn a_report_is_there_once_it_is_whole_and_an_older_one_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("orders.csv");
        let path = folder.path().join("orders.csv.errors.csv");
        let mut report = Report::begin(folder.path(), "orders.csv").unwrap();
        report.bad_row(3, &bad("`two`, not \"2\"")).unwrap();
        assert!(!path.exists());
        // Killed here, and begun anew.
        let mut report = Report::begin(folder.path(), "orders.csv").unwrap();
        report.bad_row(4, &bad("`two`, not \"2\"")).unwrap();
        report.unreadable("no text").unwrap();
        report.keep(&file).unwrap();
        let expected = "line,kind,field,problem\n\
                        4,validation,quantity,\"`two`, not \"\"2\"\"\"\n,parse,,no text\n";
        assert_eq!(fs::read_to_string(&path).unwrap(), expected);
        Report::begin(folder.path(), "orders.csv").unwrap().keep(&file).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
