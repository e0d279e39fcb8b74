//! The receiver: who pushes, and what the acknowledgement says (OrderFlow reference §5.1).
//!
//! It never looks for duplicates and never drops: order and repetition are the ledger's business.

use ferry_canonical::limits;
use ferry_config::system::{AcknowledgeAs, OrderflowConfig, PushConfig};
use quick_xml::escape::escape;

use super::{
    PUSH,
    access::{self, Scope},
    wakes,
};
use crate::{Acknowledged, Admitted, Kept, PushRequest, Refusal, xml};

/// Of a message's id, which becomes a header of its record. It is a number.
const ID_BYTES: usize = 64;

/// By its headers and its query alone: who sends it, for what, and what they say that it is.
pub(super) fn admit(
    push: Option<&PushConfig>,
    headers: &[(String, String)],
    query: &[(String, String)],
) -> Result<Admitted, Refusal> {
    let unauthorised = || {
        let reason = "user or password is not the one of this channel and organisation";
        let mut refusal = Refusal::new(401, reason);
        refusal.headers.push(("www-authenticate", "Basic realm=\"RTD\"".to_owned()));
        refusal
    };
    let push = push.ok_or_else(unauthorised)?;
    let scope = Scope::of(headers, query);
    if !access::admits(push, &scope, headers) {
        return Err(unauthorised());
    }
    let names = [("channel", &scope.channel), ("organisation", &scope.organisation)];
    for (name, value) in names {
        if value.as_ref().is_some_and(|value| value.len() > limits::ID_CHARS) {
            let reason = format!("{name}: longer than {} bytes", limits::ID_CHARS);
            return Err(Refusal::new(400, reason));
        }
    }
    check_media_type(headers)?;
    Ok(Admitted(()))
}

pub(super) fn receive(
    push: &PushConfig,
    config: &OrderflowConfig,
    request: &PushRequest<'_>,
    _: Admitted,
) -> Result<Acknowledged, Refusal> {
    if request.body.len() > limits::RECORD_BYTES {
        let reason = format!("a push is at most {} bytes", limits::RECORD_BYTES);
        return Err(Refusal::new(413, reason));
    }
    check_encoding(request)?;
    let root =
        xml::well_formed(request.body).map_err(|error| Refusal::new(400, error.to_string()))?;
    let message_id = root.attribute("messageId").map(|id| id.trim().to_owned());
    if message_id.as_ref().is_some_and(|id| id.len() > ID_BYTES) {
        let reason = format!("@messageId: longer than {ID_BYTES} bytes; expected a number");
        return Err(Refusal::new(400, reason));
    }
    let (content_type, body) = acknowledgement(push, message_id.as_deref().unwrap_or("-"));
    let scope = Scope::of(request.headers, request.query);
    Ok(Acknowledged {
        endpoint: PUSH.to_owned(),
        scope: scope.name().map(str::to_owned),
        message_id,
        kept: Kept::Record,
        content_type,
        body,
        wakes: wakes::of(&root, &scope, config),
    })
}

/// What the sender's remote message definition may match, beside the status.
fn acknowledgement(push: &PushConfig, id: &str) -> (&'static str, String) {
    let template = push.acknowledgement.as_str();
    match push.acknowledge_as {
        AcknowledgeAs::Text => ("text/plain; charset=utf-8", template.replace("{id}", id)),
        AcknowledgeAs::Xml if template.trim_start().starts_with('<') => {
            ("application/xml", template.replace("{id}", &escape(id)))
        }
        AcknowledgeAs::Xml => {
            let text = template.replace("{id}", id);
            ("application/xml", format!("<message>{}</message>", escape(text.as_str())))
        }
    }
}

/// XML or nothing said; OrderFlow sends `application/xml` (OrderFlow reference §1).
fn check_media_type(headers: &[(String, String)]) -> Result<(), Refusal> {
    let Some((_, value)) = headers.iter().find(|(name, _)| name == "content-type") else {
        return Ok(());
    };
    let media = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if media == "application/xml" || media == "text/xml" || media.ends_with("+xml") {
        return Ok(());
    }
    let media: String = media.chars().take(40).collect();
    Err(Refusal::new(415, format!("content type `{media}` is not XML")))
}

/// What is packed, or written in other characters than UTF-8, says so; taken for what it is not, it
/// would name another product. ASCII is the same in all of them.
fn check_encoding(request: &PushRequest<'_>) -> Result<(), Refusal> {
    let header = |name: &str| {
        let found = request.headers.iter().find(|(found, _)| found == name);
        found.map(|(_, value)| value.trim())
    };
    if let Some(coding) = header("content-encoding").filter(|coding| *coding != "identity") {
        let coding: String = coding.chars().take(40).collect();
        return Err(Refusal::new(
            415,
            format!("content encoding `{coding}` is not taken; send it as it is"),
        ));
    }
    let charset = header("content-type").and_then(charset).map(str::to_owned);
    let declared = xml::declared_encoding(request.body).or(charset);
    let Some(declared) = declared else { return Ok(()) };
    let known = ["utf-8", "utf8", "us-ascii", "ascii"];
    if known.iter().any(|name| declared.eq_ignore_ascii_case(name)) || request.body.is_ascii() {
        return Ok(());
    }
    let declared: String = declared.chars().take(40).collect();
    let reason = format!(
        "the document says that it is `{declared}` and has characters beyond ASCII; expected UTF-8"
    );
    Err(Refusal::new(415, reason))
}

/// Of a media type.
fn charset(media: &str) -> Option<&str> {
    let parameters = media.split(';').skip(1).filter_map(|parameter| parameter.split_once('='));
    let mut named = parameters.filter(|(name, _)| name.trim().eq_ignore_ascii_case("charset"));
    named.next().map(|(_, value)| value.trim().trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use ferry_config::{Secret, system::PushCredentials};

    use super::*;
    use crate::orderflow::rows;

    fn push() -> PushConfig {
        PushConfig {
            credentials: Some(PushCredentials {
                user: Secret::new("flow"),
                password: Secret::new("pw"),
            }),
            scopes: Vec::new(),
            acknowledgement: "Success - Message {id} Received".to_owned(),
            acknowledge_as: AcknowledgeAs::Xml,
        }
    }

    fn receive_with(media: &str, body: &[u8]) -> Result<Acknowledged, Refusal> {
        told(&push(), &[], media, body)
    }

    fn told(
        push: &PushConfig,
        query: &[(String, String)],
        media: &str,
        body: &[u8],
    ) -> Result<Acknowledged, Refusal> {
        let headers = [
            ("authorization".to_owned(), "Basic Zmxvdzpwdw==".to_owned()),
            ("content-type".to_owned(), media.to_owned()),
        ];
        let admitted = admit(Some(push), &headers, query)?;
        let request = PushRequest { headers: &headers, query, body };
        receive(push, &rows::config(), &request, admitted)
    }

    #[test]
    fn the_acknowledgement_names_the_message() {
        let receipt = receive_with("text/xml; charset=utf-8", b"<inventory messageId=\"7\"/>");
        let receipt = receipt.unwrap();
        assert_eq!(receipt.body, "<message>Success - Message 7 Received</message>");
        assert_eq!(receipt.message_id.as_deref(), Some("7"));
        let without = receive_with("application/xml", b"<paymentRequest/>").unwrap();
        assert_eq!(without.body, "<message>Success - Message - Received</message>");
        assert_eq!(without.message_id, None);
    }

    #[test]
    fn the_acknowledgement_is_what_the_remote_message_definition_matches() {
        let say = |text: &str, acknowledge_as| {
            let push = PushConfig { acknowledgement: text.to_owned(), acknowledge_as, ..push() };
            let body = b"<event messageId=\"7&lt;\"/>";
            let receipt = told(&push, &[], "application/xml", body).unwrap();
            (receipt.content_type, receipt.body)
        };
        let (media, body) = say("OK {id}", AcknowledgeAs::Text);
        assert_eq!((media, body.as_str()), ("text/plain; charset=utf-8", "OK 7<"));
        let (media, body) = say("<ack id=\"{id}\"><ok/></ack>", AcknowledgeAs::Xml);
        assert_eq!(media, "application/xml");
        assert_eq!(body, "<ack id=\"7&lt;\"><ok/></ack>");
        assert_eq!(say("a & {id}", AcknowledgeAs::Xml).1, "<message>a &amp; 7&lt;</message>");
    }

    #[test]
    fn what_is_no_xml_is_refused_with_its_place() {
        let refusal = receive_with("application/xml", b"<inventory>").unwrap_err();
        assert_eq!(refusal.status, 400);
        assert!(refusal.reason.contains("not closed"), "{}", refusal.reason);
        assert_eq!(receive_with("application/json", b"{}").unwrap_err().status, 415);
        let large = vec![b' '; limits::RECORD_BYTES + 1];
        assert_eq!(receive_with("application/xml", &large).unwrap_err().status, 413);
    }

    #[test]
    fn characters_that_are_not_utf_8_by_their_own_word_are_refused_by_name() {
        let declared = |encoding: &str, text: &str| {
            let body = format!(
                "<?xml version=\"1.0\" encoding=\"{encoding}\"?><inventory messageId=\"1\" a=\"{text}\"/>"
            );
            receive_with("application/xml", body.as_bytes())
        };
        let refusal = declared("ISO-8859-1", "MÜG").unwrap_err();
        assert_eq!(refusal.status, 415);
        assert!(refusal.reason.contains("`ISO-8859-1`"), "{}", refusal.reason);
        for (encoding, text) in [("ISO-8859-1", "MUG"), ("utf-8", "MÜG"), ("US-ASCII", "MUG")] {
            declared(encoding, text).unwrap();
        }
        let body = "<inventory messageId=\"1\" a=\"MÜG\"/>".as_bytes();
        for (media, status) in [
            ("text/xml; charset=\"windows-1252\"", Some(415)),
            ("text/xml; charset=UTF-8", None),
            ("text/xml", None),
        ] {
            let refused = receive_with(media, body).err().map(|refusal| refusal.status);
            assert_eq!(refused, status, "{media}");
        }
    }

    #[test]
    fn what_is_packed_is_refused_by_its_packing() {
        let headers = [("content-encoding", "gzip"), ("authorization", "Basic Zmxvdzpwdw==")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let admitted = admit(Some(&push()), &headers, &[]).unwrap();
        let request = PushRequest { headers: &headers, query: &[], body: b"\x1f\x8b" };
        let refusal = receive(&push(), &rows::config(), &request, admitted).unwrap_err();
        assert_eq!(refusal.status, 415);
        assert!(refusal.reason.contains("`gzip`"), "{}", refusal.reason);
    }

    #[test]
    fn what_would_not_fit_into_a_records_headers_is_refused() {
        let long = "9".repeat(ID_BYTES + 1);
        let body = format!("<inventory messageId=\"{long}\"/>");
        let refusal = receive_with("application/xml", body.as_bytes()).unwrap_err();
        assert_eq!(refusal.status, 400);
        assert!(refusal.reason.starts_with("@messageId: longer"), "{}", refusal.reason);
        let query = [("channel".to_owned(), "c".repeat(limits::ID_CHARS + 1))];
        let refusal = told(&push(), &query, "application/xml", b"<inventory/>").unwrap_err();
        assert_eq!(refusal.status, 400);
    }

    #[test]
    fn without_configured_credentials_every_push_is_refused() {
        let refusal = admit(None, &[], &[]).unwrap_err();
        assert_eq!(refusal.status, 401);
        let challenge = ("www-authenticate", "Basic realm=\"RTD\"".to_owned());
        assert_eq!(refusal.headers, [challenge]);
    }
}
