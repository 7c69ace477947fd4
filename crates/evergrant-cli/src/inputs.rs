//! The inputs of an exchange, from wherever they are, as one typed value.
//!
//! Two stages, because a stored app can only be read when the vault is open: `given` collects what flags, files
//! and the environment hold, `complete` fills the gaps from a stored app and by asking. The grant token is asked
//! for by a call of its own, last, since its three minutes start when it is made.
//!
//! Precedence: flag, file named by a flag, environment, stored app, prompt.

mod choose;
pub(crate) mod codes;
pub(crate) mod complete;
mod echo;
pub(crate) mod given;
pub(crate) mod import;
mod json_file;
pub(crate) mod prompter;
pub(crate) mod read;
mod self_client;
mod source;
pub(crate) mod stdin;
mod variables;
