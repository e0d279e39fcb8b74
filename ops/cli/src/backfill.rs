//! `ferry backfill`: a file's rows through the bulk lane.
//!
//! Every row is read here first, as the transformer will read it, so that the report can name what
//! is wrong before anything waits in a queue; the chunks are sent as they stand, bad rows included,
//! because each of those becomes a dead letter that can be corrected and sent again.

use std::{
    fmt::Display,
    fs::File,
    io::{BufReader, BufWriter, Write as _},
    path::{Path, PathBuf},
    time::Duration,
};

use bytes::Bytes;
use clap::Args;
use ferry_config::{Config, system::FileKind};
use ferry_http::{Client, HttpPort as _, Method, Request};
use ferry_service::exit;
use ferry_systems::{
    Draft, Record, System,
    files::{Chunk, Chunks, Files, Text, examine},
};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;

use crate::{Done, Stop};

#[derive(Args)]
pub(crate) struct BackfillArgs {
    file: PathBuf,
    /// The files system it belongs to; found by the file's name where only one takes it.
    #[arg(long)]
    system: Option<String>,
    /// The kind of file; found by the file's name by default.
    #[arg(long)]
    kind: Option<String>,
    /// The state of which moment the file holds (RFC 3339); the file's own time by default. Older
    /// than what a live source said, it overwrites nothing.
    #[arg(long)]
    as_of: Option<Timestamp>,
    /// Read and report, send nothing.
    #[arg(long)]
    dry_run: bool,
    /// Where the per-row report goes; beside the file by default.
    #[arg(long)]
    report: Option<PathBuf>,
    /// The producer's address; the configured one by default.
    #[arg(long, value_name = "URL")]
    producer: Option<String>,
}

#[derive(Default)]
struct Counts {
    rows: u64,
    sent: u64,
    skipped: u64,
    bad: u64,
    chunks: u64,
}

/// Everything one backfill needs.
struct Backfill<'a> {
    args: &'a BackfillArgs,
    system: String,
    files: Files,
    kind: String,
    as_of: Timestamp,
    producer: String,
}

pub(crate) async fn backfill(config: &Config, args: &BackfillArgs, as_json: bool) -> Done {
    let backfill = Backfill::new(config, args)?;
    let failed = |error: &dyn Display| Stop::failed(format!("{}: {error}", args.file.display()));
    let opened = || File::open(&args.file).map_err(|error| failed(&error));
    let examined = examine(BufReader::new(opened()?), backfill.kind()?.encoding);
    let text = examined.and_then(|examined| examined.text());
    let text = text.map_err(|error| failed(&ferry_service::Chain(&error)))?;
    let opened = opened()?;
    let length = opened.metadata().map_or(0, |metadata| metadata.len());
    let progress = ProgressBar::new(length);
    let style = ProgressStyle::with_template("{bar:30} {bytes}/{total_bytes} {msg} {eta} left");
    progress.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let reader = BufReader::new(progress.wrap_read(opened));
    let report_path = backfill.report_path();
    let created = File::create(&report_path)
        .map_err(|error| Stop::failed(format!("{}: {error}", report_path.display())))?;
    let mut report = BufWriter::new(created);
    let counts = backfill.run(reader, text, &mut report, &progress).await;
    progress.finish_and_clear();
    let flushed = report.flush();
    let counts = counts?;
    flushed.map_err(|error| Stop::failed(format!("{}: {error}", report_path.display())))?;
    let Counts { rows, sent, skipped, bad, chunks } = counts;
    if as_json {
        let report = report_path.display().to_string();
        println!(
            "{}",
            serde_json::json!({ "rows": rows, "sent": sent, "skipped": skipped, "bad": bad,
                "records": chunks, "dry_run": args.dry_run, "report": report })
        );
    } else {
        let verb = if args.dry_run { "would be sent" } else { "sent" };
        println!(
            "{rows} rows: {sent} good ones {verb}, {skipped} skipped by the mapping, {bad} bad; \
             each row is in {}",
            report_path.display()
        );
    }
    Ok(if bad > 0 { exit::FOUND_PROBLEMS } else { exit::OK })
}

impl<'a> Backfill<'a> {
    fn new(config: &Config, args: &'a BackfillArgs) -> Result<Self, Stop> {
        let name = file_name(&args.file);
        let mut found = Vec::new();
        for (system, section) in &config.systems {
            let system_matches = args.system.as_ref().is_none_or(|wanted| wanted == system);
            let Ok(System::Files(files)) = System::new(system, section) else { continue };
            let kind = match &args.kind {
                Some(kind) => files.kind(kind).map(|_| kind.clone()),
                None => files.kind_of(&name).map(|(kind, _)| kind.to_owned()),
            };
            if let (true, Some(kind)) = (system_matches, kind) {
                found.push((system.clone(), files, kind));
            }
        }
        let [(_, _, _)] = found.as_slice() else {
            let problem = if found.is_empty() { "no files system takes" } else { "several take" };
            let text = format!("{problem} `{name}`; name one with --system and --kind");
            return Err(Stop { code: exit::USAGE, text });
        };
        let Some((system, files, kind)) = found.pop() else {
            return Err(Stop::failed("no files system is left"));
        };
        let modified = std::fs::metadata(&args.file).and_then(|metadata| metadata.modified());
        let as_of = args
            .as_of
            .or_else(|| Timestamp::try_from(modified.ok()?).ok())
            .unwrap_or_else(ferry_service::now);
        let producer = match &args.producer {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => format!("http://{}", config.producer.listen),
        };
        Ok(Self { args, system, files, kind, as_of, producer })
    }

    fn kind(&self) -> Result<&FileKind, Stop> {
        self.files.kind(&self.kind).ok_or_else(|| Stop::failed("no such kind"))
    }

    fn report_path(&self) -> PathBuf {
        self.args.report.clone().unwrap_or_else(|| {
            let mut name = self.args.file.clone().into_os_string();
            name.push(".report.csv");
            name.into()
        })
    }

    async fn run(
        &self,
        reader: impl std::io::Read,
        text: Text,
        report: &mut impl std::io::Write,
        progress: &ProgressBar,
    ) -> Result<Counts, Stop> {
        let failed = |error: std::io::Error| Stop::failed(format!("the report: {error}"));
        let kind = self.kind()?;
        let client = Client::new().map_err(|error| Stop::failed(error.to_string()))?;
        let mut counts = Counts::default();
        writeln!(report, "line,result,detail").map_err(failed)?;
        for chunk in Chunks::new(reader, kind, text) {
            let chunk =
                chunk.map_err(|error| Stop::failed(ferry_service::Chain(&error).to_string()))?;
            self.report(&chunk, report, &mut counts).map_err(failed)?;
            if !self.args.dry_run {
                self.send(&client, &chunk).await?;
            }
            counts.chunks += 1;
            progress.set_message(format!("{} rows, {} bad,", counts.rows, counts.bad));
        }
        Ok(counts)
    }

    fn report(
        &self,
        chunk: &Chunk,
        report: &mut impl std::io::Write,
        counts: &mut Counts,
    ) -> std::io::Result<()> {
        let record = Record {
            endpoint: &self.kind,
            scope: None,
            message_id: None,
            received_at: self.as_of,
            as_of: Some(self.as_of),
            first_line: chunk.first_line,
            body: &chunk.body,
        };
        for item in self.files.read(&record) {
            let line = item.pointer.trim_start_matches("line ");
            counts.rows += 1;
            match item.draft {
                Ok(Draft::Part(_)) => {
                    counts.sent += 1;
                    writeln!(report, "{line},sent,")?;
                }
                Ok(Draft::Removed(draft)) => {
                    counts.skipped += 1;
                    writeln!(report, "{line},skipped,{}", quoted(&draft.subject.to_string()))?;
                }
                Ok(Draft::Skip { reason, .. }) => {
                    counts.skipped += 1;
                    writeln!(report, "{line},skipped,{}", quoted(&reason))?;
                }
                Err(bad) => {
                    counts.bad += 1;
                    let detail = format!("{}: {}", bad.kind, bad.detail);
                    writeln!(report, "{line},bad,{}", quoted(&detail))?;
                }
            }
        }
        Ok(())
    }

    /// One chunk, until the producer says that it is durable.
    async fn send(&self, client: &Client, chunk: &Chunk) -> Result<(), Stop> {
        const PATIENCE: Duration = Duration::from_mins(1);
        let request = Request {
            operation: "upload",
            method: Method::Post,
            url: format!("{}/upload/{}/{}", self.producer, self.system, self.kind),
            headers: vec![
                (ferry_canonical::header::AS_OF.to_owned(), self.as_of.to_string()),
                (ferry_canonical::header::FIRST_LINE.to_owned(), chunk.first_line.to_string()),
                (ferry_canonical::header::FILE.to_owned(), header_text(&self.args.file)),
            ],
            body: Bytes::from(chunk.body.clone()),
            deadline: PATIENCE,
            secret: false,
            carries: 1,
        };
        let at = format!("at line {} of {}", chunk.first_line, self.args.file.display());
        match client.send(request).await {
            Ok(response) if response.status == 201 => Ok(()),
            Ok(response) => Err(Stop::failed(format!(
                "{at}: the producer answered {}: {}; run the same command again, what was sent \
                 already changes nothing",
                response.status,
                response.text()
            ))),
            Err(error) => Err(Stop::unreachable(format!(
                "{at}: {error}; is the producer running at {}? Then run the same command again",
                self.producer
            ))),
        }
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// A header holds visible ASCII only.
fn header_text(path: &Path) -> String {
    file_name(path).chars().map(|c| if c.is_ascii_graphic() { c } else { '_' }).collect()
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\"").replace(['\r', '\n'], " "))
}
