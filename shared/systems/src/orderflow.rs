//! OrderFlow (Realtime Despatch): pushes and import documents, as the OrderFlow reference has them.
//!
//! | facet | as source | as target |
//! |---|---|---|
//! | product catalogue | – | product import, `merge` (reference §3.2) |
//! | product stock | `inventory` push (§5.2) and pull (§4), one part per site | – (it is OrderFlow's own) |
//! | order placed | – | order import, `insert` (§3.3); a later change: cancelled and imported again, unless `changed_orders` says to leave it or the order has left |
//! | order shipment | order `event` push (§5.3), despatches and order detail (§4) pulled, one part per shipment | – |
//! | order cancellation | order `event` push with `order_cancelled`, order detail | cancel (§4) |
//! | order return | return `event` push (§5.5), one part per return | return import, `insert` (§3.4) |
//! | `stockChanges`, deliveries, purchase orders, payment requests | journalled, skipped | – |
//! | whatever a report says | by a mapping of the configuration | – |
//!
//! The configuration may say that a facet becomes another import (a purchase order, a campaign, a stock
//! move), what a mapping lays over Ferry's own, or that OrderFlow is only told to fetch it (§2.1).
//!
//! An order that is there and was not imported by Ferry is left as it is, with a warning. The
//! cancellation that a change brings about is told by OrderFlow like any other: the ledger knows it.

use std::collections::BTreeMap;

use ferry_canonical::{Entity, Facet, FailureKind, Part};
use ferry_config::{
    ScheduleConfig,
    orderflow::{DeliverBy, ImportOperation, ImportType},
    system::{ChangedOrders, OrderflowConfig},
};
use ferry_http::{Conversation, Method, Request, Response};
use ferry_mapping::Mapping;
use jiff::tz::TimeZone;

use crate::{
    Acknowledged, Admitted, Anew, Answer, Applied, Ask, Asked, Failure, Item, Page, PushRequest,
    Reading, Record, Refusal, WokenEndpoint, Write,
    rules::{Rules, is_about_the_system},
    url::encode,
};

mod access;
mod amend;
mod answer;
mod cancel;
mod detail;
#[cfg(any(test, feature = "fuzz"))]
pub mod fuzz;
mod grammar;
mod import;
mod lengths;
mod making;
mod mapped;
mod notify;
mod order;
mod product;
mod properties;
mod pull;
mod read;
mod receive;
mod returned;
#[cfg(test)]
mod rows;
pub(crate) mod times;
mod wakes;
#[cfg(test)]
mod written;

/// The endpoint of pushes.
const PUSH: &str = "push";
/// Imports in one request: OrderFlow answers for each, and one slow request holds no others up.
const BATCH_MAX: usize = 25;

#[derive(Debug)]
pub struct Orderflow {
    config: OrderflowConfig,
    zone: TimeZone,
    plans: Vec<making::Plan>,
    rules: Rules,
    /// Those whose rows are mapped, by the report's name.
    reports: BTreeMap<String, Report>,
}

/// What makes parts of a report's rows.
#[derive(Debug)]
struct Report {
    facet: Facet,
    /// What rows of one part have in common; none: each is one.
    group: Vec<String>,
    /// The mapping's file.
    name: String,
    mapping: Mapping,
}

/// What a route of `facet` polls.
pub(crate) const fn polled_endpoint(facet: Facet) -> Option<&'static str> {
    match facet {
        Facet::Shipment => Some(pull::DESPATCHES),
        Facet::Stock => Some(pull::INVENTORY),
        Facet::Profile
        | Facet::Placed
        | Facet::Cancellation
        | Facet::Return
        | Facet::Catalogue
        | Facet::Price => None,
    }
}

/// What pushes of `facet` wake where they say changes alone.
pub(crate) fn woken_endpoint(facet: Facet) -> Option<&'static str> {
    (facet == Facet::Stock).then_some(pull::INVENTORY)
}

pub(crate) fn entity_of(endpoint: &str) -> Option<Entity> {
    match endpoint {
        pull::INVENTORY => Some(Entity::Product),
        pull::DESPATCHES | pull::ORDER | pull::PENDING => Some(Entity::Order),
        _ => None,
    }
}

/// Endpoints that are woken. An order's detail is read where its own push or list says so: to read them
/// all anew would be thousands of questions.
pub(crate) const WOKEN: [WokenEndpoint; 4] = [
    woken(pull::INVENTORY, pull::REFERENCES_MAX, true, Anew::Started),
    woken(pull::ORDER, 1, true, Anew::Never),
    woken(pull::DESPATCHES, 1, false, Anew::Started),
    woken(pull::PENDING, 1, false, Anew::Missed),
];

const fn woken(endpoint: &'static str, at_once: usize, by_push: bool, anew: Anew) -> WokenEndpoint {
    WokenEndpoint { endpoint, at_once, by_push, anew }
}

impl Orderflow {
    pub fn new(config: &OrderflowConfig) -> Result<Self, String> {
        let zone = TimeZone::get(&config.time_zone)
            .map_err(|_| format!("time_zone `{}` is not an IANA name", config.time_zone))?;
        let mut reports = BTreeMap::new();
        for (name, report) in &config.pull.reports {
            let Some((facet, program)) = &report.rows else { continue };
            let mapping = Mapping::compile(&program.name, &program.program)
                .map_err(|error| format!("report {name}: {error}"))?;
            let (group, file) = (report.group.clone(), program.name.clone());
            reports.insert(name.clone(), Report { facet: *facet, group, name: file, mapping });
        }
        let plans = making::plans(&config.writes)?;
        lengths::known(&config.writes.lengths)?;
        let rules = Rules::with_built_in(&config.responses, answer::BUILT_IN)?;
        Ok(Self { config: config.clone(), zone, plans, rules, reports })
    }

    pub fn read(&self, record: &Record<'_>) -> Vec<Item> {
        read::items(record, self)
    }

    pub fn admit(
        &self,
        headers: &[(String, String)],
        query: &[(String, String)],
    ) -> Result<Admitted, Refusal> {
        receive::admit(self.config.push.as_ref(), headers, query)
    }

    pub fn receive(
        &self,
        request: &PushRequest<'_>,
        admitted: Admitted,
    ) -> Result<Acknowledged, Refusal> {
        let Some(push) = &self.config.push else { return Err(Refusal::not_received_here()) };
        receive::receive(push, &self.config, request, admitted)
    }

    /// Pending shipments and reports belong to no route.
    pub fn own_schedules(&self) -> Vec<(String, ScheduleConfig)> {
        let pull = &self.config.pull;
        let pending = pull.pending.iter().map(|at| (pull::PENDING.to_owned(), at.clone()));
        let reports = pull.reports.iter();
        let reports = reports.map(|(name, r)| (pull::report_endpoint(name), r.schedule.clone()));
        pending.chain(reports).collect()
    }

    pub async fn poll(&self, conversation: &Conversation, ask: &Ask<'_>) -> Result<Page, Failure> {
        pull::poll(self, conversation, ask).await
    }

    /// What stands around the imports of a document.
    pub(crate) const IMPORTS_HEAD: &'static str = properties::HEAD;
    pub(crate) const IMPORTS_TAIL: &'static str = properties::TAIL;

    /// The import of one part as a document has it, and what a person should see of it; `Err` within:
    /// there is none, for this reason.
    pub(crate) fn import_element(
        &self,
        part: &Part,
    ) -> Result<Result<(String, Option<String>), String>, Failure> {
        Ok(match making::make(self, part)? {
            making::Made::Import(import) => Ok((properties::element(&import), import.warning)),
            making::Made::Skipped(reason) => Err(reason),
        })
    }

    fn plan(&self, facet: Facet) -> Option<&making::Plan> {
        self.plans.iter().find(|plan| plan.facet == facet)
    }

    /// Whether what is placed is an order there, which can be cancelled.
    fn has_orders(&self) -> bool {
        self.plan(Facet::Placed).is_some_and(|plan| plan.kind == ImportType::Order)
    }

    /// What takes a request of its own is held by no other's: cancellations, notifications, and imports
    /// that are not to be sent twice.
    pub fn batch_max(&self, facet: Facet) -> usize {
        match self.plan(facet) {
            Some(plan) if plan.by == DeliverBy::Import && !plan.is_blind() => BATCH_MAX,
            Some(_) | None => 1,
        }
    }

    /// The facet in which OrderFlow tells of what a change of `facet` makes us do there.
    pub fn amends(&self, facet: Facet) -> Option<Facet> {
        let plan = self.plan(facet).filter(|plan| {
            plan.kind == ImportType::Order
                && plan.operation == ImportOperation::Insert
                && plan.by == DeliverBy::Import
        });
        let amends = plan.is_some_and(|plan| plan.facet == Facet::Placed)
            && self.config.changed_orders == ChangedOrders::Amend;
        amends.then_some(Facet::Cancellation)
    }

    /// One import request for all writes that need no step before it; one answer each.
    pub async fn apply(&self, conversation: &Conversation, writes: &[Write<'_>]) -> Vec<Answer> {
        let Some(facet) = writes.first().map(|write| write.subject.facet) else {
            return Vec::new();
        };
        if let Some(plan) = self.plan(facet).filter(|plan| plan.by == DeliverBy::Import) {
            return import::import(self, conversation, (plan, writes)).await;
        }
        let mut answers = Vec::with_capacity(writes.len());
        for write in writes {
            answers.push(self.apply_alone(conversation, write).await.into());
        }
        answers
    }

    /// What takes a request of its own.
    async fn apply_alone(
        &self,
        conversation: &Conversation,
        write: &Write<'_>,
    ) -> Result<Applied, Failure> {
        let facet = write.subject.facet;
        if self.plan(facet).is_some() {
            notify::one(self, conversation, write).await
        } else if facet == Facet::Cancellation && self.has_orders() {
            cancel::one(self, conversation, write).await
        } else {
            Err(making::not_taken(facet))
        }
    }

    /// Asks for the inventory of a reference nobody has: cheap, and it needs the credentials.
    pub async fn probe(&self, conversation: &Conversation) -> Result<(), Failure> {
        let path = self.inventory_of("ferry-probe");
        let request = self.request("probe", Method::Get, &path, "");
        let response =
            conversation.send(request).await.map_err(|error| Failure::unanswered(&error, false))?;
        match answer::judged(&self.rules, &response) {
            // It says no of what was asked for, and so it answers.
            Err(failure)
                if answer::is_accepted(&response) && !is_about_the_system(failure.kind) =>
            {
                Ok(())
            }
            Err(failure) => Err(failure),
            Ok(_) => Ok(()),
        }
    }

    pub fn answered(&self, response: &Response, asked: Asked) -> Vec<Reading> {
        answer::reading(&self.rules, response, asked)
    }

    /// The path at which the inventory of one product is asked for.
    fn inventory_of(&self, sku: &str) -> String {
        let sku = encode(sku);
        let site = self.config.writes.site.as_deref();
        let site = site.map(|site| format!("&site={}", encode(site))).unwrap_or_default();
        format!("/remotewarehouse/inventory.xml?externalReferences={sku}{site}")
    }

    fn request(&self, operation: &'static str, method: Method, path: &str, body: &str) -> Request {
        Request {
            operation,
            method,
            url: format!("{}{path}", self.config.base_url),
            headers: access::headers(&self.config),
            body: body.to_owned().into(),
            deadline: self.config.limits.timeout.0,
            secret: false,
            carries: 1,
        }
    }
}

/// An answer of 401 or 403 about our credentials rather than about an item.
fn auth_failure(response: &Response) -> Failure {
    let detail = "OrderFlow refuses user or password (HTTP Basic, realm RTD)";
    Failure::new(FailureKind::Auth, detail).with_response(response)
}
