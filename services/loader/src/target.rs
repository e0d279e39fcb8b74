//! A target, as the loader sees it: its system, its limits and the routes that end there.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use ferry_canonical::{Entity, Event, Facet};
use ferry_config::{Config, RetryConfig, RouteConfig, SystemConfig, system::Limits};
use ferry_retry::{Schedule, ScheduleError};
use ferry_systems::System;

/// A target cannot be built from the configuration.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    #[error(transparent)]
    System(#[from] ferry_systems::SystemError),
    #[error("a route's retry schedule cannot work")]
    Schedule(#[from] ScheduleError),
}

#[derive(Debug)]
pub struct Route {
    pub name: String,
    pub source: String,
    pub facet: Facet,
    pub schedule: Schedule,
    /// For what waits for its customer or product.
    pub reference_schedule: Schedule,
}

impl Route {
    fn new(route: &RouteConfig) -> Result<Self, ScheduleError> {
        let RetryConfig { schedule, give_up_after, .. } = &route.retry;
        let references = (&route.retry.reference_schedule, route.retry.reference_give_up_after);
        Ok(Self {
            name: route.name.clone(),
            source: route.from.clone(),
            facet: route.facet,
            schedule: Schedule::new(schedule.clone(), *give_up_after)?,
            reference_schedule: Schedule::new(references.0.clone(), references.1)?,
        })
    }
}

#[derive(Debug)]
pub struct Target {
    pub name: String,
    pub system: System,
    pub limits: Limits,
    /// A claim outlasts the hard deadline of a call; it is renewed while calls run.
    pub lease: Duration,
    pub settle_after: Duration,
    routes: BTreeMap<(String, Facet), Arc<Route>>,
}

impl Target {
    /// Every configured system that a route ends at, each with its routes.
    pub fn all(config: &Config) -> Result<Vec<Self>, TargetError> {
        let mut targets = Vec::new();
        for (name, system) in &config.systems {
            let routes: Vec<Route> =
                config.routes_to(name).map(Route::new).collect::<Result<_, _>>()?;
            if let (false, Some(limits)) = (routes.is_empty(), limits(system)) {
                targets.push(Self::new(name, System::new(name, system)?, limits, routes));
            }
        }
        Ok(targets)
    }

    pub fn new(name: &str, system: System, limits: &Limits, routes: Vec<Route>) -> Self {
        const LEASE_MIN: Duration = Duration::from_secs(10);
        Self {
            name: name.to_owned(),
            system,
            limits: limits.clone(),
            lease: (limits.timeout.0 * 2).max(LEASE_MIN),
            settle_after: limits.settle_after.0,
            routes: routes
                .into_iter()
                .map(|route| ((route.source.clone(), route.facet), Arc::new(route)))
                .collect(),
        }
    }

    /// The one route that brings this event here.
    pub fn route(&self, event: &Event) -> Option<Arc<Route>> {
        let key = (event.source.clone(), event.subject.facet);
        self.routes.get(&key).map(Arc::clone)
    }

    /// The entities that have a queue at this target.
    pub fn entities(&self) -> Vec<Entity> {
        Entity::ALL
            .into_iter()
            .filter(|entity| self.routes.keys().any(|(_, facet)| facet.entity() == *entity))
            .collect()
    }
}

fn limits(system: &SystemConfig) -> Option<&Limits> {
    match system {
        SystemConfig::Orderflow(config) => Some(&config.limits),
        SystemConfig::Oro(config) => Some(&config.limits),
        SystemConfig::Rest(config) => Some(&config.limits),
        SystemConfig::Files(_) => None,
    }
}
