//! A drop folder's catalogue as the source, and a transformer that knows one route from it.

use std::collections::{BTreeMap, BTreeSet};

use ferry_broker::{Delivery, Headers, Message, Receipt};
use ferry_canonical::{Facet, header};
use ferry_config::{
    SystemConfig,
    system::{FileFormat, FileKind, FilesConfig, Mapping},
};
use ferry_service::Metrics;
use ferry_systems::System;
use ferry_topology::{Inputs, LoadBinding, Topology};
use ferry_transformer::{Transformer, TransformerMetrics};

pub(crate) const RECORD: &str = "0f0e0d0c-0b0a-4908-8706-050403020100";
/// Two good rows, one without its columns, one that the mapping passes over.
pub(crate) const ROWS: &str = "sku,name,status\nMUG,Red,new\nBOWL\nPOT,Blue,old\nCUP,Green,new\n";

pub(crate) fn transformer() -> Transformer {
    let kind = |facet, program: &str| FileKind {
        pattern: "*.csv".to_owned(),
        format: FileFormat::Csv,
        delimiter: None,
        encoding: None,
        columns: None,
        time_zone: None,
        facet,
        mapping: Some(Mapping { name: "m.jq".to_owned(), program: program.to_owned() }),
        chunk_rows: 200,
    };
    let products = kind(Facet::Catalogue, "select(.status != \"old\") | {sku, name}");
    let stock = kind(Facet::Stock, "{sku, site: \"MAIN\", available: .name}");
    let config = SystemConfig::Files(FilesConfig {
        folder: "unused".into(),
        files: BTreeMap::from([("products".to_owned(), products), ("stock".to_owned(), stock)]),
    });
    let files = System::new("catalogue", &config).unwrap();
    Transformer::new(
        BTreeMap::from([("catalogue".to_owned(), files)]),
        BTreeSet::from([("catalogue".to_owned(), Facet::Catalogue)]),
        ferry_sim::now,
        "host/1".to_owned(),
        TransformerMetrics::new(&Metrics::new("transformer").unwrap()).unwrap(),
    )
}

pub(crate) fn topology() -> Topology {
    Topology::new(&Inputs {
        prefix: "sim".to_owned(),
        levels: vec![std::time::Duration::from_secs(5)],
        bindings: vec![LoadBinding {
            target: "shop".to_owned(),
            entity: "product".to_owned(),
            facet: "catalogue".to_owned(),
            source: "catalogue".to_owned(),
        }],
        lanes: vec!["live".to_owned(), "bulk".to_owned()],
    })
}

/// A record of `rows` as the producer publishes it.
pub(crate) fn record(id: &str, rows: &str, lane: &str) -> Message {
    let mut headers = Headers::default();
    headers.insert(header::SOURCE, "catalogue");
    headers.insert(header::ENDPOINT, "products");
    headers.insert(header::RECEIVED_AT, "2026-01-01T00:00:00Z");
    headers.insert(header::LANE, lane);
    Message {
        exchange: "records".to_owned(),
        key: ferry_topology::record_key("catalogue", "-", lane),
        id: id.to_owned(),
        content_type: "text/csv".to_owned(),
        headers,
        body: rows.to_owned().into(),
    }
}

pub(crate) fn delivery(message: Message, queue: &str) -> Delivery {
    Delivery {
        queue: queue.to_owned(),
        exchange: message.exchange,
        key: message.key,
        id: Some(message.id),
        content_type: Some(message.content_type),
        headers: message.headers,
        body: message.body,
        delivery_count: 0,
        receipt: Receipt { epoch: 1, tag: 1 },
    }
}
