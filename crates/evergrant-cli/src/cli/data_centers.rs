//! `evergrant data-centers`: where Zoho's accounts live.

use clap::Args;
use serde::Serialize;
use zoho_oauth::DataCenter;

use super::{Context, error::CliError, output::table};

/// List Zoho's data centers with their domains
#[derive(Debug, Args)]
#[command(after_long_help = "\
An account lives in one data center, and only its servers know the account's apps and tokens.
The address of Zoho's pages after signing in tells which one: crm.zoho.eu is eu.")]
pub(crate) struct DataCentersArgs {}

#[derive(Serialize)]
struct Row {
    code: &'static str,
    accounts_domain: &'static str,
    api_domain: &'static str,
    api_console: &'static str,
    documented: bool,
}

impl From<&DataCenter> for Row {
    fn from(center: &DataCenter) -> Self {
        Self {
            code: center.code,
            accounts_domain: center.accounts_domain,
            api_domain: center.api_domain,
            api_console: center.api_console,
            documented: center.documented,
        }
    }
}

/// Prints the list.
pub(crate) fn run(_: &DataCentersArgs, context: &mut Context<'_>) -> Result<(), CliError> {
    let rows: Vec<Row> = DataCenter::all().iter().map(Row::from).collect();
    context.output.result(&rows, |rows| for_people(rows))
}

fn for_people(rows: &[Row]) -> String {
    let cells: Vec<[String; 4]> = rows
        .iter()
        .map(|row| {
            let mark = if row.documented { "" } else { " *" };
            let code = format!("{}{mark}", row.code);
            [
                code,
                row.accounts_domain.to_owned(),
                row.api_domain.to_owned(),
                row.api_console.to_owned(),
            ]
        })
        .collect();
    table(
        ["code", "accounts domain", "API domain", "API console"],
        &cells,
    ) + "* not documented by Zoho\n"
}
