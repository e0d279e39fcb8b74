//! The pages: one file each, no build step, nothing from another host.

use axum::response::Html;

pub(crate) async fn overview() -> Html<&'static str> {
    std::future::ready(Html(include_str!("page/overview.html"))).await
}

pub(crate) async fn journal() -> Html<&'static str> {
    std::future::ready(Html(include_str!("page/journal.html"))).await
}

pub(crate) async fn dead() -> Html<&'static str> {
    std::future::ready(Html(include_str!("page/dead.html"))).await
}
