//! Walks over all rows of a shop's lists.

use super::{FINE, added, changed, told};

const SHOP: &str = "client_secret = { env = \"SECRET\" }\n";
const CUSTOMERS: &str = "[[routes]]\nname = \"customers\"\nfrom = \"shop\"\nentity = \"customer\"\n\
                         facet = \"profile\"\nevery = \"30s\"\nto = [\"accounts\"]\n";
const STOCK: &str = "[[routes]]\nname = \"stock\"\nfrom = \"shop\"\nentity = \"product\"\n\
                     facet = \"stock\"\nevery = \"30m\"\nto = [\"accounts\"]\n";
const ACCOUNTS: &str = "[systems.accounts]\nkind = \"oro\"\nbase_url = \"https://other.example\"\n\
                        client_id = { env = \"ID\" }\nclient_secret = { env = \"SECRET\" }\n";

fn scanning(scan: &str, more: &str) -> Vec<String> {
    let text = FINE.replacen(SHOP, &format!("{SHOP}{scan}\n"), 1);
    told(&format!("{text}{more}"))
}

#[test]
fn customers_of_a_shop_are_scanned_when_it_is_said() {
    let scan = "scan = { customers = { every = \"6h\" } }";
    assert_eq!(scanning(scan, &format!("{CUSTOMERS}{ACCOUNTS}")), [""; 0]);
    let nobody = scanning(scan, "");
    assert!(nobody[0].contains("no route takes customers from shop"), "{nobody:?}");
    let never = scanning("scan = { customers = {} }", &format!("{CUSTOMERS}{ACCOUNTS}"));
    assert!(never[0].contains("it must say `every` or `cron`"), "{never:?}");
    let products = changed(SHOP, &format!("{SHOP}scan = {{ products = {{ every = \"6h\" }} }}\n"));
    assert!(products[0].contains("unknown key `products`"), "{products:?}");
}

#[test]
fn orders_of_an_old_shop_are_scanned_when_it_is_said() {
    let scan = "scan = { orders = { cron = \"0 3 * * *\" } }";
    assert_eq!(scanning(scan, ""), [""; 0], "the orders of FINE come from the shop");
    let fine = FINE.replacen(SHOP, &format!("{SHOP}{scan}\n"), 1);
    let nobody = told(&fine.replacen("from = \"shop\"", "from = \"warehouse\"", 1));
    let said =
        |told: &[String]| told.iter().any(|it| it.contains("no route takes orders from shop"));
    assert!(said(&nobody), "{nobody:?}");
    let never = scanning("scan = { orders = {} }", "");
    assert!(
        never[0].contains("scan.orders") && never[0].contains("`every` or `cron`"),
        "{never:?}"
    );
}

#[test]
fn a_shop_says_its_stock_where_a_route_says_when() {
    assert_eq!(added(&format!("{STOCK}{ACCOUNTS}")), [""; 0]);
    let unasked = added(&format!("{}{ACCOUNTS}", STOCK.replace("every = \"30m\"\n", "")));
    assert!(unasked[0].contains("say `every` or `cron`"), "{unasked:?}");
    let nameless = scanning("stock_site = \" \"", &format!("{STOCK}{ACCOUNTS}"));
    assert!(nameless[0].contains("stock_site: a site has a name"), "{nameless:?}");
}

#[test]
fn a_shop_that_is_brought_stock_is_no_source_of_it() {
    let brought = STOCK
        .replace("\"stock\"\nfrom = \"shop\"", "\"levels\"\nfrom = \"warehouse\"")
        .replace("every = \"30m\"\n", "")
        .replace("accounts", "shop");
    let both = added(&format!("{STOCK}{brought}{ACCOUNTS}"));
    let told = "`levels` brings stock to shop: its level is the sum of that, and nobody could tell";
    assert!(both.len() == 1 && both[0].contains(told), "{both:?}");
}

const PRICES: &str = "[[routes]]\nname = \"prices\"\nfrom = \"shop\"\nentity = \"product\"\n\
                      facet = \"price\"\nevery = \"1h\"\nto = [\"accounts\"]\n";

#[test]
fn a_shop_says_its_prices_list_by_list_where_a_route_says_when() {
    let lists = "price_lists = { retail = \"1\" }";
    assert_eq!(scanning(lists, &format!("{PRICES}{ACCOUNTS}")), [""; 0]);
    let nameless = added(&format!("{PRICES}{ACCOUNTS}"));
    assert!(nameless[0].contains("systems.shop.price_lists: a route takes prices"), "{nameless:?}");
    let unasked = PRICES.replace("every = \"1h\"\n", "");
    let unasked = scanning(lists, &format!("{unasked}{ACCOUNTS}"));
    assert!(unasked[0].contains("say `every` or `cron`"), "{unasked:?}");
}

#[test]
fn a_shop_that_is_brought_prices_is_no_source_of_them() {
    let other = ACCOUNTS.replace("kind", "price_lists = { retail = \"1\" }\nkind");
    let back = PRICES
        .replace("\"prices\"\nfrom = \"shop\"", "\"brought\"\nfrom = \"accounts\"")
        .replace("to = [\"accounts\"]", "to = [\"shop\"]");
    let both = scanning("price_lists = { retail = \"1\" }", &format!("{PRICES}{back}{other}"));
    let told = "`brought` brings price to shop: prices of others stand beside them";
    assert!(both.iter().any(|found| found.contains(told)), "{both:?}");
}
