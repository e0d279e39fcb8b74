//! What a push wakes: a thin word about something whose state is to be read (OrderFlow reference §5.4,
//! DESIGN §5).

use std::collections::BTreeSet;

use ferry_canonical::limits;
use ferry_config::system::{OrderDetail, OrderflowConfig};

use super::{
    access::Scope,
    pull::{INVENTORY, ORDER},
};
use crate::{Wakeup, xml::Element};

/// Products that are read one by one; more, and everything is.
const PRODUCTS_MAX: usize = 200;

/// Asked for under the scope that the push names: a level or an order of another channel is not to be
/// found under ours.
pub(super) fn of(root: &Element, scope: &Scope, config: &OrderflowConfig) -> Vec<Wakeup> {
    let mut wakes = match root.name.as_str() {
        "stockChanges" => of_changes(root),
        "event" => of_event(root, config.pull.order_detail),
        _ => Vec::new(),
    };
    let scope = scope.kept(config);
    for wake in &mut wakes {
        wake.scope.clone_from(&scope);
    }
    wakes
}

/// Under the configured scope.
pub(super) fn wake(endpoint: &str, key: &str) -> Wakeup {
    Wakeup { endpoint: endpoint.to_owned(), scope: String::new(), key: key.to_owned() }
}

/// Changes are no state: the level is read.
fn of_changes(root: &Element) -> Vec<Wakeup> {
    let changes = root.children.iter().filter(|child| child.name == "stockChange");
    let products: BTreeSet<&str> = changes
        .map(|change| change.attribute("product").map(str::trim).unwrap_or_default())
        .collect();
    let level = |key: &str| wake(INVENTORY, key);
    if products.is_empty() || products.len() > PRODUCTS_MAX || products.iter().any(|p| !is_key(p)) {
        return vec![level("")];
    }
    products.into_iter().map(level).collect()
}

fn of_event(root: &Element, wanted: OrderDetail) -> Vec<Wakeup> {
    let order = root.find(&["detail", "order"]);
    let about_order = root.attribute("entity") == Some("order");
    let key = order
        .and_then(|order| order.attribute("externalReference"))
        .or(root.attribute("externalReference").filter(|_| about_order))
        .map(str::trim);
    let told = order.is_some_and(|order| {
        order.child("shipments").is_some_and(|list| list.child("shipment").is_some())
    });
    let wanted = match wanted {
        OrderDetail::Never => false,
        OrderDetail::Thin => !told,
        OrderDetail::Always => true,
    };
    match key {
        Some(key) if wanted && is_key(key) => {
            vec![wake(ORDER, key)]
        }
        _ => Vec::new(),
    }
}

/// What can be asked for.
pub(super) fn is_key(key: &str) -> bool {
    !key.is_empty() && key.len() <= limits::ID_CHARS && !key.contains(char::is_control)
}

#[cfg(test)]
mod tests {
    use ferry_config::system::PullConfig;

    use super::*;
    use crate::{orderflow::rows, xml};

    fn woken(body: &str, order_detail: OrderDetail) -> Vec<String> {
        let pull = PullConfig { order_detail, ..PullConfig::default() };
        let config = OrderflowConfig { pull, ..rows::config() };
        let root = xml::parse(body.as_bytes()).unwrap();
        let wakes = of(&root, &Scope::default(), &config).into_iter();
        wakes.map(|wake| format!("{} {}", wake.endpoint, wake.key)).collect()
    }

    #[test]
    fn what_another_channel_pushes_is_asked_for_under_its_name() {
        let root =
            xml::parse(br#"<stockChanges><stockChange product="A"/></stockChanges>"#).unwrap();
        let scope = |channel: Option<&str>, organisation: Option<&str>| {
            let (channel, organisation) =
                (channel.map(str::to_owned), organisation.map(str::to_owned));
            let said = Scope { channel, organisation };
            let wakes = of(&root, &said, &rows::config());
            Scope::foreign(&wakes[0].scope).map(|kept| kept == said)
        };
        for (channel, organisation) in
            [(None, None), (Some("web"), None), (None, Some("acme")), (Some("web"), Some("acme"))]
        {
            assert_eq!(scope(channel, organisation), None, "{channel:?} {organisation:?}");
        }
        for (channel, organisation) in
            [(Some("outlet"), None), (Some("web"), Some("other")), (None, Some("other"))]
        {
            assert_eq!(scope(channel, organisation), Some(true), "{channel:?} {organisation:?}");
        }
    }

    #[test]
    fn changes_of_stock_wake_the_levels_they_are_about() {
        let changes = r#"<stockChanges><stockChange product="B"/><stockChange product="A"/><stockChange product="B"/></stockChanges>"#;
        assert_eq!(woken(changes, OrderDetail::Never), ["inventory A", "inventory B"]);
        let unnamed = r#"<stockChanges><stockChange product="B"/><stockChange/></stockChanges>"#;
        assert_eq!(woken(unnamed, OrderDetail::Thin), ["inventory "]);
        assert_eq!(woken("<stockChanges/>", OrderDetail::Thin), ["inventory "]);
        let change = |n| format!("<stockChange product=\"{n}\"/>");
        let many: Vec<String> = (0..=PRODUCTS_MAX).map(change).collect();
        let many = format!("<stockChanges>{}</stockChanges>", many.concat());
        assert_eq!(woken(&many, OrderDetail::Thin), ["inventory "]);
    }

    #[test]
    fn an_event_about_an_order_wakes_its_detail_where_that_is_wanted() {
        let thin = r#"<event entity="order" externalReference="W-1"/>"#;
        let full = r#"<event><detail><order externalReference="W-2"><shipments><shipment/></shipments></order></detail></event>"#;
        let bare = r#"<event><detail><order externalReference="W-3"/></detail></event>"#;
        let other = r#"<event entity="delivery" externalReference="D-1"><detail><delivery/></detail></event>"#;
        let all = |wanted| [thin, full, bare, other].map(|body| woken(body, wanted).concat());
        assert_eq!(all(OrderDetail::Never), ["", "", "", ""]);
        assert_eq!(all(OrderDetail::Thin), ["order W-1", "", "order W-3", ""]);
        assert_eq!(all(OrderDetail::Always), ["order W-1", "order W-2", "order W-3", ""]);
    }
}
