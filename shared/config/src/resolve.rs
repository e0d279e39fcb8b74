//! From what is written to what is used: secrets and mappings read, defaults taken.

mod alerts;
mod exports;
mod orderflow;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use ferry_canonical::Facet;
use jiff::{civil::Weekday, tz::TimeZone};

use crate::{
    BrokerConfig, CareConfig, Config, ConfigError, CronTimes, Environment, HumanDuration,
    LogConfig, MaintenanceWindow, ResponseRule, RetryConfig, RouteConfig, ScheduleConfig, Secret,
    ServiceConfig, StoreConfig, SystemConfig, Times, TlsConfig,
    care::time_of_day,
    raw::{
        RawCare, RawConfig, RawDay, RawFileKind, RawFiles, RawLimits, RawMaintenance, RawOrderflow,
        RawOro, RawOroWebhook, RawProductDefault, RawPull, RawPush, RawReport, RawResponseRule,
        RawRest, RawRestEndpoint, RawRestTarget, RawRetry, RawRetryOverride, RawRoute, RawSchedule,
        RawStore, RawSystem,
    },
    responses,
    secret::SecretRef,
    system::{
        FileKind, FilesConfig, Limits, Mapping, OrderDetail, OrderflowConfig, OroBatch, OroConfig,
        OroScan, OroWebhook, ProductDefault, PullConfig, PushConfig, PushCredentials, PushScope,
        ReportConfig, RestConfig, RestEndpoint, RestTarget,
    },
};

/// Where the store is unless it is said.
const STORE_FOLDER: &str = "state";

/// `raw` has passed the lint: names and values are known to fit together.
pub(crate) fn resolve(
    raw: RawConfig,
    base_dir: &Path,
    environment: &Environment,
) -> Result<Config, ConfigError> {
    let pulled = raw
        .routes
        .iter()
        .filter(|route| route.facet == Facet::Shipment && schedule_of(&route.schedule()).is_some());
    let shipments_pulled = pulled.map(|route| format!("systems.{}", route.from)).collect();
    let reader = Reader { base_dir, environment, shipments_pulled };
    let retry = retry_of(&raw.retry);
    let systems = reader.systems(raw.systems)?;
    Ok(Config {
        broker: BrokerConfig {
            url: reader.secret("broker.url", &raw.broker.url)?,
            prefix: raw.broker.prefix,
            declare: raw.broker.declare,
            levels: raw.broker.levels,
            prefetch: raw.broker.prefetch,
            management_url: raw.broker.management_url,
        },
        store: reader.store(&raw.store)?,
        log: LogConfig { format: raw.log.format, level: raw.log.level },
        producer: ServiceConfig {
            tls: raw.producer.tls.map(|tls| TlsConfig {
                certificate: reader.path(&tls.certificate),
                key: reader.path(&tls.key),
            }),
            ..service(raw.producer.listen, raw.producer.behind_proxy)
        },
        transformer: service(raw.transformer.listen, false),
        loader: service(raw.loader.listen, false),
        console: service(raw.console.listen, raw.console.behind_proxy),
        alerts: alerts::resolve(&reader, raw.alerts)?,
        systems,
        routes: raw.routes.into_iter().map(|route| route_of(route, &retry)).collect(),
        retry,
    })
}

const fn service(listen: SocketAddr, behind_proxy: bool) -> ServiceConfig {
    ServiceConfig { listen, behind_proxy, tls: None }
}

/// None where nothing is said, or the lint has found fault.
fn schedule_of(raw: &RawSchedule) -> Option<ScheduleConfig> {
    let times = match (raw.every, &raw.cron) {
        (Some(every), None) => Times::Every(every),
        (None, Some(cron)) => {
            let zone = TimeZone::get(raw.time_zone.as_deref().unwrap_or("UTC")).ok()?;
            Times::Cron(Box::new(CronTimes::parse(cron, zone).ok()?))
        }
        (None, None) | (Some(_), Some(_)) => return None,
    };
    Some(ScheduleConfig { times, catch_up: raw.catch_up.unwrap_or_default() })
}

/// The retry policy of everything that has none of its own.
pub(crate) fn retry_of(raw: &RawRetry) -> RetryConfig {
    RetryConfig {
        schedule: durations(&raw.schedule),
        give_up_after: raw.give_up_after.0,
        reference_schedule: durations(&raw.missing_reference.schedule),
        reference_give_up_after: raw.missing_reference.give_up_after.0,
    }
}

/// `retry` with what a route says differently.
pub(crate) fn overridden(retry: &RetryConfig, raw: Option<&RawRetryOverride>) -> RetryConfig {
    let mut retry = retry.clone();
    let Some(raw) = raw else { return retry };
    if let Some(schedule) = &raw.schedule {
        retry.schedule = durations(schedule);
    }
    if let Some(give_up_after) = raw.give_up_after {
        retry.give_up_after = give_up_after.0;
    }
    let Some(reference) = &raw.missing_reference else { return retry };
    if let Some(schedule) = &reference.schedule {
        retry.reference_schedule = durations(schedule);
    }
    if let Some(give_up_after) = reference.give_up_after {
        retry.reference_give_up_after = give_up_after.0;
    }
    retry
}

fn durations(raw: &[HumanDuration]) -> Vec<Duration> {
    raw.iter().map(|duration| duration.0).collect()
}

fn route_of(raw: RawRoute, retry: &RetryConfig) -> RouteConfig {
    RouteConfig {
        retry: overridden(retry, raw.retry.as_ref()),
        schedule: schedule_of(&raw.schedule()),
        name: raw.name,
        from: raw.from,
        entity: raw.entity,
        facet: raw.facet,
        to: raw.to,
        conflict: raw.conflict,
    }
}

fn limits_of(raw: &RawLimits, timeout: HumanDuration, settle: Option<HumanDuration>) -> Limits {
    Limits {
        concurrency: raw.concurrency,
        concurrency_min: raw.concurrency_min,
        rate: raw.rate,
        burst: raw.burst,
        timeout,
        settle_after: settle.unwrap_or(HumanDuration(timeout.0.saturating_mul(2))),
        ..Limits::default()
    }
}

fn cared_for(mut limits: Limits, care: &RawCare, windows: &[RawMaintenance]) -> Limits {
    limits.care = CareConfig {
        failing_entities: care.failing_entities,
        window: care.window.0,
        probe_every: care.probe_every.0,
        probe_at_most: care.probe_at_most.0,
        refused_probe_every: care.refused_probe_every.0,
        hold_at_most: care.hold_at_most.0,
    };
    limits.maintenance = windows.iter().filter_map(window_of).collect();
    limits
}

/// None where the lint has found fault.
fn window_of(raw: &RawMaintenance) -> Option<MaintenanceWindow> {
    Some(MaintenanceWindow {
        days: raw.days.iter().map(|day| weekday(*day)).collect(),
        from: time_of_day(&raw.from)?,
        to: time_of_day(&raw.to)?,
        time_zone: TimeZone::get(&raw.time_zone).ok()?,
    })
}

const fn weekday(day: RawDay) -> Weekday {
    match day {
        RawDay::Mon => Weekday::Monday,
        RawDay::Tue => Weekday::Tuesday,
        RawDay::Wed => Weekday::Wednesday,
        RawDay::Thu => Weekday::Thursday,
        RawDay::Fri => Weekday::Friday,
        RawDay::Sat => Weekday::Saturday,
        RawDay::Sun => Weekday::Sunday,
    }
}

/// None are lost: the lint has found no fault.
fn rules_of(raw: &[RawResponseRule]) -> Vec<ResponseRule> {
    raw.iter().filter_map(|raw| responses::rule(raw).ok()).collect()
}

/// Of what names several places, lint has made an error.
fn defaults_of(raw: BTreeMap<String, RawProductDefault>) -> BTreeMap<String, ProductDefault> {
    let of = |raw: RawProductDefault| match (raw.fallback, raw.value, raw.values) {
        (Some(from), ..) => Some(ProductDefault::Fallback(from)),
        (None, Some(value), _) => Some(ProductDefault::Value(value)),
        (None, None, values) => values.map(ProductDefault::Values),
    };
    raw.into_iter().filter_map(|(name, raw)| Some((name, of(raw)?))).collect()
}

fn without_trailing_slash(url: &str) -> String {
    url.trim_end_matches('/').to_owned()
}

/// Reads what the configuration refers to.
struct Reader<'a> {
    base_dir: &'a Path,
    environment: &'a Environment,
    /// Keys of systems whose shipments are pulled by a route.
    shipments_pulled: BTreeSet<String>,
}

impl Reader<'_> {
    fn path(&self, path: &Path) -> PathBuf {
        self.base_dir.join(path)
    }

    fn store(&self, raw: &RawStore) -> Result<StoreConfig, ConfigError> {
        let Some(url) = &raw.url else {
            let folder = raw.folder.as_deref().unwrap_or(Path::new(STORE_FOLDER));
            return Ok(StoreConfig::Sqlite { folder: self.path(folder) });
        };
        Ok(StoreConfig::Postgres { url: self.secret("store.url", url)? })
    }

    fn secret(&self, key: &str, secret: &SecretRef) -> Result<Secret, ConfigError> {
        secret.resolve(key, self.base_dir, self.environment)
    }

    fn mapping(&self, key: &str, file: &Path) -> Result<Mapping, ConfigError> {
        let path = self.path(file);
        let name = file.display().to_string();
        match fs::read_to_string(&path) {
            Ok(program) => Ok(Mapping { name, program }),
            Err(source) => Err(ConfigError::Mapping { key: key.to_owned(), path, source }),
        }
    }

    /// Exports come last: they may look at another system.
    fn systems(
        &self,
        mut raw: BTreeMap<String, RawSystem>,
    ) -> Result<BTreeMap<String, SystemConfig>, ConfigError> {
        let exports = exports::taken(&mut raw);
        let mut systems = raw
            .into_iter()
            .filter_map(|(name, system)| {
                let resolved = self.system(&format!("systems.{name}"), system).transpose()?;
                Some(resolved.map(|resolved| (name, resolved)))
            })
            .collect::<Result<BTreeMap<_, _>, ConfigError>>()?;
        for (name, raw) in exports {
            let export = exports::resolve(self, &name, raw, &systems)?;
            systems.insert(name, SystemConfig::Export(Box::new(export)));
        }
        Ok(systems)
    }

    fn system(&self, key: &str, raw: RawSystem) -> Result<Option<SystemConfig>, ConfigError> {
        Ok(Some(match raw {
            RawSystem::Orderflow(raw) => SystemConfig::Orderflow(self.orderflow(key, *raw)?),
            RawSystem::Oro(raw) => SystemConfig::Oro(self.oro(key, *raw)?),
            RawSystem::Rest(raw) => SystemConfig::Rest(self.rest(key, *raw)?),
            RawSystem::Files(raw) => SystemConfig::Files(self.files(key, *raw)?),
            RawSystem::Export(_) => return Ok(None),
        }))
    }

    fn orderflow(&self, key: &str, mut raw: RawOrderflow) -> Result<OrderflowConfig, ConfigError> {
        let push = raw.push.take().map(|push| self.push(key, push)).transpose()?;
        let writes = orderflow::writes(self, key, &mut raw)?;
        Ok(OrderflowConfig {
            base_url: without_trailing_slash(&raw.base_url),
            organisation: raw.organisation,
            channel: raw.channel,
            time_zone: raw.time_zone,
            user: self.secret(&format!("{key}.user"), &raw.user)?,
            password: self.secret(&format!("{key}.password"), &raw.password)?,
            push,
            changed_orders: raw.changed_orders,
            writes: Box::new(writes),
            pull: self.pull(key, raw.pull)?,
            responses: rules_of(&raw.responses),
            limits: cared_for(
                limits_of(&raw.limits, raw.timeout, raw.settle_after),
                &raw.care,
                &raw.maintenance,
            ),
        })
    }

    fn push(&self, key: &str, raw: RawPush) -> Result<PushConfig, ConfigError> {
        let credentials = |key: &str, user: &SecretRef, password: &SecretRef| {
            Ok::<_, ConfigError>(PushCredentials {
                user: self.secret(&format!("{key}.user"), user)?,
                password: self.secret(&format!("{key}.password"), password)?,
            })
        };
        let key = format!("{key}.push");
        let own = raw.user.as_ref().zip(raw.password.as_ref());
        let scopes = raw.scopes.into_iter().enumerate().map(|(index, scope)| {
            let key = format!("{key}.scopes[{index}]");
            let credentials = credentials(&key, &scope.user, &scope.password)?;
            Ok(PushScope { channel: scope.channel, organisation: scope.organisation, credentials })
        });
        Ok(PushConfig {
            credentials: own
                .map(|(user, password)| credentials(&key, user, password))
                .transpose()?,
            scopes: scopes.collect::<Result<_, ConfigError>>()?,
            acknowledgement: raw.acknowledgement,
            acknowledge_as: raw.acknowledge_as,
        })
    }

    fn pull(&self, key: &str, raw: RawPull) -> Result<PullConfig, ConfigError> {
        let pulled = raw.pending.is_some() || self.shipments_pulled.contains(key);
        let mut reports = BTreeMap::new();
        for (name, report) in raw.reports {
            let key = format!("{key}.pull.reports.{name}");
            if let Some(report) = self.report(&key, report)? {
                reports.insert(name, report);
            }
        }
        Ok(PullConfig {
            overlap: raw.overlap,
            first: raw.first,
            window: raw.window,
            sites: raw.sites,
            order_detail: raw.order_detail.unwrap_or(if pulled {
                OrderDetail::Always
            } else {
                OrderDetail::Thin
            }),
            pending: raw.pending.as_ref().and_then(schedule_of),
            reports,
        })
    }

    fn report(&self, key: &str, raw: RawReport) -> Result<Option<ReportConfig>, ConfigError> {
        let rows = match raw.facet.zip(raw.mapping) {
            Some((facet, file)) => Some((facet, self.mapping(&format!("{key}.mapping"), &file)?)),
            None => None,
        };
        Ok(schedule_of(&raw.schedule).map(|schedule| ReportConfig {
            key: raw.key,
            reference: raw.reference,
            organisation_id: raw.organisation_id,
            back: raw.back,
            schedule,
            rows,
            group: raw.group,
        }))
    }

    fn oro(&self, key: &str, raw: RawOro) -> Result<OroConfig, ConfigError> {
        let batch = OroBatch { most: raw.batch.most, timeout: raw.batch.timeout };
        let longest = if batch.most > 1 { raw.timeout.max(batch.timeout) } else { raw.timeout };
        let limits = limits_of(&raw.limits, raw.timeout, raw.settle_after);
        let settle_after = raw.settle_after.unwrap_or(HumanDuration(longest.0.saturating_mul(2)));
        let webhook = raw.webhook.map(|webhook| self.webhook(&format!("{key}.webhook"), webhook));
        let at = |schedule: &Option<_>| schedule.as_ref().and_then(schedule_of);
        Ok(OroConfig {
            base_url: without_trailing_slash(&raw.base_url),
            backend_prefix: raw.backend_prefix,
            client_id: self.secret(&format!("{key}.client_id"), &raw.client_id)?,
            client_secret: self.secret(&format!("{key}.client_secret"), &raw.client_secret)?,
            external_status_management: raw.external_status_management,
            external_orders: raw.external_orders,
            page_size: raw.page_size,
            overlap: raw.overlap,
            attribute_family: raw.attribute_family,
            default_unit: raw.default_unit,
            customer_user_role: raw.customer_user_role,
            price_lists: raw.price_lists,
            categories: raw.categories,
            product_defaults: defaults_of(raw.product_defaults),
            batch,
            scan: OroScan { customers: at(&raw.scan.customers), orders: at(&raw.scan.orders) },
            stock_site: raw
                .stock_site
                .unwrap_or_else(|| key.trim_start_matches("systems.").to_owned()),
            webhook: webhook.transpose()?,
            responses: rules_of(&raw.responses),
            limits: cared_for(
                Limits { longest: Some(longest), settle_after, ..limits },
                &raw.care,
                &raw.maintenance,
            ),
        })
    }

    fn webhook(&self, key: &str, raw: RawOroWebhook) -> Result<OroWebhook, ConfigError> {
        let secret = self.secret(&format!("{key}.secret"), &raw.secret)?;
        Ok(OroWebhook { url: raw.url, secret, topics: raw.topics })
    }

    fn rest(&self, key: &str, raw: RawRest) -> Result<RestConfig, ConfigError> {
        let bearer =
            raw.bearer.map(|secret| self.secret(&format!("{key}.bearer"), &secret)).transpose()?;
        Ok(RestConfig {
            base_url: without_trailing_slash(&raw.base_url),
            bearer,
            endpoints: raw
                .endpoints
                .into_iter()
                .map(|(name, endpoint)| {
                    let resolved = self.endpoint(&format!("{key}.endpoints.{name}"), endpoint)?;
                    Ok((name, resolved))
                })
                .collect::<Result<_, ConfigError>>()?,
            targets: raw
                .targets
                .into_iter()
                .map(|(name, target)| {
                    let resolved = self.rest_target(&format!("{key}.targets.{name}"), target)?;
                    Ok((name, resolved))
                })
                .collect::<Result<_, ConfigError>>()?,
            responses: rules_of(&raw.responses),
            limits: cared_for(
                limits_of(&raw.limits, raw.timeout, raw.settle_after),
                &raw.care,
                &raw.maintenance,
            ),
        })
    }

    fn rest_target(&self, key: &str, raw: RawRestTarget) -> Result<RestTarget, ConfigError> {
        let signing = raw.signing.map(|secret| self.secret(&format!("{key}.signing"), &secret));
        Ok(RestTarget {
            facet: raw.facet,
            mapping: self.mapping(&format!("{key}.mapping"), &raw.mapping)?,
            create: raw.create,
            update: raw.update,
            update_method: raw.update_method,
            look_up: raw.look_up,
            found: raw.found,
            key: raw.key,
            id: raw.id,
            signing: signing.transpose()?,
        })
    }

    fn endpoint(&self, key: &str, raw: RawRestEndpoint) -> Result<RestEndpoint, ConfigError> {
        let last_segment = raw.sequence.rsplit('/').next().unwrap_or_default();
        let clock = raw.clock.unwrap_or_else(|| last_segment.to_owned());
        Ok(RestEndpoint {
            path: raw.path,
            facet: raw.facet,
            items: raw.items,
            mapping: self.mapping(&format!("{key}.mapping"), &raw.mapping)?,
            sequence: raw.sequence,
            clock,
            page_param: raw.page_param,
            pages: raw.pages,
            size_param: raw.size_param,
            page_size: raw.page_size,
            since_param: raw.since_param,
            overlap: raw.overlap,
        })
    }

    fn files(&self, key: &str, raw: RawFiles) -> Result<FilesConfig, ConfigError> {
        Ok(FilesConfig {
            folder: self.path(&raw.folder),
            files: raw
                .files
                .into_iter()
                .map(|(name, kind)| {
                    let resolved = self.file_kind(&format!("{key}.files.{name}"), kind)?;
                    Ok((name, resolved))
                })
                .collect::<Result<_, ConfigError>>()?,
        })
    }

    fn file_kind(&self, key: &str, raw: RawFileKind) -> Result<FileKind, ConfigError> {
        let mapping = raw.mapping.map(|file| self.mapping(&format!("{key}.mapping"), &file));
        Ok(FileKind {
            pattern: raw.pattern,
            format: raw.format,
            delimiter: raw.delimiter,
            encoding: raw.encoding,
            columns: raw.columns,
            time_zone: raw.time_zone,
            facet: raw.facet,
            mapping: mapping.transpose()?,
            chunk_rows: raw.chunk_rows,
        })
    }
}
