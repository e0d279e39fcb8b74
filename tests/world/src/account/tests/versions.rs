//! Shops of older versions.

use super::*;

/// As a shop before 6.1 shows what it holds.
fn old(oro: &mut OroSeen) {
    oro.customers.iter_mut().for_each(|customer| customer.external_id = None);
    oro.orders.iter_mut().for_each(|order| order.shipping_status = None);
}

#[test]
fn a_shop_without_numbers_is_accounted_for_by_its_customers_people() {
    let account = spoiled(|_, oro, _| old(oro));
    assert!(account.is_clean(), "{account:#?}");
    let account = spoiled(|_, oro, _| {
        old(oro);
        drop(oro.customers.remove(0));
        oro.customers[0].name.push('!');
        oro.customers.push(SeenCustomer { id: "9".to_owned(), ..SeenCustomer::default() });
    });
    assert_eq!(account.unaccounted.count, 3, "missing, wrong and unknown: {account:#?}");
    let account = spoiled(|_, oro, _| {
        old(oro);
        oro.customers.push(SeenCustomer { id: "9".to_owned(), ..oro.customers[0].clone() });
    });
    assert!(account.doubled.count > 0, "{account:#?}");
    // A shop that has the field has to hold the number.
    let account = spoiled(|_, oro, _| oro.customers[0].external_id = None);
    assert!(!account.is_clean());
}
