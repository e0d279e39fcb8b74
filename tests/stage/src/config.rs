//! The sample installation: the committed configuration with a run's addresses and folders.

use std::{fs, path::Path};

use anyhow::Context as _;

/// The sample, as the repository has it.
const SAMPLE: &str = include_str!("../../../ops/config/demo.toml");
const ERP_MAPPING: &str = include_str!("../../../ops/mappings/erp-customer.jq");
const PRODUCT_MAPPING: &str = include_str!("../../../ops/mappings/catalogue-product.jq");
const ORO_DEMO_MAPPING: &str = include_str!("../../../ops/mappings/oro-demo-product.jq");

/// What takes the place of what the sample says.
#[derive(Clone, Copy, Debug)]
pub struct Places<'a> {
    pub prefix: &'a str,
    pub erp: &'a str,
    pub warehouse: &'a str,
    pub shop: &'a str,
    pub producer_port: u16,
    pub console_port: u16,
}

impl Places<'_> {
    /// Writes `ferry.toml` and its mappings into `folder`, and makes the drop folder. `changes`
    /// replace more of what the sample says.
    ///
    /// # Errors
    /// When the sample does not say what is to be replaced, or a file cannot be written.
    pub fn write(&self, folder: &Path, changes: &[(&str, &str)]) -> anyhow::Result<()> {
        let mut text = SAMPLE.to_owned();
        let replacements = [
            ("http://127.0.0.1:17001", self.erp.to_owned()),
            ("http://127.0.0.1:17002", self.warehouse.to_owned()),
            ("http://127.0.0.1:17003", self.shop.to_owned()),
            ("127.0.0.1:7080", format!("127.0.0.1:{}", self.producer_port)),
            ("127.0.0.1:7083", format!("127.0.0.1:{}", self.console_port)),
            ("../mappings/", "mappings/".to_owned()),
            ("[broker]\n", format!("[broker]\nprefix = \"{}\"\n", self.prefix)),
        ];
        let changes = changes.iter().map(|(from, to)| (*from, (*to).to_owned()));
        for (from, to) in replacements.into_iter().chain(changes) {
            anyhow::ensure!(
                text.contains(from),
                "the sample configuration no longer says `{from}`"
            );
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
}
