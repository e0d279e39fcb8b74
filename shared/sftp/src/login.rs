//! Showing a server who we are, once.

use std::sync::Arc;

use russh::{
    MethodKind, MethodSet,
    client::{AuthResult, Handle, KeyboardInteractiveAuthResponse as Asked},
    keys::PrivateKeyWithHashAlg,
};

use crate::{
    Account, SftpError,
    account::Proof,
    session::{Heard, KnownServer},
};

/// A server that asks for a password asks once; before and after that it may say things.
const QUESTIONS_MAX: usize = 8;

/// What a server makes of what it is shown.
struct No {
    takes: MethodSet,
    /// It has taken what it was shown, and wants more.
    half: bool,
}

pub(crate) async fn log_in(
    connection: &mut Handle<KnownServer>,
    heard: &Heard,
    account: &Account,
    what: &'static str,
) -> Result<(), SftpError> {
    let user = account.user.clone();
    let answer = match &account.proof {
        Proof::Password(password) => connection.authenticate_password(user, password.clone()).await,
        Proof::Key(key) => {
            let key = PrivateKeyWithHashAlg::new(Arc::clone(key), None);
            connection.authenticate_publickey(user, key).await
        }
    };
    let no = match answer.map_err(|_| SftpError::Lost(what))? {
        AuthResult::Success => return Ok(()),
        AuthResult::Failure { remaining_methods, partial_success } => {
            No { takes: remaining_methods, half: partial_success }
        }
    };
    let no = match &account.proof {
        Proof::Password(password) if asks(&no) => {
            match answer_questions(connection, account, password, what).await? {
                None => return Ok(()),
                Some(no) => no,
            }
        }
        Proof::Password(_) | Proof::Key(_) => no,
    };
    // A connection that is lost looks like a refusal that names nothing, after which it is over too.
    if no.takes.is_empty() && !no.half {
        let _ = (&mut *connection).await;
        if !heard.refused() {
            return Err(SftpError::Lost(what));
        }
    }
    Err(refused(account, &no))
}

/// Whether it takes passwords, but only as answers to its questions. Who takes them as such as well
/// has refused this one.
fn asks(no: &No) -> bool {
    let takes = |kind| no.takes.contains(&kind);
    !no.half && takes(MethodKind::KeyboardInteractive) && !takes(MethodKind::Password)
}

/// Gives the password to the first question whose answer is not to be seen, and answers no other.
/// None: it is in.
async fn answer_questions(
    connection: &mut Handle<KnownServer>,
    account: &Account,
    password: &str,
    what: &'static str,
) -> Result<Option<No>, SftpError> {
    let lost = |_| SftpError::Lost(what);
    let user = account.user.clone();
    let mut password = Some(password);
    let asked = connection.authenticate_keyboard_interactive_start(user, None).await;
    let mut asked = asked.map_err(lost)?;
    for _ in 0..QUESTIONS_MAX {
        let prompts = match asked {
            Asked::Success => return Ok(None),
            Asked::Failure { remaining_methods, partial_success } => {
                return Ok(Some(No { takes: remaining_methods, half: partial_success }));
            }
            Asked::InfoRequest { prompts, .. } => prompts,
        };
        let answers = match (prompts.as_slice(), password) {
            ([], _) => Vec::new(),
            ([prompt], Some(answer)) if !prompt.echo => {
                password = None;
                vec![answer.to_owned()]
            }
            _ => break,
        };
        let answered = connection.authenticate_keyboard_interactive_respond(answers).await;
        asked = answered.map_err(lost)?;
    }
    Err(SftpError::Questions(account.user.clone()))
}

fn refused(account: &Account, no: &No) -> SftpError {
    let names: Vec<&str> = no.takes.iter().map(Into::into).collect();
    let takes = if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
    let user = account.user.clone();
    if no.half { SftpError::HalfLogin { user, takes } } else { SftpError::Login { user, takes } }
}
