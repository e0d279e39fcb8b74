//! The arguments every service takes.

use std::{ffi::OsString, fmt, net::SocketAddr, path::PathBuf};

use ferry_config::{Config, ServiceConfig};

/// The services.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ServiceName {
    Producer,
    Transformer,
    Loader,
    Console,
}

impl ServiceName {
    pub const ALL: [Self; 4] = [Self::Producer, Self::Transformer, Self::Loader, Self::Console];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Producer => "producer",
            Self::Transformer => "transformer",
            Self::Loader => "loader",
            Self::Console => "console",
        }
    }

    /// Its section of the configuration.
    pub const fn section(self, config: &Config) -> &ServiceConfig {
        match self {
            Self::Producer => &config.producer,
            Self::Transformer => &config.transformer,
            Self::Loader => &config.loader,
            Self::Console => &config.console,
        }
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What the command line said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arguments {
    /// Default: what `FERRY_CONFIG` names, else `ferry.toml`.
    pub config: PathBuf,
    /// Goes before the configured address.
    pub listen: Option<SocketAddr>,
    /// The systems this process is limited to; empty for all.
    pub only: Vec<String>,
}

impl Default for Arguments {
    fn default() -> Self {
        Self { config: PathBuf::from("ferry.toml"), listen: None, only: Vec::new() }
    }
}

/// Nothing can be run with these arguments.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotRun {
    #[error("help was asked for")]
    Help,
    #[error("the version was asked for")]
    Version,
    #[error("{0}")]
    Usage(String),
}

/// The usage of `service`.
pub fn usage(service: ServiceName) -> String {
    format!(
        "usage: ferry-{service} [--config FILE] [--listen ADDRESS] [--only SYSTEM,SYSTEM]\n\n\
         --config FILE      the configuration; default: $FERRY_CONFIG, else ferry.toml\n\
         --listen ADDRESS   such as 127.0.0.1:7080; port 0 takes a free one\n\
         --only SYSTEMS     work for these systems only\n\
         --version, --help\n"
    )
}

impl Arguments {
    /// Parses what follows the program's name. `--key value` and `--key=value` are the same; `config` is
    /// what the environment names.
    pub fn parse(
        arguments: impl IntoIterator<Item = OsString>,
        config: Option<OsString>,
    ) -> Result<Self, NotRun> {
        let mut parsed = Self::default();
        if let Some(config) = config.filter(|config| !config.is_empty()) {
            parsed.config = PathBuf::from(config);
        }
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            let argument = text(argument)?;
            let (key, inline) = match argument.split_once('=') {
                Some((key, value)) => (key, Some(value.to_owned())),
                None => (argument.as_str(), None),
            };
            let mut value = || match inline.clone() {
                Some(value) => Ok(value),
                None => arguments
                    .next()
                    .ok_or_else(|| NotRun::Usage(format!("{key} needs a value")))
                    .and_then(text),
            };
            match key {
                "--config" => parsed.config = PathBuf::from(value()?),
                "--listen" => parsed.listen = Some(address(&value()?)?),
                "--only" => parsed.only = value()?.split(',').map(str::to_owned).collect(),
                "--help" | "-h" => return Err(NotRun::Help),
                "--version" | "-V" => return Err(NotRun::Version),
                _ => return Err(NotRun::Usage(format!("`{key}` is not an argument"))),
            }
        }
        Ok(parsed)
    }
}

fn text(argument: OsString) -> Result<String, NotRun> {
    argument
        .into_string()
        .map_err(|argument| NotRun::Usage(format!("{} is not UTF-8", argument.display())))
}

fn address(text: &str) -> Result<SocketAddr, NotRun> {
    text.parse().map_err(|_| {
        NotRun::Usage(format!("--listen: `{text}` is not an address such as 127.0.0.1:7080"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Arguments, NotRun> {
        Arguments::parse(line.split_whitespace().map(OsString::from), None)
    }

    #[test]
    fn the_environment_names_the_configuration_unless_the_command_line_does() {
        let named = |line: &str, config: &str| {
            let words = line.split_whitespace().map(OsString::from);
            Arguments::parse(words, Some(config.into())).unwrap().config
        };
        assert_eq!(named("", "/etc/ferry.toml"), PathBuf::from("/etc/ferry.toml"));
        assert_eq!(named("--config=a.toml", "/etc/ferry.toml"), PathBuf::from("a.toml"));
        assert_eq!(named("", ""), PathBuf::from("ferry.toml"));
    }

    #[test]
    fn arguments_are_few_and_have_defaults() {
        assert_eq!(parse("").unwrap(), Arguments::default());
        let parsed =
            parse("--config=/etc/ferry.toml --listen 127.0.0.1:0 --only shop,erp").unwrap();
        assert_eq!(parsed.config, PathBuf::from("/etc/ferry.toml"));
        assert_eq!(parsed.listen, "127.0.0.1:0".parse().ok());
        assert_eq!(parsed.only, ["shop", "erp"]);
    }

    #[test]
    fn what_cannot_be_run_says_why() {
        assert_eq!(parse("--help"), Err(NotRun::Help));
        assert_eq!(parse("-V"), Err(NotRun::Version));
        for (line, expected) in [
            ("--confg x", "`--confg` is not an argument"),
            ("ferry.toml", "`ferry.toml` is not an argument"),
            ("--config", "--config needs a value"),
            ("--listen here", "--listen: `here` is not an address such as 127.0.0.1:7080"),
        ] {
            assert_eq!(parse(line).unwrap_err().to_string(), expected);
        }
    }
}
