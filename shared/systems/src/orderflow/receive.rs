//! The receiver: who pushes, and what the acknowledgement says (OrderFlow reference §5.1).
//!
//! It never looks for duplicates and never drops: order and repetition are the ledger's business.

use ferry_canonical::limits;
use ferry_config::system::PushConfig;

use super::access;
use crate::{Acknowledged, Admitted, PushRequest, Refusal, xml};

/// By its headers alone: who sends it, and what they say that it is.
pub(super) fn admit(
    push: Option<&PushConfig>,
    headers: &[(String, String)],
) -> Result<Admitted, Refusal> {
    let unauthorised = || {
        let mut refusal = Refusal::new(401, "user or password is not the one configured");
        refusal.headers.push(("www-authenticate", "Basic realm=\"RTD\"".to_owned()));
        refusal
    };
    let push = push.ok_or_else(unauthorised)?;
    if !access::admits(push, headers) {
        return Err(unauthorised());
    }
    check_media_type(headers)?;
    Ok(Admitted(()))
}

pub(super) fn receive(
    push: &PushConfig,
    request: &PushRequest<'_>,
    _: Admitted,
) -> Result<Acknowledged, Refusal> {
    if request.body.len() > limits::RECORD_BYTES {
        let reason = format!("a push is at most {} bytes", limits::RECORD_BYTES);
        return Err(Refusal::new(413, reason));
    }
    let root =
        xml::well_formed(request.body).map_err(|error| Refusal::new(400, error.to_string()))?;
    let message_id = root.attribute("messageId").map(str::to_owned);
    let id = message_id.as_deref().unwrap_or("-");
    let text = push.acknowledgement.replace("{id}", id);
    Ok(Acknowledged {
        endpoint: "push".to_owned(),
        scope: access::scope(request.headers, request.query),
        message_id,
        content_type: "application/xml",
        body: format!("<message>{}</message>", quick_xml::escape::escape(text.as_str())),
    })
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
    Err(Refusal::new(415, format!("content type `{media}` is not XML")))
}

#[cfg(test)]
mod tests {
    use ferry_config::Secret;

    use super::*;

    fn push() -> PushConfig {
        PushConfig {
            user: Secret::new("flow"),
            password: Secret::new("pw"),
            acknowledgement: "Success - Message {id} Received".to_owned(),
        }
    }

    fn receive_with(media: &str, body: &[u8]) -> Result<Acknowledged, Refusal> {
        let headers = [
            ("authorization".to_owned(), "Basic Zmxvdzpwdw==".to_owned()),
            ("content-type".to_owned(), media.to_owned()),
        ];
        let admitted = admit(Some(&push()), &headers)?;
        receive(&push(), &PushRequest { headers: &headers, query: &[], body }, admitted)
    }

    #[test]
    fn the_acknowledgement_names_the_message() {
        let receipt = receive_with("text/xml; charset=utf-8", b"<inventory messageId=\"7\"/>");
        let receipt = receipt.unwrap();
        assert_eq!(receipt.body, "<message>Success - Message 7 Received</message>");
        assert_eq!(receipt.message_id.as_deref(), Some("7"));
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
    fn without_configured_credentials_every_push_is_refused() {
        let refusal = admit(None, &[]).unwrap_err();
        assert_eq!(refusal.status, 401);
        let challenge = ("www-authenticate", "Basic realm=\"RTD\"".to_owned());
        assert_eq!(refusal.headers, [challenge]);
    }
}
