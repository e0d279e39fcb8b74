//! `ferry-postgres`: a private cluster until standard input closes or Ctrl-C. It prints its address.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool speaks")]

use std::{
    error::Error,
    io::{self, Read},
    process::ExitCode,
};

use ferry_postgres::{Cluster, ensure_package};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ferry-postgres: {error}");
            if let Some(cause) = error.source() {
                eprintln!("  because: {cause}");
            }
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    ensure_package(&mut |line| eprintln!("{line}"))?;
    let mut cluster = Cluster::start()?;
    println!("{}", cluster.url());
    io::stdin().read_to_end(&mut Vec::new())?;
    cluster.stop();
    Ok(())
}
