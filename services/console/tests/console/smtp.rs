//! A mail server that speaks enough SMTP (RFC 5321) for one client at a time.

use std::sync::{Arc, Mutex};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// One mail as it was handed over.
#[derive(Clone, Debug, Default)]
pub(crate) struct Handed {
    pub(crate) login: Option<String>,
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    pub(crate) text: String,
}

#[derive(Debug)]
pub(crate) struct Smtp {
    pub(crate) port: u16,
    mails: Arc<Mutex<Vec<Handed>>>,
    /// Ends with this.
    _serving: JoinSet<()>,
}

impl Smtp {
    pub(crate) async fn start() -> Self {
        Self::answering_rcpt("250 ok").await
    }

    pub(crate) async fn answering_rcpt(answer: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let mails = Arc::<Mutex<Vec<Handed>>>::default();
        let taken = Arc::clone(&mails);
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A client that leaves in the middle is its own affair.
                let _ = converse(stream, answer, &taken).await;
            }
        });
        Self { port, mails, _serving: serving }
    }

    pub(crate) fn mails(&self) -> Vec<Handed> {
        self.mails.lock().unwrap().clone()
    }
}

async fn converse(
    stream: TcpStream,
    rcpt: &str,
    taken: &Mutex<Vec<Handed>>,
) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 stand-in\r\n").await?;
    let (mut mail, mut line, mut in_text) = (Handed::default(), String::new(), false);
    loop {
        line.clear();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        if in_text {
            if line != ".\r\n" {
                mail.text.push_str(&line);
                continue;
            }
            in_text = false;
            taken.lock().unwrap().push(mail.clone());
        }
        let said = line.trim_end();
        let answer = match said.split([' ', ':']).next().unwrap_or_default() {
            "EHLO" => "250-stand-in\r\n250 AUTH PLAIN",
            "AUTH" => {
                mail.login = Some(said.trim_start_matches("AUTH PLAIN ").to_owned());
                "235 welcome"
            }
            "MAIL" => {
                mail.from = said.to_owned();
                "250 ok"
            }
            "RCPT" => {
                mail.to.push(said.to_owned());
                rcpt
            }
            "DATA" => {
                in_text = true;
                "354 go on"
            }
            "QUIT" => "221 bye",
            _ => "250 ok",
        };
        stream.write_all(format!("{answer}\r\n").as_bytes()).await?;
    }
}
