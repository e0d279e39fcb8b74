//! The demo's configuration: the committed sample with this run's addresses and folders.

use std::{fs, net::TcpListener, path::Path};

use anyhow::Context as _;

/// The sample, as the repository has it.
const SAMPLE: &str = include_str!("../../../ops/config/demo.toml");
const ERP_MAPPING: &str = include_str!("../../../ops/mappings/erp-customer.jq");
const PRODUCT_MAPPING: &str = include_str!("../../../ops/mappings/catalogue-product.jq");
const ORO_DEMO_MAPPING: &str = include_str!("../../../ops/mappings/oro-demo-product.jq");

/// What takes the place of what the sample says.
pub(crate) struct Places<'a> {
    pub(crate) prefix: &'a str,
    pub(crate) erp: &'a str,
    pub(crate) warehouse: &'a str,
    pub(crate) shop: &'a str,
    pub(crate) producer_port: u16,
    pub(crate) console_port: u16,
}

/// Writes `ferry.toml` and its mappings into `folder`.
pub(crate) fn write(folder: &Path, places: &Places<'_>) -> anyhow::Result<()> {
    let mut text = SAMPLE.to_owned();
    let replacements = [
        ("http://127.0.0.1:17001", places.erp.to_owned()),
        ("http://127.0.0.1:17002", places.warehouse.to_owned()),
        ("http://127.0.0.1:17003", places.shop.to_owned()),
        ("127.0.0.1:7080", format!("127.0.0.1:{}", places.producer_port)),
        ("127.0.0.1:7083", format!("127.0.0.1:{}", places.console_port)),
        ("../mappings/", "mappings/".to_owned()),
        ("[broker]\n", format!("[broker]\nprefix = \"{}\"\n", places.prefix)),
    ];
    for (from, to) in replacements {
        anyhow::ensure!(text.contains(from), "the sample configuration no longer says `{from}`");
        text = text.replace(from, &to);
    }
    let mappings = folder.join("mappings");
    fs::create_dir_all(&mappings).context("making the folder of mappings")?;
    fs::create_dir_all(folder.join("drop")).context("making the drop folder")?;
    for (name, program) in [
        ("erp-customer.jq", ERP_MAPPING),
        ("catalogue-product.jq", PRODUCT_MAPPING),
        ("oro-demo-product.jq", ORO_DEMO_MAPPING),
    ] {
        fs::write(mappings.join(name), program).with_context(|| format!("writing {name}"))?;
    }
    fs::write(folder.join("ferry.toml"), text).context("writing ferry.toml")
}

/// A port nobody listens on at the moment.
pub(crate) fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").context("looking for a free port")?;
    Ok(listener.local_addr()?.port())
}
