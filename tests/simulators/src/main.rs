//! `ferry-simulator orderflow|oro|erp`: one simulated system per process.

use clap::{Parser, Subcommand};
use ferry_simulators::{erp, orderflow, oro};

/// A simulated system. Prints one line with its address when it is ready; ends on SIGTERM.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    system: System,
}

#[derive(Debug, Subcommand)]
enum System {
    /// The warehouse.
    Orderflow(Box<orderflow::Options>),
    /// The shop.
    Oro(oro::Options),
    /// The ERP.
    Erp(erp::Options),
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match arguments.system {
            System::Orderflow(options) => orderflow::run(*options).await,
            System::Oro(options) => oro::run(options).await,
            System::Erp(options) => erp::run(options).await,
        }
    })
}
