//! Three nodes that are one broker, one of which dies.

use ferry_e2e::{
    Broker, Foreign, Installation, OwnCluster, Relay, Simulator, Systems,
    stock::{self, StockLoad},
    wait_until,
};

use crate::SOON;

/// How often a leader is killed.
const KILLS: usize = 6;

/// The node that leads a queue, and how many members the queue has.
fn leader(own: &OwnCluster, queue: &str) -> Option<(usize, usize)> {
    let nodes = &own.cluster.nodes;
    let rows = nodes.iter().find_map(|node| {
        node.rabbitmqctl(&["-q", "list_queues", "name", "leader", "members"]).ok()
    });
    let rows = rows?;
    let row = rows.lines().find(|row| row.split('\t').next() == Some(queue))?;
    let leads = row.split('\t').nth(1)?;
    let number = nodes.iter().position(|node| node.node_name() == leads)?;
    Some((number, row.split('\t').nth(2)?.matches("@localhost").count()))
}

fn wait_for_progress(shop: &Simulator) {
    let highest = || stock::levels(shop).values().max().copied().unwrap_or(0);
    let before = highest();
    wait_until("more levels", SOON, || highest() >= before + 40);
}

#[test]
fn a_cluster_whose_leader_is_killed_under_load_loses_nothing_and_doubles_nothing() {
    let mut own = OwnCluster::start("cluster", 3);
    let relay = Relay::to(own.cluster.nodes.iter().map(|node| node.amqp_port()).collect());
    let shop = Simulator::shop();
    let systems = Systems { shop: &shop.url, ..Systems::default() };
    let broker = Broker::at(&own.cluster.nodes[0], &relay.url());
    let ferry = Installation::on(broker, "cluster", systems, &[]);
    let services = ["producer", "transformer", "loader", "console"].map(|name| ferry.run(name));
    let mut load = StockLoad::start(&shop, 20, &services[0].url);
    for queue in ["load.shop.product", "transform"].into_iter().cycle().take(KILLS) {
        let full = ferry.named(queue);
        wait_for_progress(&shop);
        let (leads, members) = leader(&own, &full).unwrap();
        assert_eq!(members, 3, "{full}");
        eprintln!("killing node {} of 3, which leads {full}", leads + 1);
        own.cluster.nodes[leads].kill().unwrap();
        // Two of three are enough to go on.
        wait_for_progress(&shop);
        own.cluster.nodes[leads].restart().unwrap();
    }
    let truth = load.stop();
    wait_until("the shop to show the truth", SOON, || {
        let shown = stock::levels(&shop);
        truth.iter().all(|(sku, level)| shown.get(sku) == Some(level))
    });
    stock::assert_no_level_went_back(&shop);
    let foreign = Foreign::connect(&relay.url());
    for queue in
        ["transform", "transform.dead", "load.shop.product", "load.shop.product.dead", "unrouted"]
    {
        let queue = ferry.named(queue);
        wait_until(&format!("{queue} to be empty"), SOON, || foreign.ready(&queue) == 0);
    }
    let pushed = truth.values().max();
    eprintln!("{KILLS} leaders killed; {pushed:?} levels pushed, none lost, none gone back");
}
