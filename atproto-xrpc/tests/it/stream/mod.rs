//! Event streams, over a network that is simulated.

mod captures;
mod firehose;
mod hosting;
mod jetstream;
mod net;
mod subscription;
mod websocket;
mod world;
