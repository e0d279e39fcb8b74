//! What of an AMQP address the management plugin wants to know too.

/// User, password and virtual host of `amqp://user:password@host:port/vhost`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) user: String,
    pub(super) password: String,
    pub(super) vhost: String,
}

impl Address {
    /// What is left out is what AMQP clients take for it: `guest`, `guest` and `/`.
    pub(super) fn of(url: &str) -> Self {
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        let rest = rest.split(['?', '#']).next().unwrap_or_default();
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let userinfo = authority.rsplit_once('@').map(|(userinfo, _)| userinfo);
        let (user, password) = match userinfo {
            Some(userinfo) => userinfo.split_once(':').unwrap_or((userinfo, "guest")),
            None => ("guest", "guest"),
        };
        let vhost = if path.is_empty() { "/".to_owned() } else { decoded(path) };
        Self { user: decoded(user), password: decoded(password), vhost }
    }
}

/// Percent-decoded; what is no encoding stays as it is.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let pair = tail.get(..2).and_then(|pair| std::str::from_utf8(pair).ok());
        let pair = pair.filter(|_| *first == b'%');
        if let Some(byte) = pair.and_then(|pair| u8::from_str_radix(pair, 16).ok()) {
            bytes.push(byte);
            rest = tail.get(2..).unwrap_or_default();
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_password_and_vhost_are_decoded() {
        for (url, user, password, vhost) in [
            ("amqp://ada:s%40cret@broker:5672/%2f", "ada", "s@cret", "/"),
            ("amqps://ada:a:b@broker/orders?heartbeat=5", "ada", "a:b", "orders"),
            ("amqp://broker", "guest", "guest", "/"),
            ("amqp://broker/50%", "guest", "guest", "50%"),
        ] {
            let [user, password, vhost] = [user, password, vhost].map(str::to_owned);
            assert_eq!(Address::of(url), Address { user, password, vhost });
        }
    }
}
