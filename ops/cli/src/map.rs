//! `ferry map eval`: a mapping over one document, to see what it makes of it.

use std::{
    fs,
    io::{self, Read as _},
    path::PathBuf,
};

use clap::Args;
use ferry_canonical::{Facet, Part};
use ferry_mapping::Mapping;
use ferry_service::exit;

use crate::{Done, Stop};

#[derive(Args)]
pub(crate) struct EvalArgs {
    /// The jq program's file.
    program: PathBuf,
    /// The JSON document; standard input by default.
    input: Option<PathBuf>,
    /// Check the result as this facet: profile, placed, shipment, cancellation, return, catalogue, stock,
    /// price.
    #[arg(long)]
    facet: Option<String>,
}

pub(crate) fn eval(args: &EvalArgs) -> Done {
    let program = read(&args.program)?;
    let name = args.program.display().to_string();
    let mapping = Mapping::compile(&name, &program).map_err(|error| Stop {
        code: exit::FOUND_PROBLEMS,
        text: ferry_service::Chain(&error).to_string(),
    })?;
    let input = args.input.as_ref().map_or_else(read_standard_input, read)?;
    let input = serde_json::from_str(&input)
        .map_err(|error| Stop::failed(format!("the input is not JSON: {error}")))?;
    let problem = |text: String| Stop { code: exit::FOUND_PROBLEMS, text };
    let mapped =
        mapping.run(&input).map_err(|error| problem(ferry_service::Chain(&error).to_string()))?;
    let pretty = serde_json::to_string_pretty(&mapped).unwrap_or_else(|_| mapped.to_string());
    println!("{pretty}");
    if let Some(facet) = &args.facet {
        let facet: Facet = facet
            .parse()
            .map_err(|error| Stop { code: exit::USAGE, text: format!("--facet: {error}") })?;
        Part::from_json(facet, mapped.to_string().as_bytes())
            .map_err(|error| problem(format!("no {facet}: {}: {}", error.pointer, error.reason)))?;
    }
    Ok(exit::OK)
}

fn read_standard_input() -> Result<String, Stop> {
    let mut text = String::new();
    io::stdin()
        .read_to_string(&mut text)
        .map_err(|error| Stop::failed(format!("cannot read standard input: {error}")))?;
    Ok(text)
}

fn read(path: &PathBuf) -> Result<String, Stop> {
    fs::read_to_string(path)
        .map_err(|error| Stop::failed(format!("cannot read {}: {error}", path.display())))
}
