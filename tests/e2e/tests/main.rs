//! End-to-end tests on the broker that `cargo x test` brings.

use ferry_e2e::Broker;

#[test]
fn the_broker_of_the_tests_is_a_private_node() {
    let broker = Broker::from_env();
    assert!(broker.url().contains("@127.0.0.1:"), "{}", broker.url());
    let name = broker.rabbitmqctl(&["eval", "node()."]);
    assert!(name.contains("ferry-"), "{name}");
}
