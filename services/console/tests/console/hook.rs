//! A receiver of webhooks, as anybody may write one.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use tokio::{net::TcpListener, task::JoinSet};

#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Call {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }
}

#[derive(Debug, Default)]
struct Shared {
    answers: Mutex<VecDeque<u16>>,
    calls: Mutex<Vec<Call>>,
}

/// Answers as scripted, then 204.
#[derive(Debug)]
pub(crate) struct Hook {
    pub(crate) url: String,
    shared: Arc<Shared>,
    /// Ends with this.
    _serving: JoinSet<()>,
}

impl Hook {
    pub(crate) async fn answering(answers: &[u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let answers = Mutex::new(answers.iter().copied().collect());
        let shared = Arc::new(Shared { answers, ..Shared::default() });
        let router = Router::new().route("/hook", post(receive)).with_state(Arc::clone(&shared));
        let mut serving = JoinSet::new();
        serving.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, shared, _serving: serving }
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.shared.calls.lock().unwrap().clone()
    }
}

async fn receive(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: String,
) -> StatusCode {
    shared.calls.lock().unwrap().push(Call { headers, body });
    let answer = shared.answers.lock().unwrap().pop_front().unwrap_or(204);
    StatusCode::from_u16(answer).unwrap()
}
