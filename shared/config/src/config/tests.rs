use std::{path::Path, time::Duration};

use super::*;
use crate::{
    Environment,
    export::{ExportContent, ExportWay, SftpLogin},
    system::{Delimiter, OrderDetail},
    timeline::worst_case_timeline,
};

const SECRETS: [(&str, &str); 9] = [
    ("FERRY_AMQP_URL", "amqp://ferry:hush@broker/%2f"),
    ("ORDERFLOW_USER", "of"),
    ("ORDERFLOW_PUSH_USER", "pusher"),
    ("ORDERFLOW_PUSH_PASSWORD", "hush-push"),
    ("ORO_CLIENT_ID", "id"),
    ("ORO_CLIENT_SECRET", "hush-oro"),
    ("ORO_WEBHOOK_SECRET", "hush-webhook"),
    ("ERP_TOKEN", "hush-erp"),
    ("EMPTY", ""),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ops/config")
}

fn sample() -> String {
    fs::read_to_string(folder().join("ferry.sample.toml")).unwrap()
}

/// The sample with its one secret file replaced by a variable.
fn parsed(text: &str) -> Result<Config, ConfigError> {
    let text =
        text.replace("{ file = \"/run/secrets/orderflow\" }", "{ env = \"ORDERFLOW_USER\" }");
    Config::parse(&text, &folder(), &SECRETS.into_iter().collect())
}

#[test]
fn every_sample_is_free_of_findings_and_parses() {
    let mut samples = 0;
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let text = read(&path).unwrap();
            assert_eq!(crate::lint(&text, &folder()), [], "{}", path.display());
            Config::parse(&text, &folder(), &Environment::permissive()).unwrap();
            samples += 1;
        }
    }
    assert!(samples >= 1);
}

#[test]
fn the_sample_names_every_key() {
    fn keys(schema: &serde_json::Value, found: &mut Vec<String>) {
        if let Some(properties) = schema.get("properties").and_then(|all| all.as_object()) {
            found.extend(properties.keys().cloned());
        }
        match schema {
            serde_json::Value::Object(fields) => fields.values().for_each(|each| keys(each, found)),
            serde_json::Value::Array(items) => items.iter().for_each(|each| keys(each, found)),
            serde_json::Value::Null
            | serde_json::Value::Bool(_)
            | serde_json::Value::Number(_)
            | serde_json::Value::String(_) => {}
        }
    }
    let mut found = Vec::new();
    keys(&crate::json_schema(), &mut found);
    let sample = sample();
    for key in found {
        assert!(sample.contains(&key), "{key} is missing from the sample");
    }
}

#[test]
fn the_committed_schema_describes_exactly_this_file() {
    let generated = serde_json::to_string_pretty(&crate::json_schema()).unwrap() + "\n";
    let path = folder().join("ferry.schema.json");
    if std::env::var_os("UPDATE_SCHEMAS").is_some() {
        fs::write(&path, &generated).unwrap();
    }
    let committed = fs::read_to_string(path).unwrap_or_default();
    assert_eq!(committed, generated, "ferry.schema.json differs: run with UPDATE_SCHEMAS=1");
}

#[test]
fn an_empty_file_has_every_default() {
    let config = Config::parse("", Path::new("/etc/ferry"), &Environment::default()).unwrap();
    assert_eq!(config.broker.url.reveal(), "amqp://guest:guest@127.0.0.1:5672/%2f");
    assert_eq!((config.broker.prefix.as_str(), config.broker.prefetch), ("ferry", 64));
    assert!(config.broker.declare);
    let levels: Vec<_> = config.broker.levels.iter().map(ToString::to_string).collect();
    assert_eq!(levels, ["5s", "30s", "2m", "10m", "30m", "2h"]);
    let StoreConfig::Sqlite { folder } = &config.store else { panic!("{:?}", config.store) };
    assert_eq!(folder, Path::new("/etc/ferry/state"));
    assert_eq!(config.log, LogConfig { format: LogFormat::Json, level: LogLevel::Info });
    let ports = [&config.producer, &config.transformer, &config.loader, &config.console];
    assert_eq!(ports.map(|service| service.listen.port()), [7080, 7081, 7082, 7083]);
    assert!(ports.iter().all(|service| service.listen.ip().is_loopback()));
    assert_eq!(config.retry.reference_schedule.len(), 4);
    assert_eq!(config.retry.give_up_after, Duration::from_hours(24));
}

#[test]
fn limits_and_maintenance_windows_are_read_and_what_is_silent_has_its_default() {
    let text = sample().replace("# rate = 50\n# burst = 50", "rate = 5\nconcurrency_min = 2");
    let text = text.replace("\nconcurrency_min = 1", "");
    let window = |line: &str| line.replacen("# ", "", 1);
    let text = text
        .lines()
        .scan(false, |within, line| {
            *within = line.starts_with("# [[systems.warehouse.maintenance]]")
                || (*within && !line.is_empty());
            Some(if *within { window(line) } else { line.to_owned() })
        })
        .collect::<Vec<_>>()
        .join("\n");
    let config = parsed(&text).unwrap();
    let SystemConfig::Orderflow(warehouse) = &config.systems["warehouse"] else { panic!() };
    let limits = &warehouse.limits;
    assert_eq!((limits.concurrency, limits.concurrency_min), (8, 2));
    assert_eq!((limits.rate, limits.burst), (Some(5), None));
    assert_eq!(limits.care, crate::CareConfig::default());
    let sunday_at_three = "2026-11-22T03:00:00Z".parse().unwrap();
    let until = crate::maintained_until(&limits.maintenance, sunday_at_three).unwrap();
    assert_eq!(until.to_string(), "2026-11-22T04:00:00Z");
    let SystemConfig::Oro(shop) = &config.systems["shop"] else { panic!() };
    assert!(shop.limits.maintenance.is_empty());
}

#[test]
fn a_route_overrides_only_what_it_names() {
    let config = parsed(&sample()).unwrap();
    let orders = config.routes.iter().find(|route| route.name == "orders to warehouse").unwrap();
    assert_eq!(orders.retry.schedule, [30, 120, 600].map(Duration::from_secs));
    assert_eq!(orders.retry.reference_schedule, [Duration::from_secs(30)]);
    let text = sample().replace("schedule = [\"30s\", \"2m\", \"10m\"], ", "");
    let config = parsed(&text).unwrap();
    let orders = config.routes_to("warehouse").find(|route| route.from == "shop").unwrap();
    assert_eq!(orders.retry.schedule, config.retry.schedule);
    assert_eq!(orders.retry.give_up_after, Duration::from_hours(48));
    assert_eq!(config.routes_from("warehouse").count(), 3);
}

#[test]
fn defaults_of_systems_follow_from_what_is_there() {
    let text = sample()
        .replace("settle_after = \"10m\"", "")
        .replace("clock = \"updated_at\"", "")
        .replace("https://wms.example/web", "https://wms.example/web/");
    let config = parsed(&text).unwrap();
    let Some(SystemConfig::Orderflow(warehouse)) = config.systems.get("warehouse") else {
        panic!()
    };
    assert_eq!(warehouse.limits.settle_after, HumanDuration::from_secs(600));
    assert_eq!(warehouse.base_url, "https://wms.example/web");
    let Some(SystemConfig::Rest(erp)) = config.systems.get("erp") else { panic!() };
    let customers = erp.endpoints.get("customers").unwrap();
    assert_eq!(customers.clock, "updated_at");
    assert!(customers.mapping.program.contains("number"));
    let Some(SystemConfig::Files(files)) = config.systems.get("catalogue") else { panic!() };
    assert_eq!(files.folder, folder().join("drop"));
}

#[test]
fn an_orders_detail_is_always_read_where_what_was_pulled_could_be_overtaken() {
    let detail = |changes: &[(&str, &str)]| {
        let mut text = sample();
        for (from, to) in changes {
            assert!(text.contains(from), "{from}");
            text = text.replacen(from, to, 1);
        }
        let config = parsed(&text).unwrap();
        let SystemConfig::Orderflow(warehouse) = &config.systems["warehouse"] else { panic!() };
        warehouse.pull.order_detail
    };
    let timed = ("facet = \"shipment\"", "facet = \"shipment\"\nevery = \"5m\"");
    let pending = ("# pending = ", "pending = ");
    let said = ("# order_detail = \"thin\"", "order_detail = \"never\"");
    assert_eq!(detail(&[]), OrderDetail::Thin);
    assert_eq!(detail(&[timed]), OrderDetail::Always);
    assert_eq!(detail(&[pending]), OrderDetail::Always);
    assert_eq!(detail(&[timed, pending, said]), OrderDetail::Never);
}

#[test]
fn a_missing_secret_is_told_by_key_and_name_and_never_by_value() {
    let told = parsed(&sample().replace("ERP_TOKEN", "ERP_TOKN")).unwrap_err().to_string();
    assert_eq!(told, "systems.erp.bearer: the environment variable ERP_TOKN is not set");
    assert!(parsed(&sample().replace("ERP_TOKEN", "EMPTY")).is_err());
    let file = Config::parse(&sample(), &folder(), &SECRETS.into_iter().collect()).unwrap_err();
    let told = file.to_string();
    assert!(told.starts_with("systems.warehouse.password: cannot read the secret file"), "{told}");
}

#[test]
fn no_secret_shows_in_what_is_printed() {
    let printed = format!("{:?}", parsed(&sample()).unwrap());
    assert!(!printed.contains("hush"), "{printed}");
    let environment: Environment = SECRETS.into_iter().collect();
    assert!(!format!("{environment:?}").contains("hush"));
}

#[test]
fn a_secret_file_loses_one_line_break_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    for (text, expected) in [("pw\n", "pw"), ("pw\r\n", "pw"), (" pw \n\n", " pw \n"), ("pw", "pw")]
    {
        fs::write(folder.path().join("secret"), text).unwrap();
        let broker = "[broker]\nurl = { file = \"secret\" }";
        let config = Config::parse(broker, folder.path(), &Environment::default()).unwrap();
        assert_eq!(config.broker.url.reveal(), expected);
    }
}

#[test]
fn an_error_finding_refuses_the_file_and_a_warning_does_not() {
    let told = parsed(&sample().replace("prefetch = 64", "prefetsh = 64")).unwrap_err().to_string();
    assert!(told.ends_with("unknown key `prefetsh`; did you mean `prefetch`?"), "{told}");
    assert!(parsed(&sample().replace("every = \"30s\"", "every = \"500ms\"")).is_ok());
}

#[test]
fn the_worst_case_is_told_step_by_step_and_bounded() {
    let secs = |all: &[u64]| all.iter().copied().map(Duration::from_secs).collect::<Vec<_>>();
    let levels = [5, 30].map(HumanDuration::from_secs);
    let mut retry = Config::parse("", Path::new(""), &Environment::default()).unwrap().retry;
    retry.schedule = secs(&[1, 6, 60]);
    retry.give_up_after = Duration::from_secs(100);
    let steps = worst_case_timeline(&retry, &levels);
    let after: Vec<_> = steps.iter().map(|step| step.after).collect();
    assert_eq!(after, secs(&[5, 35, 65, 95, 125]));
    assert_eq!(steps[0].level, HumanDuration::from_secs(5));
    assert_eq!(steps[4].attempt, 5);
    retry.give_up_after = Duration::MAX;
    assert_eq!(worst_case_timeline(&retry, &levels).len(), crate::timeline::STEPS_MAX);
    assert!(worst_case_timeline(&retry, &[]).is_empty());
}

#[test]
fn alerts_are_told_to_nobody_unless_somebody_is_named() {
    let silent = parsed(&sample()).unwrap().alerts;
    assert!(silent.webhook.is_none() && silent.mail.is_none());
    let text = sample().replace("# webhook =", "webhook =");
    let (mail, rest) = text.split_once("# [alerts.mail]").unwrap();
    let (section, rest) = rest.split_once("\n\n").unwrap();
    let text = format!("{mail}[alerts.mail]{}\n\n{rest}", section.replace("\n# ", "\n"));
    let names = ["FERRY_ALERTS_URL", "FERRY_ALERTS_SECRET", "SMTP_USER", "SMTP_PASSWORD"];
    let text = names.iter().fold(text, |text, name| text.replace(name, "ERP_TOKEN"));
    let config = parsed(&text).unwrap();
    let (webhook, mail) = (config.alerts.webhook.unwrap(), config.alerts.mail.unwrap());
    assert_eq!(webhook.secret.unwrap().reveal(), "hush-erp");
    assert_eq!((mail.port, mail.tls, mail.to.len()), (587, crate::MailTls::Starttls, 1));
    assert_eq!(mail.login.unwrap().password.reveal(), "hush-erp");
}

#[test]
fn an_account_at_a_server_is_read_with_its_secret() {
    const FOLDER: &str = "folder = \"accounts\"\n";
    const SFTP: &str = "sftp = { host = \"partner.example\", user = \"acme\", \
        password = { env = \"ERP_TOKEN\" }, host_keys = [\"SHA256:uNiVztksCsDhcc0u9e8BrsMmvfNgUkAgBwy7VH5TSlQ\"] }\n";
    assert_eq!(sample().matches(FOLDER).count(), 1);
    let config = parsed(&sample().replacen(FOLDER, SFTP, 1)).unwrap();
    let SystemConfig::Export(accounts) = &config.systems["accounts"] else { panic!() };
    let ExportWay::Sftp(account) = &accounts.way else { panic!() };
    let SftpLogin::Password(password) = &account.login else { panic!() };
    assert_eq!((account.port, password.reveal()), (22, "hush-erp"));
    assert!(!format!("{account:?}").contains("hush"));
}

#[test]
fn an_export_is_read_with_its_mappings_and_what_is_silent_has_its_default() {
    let config = parsed(&sample()).unwrap();
    let SystemConfig::Export(accounts) = &config.systems["accounts"] else { panic!() };
    let ExportContent::Csv { columns, parts, .. } = &accounts.content else { panic!() };
    assert_eq!((columns.len(), parts.len()), (7, 1));
    assert!(parts["orders"].mapping.program.contains("$order"));
    assert_eq!((accounts.flush_at, accounts.name.as_str()), (Some(5_000), "orders-{number}.csv"));
    let ExportWay::Folder(path) = &accounts.way else { panic!() };
    assert!(path.ends_with("ops/config/accounts"), "{}", path.display());
    let times = accounts.schedule.as_ref().unwrap().to_string();
    assert_eq!(times, "0 18 * * 1-5 (Europe/London)");

    let mut text = sample();
    for said in [
        "name = \"orders-{number}.csv\"\n",
        "delimiter = \",\"\n",
        "flush_at = 5000\n",
        "parts_max = 10000\n",
        "overdue_after = \"1h\"\n",
        "timeout = \"60s\"\n",
    ] {
        assert!(text.contains(said), "{said}");
        text = text.replace(said, "");
    }
    let config = parsed(&text).unwrap();
    let SystemConfig::Export(accounts) = &config.systems["accounts"] else { panic!() };
    assert_eq!((accounts.flush_at, accounts.name.as_str()), (None, "accounts-{number}.csv"));
    assert_eq!((accounts.parts_max, accounts.timeout), (10_000, HumanDuration::from_secs(60)));
    assert_eq!(accounts.overdue_after, HumanDuration::from_secs(3_600));
    let ExportContent::Csv { delimiter, .. } = &accounts.content else { panic!() };
    assert_eq!(*delimiter, Delimiter::Comma);
}
