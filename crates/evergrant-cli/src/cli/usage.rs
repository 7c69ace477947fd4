//! From arguments to a command, and from clap's words for a mistake to ours.

use std::ffi::OsString;

use clap::{CommandFactory, FromArgMatches, Parser, error::ErrorKind};

use super::{Cli, error::CliError, redact::hide_tokens};

/// What the arguments ask for.
pub(crate) enum Parsed {
    /// A command.
    Run(Cli),
    /// A text that clap already made: a help page or the version.
    Text(String),
}

/// Parses the arguments; a secret among them is refused before anything else looks at them.
pub(crate) fn parse(arguments: &[OsString]) -> Result<Parsed, CliError> {
    refuse_secrets(arguments)?;
    // Only the command that is called is laid out: the whole tree takes longer than many a command does.
    // Help pages and what is said of mistakes want all of it.
    if let Ok(cli) = Cli::try_parse_from(arguments) {
        return Ok(Parsed::Run(cli));
    }
    let mut whole = Cli::command();
    whole.build();
    let matches = whole.try_get_matches_from_mut(arguments);
    match matches.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => Ok(Parsed::Run(cli)),
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
            ) =>
        {
            Ok(Parsed::Text(error.render().ansi().to_string()))
        }
        Err(error) => {
            let explained = in_our_words(&error, &command_among(arguments));
            let lacks_dashes = runs_a_program(arguments)
                && !arguments.iter().any(|argument| argument == "--")
                && matches!(
                    error.kind(),
                    ErrorKind::UnknownArgument | ErrorKind::MissingRequiredArgument
                );
            Err(match lacks_dashes {
                true => explained.next("put -- before the program: evergrant exec NAME -- PROGRAM"),
                false => explained,
            })
        }
    }
}

/// Returns whether `--json` stands among the arguments, for when they cannot be parsed.
pub(crate) fn asks_for_json(arguments: &[OsString]) -> bool {
    flags(arguments).any(|argument| argument == b"--json")
}

/// Returns whether the arguments, which need not be right, name the command that runs another program.
pub(crate) fn runs_a_program(arguments: &[OsString]) -> bool {
    let mut words = flags(arguments);
    while let Some(word) = words.next() {
        match word {
            b"--home" | b"--config" => _ = words.next(),
            word if word.starts_with(b"-") => {}
            word => return word == b"exec",
        }
    }
    false
}

/// A flag that looks as if it took a secret, and what to do about the secret that was just shown to everybody.
struct SecretFlag {
    flag: &'static str,
    name: &'static str,
    rotate: &'static str,
    instead: &'static str,
}

const SECRET_FLAGS: [SecretFlag; 5] = [
    SecretFlag {
        flag: "--client-secret",
        name: "client secret",
        rotate: "rotate it: make a new client secret in the Zoho API console",
        instead: "give it with --client-secret-file, --client-secret-stdin or --client-secret-command",
    },
    SecretFlag {
        flag: "--grant-token",
        name: "grant token",
        rotate: "rotate it: leave this grant token to expire and make a new one in the Zoho API console",
        instead: "give it with --grant-token-file, --grant-token-stdin or --grant-token-command",
    },
    SecretFlag {
        flag: "--refresh-token",
        name: "refresh token",
        rotate: "rotate it: revoke this refresh token and make a new grant token in the Zoho API console",
        instead: "take it over from a file: evergrant connections import NAME --from FILE; or, for callers adopt, --refresh-token-file",
    },
    SecretFlag {
        flag: "--passphrase",
        name: "passphrase",
        rotate: "rotate it: choose a new passphrase",
        instead: "give it in a file",
    },
    SecretFlag {
        flag: "--code-verifier",
        name: "code verifier",
        rotate: "rotate it: start the consent again with a new code verifier",
        instead: "give it with --code-verifier-file",
    },
];

fn refuse_secrets(arguments: &[OsString]) -> Result<(), CliError> {
    for argument in flags(arguments) {
        let flag = argument
            .split(|byte| *byte == b'=')
            .next()
            .unwrap_or_default();
        if let Some(secret) = SECRET_FLAGS
            .iter()
            .find(|secret| secret.flag.as_bytes() == flag)
        {
            return Err(CliError::usage("secret_as_value", format!("`{}` takes no value on the command line", secret.flag))
                .cause(format!(
                    "every user of this machine can read a command line, and the shell keeps it: this {} is no secret any more",
                    secret.name
                ))
                .next(secret.rotate)
                .next(secret.instead));
        }
    }
    Ok(())
}

/// Returns the arguments that may be ours: those before `--`, as bytes.
fn flags(arguments: &[OsString]) -> impl Iterator<Item = &[u8]> {
    arguments
        .iter()
        .skip(1)
        .map(|argument| argument.as_encoded_bytes())
        .take_while(|argument| *argument != b"--")
}

/// Says clap's error in our form: its first paragraph is the message, tips and usage are what to do next.
/// `command` is what to ask for help where clap shows no usage.
fn in_our_words(error: &clap::Error, command: &str) -> CliError {
    let text = hide_tokens(&error.render().to_string());
    let mut paragraphs = text
        .split("\n\n")
        .map(|paragraph| paragraph.split_whitespace().collect::<Vec<_>>().join(" "));
    let message = match error.kind() {
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand => {
            "a command is missing".to_owned()
        }
        _ => paragraphs
            .next()
            .unwrap_or_default()
            .trim_start_matches("error: ")
            .to_owned(),
    };
    let mut ours = CliError::usage(reason(error.kind()), message);
    let mut help = format!("{command} --help");
    for paragraph in paragraphs {
        if let Some(tip) = paragraph.strip_prefix("tip: ") {
            // No option here takes its value after `--`.
            if tip.contains("as a value, use '-- ") {
                continue;
            }
            ours = ours.next(tip);
        } else if let Some(usage) = paragraph.strip_prefix("Usage: ") {
            help = format!("{} --help", command_of(usage));
        }
    }
    ours.next(help)
}

fn reason(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::UnknownArgument => "unknown_argument",
        ErrorKind::InvalidSubcommand => "unknown_command",
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            "missing_command"
        }
        ErrorKind::MissingRequiredArgument => "missing_argument",
        ErrorKind::ArgumentConflict => "conflicting_arguments",
        ErrorKind::InvalidValue | ErrorKind::ValueValidation | ErrorKind::InvalidUtf8 => {
            "invalid_value"
        }
        _ => "wrong_arguments",
    }
}

/// Returns the words among the arguments that name the command, after the program's.
fn command_among(arguments: &[OsString]) -> String {
    let mut command = Cli::command();
    // Commands below the first are not there before.
    command.build();
    let mut names = vec![command.get_name().to_owned()];
    for argument in arguments.iter().skip(1) {
        if let Some(found) = command.find_subcommand(argument) {
            names.push(found.get_name().to_owned());
            command = found.clone();
        }
    }
    names.join(" ")
}

/// Returns the words of a usage line that name the command.
fn command_of(usage: &str) -> String {
    let is_name = |word: &&str| word.starts_with(|first: char| first.is_ascii_lowercase());
    usage
        .split_whitespace()
        .take_while(is_name)
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use snapbox::{assert_data_eq, str};

    fn arguments(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    fn refusal(line: &str) -> CliError {
        match parse(&arguments(line)) {
            Err(error) => error,
            Ok(_) => panic!("`{line}` should be refused"),
        }
    }

    #[test]
    fn a_secret_as_a_value_is_refused_without_being_shown() {
        for line in [
            "evergrant exchange acme --client-secret s3cret",
            "evergrant --grant-token=s3cret",
            "evergrant exchange --nonsense --refresh-token s3cret",
            "evergrant connections list --passphrase=s3cret",
            "evergrant exchange --code-verifier s3cret",
        ] {
            let error = refusal(line);
            assert!(
                error.to_json().contains(r#""reason":"secret_as_value""#),
                "{line}"
            );
            assert!(error.to_text().contains("rotate it"), "{line}");
            assert!(
                !error.to_json().contains("s3cret") && !error.to_text().contains("s3cret"),
                "{line}"
            );
        }
    }

    #[test]
    fn after_a_wrong_value_comes_the_help_of_the_command_that_took_it() {
        for (line, help) in [
            ("evergrant callers add X@", "evergrant callers add --help"),
            (
                "evergrant callers add a --format bad",
                "evergrant callers add --help",
            ),
            ("evergrant callers nonsense", "evergrant callers --help"),
            (
                "evergrant connections set X@",
                "evergrant connections set --help",
            ),
        ] {
            let text = refusal(line).to_text();
            assert!(text.contains(&format!(" {help}\n")), "{text}");
        }
    }

    #[test]
    fn a_token_in_the_wrong_place_is_not_echoed() {
        let token = "1000.0123456789abcdef0123456789abcdef.0123456789abcdef0123456789abcdef";
        for line in [
            format!("evergrant {token}"),
            format!("evergrant completions {token}"),
            format!("evergrant completions bash {token}"),
            format!("evergrant completions bash --granttoken={token}"),
            format!("evergrant completions bash --json={token}"),
        ] {
            let error = refusal(&line);
            assert!(
                !error.to_json().contains("0123456789abcdef"),
                "{}",
                error.to_json()
            );
        }
    }

    #[test]
    fn a_program_without_dashes_before_it_is_told_of_them() {
        for line in ["evergrant exec acme true", "evergrant exec acme"] {
            let text = refusal(line).to_text();
            assert!(text.contains("put -- before the program"), "{text}");
        }
    }

    #[test]
    fn a_negative_number_brings_no_tip_that_does_not_work() {
        for line in [
            "evergrant token acme --min-valid -1",
            "evergrant exchange acme --max-retries -1",
        ] {
            let text = refusal(line).to_text();
            assert!(!text.contains("-- -1"), "{text}");
        }
    }

    #[test]
    fn json_is_asked_for_even_in_a_line_that_cannot_be_parsed() {
        assert!(asks_for_json(&arguments("evergrant --nonsense --json")));
        assert!(!asks_for_json(&arguments(
            "evergrant exec acme -- prog --json"
        )));
    }

    #[test]
    fn the_command_that_runs_another_is_known_even_in_a_line_that_cannot_be_parsed() {
        for line in [
            "evergrant exec",
            "evergrant --json --home exchange exec acme --nonsense",
            "evergrant --config=token exec",
        ] {
            assert!(runs_a_program(&arguments(line)), "{line}");
        }
        for line in [
            "evergrant",
            "evergrant --home exec token",
            "evergrant token exec",
            "evergrant -- exec",
        ] {
            assert!(!runs_a_program(&arguments(line)), "{line}");
        }
    }

    #[test]
    fn mistakes_say_what_and_where_to_look() {
        assert_data_eq!(
            refusal("evergrant").to_json(),
            str![[
                r#"{"error":{"code":"usage","exit_code":2,"reason":"missing_command","message":"a command is missing","causes":[],"next":["evergrant --help"],"grant":null,"zoho":null,"retry_at":null,"connection":null}}"#
            ]]
        );
        assert_data_eq!(
            refusal("evergrant completion").to_json(),
            str![[
                r#"{"error":{"code":"usage","exit_code":2,"reason":"unknown_command","message":"unrecognized subcommand 'completion'","causes":[],"next":["some similar subcommands exist: 'connections', 'completions'","evergrant --help"],"grant":null,"zoho":null,"retry_at":null,"connection":null}}"#
            ]]
        );
        assert_data_eq!(
            refusal("evergrant completions").to_json(),
            str![[
                r#"{"error":{"code":"usage","exit_code":2,"reason":"missing_argument","message":"the following required arguments were not provided: <SHELL>","causes":[],"next":["evergrant completions --help"],"grant":null,"zoho":null,"retry_at":null,"connection":null}}"#
            ]]
        );
        assert_data_eq!(
            refusal("evergrant completions zsh --jsn").to_json(),
            str![[
                r#"{"error":{"code":"usage","exit_code":2,"reason":"unknown_argument","message":"unexpected argument '--jsn' found","causes":[],"next":["a similar argument exists: '--json'","evergrant completions --help"],"grant":null,"zoho":null,"retry_at":null,"connection":null}}"#
            ]]
        );
        assert_data_eq!(
            refusal("evergrant completions tcsh").to_json(),
            str![[
                r#"{"error":{"code":"usage","exit_code":2,"reason":"invalid_value","message":"invalid value 'tcsh' for '<SHELL>' [possible values: bash, zsh, fish]","causes":[],"next":["a similar value exists: 'zsh'","evergrant completions --help"],"grant":null,"zoho":null,"retry_at":null,"connection":null}}"#
            ]]
        );
    }
}
