//! The channels on real sockets, against stand-ins written from the standards.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ferry_config::Config;
use ferry_console::alerts::{
    Channel, SendError,
    channel::{ChannelError, Mail, Webhook},
};
use ferry_http::Client;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    bench::{Bench, config},
    hook::Hook,
    smtp::Smtp,
};

const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

fn webhook(config: &Config) -> Result<Arc<dyn Channel>, ChannelError> {
    let client = Arc::new(Client::new().unwrap());
    let webhook = Webhook::new(config.alerts.webhook.as_ref().unwrap(), client)?;
    Ok(Arc::new(webhook))
}

fn to_hook(url: &str, secret: Option<&str>) -> String {
    let named = |text: &str| format!("{{ env = \"NONE\", default = \"{text}\" }}");
    let secret = secret.map(|text| format!("secret = {}\n", named(text))).unwrap_or_default();
    format!("[alerts.webhook]\nurl = {}\n{secret}", named(url))
}

fn to_mail(port: u16, more: &str) -> String {
    format!(
        "[alerts.mail]\nhost = \"127.0.0.1\"\nport = {port}\nfrom = \"ferry@a.example\"\n\
         to = [\"ops@a.example\", \"night@a.example\"]\n{more}\n"
    )
}

async fn told(bench: &Bench, channel: Arc<dyn Channel>) {
    bench.watch("one", &[channel.name()]).look().await.unwrap();
    bench.teller(channel).tell_all(&CancellationToken::new()).await.unwrap();
}

#[tokio::test]
async fn a_webhook_is_signed_so_that_its_receiver_can_tell_it_from_a_forged_one() {
    let hook = Hook::answering(&[]).await;
    let bench = Bench::with(&to_hook(&hook.url, Some(SECRET)));
    bench.refuse().await;
    told(&bench, webhook(&bench.config).unwrap()).await;
    let call = &hook.calls()[0];
    // Standard Webhooks 1.0: id, timestamp and body, each separated by a full stop.
    let key = STANDARD.decode(SECRET.trim_start_matches("whsec_")).unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    let (id, at) = (call.header("webhook-id"), call.header("webhook-timestamp"));
    mac.update(format!("{id}.{at}.{}", call.body).as_bytes());
    let expected = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    assert_eq!(call.header("webhook-signature"), expected);
    assert_eq!(call.header("content-type"), "application/json");
    let body: Value = serde_json::from_str(&call.body).unwrap();
    assert_eq!(body["type"], "ferry.alert.opened");
    assert_eq!(body["data"]["notice"], id);
    assert_eq!(
        (&body["data"]["kind"], &body["data"]["subject"]),
        (&"credentials_refused".into(), &"shop".into())
    );
}

#[tokio::test]
async fn a_webhook_that_answers_500_is_not_told_yet() {
    let hook = Hook::answering(&[500]).await;
    let bench = Bench::with(&to_hook(&hook.url, None));
    bench.refuse().await;
    told(&bench, webhook(&bench.config).unwrap()).await;
    assert_eq!(hook.calls().len(), 1);
    assert!(!hook.calls()[0].headers.contains_key("webhook-signature"));
    let alert = &ferry_store::Alerts::alerts(&bench.store, 1).await.unwrap()[0];
    assert_eq!(alert.told[0].because.as_deref(), Some("it answered 500"));
    assert_eq!(alert.told[0].at, None);
}

#[tokio::test]
async fn no_error_text_holds_the_address_which_may_hold_a_token() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = nobody.local_addr().unwrap().port();
    drop(nobody);
    let config = config(&to_hook(&format!("http://127.0.0.1:{port}/T0K3N"), None));
    let channel = webhook(&config).unwrap();
    let bench = Bench::new();
    bench.refuse().await;
    told(&bench, Arc::clone(&channel)).await;
    let alert = &ferry_store::Alerts::alerts(&bench.store, 1).await.unwrap()[0];
    let because = alert.told[0].because.clone().unwrap();
    assert!(because.starts_with("it cannot be reached"), "{because}");
    assert!(!because.contains("T0K3N") && !format!("{channel:?}").contains("T0K3N"), "{because}");
}

#[tokio::test]
async fn a_webhook_over_plain_http_to_another_host_is_refused_at_the_start() {
    for url in ["http://hooks.example/T0K3N", "http://127.0.0.1.evil.example/", "ftp://a"] {
        let error = webhook(&config(&to_hook(url, None))).unwrap_err();
        assert_eq!(
            error.to_string(),
            "alerts.webhook.url: it must start with https:// (or http:// on this host)"
        );
    }
    let error = webhook(&config(&to_hook("https://a.example", Some("no base64!")))).unwrap_err();
    assert_eq!(error.key, "alerts.webhook.secret");
    assert!(webhook(&config(&to_hook("https://a.example", Some("whsec_")))).is_err());
}

#[tokio::test]
async fn a_mail_says_what_is_wrong_and_belongs_to_its_alert() {
    let server = Smtp::start().await;
    let login = "user = { env = \"NONE\", default = \"ferry\" }\n\
                 password = { env = \"NONE\", default = \"pw\" }\ntls = \"none\"";
    let bench = Bench::with(&to_mail(server.port, login));
    let mail: Arc<dyn Channel> =
        Arc::new(Mail::new(bench.config.alerts.mail.as_ref().unwrap()).unwrap());
    bench.refuse().await;
    told(&bench, Arc::clone(&mail)).await;
    bench.mend().await;
    told(&bench, mail).await;
    let mails = server.mails();
    assert_eq!(mails.len(), 2, "{mails:?}");
    let first = &mails[0];
    assert_eq!(first.login.as_deref(), Some(STANDARD.encode("\0ferry\0pw").as_str()));
    assert!(first.from.starts_with("MAIL FROM:<ferry@a.example>"), "{}", first.from);
    assert_eq!(first.to, ["RCPT TO:<ops@a.example>", "RCPT TO:<night@a.example>"]);
    assert!(first.text.contains("Subject: [sim] shop refuses our credentials"), "{}", first.text);
    assert!(first.text.contains("ops/runbooks/credentials_refused.md"), "{}", first.text);
    assert!(first.text.contains("Auto-Submitted: auto-generated"), "{}", first.text);
    assert!(mails[1].text.contains("Subject: [sim] Over: shop refuses"), "{}", mails[1].text);
    let header = |mail: &str, name: &str| {
        mail.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned()
    };
    assert_eq!(header(&mails[0].text, "References:"), header(&mails[1].text, "References:"));
    assert_ne!(header(&mails[0].text, "Message-ID:"), header(&mails[1].text, "Message-ID:"));
}

#[tokio::test]
async fn without_starttls_nothing_is_said_in_plain_text() {
    let server = Smtp::start().await;
    let config = config(&to_mail(server.port, ""));
    let mail: Arc<dyn Channel> = Arc::new(Mail::new(config.alerts.mail.as_ref().unwrap()).unwrap());
    let bench = Bench::new();
    bench.refuse().await;
    told(&bench, mail).await;
    assert_eq!(server.mails().len(), 0);
    let alert = &ferry_store::Alerts::alerts(&bench.store, 1).await.unwrap()[0];
    assert!(alert.told[0].at.is_none(), "{alert:?}");
}

#[tokio::test]
async fn what_the_mail_server_says_of_an_address_is_not_repeated() {
    let server = Smtp::answering_rcpt("550 5.1.1 <ops@a.example> unknown").await;
    let bench = Bench::with(&to_mail(server.port, "tls = \"none\""));
    let mail: Arc<dyn Channel> =
        Arc::new(Mail::new(bench.config.alerts.mail.as_ref().unwrap()).unwrap());
    bench.refuse().await;
    told(&bench, mail).await;
    let alert = &ferry_store::Alerts::alerts(&bench.store, 1).await.unwrap()[0];
    assert_eq!(alert.told[0].because, Some(SendError::Answered(550).to_string()));
}
