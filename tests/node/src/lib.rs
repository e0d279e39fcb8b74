//! A private RabbitMQ node, and the package it needs. Only std, so that it speaks within seconds.
