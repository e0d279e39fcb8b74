//! Catalogues for the drop folder, as the world's ticks make them.

use std::{fs, path::PathBuf};

use anyhow::Context as _;
use ferry_world::{Catalogue, Versions, World};

/// Drops the full catalogue, then one of each tick, each whole under its name.
#[derive(Debug)]
pub struct Dropper {
    /// Where they are written before they are renamed into the drop folder.
    aside: PathBuf,
    versions: Versions,
}

impl Dropper {
    /// Drops the full catalogue into `folder/drop`.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn begin(folder: impl Into<PathBuf>, world: &World) -> anyhow::Result<Self> {
        let dropper = Self { aside: folder.into(), versions: Versions::default() };
        // Its name sorts first: files written within one step of the file system's clock are told
        // apart by their names.
        dropper.put("catalogue-00000.csv", &world.catalogue_csv(Catalogue::Full))?;
        Ok(dropper)
    }

    /// Drops the catalogues of the ticks up to and including `due`.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn drop_due(&mut self, world: &World, due: u32) -> anyhow::Result<()> {
        while self.versions.tick() < due {
            let changes = self.versions.advance(world);
            let name = format!("catalogue-{:05}.csv", self.versions.tick());
            self.put(&name, &world.tick_csv(&changes, &self.versions))?;
        }
        Ok(())
    }

    /// The last tick whose catalogue was dropped.
    pub const fn tick(&self) -> u32 {
        self.versions.tick()
    }

    fn put(&self, name: &str, bytes: &[u8]) -> anyhow::Result<()> {
        let aside = self.aside.join(format!("{name}.part"));
        fs::write(&aside, bytes).context("writing a catalogue")?;
        fs::rename(&aside, self.aside.join("drop").join(name)).context("dropping a catalogue")
    }
}
