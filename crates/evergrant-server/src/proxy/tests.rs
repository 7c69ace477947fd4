//! Whole requests through real sockets: a caller, the proxy with a real vault, a simulator for its tokens, and an API server
//! made by hand.

mod addresses;
mod limits;
mod pace;
mod passing;
mod streams;
mod tokens;
mod upstream;
mod world;
