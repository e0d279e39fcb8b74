//! What Ferry needs from a broker: publisher, intake, delivery, outcome; no AMQP.
