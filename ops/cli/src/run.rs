//! `ferry run`: becomes the service, which lies beside this program.

use std::{ffi::OsString, os::unix::process::CommandExt as _, path::Path, process::Command};

use clap::{Args, ValueEnum};

use crate::{Done, Stop};

#[derive(Args)]
pub(crate) struct RunArgs {
    service: ServiceWord,
    /// Where its HTTP side listens, instead of what is configured; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Work for these systems only.
    #[arg(long, value_name = "SYSTEM,SYSTEM")]
    only: Option<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum ServiceWord {
    Producer,
    Transformer,
    Loader,
    Console,
}

impl ServiceWord {
    const fn program(self) -> &'static str {
        match self {
            Self::Producer => "ferry-producer",
            Self::Transformer => "ferry-transformer",
            Self::Loader => "ferry-loader",
            Self::Console => "ferry-console",
        }
    }
}

/// Replaces this process, so that signals and exit codes are the service's own.
pub(crate) fn run(args: &RunArgs, config: &Path) -> Done {
    let program = std::env::current_exe()
        .ok()
        .and_then(|own| Some(own.parent()?.join(args.service.program())))
        .filter(|beside| beside.exists())
        .unwrap_or_else(|| args.service.program().into());
    let mut arguments = vec![OsString::from("--config"), config.into()];
    if let Some(listen) = &args.listen {
        arguments.extend([OsString::from("--listen"), listen.into()]);
    }
    if let Some(only) = &args.only {
        arguments.extend([OsString::from("--only"), only.into()]);
    }
    let error = Command::new(&program).args(arguments).exec();
    Err(Stop::failed(format!("cannot start {}: {error}", program.display())))
}
