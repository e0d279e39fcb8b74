//! Where the broker is, checked before anything is tried.

use std::fmt;

use ferry_topology::Topology;
use lapin::uri::{AMQPScheme, AMQPUri};

/// What a connection is made from.
#[derive(Clone)]
pub struct Options {
    /// `amqp://user:password@host:port/vhost`, or `amqps://` for TLS.
    pub url: String,
    /// Its prefix starts every exchange and queue name.
    pub topology: Topology,
    /// Whether to declare the topology, or only to assert that it is there.
    pub declare: bool,
    /// Names our connections in the broker: `producer`, `loader`, …
    pub service: String,
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("prefix", &self.topology.prefix)
            .field("declare", &self.declare)
            .field("service", &self.service)
            .finish_non_exhaustive()
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OptionsError {
    /// Without the parser's own words, which repeat the URL and with it the password.
    #[error("the broker's URL can't be read; write amqp://user:password@host:port/vhost")]
    Url,
    #[error("the name `{0}…` is longer than 255 bytes, which the broker does not take")]
    NameTooLong(String),
}

/// Seconds; half of it without a word from the broker, and a connection is given up.
const HEARTBEAT_SECONDS: u16 = 20;

/// AMQP's bound for a short string, in bytes.
pub(crate) const SHORT_STRING_BYTES: usize = 255;

pub(crate) fn parse_url(url: &str) -> Result<AMQPUri, OptionsError> {
    let mut uri: AMQPUri = url.parse().map_err(|_: String| OptionsError::Url)?;
    check_name(&uri.vhost)?;
    uri.query.heartbeat.get_or_insert(HEARTBEAT_SECONDS);
    Ok(uri)
}

pub(crate) fn check_names(topology: &Topology) -> Result<(), OptionsError> {
    let exchanges = topology.exchanges.iter().map(|exchange| &exchange.name);
    let queues = topology.queues.iter().map(|queue| &queue.name);
    let keys = topology.bindings.iter().map(|binding| &binding.key);
    exchanges.chain(queues).chain(keys).try_for_each(|name| check_name(name))
}

fn check_name(name: &str) -> Result<(), OptionsError> {
    if name.len() > SHORT_STRING_BYTES {
        return Err(OptionsError::NameTooLong(name.chars().take(40).collect()));
    }
    Ok(())
}

/// The address without user and password, for logs.
pub(crate) fn redacted(uri: &AMQPUri) -> String {
    let AMQPUri { scheme, authority, vhost, query: _ } = uri;
    let scheme = match scheme {
        AMQPScheme::AMQP => "amqp",
        AMQPScheme::AMQPS => "amqps",
    };
    let vhost = if vhost == "/" { "%2f" } else { vhost };
    format!("{scheme}://{}:{}/{vhost}", authority.host, authority.port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shown_address_has_no_user_and_no_password() {
        let uri = parse_url("amqps://ferry:s3cret@mq.example:5671/%2f").unwrap();
        assert_eq!(redacted(&uri), "amqps://mq.example:5671/%2f");
    }

    #[test]
    fn options_show_no_url() {
        let options = Options {
            url: "amqp://ferry:s3cret@mq.example".to_owned(),
            topology: Topology::default(),
            declare: true,
            service: "loader".to_owned(),
        };
        assert!(!format!("{options:?}").contains("s3cret"));
    }

    #[test]
    fn an_unreadable_url_is_an_error_that_does_not_repeat_it() {
        for url in ["", "http://ferry:s3cret@x", "amqp:s3cret", "amqp://u:s3cret@h:99999999/"] {
            let error = parse_url(url).unwrap_err().to_string();
            assert!(!error.contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn a_heartbeat_is_asked_for_unless_the_url_says_otherwise() {
        let heartbeat = |url| parse_url(url).unwrap().query.heartbeat;
        assert_eq!(heartbeat("amqp://h/"), Some(HEARTBEAT_SECONDS));
        assert_eq!(heartbeat("amqp://h/?heartbeat=5"), Some(5));
    }

    #[test]
    fn names_that_the_protocol_does_not_take_are_refused() {
        assert!(parse_url(&format!("amqp://h/{}", "v".repeat(256))).is_err());
        let topology = Topology {
            exchanges: vec![ferry_topology::Exchange {
                name: "e".repeat(256),
                kind: ferry_topology::ExchangeKind::Topic,
                arguments: ferry_topology::Arguments::new(),
            }],
            ..Topology::default()
        };
        assert!(check_names(&topology).is_err());
    }
}
