//! Every question a client may ask OrderFlow, and its answer (OrderFlow reference §2.1, §3.6).
//!
//! Promises that an import answers 200 whatever its items' verdicts, and that a request refused as a
//! whole is refused in one of the documented ways: an HTML page for what is not XML, a root `<error>`
//! for a request that names no known scope, an `<exception>` for an order that is not there, a plain
//! text for missing credentials.

use std::collections::HashMap;

use axum::http::{HeaderMap, Method, StatusCode};
use ferry_world::account::{Effect, EffectKind};
use serde_json::json;

use super::access::{self, CHALLENGE, Credentials};
use super::effect::effect;
use super::imports;
use super::queries;
use super::report::{self, Refusal, Verdict};
use super::warehouse::{Module, Warehouse};
use super::xml::Element;

/// Who and what an instance is.
#[derive(Clone)]
pub(super) struct Identity {
    pub(super) organisation: String,
    pub(super) channel: String,
    pub(super) credentials: Credentials,
    /// Whether notifications make it fetch what they name.
    pub(super) fetches: bool,
    /// Whether a second insert of what is neither order nor product makes a second one.
    pub(super) takes_repeats: bool,
}

/// A request after its body was read.
pub(super) struct Question<'a> {
    pub(super) method: &'a Method,
    /// Below the instance's base path, as `/remotewarehouse/inventory.xml`.
    pub(super) path: &'a str,
    pub(super) query: &'a HashMap<String, String>,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: &'a [u8],
    /// Local time of the instance.
    pub(super) time: &'a str,
}

/// What is answered, and what it did.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) content_type: &'static str,
    pub(super) challenge: Option<&'static str>,
    pub(super) body: String,
    pub(super) effects: Vec<Effect>,
}

impl Answer {
    fn xml(body: String) -> Self {
        Self::of(StatusCode::OK, "application/xml;charset=UTF-8", body)
    }

    fn of(status: StatusCode, content_type: &'static str, body: String) -> Self {
        Self { status, content_type, challenge: None, body, effects: Vec::new() }
    }

    fn text(status: StatusCode, body: &str) -> Self {
        Self::of(status, "text/plain;charset=UTF-8", body.to_owned())
    }

    fn exception(refusal: &Refusal) -> Self {
        Self::xml(report::exception(refusal))
    }

    fn unauthorized() -> Self {
        let answer = Self::text(StatusCode::UNAUTHORIZED, "Bad credentials");
        Self { challenge: Some(CHALLENGE), ..answer }
    }
}

impl Identity {
    /// Answers a question, changing the warehouse where it asks for that.
    pub(super) fn answer(&self, warehouse: &mut Warehouse, question: &Question<'_>) -> Answer {
        if !self.credentials.admit(question.headers) {
            return Answer::unauthorized();
        }
        let get = question.method == Method::GET;
        let post = question.method == Method::POST;
        match question.path {
            "/remotewarehouse/imports/importitems.xml" if post => {
                self.in_organisation(question, |this| import(this, warehouse, Module::Warehouse))
            }
            "/remoteorder/imports/importitems.xml" if post => {
                self.in_channel(question, |this| import(this, warehouse, Module::Order))
            }
            "/remotewarehouse/inventory.xml" if get => self.inventory(question, warehouse),
            // The vendor's PHP client asks by POST.
            "/remoteorder/order/detail.xml" if get || post => {
                self.in_channel(question, |this| detail(this, warehouse))
            }
            "/remoteorder/order/cancel.xml" if post => {
                self.in_channel(question, |this| cancel(this, warehouse))
            }
            "/remoteorder/shipment/despatches.xml" if get => {
                self.in_channel(question, |this| despatches(this, warehouse))
            }
            "/remoteorder/shipment/pending.xml" if get => {
                self.in_channel(question, |_| Answer::xml(queries::pending_shipments(warehouse)))
            }
            "/remote/report.xml" if get || post => self.report(question, warehouse),
            "/remoteorder/order/update.xml" if post => {
                self.in_channel(question, |this| self.notified(this, "order", &["created"]))
            }
            "/remotewarehouse/product/update.xml" if post => {
                let actions = ["created", "modified"];
                self.in_organisation(question, |this| self.notified(this, "product", &actions))
            }
            _ => Answer::of(StatusCode::NOT_FOUND, "text/html", report::html_error("Not found")),
        }
    }

    fn in_organisation(
        &self,
        question: &Question<'_>,
        answer: impl FnOnce(&Question<'_>) -> Answer,
    ) -> Answer {
        match scope_fault(question, "organisation", &self.organisation) {
            None => answer(question),
            Some(fault) => Answer::xml(report::error(fault)),
        }
    }

    fn in_channel(
        &self,
        question: &Question<'_>,
        answer: impl FnOnce(&Question<'_>) -> Answer,
    ) -> Answer {
        match scope_fault(question, "channel", &self.channel) {
            None => answer(question),
            Some(fault) => Answer::xml(report::error(fault)),
        }
    }

    /// One of the two scopes is enough here: clients ask by either.
    fn inventory(&self, question: &Question<'_>, warehouse: &Warehouse) -> Answer {
        let faults = [("channel", &self.channel), ("organisation", &self.organisation)]
            .map(|(name, own)| scope_fault(question, name, own));
        if let [Some(fault), Some(_)] = faults {
            return Answer::xml(report::error(fault));
        }
        let parameter = |name| question.parameter(name);
        Answer::xml(queries::inventory(
            warehouse,
            parameter("externalReferences"),
            parameter("site"),
        ))
    }
}

impl Identity {
    /// "Please fetch" from a store. That is noted; what would be fetched is the store's own affair.
    fn notified(&self, question: &Question<'_>, entity: &str, actions: &[&str]) -> Answer {
        let reference = match required(question, "thirdPartyReference") {
            Ok(reference) => reference,
            Err(answer) => return answer,
        };
        let action = question.parameter("action").unwrap_or_default();
        let event = question.parameter("event").unwrap_or_default();
        if !actions.contains(&action) || event != format!("{entity}.{action}") {
            return Answer::xml(report::error(format!(
                "Unknown event {event} with action {action}"
            )));
        }
        if !self.fetches {
            return message(format!("Result 'no_operation' for {entity} {reference}"));
        }
        let told = json!({ "entity": entity, "action": action });
        let told = effect("notification", reference, EffectKind::Created, told);
        let answer = message(format!("Result 'queued' for {entity} {reference}"));
        Answer { effects: vec![told], ..answer }
    }

    /// Reports name their organisation in a parameter of their own.
    fn report(&self, question: &Question<'_>, warehouse: &Warehouse) -> Answer {
        // The .NET client names none in some of its calls.
        if let Some(named) = question.parameter("organisation_id")
            && named != self.organisation
        {
            return Answer::xml(report::error(format!("Unknown organisation {named}")));
        }
        match question.parameter("reportKey") {
            Some("purchase_order_lines_xml") => {
                Answer::xml(queries::purchase_order_lines(warehouse, &self.organisation))
            }
            Some("return_line_api_report") => Answer::xml(queries::return_lines()),
            Some(key) => Answer::xml(report::error(format!("Unknown report {key}"))),
            None => Answer::xml(report::error("Parameter reportKey is required")),
        }
    }
}

fn scope_fault(question: &Question<'_>, name: &str, own: &str) -> Option<String> {
    match access::scope(name, question.query, question.headers) {
        Some(named) if named == own => None,
        Some(named) => Some(format!("Unknown {name} {named}")),
        None => Some(format!("No {name} specified")),
    }
}

impl Question<'_> {
    fn parameter(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// A parameter that is a time, in the form times are compared in. `T` and a fraction with its
    /// zone, as some clients send, are taken as local time.
    fn time_parameter(&self, name: &str) -> Option<String> {
        self.parameter(name).map(|text| text.chars().take(19).collect::<String>().replace('T', " "))
    }

    /// However it is written: the .NET client says `True`.
    fn truth(&self, name: &str) -> bool {
        self.parameter(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }
}

fn import(question: &Question<'_>, warehouse: &mut Warehouse, module: Module) -> Answer {
    let imports = match imports::parse(question.body) {
        Ok(imports) => imports,
        Err(imports::Unreadable::Root(name)) => {
            return Answer::xml(report::error(imports::Unreadable::Root(name)));
        }
        Err(unreadable) => {
            let page = report::html_error(unreadable);
            return Answer::of(StatusCode::OK, "text/html;charset=UTF-8", page);
        }
    };
    let mut effects = Vec::with_capacity(imports.len());
    let mut items: Vec<(imports::Import, Verdict)> = Vec::with_capacity(imports.len());
    for mut import in imports {
        let (verdict, effect) = warehouse.import(module, &mut import);
        effects.push(effect);
        items.push((import, verdict));
    }
    Answer { effects, ..Answer::xml(report::import_result(&items, question.time)) }
}

fn required<'a>(question: &'a Question<'_>, name: &str) -> Result<&'a str, Answer> {
    question
        .parameter(name)
        .ok_or_else(|| Answer::xml(report::error(format!("Parameter {name} is required"))))
}

fn detail(question: &Question<'_>, warehouse: &Warehouse) -> Answer {
    let reference = match required(question, "externalReference") {
        Ok(reference) => reference,
        Err(answer) => return answer,
    };
    match warehouse.orders.get(reference) {
        Some(order) => Answer::xml(queries::order_detail(order)),
        None => Answer::exception(&Refusal::missing(format!("Order {reference} not found"))),
    }
}

fn cancel(question: &Question<'_>, warehouse: &mut Warehouse) -> Answer {
    let reference = match required(question, "externalReference") {
        Ok(reference) => reference,
        Err(answer) => return answer,
    };
    match warehouse.cancel(reference, question.truth("cancelChangesExternalReference")) {
        Ok(Some(effect)) => Answer {
            effects: vec![effect],
            ..message(format!("Order {reference} has been cancelled"))
        },
        Ok(None) => message(format!("No cancel operation performed for order {reference}")),
        Err(refusal) => Answer::exception(&refusal),
    }
}

fn despatches(question: &Question<'_>, warehouse: &Warehouse) -> Answer {
    let (from, to) = (question.time_parameter("from"), question.time_parameter("to"));
    let with_lines = question.truth("includeOrderLines");
    Answer::xml(queries::despatches(warehouse, from.as_deref(), to.as_deref(), with_lines))
}

fn message(text: String) -> Answer {
    Answer::xml(Element::holding("message", text).document())
}

#[cfg(test)]
mod tests;
