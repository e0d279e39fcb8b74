//! A simulated OroCommerce 7.0.4 back office (OroCommerce reference).
//!
//! Promises what a client sees of the JSON:API: token, media types, documents, errors, ids as
//! strings. All in memory. Deliberately leaves out what no route needs: the storefront, prices,
//! webhooks, asynchronous batches, the plain JSON API.

mod answer;
mod batch;
mod calls;
mod changes;
mod document;
mod find;
mod lists;
mod media;
mod plan;
mod problem;
mod query;
mod record;
mod render;
mod rules;
mod schema;
mod serve;
mod settle;
mod shop;
mod store;
#[cfg(test)]
mod tests;
mod token;
mod values;
mod write;
