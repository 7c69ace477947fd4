//! The codes of data centers, as shells complete them.

use std::ffi::OsStr;

use clap::{
    Arg, Command, Error,
    builder::{PossibleValue, StringValueParser, TypedValueParser},
};
use zoho_oauth::DataCenter;

/// Takes any text: what is no code is refused later, in words of its own.
#[derive(Clone)]
pub(crate) struct DataCenterCode;

impl TypedValueParser for DataCenterCode {
    type Value = String;

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        value: &OsStr,
    ) -> Result<String, Error> {
        StringValueParser::new().parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let codes = DataCenter::all().iter().map(|center| center.code);
        Some(Box::new(codes.map(PossibleValue::new)))
    }
}
