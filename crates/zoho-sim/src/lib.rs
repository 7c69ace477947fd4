#![doc = include_str!("../README.md")]

mod accounts;
mod authorization;
mod clock;
mod config;
mod connection;
mod control;
mod crm;
mod data_center;
mod faults;
mod hash;
mod limits;
mod manners;
mod parameters;
mod play;
mod reply;
mod requests;
mod scope;
mod simulator;
mod state;
mod tls;
mod wire;

pub use config::{Config, StartError};
pub use simulator::{Ready, ReadyDataCenter, Simulator};
