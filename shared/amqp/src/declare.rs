//! The topology, declared or asserted on a connection.

use std::collections::BTreeMap;

use ferry_topology::{Argument, Arguments, Exchange, ExchangeKind, Queue, Topology};
use lapin::{
    Channel, Connection,
    options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions},
    types::{AMQPValue, FieldTable, LongString, ShortString},
};

#[derive(Debug, thiserror::Error)]
pub(crate) enum DeclareError {
    #[error(
        "{what} could not be declared; if it exists with other arguments, delete it once it is empty or set another broker.prefix"
    )]
    Declare { what: String, source: lapin::Error },
    #[error("{what} is not there; set broker.declare = true for one start, or declare it by hand")]
    Assert { what: String, source: lapin::Error },
    #[error("no channel for the declarations")]
    Channel(#[source] lapin::Error),
}

/// Declares everything, or asserts that it is there. Idempotent: any number of services may do it
/// at the same time.
pub(crate) async fn declare(
    connection: &Connection,
    topology: &Topology,
    passive: bool,
) -> Result<(), DeclareError> {
    let channel = connection.create_channel().await.map_err(DeclareError::Channel)?;
    for exchange in &topology.exchanges {
        let declared = declare_exchange(&channel, exchange, passive).await;
        declared.map_err(|cause| failed(format!("exchange {}", exchange.name), cause, passive))?;
    }
    for queue in &topology.queues {
        let declared = declare_queue(&channel, queue, passive).await;
        declared.map_err(|cause| failed(format!("queue {}", queue.name), cause, passive))?;
    }
    if !passive {
        bind_all(&channel, topology).await?;
    }
    // Its end is not waited for: the channel has done its work, and closes itself when dropped.
    Ok(())
}

async fn bind_all(channel: &Channel, topology: &Topology) -> Result<(), DeclareError> {
    for binding in &topology.bindings {
        let bound = channel
            .queue_bind(
                ShortString::from(binding.queue.as_str()),
                ShortString::from(binding.exchange.as_str()),
                ShortString::from(binding.key.as_str()),
                QueueBindOptions::default(),
                FieldTable::default(),
            )
            .await;
        bound
            .map_err(|cause| failed(format!("binding of queue {}", binding.queue), cause, false))?;
    }
    Ok(())
}

fn failed(what: String, source: lapin::Error, passive: bool) -> DeclareError {
    if passive {
        DeclareError::Assert { what, source }
    } else {
        DeclareError::Declare { what, source }
    }
}

async fn declare_exchange(
    channel: &Channel,
    exchange: &Exchange,
    passive: bool,
) -> lapin::Result<()> {
    let kind = match exchange.kind {
        ExchangeKind::Direct => lapin::ExchangeKind::Direct,
        ExchangeKind::Fanout => lapin::ExchangeKind::Fanout,
        ExchangeKind::Topic => lapin::ExchangeKind::Topic,
    };
    let options = ExchangeDeclareOptions { passive, durable: true, ..Default::default() };
    let name = ShortString::from(exchange.name.as_str());
    channel.exchange_declare(name, kind, options, table(&exchange.arguments)).await
}

async fn declare_queue(channel: &Channel, queue: &Queue, passive: bool) -> lapin::Result<()> {
    let options = QueueDeclareOptions { passive, durable: true, ..Default::default() };
    let name = ShortString::from(queue.name.as_str());
    channel.queue_declare(name, options, table(&queue.arguments)).await.map(drop)
}

fn table(arguments: &Arguments) -> FieldTable {
    let value = |argument: &Argument| match argument {
        Argument::Text(text) => AMQPValue::LongString(LongString::from(text.as_str())),
        Argument::Number(number) => AMQPValue::LongLongInt(*number),
    };
    let entry = |(name, argument): (&String, &Argument)| {
        (ShortString::from(name.as_str()), value(argument))
    };
    FieldTable::from(arguments.iter().map(entry).collect::<BTreeMap<_, _>>())
}
