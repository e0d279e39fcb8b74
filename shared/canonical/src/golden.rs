//! Samples of every version of every event that was ever shipped. They stay readable for ever.

use std::{fs, path::Path};

use crate::{Event, Facet};

/// File names and texts, in the order of names.
pub(crate) fn samples() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    let mut samples: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| {
            let name = entry.file_name().into_string().unwrap();
            (name, fs::read_to_string(entry.path()).unwrap().trim_end().to_owned())
        })
        .collect();
    samples.sort();
    samples
}

#[test]
fn every_event_ever_shipped_is_read_and_written_again_byte_by_byte() {
    for (name, text) in samples() {
        let event =
            Event::decode(text.as_bytes()).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(String::from_utf8(event.encode().unwrap()).unwrap(), text, "{name}");
    }
}

#[test]
fn every_facet_has_a_sample() {
    for facet in Facet::ALL {
        let name = format!("{}.{facet}.v1.json", facet.entity());
        assert!(samples().iter().any(|(sample, _)| *sample == name), "{name}");
    }
}
