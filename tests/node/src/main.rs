//! `ferry-node FOLDER [--management]`: a private node until standard input closes or Ctrl-C.
//!
//! For trying things by hand, and for the tests that kill a node's owner. `FERRY_RABBITMQ` names
//! another RabbitMQ than the system's package.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool speaks")]

use std::{
    env,
    error::Error,
    io::{self, Read},
    process::ExitCode,
};

use ferry_node::{Node, NodeOptions, Programs, ensure_package};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let (folder, management) = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [folder] => (folder, false),
        [folder, "--management"] => (folder, true),
        _ => {
            eprintln!("usage: ferry-node FOLDER [--management]");
            return ExitCode::from(2);
        }
    };
    match run(NodeOptions { management, ..NodeOptions::new(folder) }) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ferry-node: {error}");
            if let Some(cause) = error.source() {
                eprintln!("  because: {cause}");
            }
            ExitCode::FAILURE
        }
    }
}

fn run(options: NodeOptions) -> Result<(), Box<dyn Error>> {
    let programs = Programs::from_env()?;
    if programs == Programs::Package {
        ensure_package(&mut |line| eprintln!("{line}"))?;
    }
    let management = options.management;
    let mut node = Node::start(NodeOptions { programs, ..options })?;
    println!("{}", node.amqp_url());
    if management {
        println!("{}", node.management_url());
    }
    io::stdin().read_to_end(&mut Vec::new())?;
    node.stop()?;
    Ok(())
}
