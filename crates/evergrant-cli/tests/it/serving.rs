//! `evergrant serve` as it runs: the real process, its signals, its supervisor and its bad days.

mod alerts;
mod canaries;
mod doctor;
mod estate;
mod folders;
mod outages;
mod reload;
mod stop;
mod systemd;
