//! The command line: the tree of commands, and the way from arguments to an exit code.

use std::{
    cell::{Cell, OnceCell},
    ffi::OsString,
    path::PathBuf,
    process::ExitCode,
};

use clap::{ArgAction, Args, Parser, Subcommand};

use crate::{
    config::Config,
    environment::Environment,
    inputs::{prompter::Terminal, stdin::Stdin},
    paths::Paths,
    socket::{self, Found},
    telemetry,
};
use error::CliError;
use output::{Output, Streams};

pub(crate) mod app_inputs;
pub(crate) mod apps;
pub(crate) mod audit;
pub(crate) mod broker;
pub(crate) mod callers;
pub(crate) mod completions;
pub(crate) mod connections;
pub(crate) mod data_centers;
#[cfg(feature = "simulate")]
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod error;
pub(crate) mod exchange;
pub(crate) mod exec;
pub(crate) mod exit_code;
pub(crate) mod help;
pub(crate) mod man;
pub(crate) mod output;
pub(crate) mod recover;
pub(crate) mod redact;
#[cfg(test)]
mod reference;
pub(crate) mod revoke;
pub(crate) mod scopes;
pub(crate) mod serve;
#[cfg(feature = "simulate")]
pub(crate) mod simulate;
pub(crate) mod status;
pub(crate) mod token;
mod usage;
pub(crate) mod vault;

pub(crate) use evergrant_server::time;

/// Turn a Zoho grant token, which lives minutes and works once, into API access that never runs out
#[derive(Debug, Parser)]
#[command(
    name = "evergrant",
    version,
    max_term_width = 100,
    subcommand_required = true
)]
#[command(disable_help_subcommand = true, after_long_help = EXAMPLES)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) options: GlobalOptions,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The options that every command takes.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct GlobalOptions {
    /// Keep vault, escrow, key and configuration in this folder [env: EVERGRANT_HOME]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) home: Option<PathBuf>,
    /// Read this configuration file [env: EVERGRANT_CONFIG]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Print one JSON value on standard output, and errors and warnings as JSON lines on standard error
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Never ask, even at a terminal
    #[arg(long, global = true)]
    pub(crate) no_input: bool,
    /// Log what happens on standard error; twice or thrice for more [env: EVERGRANT_LOG]
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Print errors only on standard error
    #[arg(long, global = true)]
    pub(crate) quiet: bool,
}

/// Every command. Only the one that is called is laid out.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(crate) enum Command {
    Exchange(Box<exchange::ExchangeArgs>),
    Token(Box<token::TokenArgs>),
    Exec(Box<exec::ExecArgs>),
    Status(status::StatusArgs),
    Connections(connections::ConnectionsArgs),
    Revoke(revoke::RevokeArgs),
    Apps(apps::AppsArgs),
    Callers(callers::CallersArgs),
    Serve(Box<serve::ServeArgs>),
    Recover(recover::RecoverArgs),
    Doctor(doctor::DoctorArgs),
    Audit(audit::AuditArgs),
    Scopes(scopes::ScopesArgs),
    DataCenters(data_centers::DataCentersArgs),
    #[cfg(feature = "simulate")]
    Demo(demo::DemoArgs),
    #[cfg(feature = "simulate")]
    Simulate(simulate::SimulateArgs),
    Completions(completions::CompletionsArgs),
    Man(man::ManArgs),
    Help(help::HelpArgs),
}

const EXAMPLES: &str = "\
Examples:
  evergrant exchange acme                  ask for what is missing, the grant token last
  evergrant exchange acme --self-client self_client.json --data-center eu
  evergrant token acme                     print an access token that works
  evergrant exec acme -- ./import.sh       run a program that finds one in its environment
  evergrant connections list
  evergrant demo                           see it work on this machine, without an account at Zoho";

/// What a command works with besides its own arguments.
pub(crate) struct Context<'a> {
    pub(crate) environment: &'a Environment,
    pub(crate) options: GlobalOptions,
    pub(crate) output: Output,
    pub(crate) stdin: Stdin,
    config: OnceCell<Config>,
    /// Whether the vault was opened by a command that may change what a server gives.
    may_have_changed: Cell<bool>,
    program: String,
    /// Whether a person sees standard error, and may be asked.
    pub(crate) attended: bool,
    /// The exit code if nothing fails: 0, or what another program ended with.
    pub(crate) exit_code: u8,
    /// Whether what goes to standard output is lost.
    pub(crate) discarded: bool,
    /// The log, where there is one.
    pub(crate) log: Option<telemetry::Started>,
}

impl Context<'_> {
    /// Finds the files of the home that the options and the environment name.
    pub(crate) fn paths(&self) -> Result<Paths, CliError> {
        Paths::find(
            self.options.home.as_deref(),
            self.options.config.as_deref(),
            self.environment,
        )
    }

    /// Returns the program's name, as it was called.
    pub(crate) fn program(&self) -> String {
        self.program.clone()
    }

    /// Returns whom to ask; nobody without a terminal, or with `--no-input`.
    pub(crate) fn prompter(&self) -> Option<Terminal> {
        if self.attended {
            Terminal::open().ok()
        } else {
            None
        }
    }

    /// Returns what programs see of the environment that are asked for a secret.
    pub(crate) fn environment_of_children(&self) -> Result<Environment, CliError> {
        let config = self.config()?;
        Ok(self.environment.without_secrets(&config.secret_variables()))
    }

    /// Has the servers of this home take in at once what was changed, and waits for that. There may be none.
    fn have_servers_look(&self) {
        let named = (self.config().ok()).and_then(|config| config.server.unix.clone());
        let places = socket::places(self.options.home.as_deref(), self.environment);
        for place in places.into_iter().chain(named) {
            if let Found::Server(stream) = socket::connect(&place) {
                socket::look(stream);
            }
        }
    }

    /// Returns the configuration, which is read once.
    pub(crate) fn config(&self) -> Result<&Config, CliError> {
        if let Some(config) = self.config.get() {
            return Ok(config);
        }
        let config = Config::read(&self.paths()?)?;
        Ok(self.config.get_or_init(|| config))
    }
}

/// Runs one command line and returns its exit code; the first argument is the program's name.
pub fn run(
    arguments: impl IntoIterator<Item = OsString>,
    environment: &Environment,
    streams: Streams,
) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let Streams {
        stdin,
        typed,
        stdout,
        stderr,
        attended,
        discarded,
    } = streams;
    let parsed = usage::parse(&arguments);
    let options = match &parsed {
        Ok(usage::Parsed::Run(cli)) => cli.options.clone(),
        _ => GlobalOptions {
            json: usage::asks_for_json(&arguments),
            ..GlobalOptions::default()
        },
    };
    let output = Output::new(stdout, stderr, &options);
    let attended = attended && !options.no_input;
    let mut context = Context {
        environment,
        options,
        output,
        stdin: Stdin::new(stdin, typed),
        config: OnceCell::new(),
        may_have_changed: Cell::new(false),
        program: program_of(&arguments),
        attended,
        exit_code: 0,
        discarded,
        log: None,
    };
    let outcome = match parsed {
        Ok(usage::Parsed::Run(cli)) => logged(cli.command, &mut context),
        Ok(usage::Parsed::Text(text)) => context.output.data(&text),
        Err(error) => Err(error),
    };
    match outcome {
        Ok(()) => ExitCode::from(context.exit_code),
        Err(mut error) => {
            if usage::runs_a_program(&arguments) {
                error = error.beside_a_program();
            }
            context.output.error(&error);
            ExitCode::from(error.exit_code())
        }
    }
}

/// Runs a command with its log. A configuration that cannot be read is for those to report who need it.
fn logged(command: Command, context: &mut Context<'_>) -> Result<(), CliError> {
    let unread = Config::default();
    let config = context.config().unwrap_or(&unread);
    let (options, environment) = (&context.options, context.environment);
    let settings = match command {
        Command::Serve(_) => {
            let settings =
                telemetry::Settings::resolve_for_server(options, environment, &config.log);
            Some(settings?)
        }
        _ => telemetry::Settings::resolve(options, environment, &config.log)?,
    };
    context.log = settings.map(|settings| settings.start());
    let serves = matches!(command, Command::Serve(_));
    let outcome = dispatch(command, context);
    // Whatever became of it: something may have been changed before it failed.
    if context.may_have_changed.get() && !serves {
        context.have_servers_look();
    }
    outcome
}

/// Returns the name by which the program was called.
fn program_of(arguments: &[OsString]) -> String {
    let path = arguments.first().map(std::path::Path::new);
    let name = path.and_then(std::path::Path::file_name);
    name.map_or_else(
        || "evergrant".to_owned(),
        |name| name.to_string_lossy().into_owned(),
    )
}

fn dispatch(command: Command, context: &mut Context<'_>) -> Result<(), CliError> {
    match command {
        Command::Exchange(args) => exchange::run::run(&args, context),
        Command::Token(args) => token::run(&args, context),
        Command::Exec(args) => exec::run(&args, context),
        Command::Status(args) => status::run(&args, context),
        Command::Connections(args) => connections::run(&args, context),
        Command::Revoke(args) => revoke::run(&args, context),
        Command::Apps(args) => apps::run(&args, context),
        Command::Callers(args) => callers::run(&args, context),
        Command::Serve(args) => serve::run(&args, context),
        Command::Recover(args) => recover::run(&args, context),
        Command::Scopes(args) => scopes::run(&args, context),
        Command::Doctor(args) => doctor::run(&args, context),
        Command::Audit(args) => audit::run(&args, context),
        Command::DataCenters(args) => data_centers::run(&args, context),
        #[cfg(feature = "simulate")]
        Command::Demo(args) => demo::run(&args, context),
        #[cfg(feature = "simulate")]
        Command::Simulate(args) => simulate::run(&args, context),
        Command::Completions(args) => completions::run(&args, context),
        Command::Man(args) => man::run(&args, context),
        Command::Help(args) => help::run(&args, context),
    }
}
