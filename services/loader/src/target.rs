//! A target, as the loader sees it: its system, its limits and the routes that end there.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use ferry_canonical::{Entity, Event, Facet, Part};
use ferry_config::{
    Config, ConflictPolicy, RetryConfig, RouteConfig, SystemConfig, system::Limits,
};
use ferry_http::Conversation;
use ferry_retry::{Schedule, ScheduleError};
use ferry_systems::{Failure, Held, Look, System, SystemError};
use futures_util::{FutureExt as _, future::BoxFuture};

/// A target cannot be built from the configuration.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    #[error(transparent)]
    System(#[from] SystemError),
    #[error("a route's retry schedule cannot work")]
    Schedule(#[from] ScheduleError),
    #[error("route {route}: {facet} goes both ways, and {system} cannot be asked what it holds")]
    Unseen { route: String, facet: Facet, system: String },
    #[error("route {route}: no system is called {system}")]
    Nobody { route: String, system: String },
}

#[derive(Debug)]
pub struct Route {
    pub name: String,
    pub source: String,
    pub facet: Facet,
    pub schedule: Schedule,
    /// For what waits for its customer or product.
    pub reference_schedule: Schedule,
    /// Where the target brings the facet back to the source.
    pub two_way: Option<TwoWay>,
}

/// What a facet needs that two systems bring to each other.
#[derive(Debug)]
pub struct TwoWay {
    pub policy: ConflictPolicy,
    pub source: Arc<dyn Shows>,
    pub target: Arc<dyn Shows>,
}

/// One side of a facet that goes both ways: a [`System`], of which nothing else is asked here.
pub trait Shows: std::fmt::Debug + Send + Sync {
    /// What it holds of each part, of one facet; one answer each.
    fn look<'a>(
        &'a self,
        conversation: &'a Conversation,
        looks: &'a [Look<'a>],
    ) -> BoxFuture<'a, Vec<Result<Option<Held>, Failure>>>;

    /// What it said, with what it cannot say as `known` has it.
    fn complete(&self, said: &Part, known: &Part) -> Part;
}

impl Shows for System {
    fn look<'a>(
        &'a self,
        conversation: &'a Conversation,
        looks: &'a [Look<'a>],
    ) -> BoxFuture<'a, Vec<Result<Option<Held>, Failure>>> {
        self.look(conversation, looks).boxed()
    }

    fn complete(&self, said: &Part, known: &Part) -> Part {
        self.complete(said, known)
    }
}

impl Route {
    /// As it ends at this target.
    fn new(
        config: &Config,
        route: &RouteConfig,
        target: (&str, &Arc<System>),
    ) -> Result<Self, TargetError> {
        let RetryConfig { schedule, give_up_after, .. } = &route.retry;
        let references = (&route.retry.reference_schedule, route.retry.reference_give_up_after);
        Ok(Self {
            name: route.name.clone(),
            source: route.from.clone(),
            facet: route.facet,
            schedule: Schedule::new(schedule.clone(), *give_up_after)?,
            reference_schedule: Schedule::new(references.0.clone(), references.1)?,
            two_way: two_way(config, route, target)?,
        })
    }
}

fn two_way(
    config: &Config,
    route: &RouteConfig,
    (name, target): (&str, &Arc<System>),
) -> Result<Option<TwoWay>, TargetError> {
    let policy = route.conflict.clone().filter(ConflictPolicy::is_two_way);
    let Some(policy) = policy.filter(|_| config.is_two_way(route, name)) else { return Ok(None) };
    let Some(source) = config.systems.get(&route.from) else {
        let (route, system) = (route.name.clone(), route.from.clone());
        return Err(TargetError::Nobody { route, system });
    };
    let source = Arc::new(System::new(&route.from, source)?);
    for (name, system) in [(route.from.as_str(), &source), (name, target)] {
        if !system.looks(route.facet) || system.composes(route.facet) {
            let (route, facet, system) = (route.name.clone(), route.facet, name.to_owned());
            return Err(TargetError::Unseen { route, facet, system });
        }
    }
    let target: Arc<dyn Shows> = Arc::<System>::clone(target);
    Ok(Some(TwoWay { policy, source, target }))
}

#[derive(Debug)]
pub struct Target {
    pub name: String,
    pub system: Arc<System>,
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
            let Some(limits) = limits(system) else { continue };
            if config.routes_to(name).next().is_none() {
                continue;
            }
            let system = Arc::new(System::new(name, system)?);
            let routes = config.routes_to(name);
            let routes = routes.map(|route| Route::new(config, route, (name, &system)));
            let routes = routes.collect::<Result<_, _>>()?;
            targets.push(Self::new(name, system, limits, routes));
        }
        Ok(targets)
    }

    pub fn new(
        name: &str,
        system: impl Into<Arc<System>>,
        limits: &Limits,
        routes: Vec<Route>,
    ) -> Self {
        const LEASE_MIN: Duration = Duration::from_secs(10);
        Self {
            name: name.to_owned(),
            system: system.into(),
            limits: limits.clone(),
            lease: (limits.timeout.max(limits.longest.unwrap_or_default()).0 * 2).max(LEASE_MIN),
            settle_after: limits.settle_after.0,
            routes: routes
                .into_iter()
                .map(|route| ((route.source.clone(), route.facet), Arc::new(route)))
                .collect(),
        }
    }

    /// Whether it can be written to from here at all; see [`System::equipped`].
    pub fn equipped(&self) -> Result<(), TargetError> {
        let unequipped = |reason| SystemError { system: self.name.clone(), reason }.into();
        self.system.equipped().map_err(unequipped)
    }

    /// The one route that brings this event here.
    pub fn route(&self, event: &Event) -> Option<Arc<Route>> {
        self.route_of(&event.source, event.subject.facet)
    }

    /// The one route that brings what this source says of the facet here.
    pub(crate) fn route_of(&self, source: &str, facet: Facet) -> Option<Arc<Route>> {
        self.routes.get(&(source.to_owned(), facet)).map(Arc::clone)
    }

    /// How many changes of the entity wait for one call, where calls of many wait for each other.
    pub(crate) fn gathers(&self, entity: Entity) -> u16 {
        let facets = self.routes.keys().map(|(_, facet)| *facet);
        let of_entity = facets.filter(|facet| facet.entity() == entity);
        let together = of_entity.map(|facet| self.system.together(facet));
        let most = together.filter(|together| together.at_once.is_some()).map(|it| it.most).max();
        u16::try_from(most.unwrap_or(0)).unwrap_or(u16::MAX)
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
        SystemConfig::Export(config) => Some(&config.limits),
        SystemConfig::Files(_) => None,
    }
}
