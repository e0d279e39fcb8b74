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
        match question.parameter("organisation_id") {
            Some(named) if named == self.organisation => {}
            Some(named) => {
                return Answer::xml(report::error(format!("Unknown organisation {named}")));
            }
            None => return Answer::xml(report::error("No organisation specified")),
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
mod tests {
    use std::collections::HashMap;

    use axum::http::{HeaderMap, Method, StatusCode};

    use ferry_world::account::EffectKind;

    use super::{Answer, Credentials, Identity, Question};
    use crate::orderflow::samples;
    use crate::orderflow::warehouse::Warehouse;

    fn identity() -> Identity {
        Identity {
            organisation: "acme".into(),
            channel: "web".into(),
            credentials: Credentials { user: "ferry".into(), password: "secret".into() },
            fetches: false,
            takes_repeats: false,
        }
    }

    fn ask(warehouse: &mut Warehouse, method: &Method, target: &str, body: &str) -> Answer {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let pair = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap();
            (name.to_owned(), value.to_owned())
        };
        let query: HashMap<String, String> =
            query.split('&').filter(|pair| !pair.is_empty()).map(pair).collect();
        let mut headers = HeaderMap::new();
        headers.insert("authorization", identity().credentials.basic().parse().unwrap());
        let question = Question {
            method,
            path,
            query: &query,
            headers: &headers,
            body: body.as_bytes(),
            time: "2024-03-01 09:16:02",
        };
        identity().answer(warehouse, &question)
    }

    const PRODUCTS: &str = "/remotewarehouse/imports/importitems.xml?organisation=acme";

    #[test]
    fn one_bad_item_does_not_spoil_its_neighbours_and_the_status_is_200() {
        let mut warehouse = samples::warehouse();
        let body = "<imports>\
            <import type='product' operation='merge' externalReference='A'>description=A\ntype=x</import>\
            <import type='product' operation='merge' externalReference='B'>description=B</import>\
            <import type='product' operation='insert' externalReference='MUG'>description=M\ntype=x</import>\
            <import type='product' operation='merge' externalReference='C'><![CDATA[description=C\ntype=x]]></import>\
            </imports>";
        let answer = ask(&mut warehouse, &Method::POST, PRODUCTS, body);
        assert_eq!(answer.status, StatusCode::OK);
        let told: Vec<_> = answer.effects.iter().map(|e| (e.key.as_str(), e.effect)).collect();
        assert_eq!(
            told,
            [
                ("A", EffectKind::Created),
                ("B", EffectKind::Refused),
                ("MUG", EffectKind::Duplicate),
                ("C", EffectKind::Created)
            ]
        );
        assert!(answer.body.contains("<failureMessage>type is required</failureMessage>"));
        assert!(
            answer.body.contains("<duplicateMessage>Product already exists</duplicateMessage>")
        );
    }

    #[test]
    fn a_request_that_is_no_xml_is_answered_with_an_error_page() {
        let answer = ask(&mut samples::warehouse(), &Method::POST, PRODUCTS, "<imports><import>");
        assert_eq!(answer.content_type, "text/html;charset=UTF-8");
        assert!(answer.body.contains("<body><h2>ERROR</h2><p>"));
        let answer = ask(&mut samples::warehouse(), &Method::POST, PRODUCTS, "<orders/>");
        assert!(answer.body.contains("<error>expected root element imports, found orders</error>"));
    }

    #[test]
    fn the_scope_of_each_module_is_demanded() {
        let mut warehouse = samples::warehouse();
        for (target, expected) in [
            ("/remotewarehouse/imports/importitems.xml", "No organisation specified"),
            ("/remotewarehouse/imports/importitems.xml?organisation=x", "Unknown organisation x"),
            ("/remoteorder/imports/importitems.xml?organisation=acme", "No channel specified"),
        ] {
            let answer = ask(&mut warehouse, &Method::POST, target, "<imports/>");
            assert!(answer.body.contains(&format!("<error>{expected}</error>")), "{}", answer.body);
        }
        for scope in ["channel=web", "organisation=acme"] {
            let target = format!("/remotewarehouse/inventory.xml?{scope}");
            assert!(ask(&mut warehouse, &Method::GET, &target, "").body.contains("<inventory>"));
        }
    }

    #[test]
    fn an_order_that_is_not_there_is_a_missing_data_exception() {
        let mut warehouse = samples::warehouse();
        for (method, operation) in
            [(Method::GET, "detail"), (Method::POST, "detail"), (Method::POST, "cancel")]
        {
            let target =
                format!("/remoteorder/order/{operation}.xml?channel=web&externalReference=NOPE");
            let answer = ask(&mut warehouse, &method, &target, "");
            assert!(
                answer.body.contains(
                    "<exception>rtd.exceptions.MissingDataException</exception>\
                     <message>Order NOPE not found</message>"
                ),
                "{}",
                answer.body
            );
        }
    }

    #[test]
    fn a_despatched_order_is_not_cancelled_and_the_text_says_so_with_status_200() {
        let target = "/remoteorder/order/cancel.xml?channel=web&externalReference=WEB-1001";
        let answer = ask(&mut samples::warehouse(), &Method::POST, target, "");
        assert_eq!(answer.status, StatusCode::OK);
        assert!(answer.body.contains("<message>No cancel operation performed"), "{}", answer.body);
        assert!(answer.effects.is_empty());
    }

    #[test]
    fn a_notification_is_ignored_or_fetched_and_says_so_with_status_200() {
        let target = "/remoteorder/order/update.xml?channel=web&organisation=acme\
            &thirdPartyReference=WEB-9&event=order.created&action=created";
        let answer = ask(&mut samples::warehouse(), &Method::POST, target, "");
        assert!(answer.body.contains("Result &apos;no_operation&apos; for order WEB-9</message>"));
        let query = |action: &str| {
            let pairs = [("organisation", "acme"), ("thirdPartyReference", "MUG")];
            let mut query: HashMap<String, String> =
                pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
            query.insert("event".to_owned(), format!("product.{action}"));
            query.insert("action".to_owned(), action.to_owned());
            query
        };
        let mut headers = HeaderMap::new();
        headers.insert("authorization", identity().credentials.basic().parse().unwrap());
        let told = |action: &str| {
            let question = Question {
                method: &Method::POST,
                path: "/remotewarehouse/product/update.xml",
                query: &query(action),
                headers: &headers,
                body: b"",
                time: "",
            };
            let fetching = Identity { fetches: true, ..identity() };
            fetching.answer(&mut samples::warehouse(), &question)
        };
        let answer = told("modified");
        assert!(
            answer.body.contains("Result &apos;queued&apos; for product MUG"),
            "{}",
            answer.body
        );
        assert_eq!((answer.effects[0].key.as_str(), answer.effects.len()), ("MUG", 1));
        let answer = told("eaten");
        assert!(answer.body.contains("<error>Unknown event product.eaten"), "{}", answer.body);
    }

    #[test]
    fn despatches_take_times_with_and_without_a_t() {
        let mut warehouse = samples::warehouse();
        for (from, found) in [
            ("2024-03-02 16:40:10", true),
            ("2024-03-02T16:40:10.0000000Z", true),
            ("2024-03-02T16:40:11", false),
        ] {
            let target = format!("/remoteorder/shipment/despatches.xml?channel=web&from={from}");
            let answer = ask(&mut warehouse, &Method::GET, &target, "");
            assert_eq!(answer.body.contains("WEB-1001_S1"), found, "{from}");
        }
    }

    #[test]
    fn a_report_is_asked_for_by_its_key_and_its_organisation() {
        let mut warehouse = samples::warehouse();
        for (query, expected) in [
            ("reportKey=purchase_order_lines_xml&organisation_id=acme", "<sku>MUG</sku>"),
            ("reportKey=return_line_api_report&organisation_id=acme", "<returns/>"),
            ("reportKey=nope&organisation_id=acme", "<error>Unknown report nope</error>"),
            ("reportKey=nope&organisation_id=x", "<error>Unknown organisation x</error>"),
            ("reportKey=nope", "<error>No organisation specified</error>"),
            ("organisation_id=acme", "<error>Parameter reportKey is required</error>"),
        ] {
            let target = format!("/remote/report.xml?{query}");
            let answer = ask(&mut warehouse, &Method::GET, &target, "");
            assert!(answer.body.contains(expected), "{query}: {}", answer.body);
        }
    }

    #[test]
    fn without_credentials_nothing_is_done_and_the_realm_is_named() {
        let mut warehouse = Warehouse::new();
        let question = Question {
            method: &Method::POST,
            path: "/remotewarehouse/imports/importitems.xml",
            query: &HashMap::new(),
            headers: &HeaderMap::new(),
            body: b"",
            time: "",
        };
        let answer = identity().answer(&mut warehouse, &question);
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert_eq!(answer.challenge, Some("Basic realm=\"RTD\""));
    }

    #[test]
    fn an_unknown_path_or_method_is_not_found() {
        let mut warehouse = Warehouse::new();
        for (method, path) in [(Method::GET, "/nothing.xml"), (Method::GET, PRODUCTS)] {
            assert_eq!(ask(&mut warehouse, &method, path, "").status, StatusCode::NOT_FOUND);
        }
    }
}
