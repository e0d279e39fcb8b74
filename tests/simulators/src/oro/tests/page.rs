//! The page that shows the shop's records.

use super::{Desk, customer, order, product};

#[test]
fn the_page_shows_every_kind_of_record_and_trusts_no_text() {
    let desk = Desk::open();
    desk.post("customers", &customer("<b>Müller</b> & Söhne", "C-1"));
    desk.post("products", &product("MUG-1", "Kubek", false));
    desk.post("orders", &order("WEB-1", "1", "MUG-1"));
    let bytes = desk.bytes("GET", "/_sim/shop", &[], b"");
    let page = String::from_utf8(bytes).unwrap();
    assert!(page.starts_with("HTTP/1.1 200 OK") && page.contains("text/html"), "{page}");
    for text in [
        "OroCommerce 7.0.4",
        "<h2 id=\"customers\">customers: 1</h2>",
        "<td>&lt;b&gt;Müller&lt;/b&gt; &amp; Söhne</td>",
        "<td>WEB-1</td>",
        "<td>not_shipped</td>",
        "<td>MUG-1</td><td>Kubek</td>",
        "<td>MUG-1</td><td>item</td><td>0</td>",
    ] {
        assert!(page.contains(text), "{text}: {page}");
    }
}

#[test]
fn the_page_shows_the_newest_and_says_how_many_there_are() {
    let desk = Desk::open();
    for number in 0..201 {
        let row = format!(r#"{{"attributes":{{"name":"Acme","externalId":"C-{number}"}}}}"#);
        assert_eq!(desk.raw("POST", "/_sim/rows/customers", &[], row.as_bytes()).status, 201);
    }
    let page = String::from_utf8(desk.bytes("GET", "/_sim/shop", &[], b"")).unwrap();
    assert!(page.contains("customers: 201") && page.contains("The newest 200 of 201."), "{page}");
    assert!(page.contains("<td>C-200</td>") && !page.contains("<td>C-0</td>"));
}
