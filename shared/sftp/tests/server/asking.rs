//! Servers that take a password only as the answer to a question.

use std::{borrow::Cow, sync::Arc};

use ferry_sftp::{SftpError, probe};
use ferry_sshd::Server;
use russh::{
    Error, MethodKind, MethodSet,
    keys::decode_secret_key,
    server::{self, Auth, Response},
};
use tokio::net::TcpListener;

use crate::{WITHIN, account_by_password};

type Prompts = &'static [(Cow<'static, str>, bool)];

const NOTHING: Prompts = &[];
const PASSWORD: Prompts = &[(Cow::Borrowed("Password: "), false)];
const SEEN: Prompts = &[(Cow::Borrowed("Name: "), true)];
const TWO: Prompts = &[(Cow::Borrowed("Password: "), false), (Cow::Borrowed("Code: "), false)];

/// Asks these in turn, and lets in whose only answers are `right`.
struct Asking {
    asks: &'static [Prompts],
    asked: usize,
}

impl server::Handler for Asking {
    type Error = Error;

    async fn auth_keyboard_interactive<'a>(
        &'a mut self,
        _user: &str,
        _submethods: &str,
        response: Option<Response<'a>>,
    ) -> Result<Auth, Error> {
        if let Some(answers) = response
            && answers.into_iter().any(|answer| &answer[..] != b"right")
        {
            return Ok(Auth::reject());
        }
        let Some(prompts) = self.asks.get(self.asked) else { return Ok(Auth::Accept) };
        self.asked += 1;
        let (name, instructions) = (Cow::Borrowed(""), Cow::Borrowed(""));
        Ok(Auth::Partial { name, instructions, prompts: Cow::Borrowed(prompts) })
    }
}

/// What becomes of one who answers with this password. Nobody is served files.
async fn answering(asks: &'static [Prompts], password: &str) -> SftpError {
    let key = decode_secret_key(&Server::start().unwrap().login_key().unwrap(), None).unwrap();
    let known = key.public_key().fingerprint(russh::keys::HashAlg::Sha256).to_string();
    let config = server::Config {
        methods: MethodSet::from(&[MethodKind::KeyboardInteractive][..]),
        keys: vec![key],
        ..server::Config::default()
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let account = account_by_password(listener.local_addr().unwrap().port(), password, &known);
    let serving = async {
        let (stream, _) = listener.accept().await.unwrap();
        let asking = Asking { asks, asked: 0 };
        let _ = server::run_stream(Arc::new(config), stream, asking).await.unwrap().await;
    };
    let (probed, ()) = tokio::join!(probe(&account, "", WITHIN), serving);
    probed.unwrap_err()
}

#[tokio::test]
async fn one_question_is_answered_with_the_password() {
    for asks in [&[PASSWORD][..], &[PASSWORD, &[]], &[&[], PASSWORD]] {
        let let_in = answering(asks, "right").await;
        assert!(matches!(let_in, SftpError::Refused { what: "open its files", .. }), "{let_in}");
    }
}

#[tokio::test]
async fn a_wrong_answer_is_a_refusal() {
    let refused = answering(&[PASSWORD], "wrong").await;
    assert!(matches!(refused, SftpError::Login { .. }), "{refused}");
    assert!(!refused.to_string().contains("wrong"));
}

#[tokio::test]
async fn the_password_is_no_answer_to_another_question_nor_to_a_second() {
    for asks in [&[SEEN][..], &[TWO], &[PASSWORD, PASSWORD], &[NOTHING; 20]] {
        let refused = answering(asks, "right").await;
        assert!(matches!(&refused, SftpError::Questions(user) if user == "acme"), "{refused}");
    }
}
