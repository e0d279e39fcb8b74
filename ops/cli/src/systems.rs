//! `ferry systems webhook`: what a shop tells us by itself. It speaks to the shop, as `ferry check` does.

use std::sync::Arc;

use clap::{Args, Subcommand};
use ferry_config::{Config, SystemConfig, system::OroWebhook};
use ferry_http::{Client, Conversation, HttpPort};
use ferry_service::exit;
use ferry_systems::{
    Failure,
    oro::{Oro, Webhook},
};
use serde_json::json;

use crate::{Done, Stop, consent::consent, terminal};

#[derive(Subcommand)]
pub(crate) enum SystemsVerb {
    /// What an OroCommerce shop tells by webhooks.
    #[command(subcommand)]
    Webhook(WebhookVerb),
}

#[derive(Subcommand)]
pub(crate) enum WebhookVerb {
    /// The webhooks of a shop, ours and others'.
    Ls(ShopArgs),
    /// Have the shop tell us of the configured topics, as far as it does not yet.
    Register(ShopArgs),
    /// End the webhooks that lead to us.
    Remove(RemoveArgs),
    /// Whether the shop tells us what the configuration wants. Changes nothing.
    Health(ShopArgs),
}

#[derive(Args)]
pub(crate) struct ShopArgs {
    /// The system's name.
    shop: String,
}

#[derive(Args)]
pub(crate) struct RemoveArgs {
    /// The system's name.
    shop: String,
    /// Only this one, as `ls` shows it, wherever it leads; may be given several times.
    #[arg(long)]
    id: Vec<String>,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
}

/// A shop, and the way to it.
struct Shop {
    oro: Oro,
    config: Option<OroWebhook>,
    conversation: Conversation,
}

pub(crate) async fn run(config: &Config, verb: &SystemsVerb, as_json: bool) -> Done {
    let SystemsVerb::Webhook(verb) = verb;
    let (WebhookVerb::Ls(ShopArgs { shop })
    | WebhookVerb::Register(ShopArgs { shop })
    | WebhookVerb::Health(ShopArgs { shop })
    | WebhookVerb::Remove(RemoveArgs { shop, .. })) = verb;
    let shop = Shop::of(config, shop)?;
    match verb {
        WebhookVerb::Ls(_) => shop.list(as_json).await,
        WebhookVerb::Register(_) => shop.register(as_json).await,
        WebhookVerb::Remove(args) => shop.remove(args, as_json).await,
        WebhookVerb::Health(_) => shop.health(as_json).await,
    }
}

impl Shop {
    fn of(config: &Config, name: &str) -> Result<Self, Stop> {
        let usage = |text: String| Stop { code: exit::USAGE, text };
        let system = config.systems.get(name);
        let system = system.ok_or_else(|| usage(format!("no system is called `{name}`")))?;
        let SystemConfig::Oro(config) = system else {
            return Err(usage(format!("{name} is no OroCommerce shop: it has no webhooks")));
        };
        let oro = Oro::new(config).map_err(Stop::failed)?;
        let client = Client::new().map_err(|error| Stop::failed(error.to_string()))?;
        let port: Arc<dyn HttpPort> = Arc::new(client);
        let conversation = Conversation::new(port, ferry_service::now);
        Ok(Self { oro, config: config.webhook.clone(), conversation })
    }

    fn wanted(&self) -> Result<&OroWebhook, Stop> {
        let missing = "the system has no `webhook` in the configuration";
        self.config.as_ref().ok_or_else(|| Stop { code: exit::USAGE, text: missing.to_owned() })
    }

    async fn list(&self, as_json: bool) -> Done {
        let found = self.oro.webhooks(&self.conversation).await.map_err(|no| stop(&no))?;
        if as_json {
            println!("{}", json!({ "webhooks": found }));
        } else {
            for webhook in &found {
                println!("{}", terminal::line(&words(webhook, self.config.as_ref())));
            }
        }
        Ok(exit::OK)
    }

    async fn register(&self, as_json: bool) -> Done {
        let wanted = self.wanted()?;
        let found = self.oro.webhooks(&self.conversation).await.map_err(|no| stop(&no))?;
        let announced =
            self.oro.webhook_topics(&self.conversation).await.map_err(|no| stop(&no))?;
        let (mut made, mut problems) = (Vec::new(), Vec::new());
        let missing = missing(wanted, &found);
        let were_there = wanted.topics.len() - missing.len();
        for topic in missing {
            if announced.contains(topic) {
                let webhook = self.oro.register(&self.conversation, topic).await;
                made.push(webhook.map_err(|no| stop(&no))?);
            } else {
                problems.push(unannounced(topic));
            }
        }
        let there: Vec<Webhook> = found.into_iter().chain(made.iter().cloned()).collect();
        for problem in self::problems(wanted, &there, &announced) {
            if !problems.contains(&problem) {
                problems.push(problem);
            }
        }
        if as_json {
            println!("{}", json!({ "registered": made, "problems": problems }));
        } else {
            for webhook in &made {
                println!("made {}", terminal::line(&words(webhook, Some(wanted))));
            }
            for problem in &problems {
                println!("BAD  {}", terminal::line(problem));
            }
            println!("{} made, {were_there} were there", made.len());
        }
        Ok(if problems.is_empty() { exit::OK } else { exit::FOUND_PROBLEMS })
    }

    async fn remove(&self, args: &RemoveArgs, as_json: bool) -> Done {
        let found = self.oro.webhooks(&self.conversation).await.map_err(|no| stop(&no))?;
        let url = if args.id.is_empty() { Some(self.wanted()?.url.as_str()) } else { None };
        let meant: Vec<&Webhook> = found
            .iter()
            .filter(|webhook| url.map_or(args.id.contains(&webhook.id), |url| webhook.url == url))
            .collect();
        if let Some(id) = args.id.iter().find(|id| !found.iter().any(|webhook| webhook.id == **id))
        {
            let text = format!("the shop has no webhook {id}; nothing was done");
            return Err(Stop { code: exit::USAGE, text });
        }
        if !meant.is_empty() {
            for webhook in &meant {
                eprint(&words(webhook, self.config.as_ref()));
            }
            let question = format!("Remove {} webhooks of {}", meant.len(), args.shop);
            consent(&question, meant.len(), args.yes)?;
        }
        for webhook in &meant {
            let removed = self.oro.unregister(&self.conversation, &webhook.id).await;
            removed.map_err(|no| stop(&no))?;
        }
        if as_json {
            println!("{}", json!({ "removed": meant }));
        } else {
            println!("{} removed", meant.len());
        }
        Ok(exit::OK)
    }

    async fn health(&self, as_json: bool) -> Done {
        let wanted = self.wanted()?;
        let found = self.oro.webhooks(&self.conversation).await.map_err(|no| stop(&no))?;
        let announced =
            self.oro.webhook_topics(&self.conversation).await.map_err(|no| stop(&no))?;
        let problems = problems(wanted, &found, &announced);
        if as_json {
            println!("{}", json!({ "ok": problems.is_empty(), "problems": problems }));
        } else if problems.is_empty() {
            println!("ok   the shop tells {} topics to {}", wanted.topics.len(), wanted.url);
        } else {
            for problem in &problems {
                println!("BAD  {}", terminal::line(problem));
            }
        }
        Ok(if problems.is_empty() { exit::OK } else { exit::FOUND_PROBLEMS })
    }
}

/// Topics that nobody tells us.
fn missing<'a>(wanted: &'a OroWebhook, found: &[Webhook]) -> Vec<&'a String> {
    let is_told = |topic: &String| {
        found.iter().any(|webhook| webhook.url == wanted.url && webhook.topic == *topic)
    };
    wanted.topics.iter().filter(|topic| !is_told(topic)).collect()
}

/// What keeps the shop from telling us what is wanted, or has it tell in vain.
fn problems(wanted: &OroWebhook, found: &[Webhook], announced: &[String]) -> Vec<String> {
    let ours: Vec<&Webhook> = found.iter().filter(|webhook| webhook.url == wanted.url).collect();
    let mut problems = Vec::new();
    for topic in &wanted.topics {
        let telling: Vec<&&Webhook> =
            ours.iter().filter(|webhook| webhook.topic == *topic).collect();
        match telling.as_slice() {
            [] if !announced.contains(topic) => problems.push(unannounced(topic)),
            [] => problems.push(format!("{topic} is not told: register it")),
            [webhook] if !webhook.enabled => {
                problems.push(format!("{topic} is told by {}, which is switched off", webhook.id));
            }
            [_] => {}
            several => {
                let count = several.len();
                problems.push(format!("{topic} is told {count} times: remove all but one of them"));
            }
        }
    }
    for webhook in ours.iter().filter(|webhook| !wanted.topics.contains(&webhook.topic)) {
        let (topic, id) = (&webhook.topic, &webhook.id);
        problems.push(format!("{topic} is told by {id} in vain: it is not among `topics`"));
    }
    problems
}

fn unannounced(topic: &str) -> String {
    format!(
        "{topic} is not announced by the shop: make the entity accessible to webhooks in its back \
         office (System > Entities)"
    )
}

fn words(webhook: &Webhook, wanted: Option<&OroWebhook>) -> String {
    let Webhook { id, url, topic, format, enabled } = webhook;
    let state = if *enabled { "enabled" } else { "off" };
    let whose = if wanted.is_some_and(|wanted| wanted.url == *url) { " (ours)" } else { "" };
    let url = ferry_http::redacted_url(url);
    format!("{id} {topic} {format} {state} {url}{whose}")
}

fn eprint(line: &str) {
    use std::io::Write as _;
    // Standard error may be closed: then nobody is asked either.
    let _ = writeln!(std::io::stderr(), "{}", terminal::line(line));
}

pub(crate) fn stop(failure: &Failure) -> Stop {
    let text = format!("{}: {} {}", failure.kind, failure.detail, failure.kind.sentence());
    if failure.status.is_none() { Stop::unreachable(text) } else { Stop::failed(text) }
}

#[cfg(test)]
mod tests {
    use ferry_config::Secret;

    use super::*;

    fn wanted() -> OroWebhook {
        OroWebhook {
            url: "https://ferry.example/push/shop".to_owned(),
            secret: Secret::new("between us"),
            topics: ["order.created", "order.updated"].map(str::to_owned).into(),
        }
    }

    fn ours(id: &str, topic: &str, enabled: bool) -> Webhook {
        let (id, topic, url) = (id.to_owned(), topic.to_owned(), wanted().url);
        Webhook { id, url, topic, format: "thin".to_owned(), enabled }
    }

    #[test]
    fn what_keeps_a_shop_from_telling_is_said_topic_by_topic() {
        let announced = ["order.created", "order.updated"].map(str::to_owned);
        let both = [ours("1", "order.created", true), ours("2", "order.updated", true)];
        assert_eq!(problems(&wanted(), &both, &announced), [""; 0]);
        assert_eq!(missing(&wanted(), &both), [""; 0]);
        let told = |found: &[Webhook], announced: &[String]| {
            problems(&wanted(), found, announced).join("\n")
        };
        assert!(told(&both[..1], &announced).contains("order.updated is not told: register it"));
        assert!(told(&[], &[]).contains("order.created is not announced by the shop"));
        let off = [ours("1", "order.created", false), both[1].clone()];
        assert!(told(&off, &announced).contains("told by 1, which is switched off"));
        let twice = [both.to_vec(), both.to_vec()].concat();
        assert!(told(&twice, &announced).contains("order.created is told 2 times"));
        let vain = [both.to_vec(), vec![ours("9", "product.updated", true)]].concat();
        assert!(told(&vain, &announced).contains("product.updated is told by 9 in vain"));
        let anothers = Webhook { url: "https://other.example/".to_owned(), ..both[0].clone() };
        assert_eq!(missing(&wanted(), &[anothers]).len(), 2);
    }
}
