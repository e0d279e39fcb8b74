//! Rows as columns: a batch goes to the server as one array for each column.

use std::collections::BTreeMap;

use ferry_canonical::Facet;
use uuid::Uuid;

use crate::page::{At, Delivery, OwnId, Place};

#[derive(Debug, Default)]
pub(super) struct Ats<'a> {
    pub(super) entity: Vec<&'a str>,
    pub(super) id: Vec<&'a str>,
    pub(super) system: Vec<&'a str>,
}

impl<'a> Ats<'a> {
    pub(super) fn of(all: impl Iterator<Item = &'a At>) -> Self {
        let mut columns = Self::default();
        for at in all {
            columns.entity.push(at.key.entity.as_str());
            columns.id.push(&at.key.id);
            columns.system.push(&at.system);
        }
        columns
    }
}

#[derive(Debug)]
pub(super) struct Facets<'a> {
    pub(super) at: Ats<'a>,
    pub(super) facet: Vec<&'a str>,
    pub(super) whole: Vec<bool>,
}

impl<'a> Facets<'a> {
    pub(super) fn of(all: &'a BTreeMap<(At, Facet), bool>) -> Self {
        Self {
            at: Ats::of(all.keys().map(|(at, _)| at)),
            facet: all.keys().map(|(_, facet)| facet.as_str()).collect(),
            whole: all.values().copied().collect(),
        }
    }
}

#[derive(Debug)]
pub(super) struct Places<'a> {
    pub(super) at: Ats<'a>,
    pub(super) facet: Vec<&'a str>,
    pub(super) part: Vec<&'a str>,
}

impl<'a> Places<'a> {
    pub(super) fn of(all: impl Iterator<Item = &'a Place> + Clone) -> Self {
        Self {
            at: Ats::of(all.clone().map(|place| &place.at)),
            facet: all.clone().map(|place| place.facet.as_str()).collect(),
            part: all.map(|place| place.part.as_str()).collect(),
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Deliveries<'a> {
    pub(super) target: Vec<&'a str>,
    pub(super) event_id: Vec<Uuid>,
    pub(super) generation: Vec<i64>,
}

impl<'a> Deliveries<'a> {
    pub(super) fn of(all: impl Iterator<Item = &'a Delivery>) -> Self {
        let mut columns = Self::default();
        for delivery in all {
            columns.target.push(&delivery.target);
            columns.event_id.push(delivery.event_id);
            columns.generation.push(i64::from(delivery.generation));
        }
        columns
    }
}

#[derive(Debug)]
pub(super) struct OwnNames<'a> {
    pub(super) entity: Vec<&'a str>,
    pub(super) system: Vec<&'a str>,
    pub(super) id: Vec<&'a str>,
}

impl<'a> OwnNames<'a> {
    pub(super) fn of(all: &'a [OwnId]) -> Self {
        Self {
            entity: all.iter().map(|name| name.entity.as_str()).collect(),
            system: all.iter().map(|name| name.system.as_str()).collect(),
            id: all.iter().map(|name| name.id.as_str()).collect(),
        }
    }
}
