//! Inventory (OrderFlow reference §4): every level, site by site; or those of some products.

use ferry_canonical::FailureKind;

use super::Pull;
use crate::{
    Failure, NewRecord, Page,
    orderflow::{access::Scope, read},
    url, xml,
};

const PATH: &str = "/remotewarehouse/inventory.xml";
/// Of the references in one address, as they stand there: many servers take 8 KB of it all.
const LIST_BYTES: usize = 4_000;
const COMMA: &str = "%2C";

impl Pull<'_> {
    /// The levels of one site; the cursor is the site that is next. One that the instance says no to
    /// fails its run, and does not keep the others from theirs.
    pub(super) async fn next_site(&self) -> Result<Page, Failure> {
        let sites = self.sites();
        let at = self.ask.cursor.and_then(|cursor| sites.iter().position(|site| site == cursor));
        let at = at.unwrap_or(0);
        let site = sites.get(at).map_or("", String::as_str);
        let (records, trouble) = match self.inventory(site, &[]).await {
            Ok(records) => (records, None),
            Err(failure) if sites.len() > 1 && is_of_site(&failure) => (Vec::new(), Some(failure)),
            Err(failure) => return Err(failure),
        };
        let next = sites.get(at + 1);
        let cursor = next.or(sites.first()).filter(|_| sites.len() > 1).cloned();
        Ok(Page { cursor, more: next.is_some(), trouble, ..Page::of(records) })
    }

    /// The levels of some products at every site; of all, where one cannot be named in a list.
    pub(super) async fn levels(&self) -> Result<Page, Failure> {
        let all = self.ask.keys.iter().any(|key| key.is_empty() || key.contains(','));
        let lists = if all { vec![&[][..]] } else { lists(self.ask.keys) };
        let sites = self.sites();
        let (mut records, mut trouble) = (Vec::new(), None);
        for site in &sites {
            match self.listed(site, &lists).await {
                Ok(read) => records.extend(read),
                Err(failure) if sites.len() > 1 && is_of_site(&failure) => trouble = Some(failure),
                Err(failure) => return Err(failure),
            }
        }
        Ok(Page { trouble, ..self.page(records) })
    }

    /// A list that makes the address too long for a server all the same is asked for in halves.
    async fn listed(&self, site: &str, lists: &[&[String]]) -> Result<Vec<NewRecord>, Failure> {
        const TOO_LONG: Option<u16> = Some(414);
        let mut records = Vec::new();
        let mut left: Vec<&[String]> = lists.iter().rev().copied().collect();
        while let Some(list) = left.pop() {
            match self.inventory(site, list).await {
                Ok(read) => records.extend(read),
                Err(failure) if failure.status == TOO_LONG && list.len() > 1 => {
                    let (first, rest) = list.split_at(list.len() / 2);
                    left.extend([rest, first]);
                }
                Err(failure) => return Err(failure),
            }
        }
        Ok(records)
    }

    /// The sites that are asked for; one without a name where the instance has only one.
    fn sites(&self) -> Vec<String> {
        let sites = &self.orderflow.config.pull.sites;
        if sites.is_empty() { vec![String::new()] } else { sites.clone() }
    }

    async fn inventory(&self, site: &str, named: &[String]) -> Result<Vec<NewRecord>, Failure> {
        let Scope { channel, organisation } = self.scope();
        let mut query = Vec::new();
        query.extend(organisation.clone().map(|organisation| ("organisation", organisation)));
        query.extend(channel.clone().map(|channel| ("channel", channel)));
        if !site.is_empty() {
            query.push(("site", site.to_owned()));
        }
        if !named.is_empty() {
            query.push(("externalReferences", named.join(",")));
        }
        let response = self.get("poll", PATH, &query).await?;
        let split = self.split(&response, "inventory")?;
        // With counters of its own a level has its place without the clock of messages, and what has
        // not changed is byte for byte what it was.
        let counted =
            |item: &&[u8]| xml::parse(item).is_ok_and(|product| read::is_counted(&product));
        let heard = !split.items.iter().all(counted);
        let whose = organisation.or(channel).unwrap_or_default();
        self.records(&split, &whose, heard)
    }
}

/// References that stand in one address.
fn lists(keys: &[String]) -> Vec<&[String]> {
    let (mut lists, mut rest) = (Vec::new(), keys);
    while !rest.is_empty() {
        let mut bytes = 0;
        let fit = rest.iter().take_while(|key| {
            bytes += url::encode(key).len() + COMMA.len();
            bytes <= LIST_BYTES
        });
        let (list, others) = rest.split_at(fit.count().max(1));
        lists.push(list);
        rest = others;
    }
    lists
}

/// Whether another site may fare otherwise.
const fn is_of_site(failure: &Failure) -> bool {
    match failure.kind {
        FailureKind::Connection
        | FailureKind::Timeout
        | FailureKind::RateLimited
        | FailureKind::Auth
        | FailureKind::Crashed
        | FailureKind::Internal => false,
        FailureKind::Unavailable
        | FailureKind::Ambiguous
        | FailureKind::MissingReference
        | FailureKind::Conflict
        | FailureKind::Rejected
        | FailureKind::Validation
        | FailureKind::Parse
        | FailureKind::Unsupported
        | FailureKind::TooLarge => true,
    }
}
