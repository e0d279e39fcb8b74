//! `ferry xref adopt`: the first contact with a shop that has customers and products already. They are
//! linked, so that the sync changes them instead of making them a second time.
//!
//! It reads the source's own list and the shop's, shows what it makes of them, and writes nothing without
//! `--apply` and a person's consent. What could be two is never decided here.

mod matching;

use std::{collections::BTreeMap, sync::Arc};

use clap::{Args, Subcommand, ValueEnum};
use ferry_canonical::{Entity, Facet, Part};
use ferry_config::{Config, SystemConfig};
use ferry_http::{Client, Conversation, HttpPort};
use ferry_service::exit;
use ferry_store::{
    Direction, Journal as _, JournalEntry, Link, Linked, Links as _, Store, StoreError,
};
use ferry_systems::{Ask, Draft, Record, System, oro::Oro};
use serde_json::json;

use self::matching::{Found, Match, Ours, matched};
use crate::{Done, Stop, consent::consent, systems::stop, targets::By, terminal};

/// Links that are written together.
const TOGETHER: usize = 200;
/// More pages than any honest list has.
const PAGES_MAX: usize = 100_000;

#[derive(Subcommand)]
pub(crate) enum XrefVerb {
    /// Find what a shop has of a source's customers or products already, and link it. Without `--apply` it
    /// only shows what it finds.
    Adopt(AdoptArgs),
}

#[derive(Args)]
pub(crate) struct AdoptArgs {
    /// The shop's name.
    shop: String,
    entity: Adopted,
    /// The source, where routes bring them from several.
    #[arg(long, value_name = "SYSTEM")]
    from: Option<String>,
    /// Write the links.
    #[arg(long)]
    apply: bool,
    /// Do not ask.
    #[arg(long, requires = "apply")]
    yes: bool,
    #[command(flatten)]
    by: By,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Adopted {
    Customer,
    Product,
}

impl Adopted {
    const fn facet(self) -> Facet {
        match self {
            Self::Customer => Facet::Profile,
            Self::Product => Facet::Catalogue,
        }
    }
}

/// What a source says of itself.
#[derive(Default)]
struct Said {
    ours: BTreeMap<String, Ours>,
    /// Items that could not be read.
    bad: usize,
}

pub(crate) async fn run(config: &Config, verb: &XrefVerb, as_json: bool) -> Done {
    let XrefVerb::Adopt(args) = verb;
    let (facet, entity) = (args.entity.facet(), args.entity.facet().entity());
    let usage = |text: String| Stop { code: exit::USAGE, text };
    let Some(SystemConfig::Oro(shop)) = config.systems.get(&args.shop) else {
        return Err(usage(format!("no OroCommerce shop is called `{}`", args.shop)));
    };
    let source = source(config, args).map_err(usage)?;
    let shop = Oro::new(shop).map_err(Stop::failed)?;
    let client = Client::new().map_err(|error| Stop::failed(error.to_string()))?;
    let port: Arc<dyn HttpPort> = Arc::new(client);
    let conversation = || Conversation::new(Arc::clone(&port), ferry_service::now);
    let store = Store::of(&config.store, ferry_service::now).map_err(|error| in_store(&error))?;
    let known = store.links(&args.shop, entity).await.map_err(|error| in_store(&error))?;
    let said = said(&system(config, source)?, facet, &conversation).await?;
    let residents = shop.residents(&conversation(), entity).await.map_err(|no| stop(&no))?;
    let ours: Vec<Ours> = said.ours.into_values().collect();
    let known: Vec<(String, String)> =
        known.into_iter().map(|link| (link.id, link.own_id)).collect();
    let found = matched(entity, &ours, &residents, &known);
    if !as_json {
        show(&found, said.bad);
    }
    let left = if args.apply {
        if !found.linked.is_empty() {
            let count = found.linked.len();
            consent(&format!("Link {count} {entity}s of {}", args.shop), count, args.yes)?;
        }
        let left = apply(&store, args, entity, &found.linked).await?;
        if !as_json {
            for (link, why) in &left {
                println!(
                    "{}",
                    terminal::line(&format!("left      {} = {}: {why}", link.id, link.own_id))
                );
            }
            println!("{} linked", found.linked.len() - left.len());
        }
        left
    } else {
        Vec::new()
    };
    if as_json {
        let left: Vec<_> =
            left.iter().map(|(link, why)| json!({ "id": link.id, "why": why })).collect();
        println!(
            "{}",
            json!({ "found": found, "unreadable": said.bad, "applied": args.apply, "left": left })
        );
    }
    Ok(if found.ambiguous.is_empty() && left.is_empty() { exit::OK } else { exit::FOUND_PROBLEMS })
}

/// The one system whose routes bring the entity to the shop.
fn source<'a>(config: &'a Config, args: &'a AdoptArgs) -> Result<&'a str, String> {
    let facet = args.entity.facet();
    let brings = config
        .routes
        .iter()
        .filter(|route| route.facet == facet && route.to.contains(&args.shop))
        .map(|route| route.from.as_str());
    let mut sources: Vec<&str> = brings.collect();
    sources.dedup();
    match (&args.from, sources.as_slice()) {
        (Some(from), _) if sources.contains(&from.as_str()) => Ok(from),
        (Some(from), _) => Err(format!("no route brings {facet} from {from} to {}", args.shop)),
        (None, [source]) => Ok(source),
        (None, []) => Err(format!("no route brings {facet} to {}", args.shop)),
        (None, several) => Err(format!("say --from: {facet} comes from {}", several.join(", "))),
    }
}

fn system(config: &Config, name: &str) -> Result<System, Stop> {
    let missing = || Stop::failed(format!("no system is called `{name}`"));
    let system = config.systems.get(name).ok_or_else(missing)?;
    System::new(name, system).map_err(|error| Stop::failed(error.to_string()))
}

/// All that the source says, page by page; of two states of one entity the later.
async fn said(
    system: &System,
    facet: Facet,
    conversation: &impl Fn() -> Conversation,
) -> Result<Said, Stop> {
    let endpoint = system.polled_endpoint(facet).filter(|_| !matches!(system, System::Files(_)));
    let endpoint = endpoint.ok_or_else(|| {
        Stop::failed("the source cannot be asked for its list: only what is polled can be adopted")
    })?;
    let (mut said, mut cursor) = (Said::default(), None::<String>);
    for _ in 0..PAGES_MAX {
        let now = ferry_service::now();
        let ask = Ask {
            endpoint: &endpoint,
            cursor: cursor.as_deref(),
            keys: &[],
            scope: "",
            now,
            heard: None,
        };
        let page = system.poll(&conversation(), &ask).await.map_err(|no| stop(&no))?;
        if let Some(refused) = &page.trouble {
            return Err(stop(refused));
        }
        for record in &page.records {
            let record = Record {
                endpoint: &endpoint,
                scope: None,
                message_id: None,
                received_at: now,
                as_of: None,
                first_line: 1,
                body: &record.body,
            };
            for item in system.read(&record) {
                match item.draft {
                    Ok(Draft::Part(draft)) => said.keep(&draft.part),
                    Ok(Draft::Removed(_) | Draft::Skip { .. }) => {}
                    Err(_) => said.bad += 1,
                }
            }
        }
        if !page.more || page.cursor.is_none() {
            return Ok(said);
        }
        cursor = page.cursor;
    }
    Err(Stop::failed("the source's list does not end"))
}

impl Said {
    fn keep(&mut self, part: &Part) {
        let subject = part.subject();
        let (name, emails) = match part {
            Part::CustomerProfile(profile) => {
                let contacts = profile.contacts.iter();
                let emails = contacts.map(|contact| contact.email.clone()).collect();
                (profile.name.clone(), emails)
            }
            Part::ProductCatalogue(_) => (String::new(), Vec::new()),
            Part::OrderPlaced(_)
            | Part::OrderShipment(_)
            | Part::OrderCancellation(_)
            | Part::OrderReturn(_)
            | Part::ProductStock(_)
            | Part::ProductPrice(_) => return,
        };
        let key = Oro::key(subject.facet.entity(), &subject.id);
        self.ours.insert(subject.id.clone(), Ours { id: subject.id, key, name, emails });
    }
}

/// Writes the links, and the journal's rows of them. Answers with what was left, and why.
async fn apply(
    store: &Store,
    args: &AdoptArgs,
    entity: Entity,
    matches: &[Match],
) -> Result<Vec<(Match, String)>, Stop> {
    let mut left = Vec::new();
    for some in matches.chunks(TOGETHER) {
        let link = |one: &Match| Link { entity, id: one.id.clone(), own_id: one.own_id.clone() };
        let links: Vec<Link> = some.iter().map(link).collect();
        let linked = store.link(&args.shop, links).await.map_err(|error| in_store(&error))?;
        let mut rows = Vec::new();
        for (one, linked) in some.iter().zip(linked) {
            let why = match linked {
                Linked::Made => {
                    rows.push(row(args, entity, one));
                    continue;
                }
                Linked::Known => continue,
                Linked::HasAnother(own_id) => format!("the shop's {own_id} is it already"),
                Linked::IsAnothers(id) => format!("it is {id} already"),
                Linked::Busy => {
                    "it is being written, or that had no answer: run this again".to_owned()
                }
            };
            left.push((one.clone(), why));
        }
        store.append(rows).await.map_err(|error| in_store(&error))?;
    }
    Ok(left)
}

fn row(args: &AdoptArgs, entity: Entity, one: &Match) -> JournalEntry {
    let Match { id, own_id, by } = one;
    JournalEntry {
        at: ferry_service::now(),
        direction: Direction::In,
        system: args.shop.clone(),
        operation: "adopt".to_owned(),
        route: None,
        entity: Some(entity.as_str().to_owned()),
        entity_id: Some(id.clone()),
        part: None,
        event_id: None,
        record_id: None,
        attempt: None,
        status: None,
        duration: None,
        result: "linked".to_owned(),
        detail: Some(format!("with the shop's {own_id} by its {}, by {}", by.as_str(), args.by.by)),
        rule: None,
        request: None,
        response: None,
        key: None,
    }
}

fn show(found: &Found, bad: usize) {
    let say = |line: String| println!("{}", terminal::line(&line));
    for one in &found.linked {
        say(format!("link      {} = {} (by its {})", one.id, one.own_id, one.by.as_str()));
    }
    for one in &found.ambiguous {
        say(format!("ambiguous {}: {} ({})", one.id, one.why, one.own_ids.join(", ")));
    }
    for id in &found.new {
        say(format!("new       {id}"));
    }
    for id in &found.only_there {
        say(format!("only      {id}"));
    }
    say(format!(
        "{} to link, {} ambiguous, {} new, {} only in the shop, {} linked before",
        found.linked.len(),
        found.ambiguous.len(),
        found.new.len(),
        found.only_there.len(),
        found.known
    ));
    if bad > 0 {
        say(format!("{bad} of the source cannot be read: `ferry dead ls` will show them"));
    }
}

fn in_store(error: &StoreError) -> Stop {
    Stop::unreachable(format!("the store: {error}"))
}
