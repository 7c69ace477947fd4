//! A token of the very connection that a caller has.

use evergrant::{
    Broker,
    broker::{BrokerError, Token, Wanted},
    connection::ConnectionName,
};

/// What a caller wants of a token: what everybody wants who says nothing else.
const WANTED: Wanted = Wanted {
    min_valid: None,
    strict: false,
    new: false,
    reserve: false,
};

/// Returns a token of a connection, by its name and its row: from memory, if that has one, without waiting for anything.
///
/// Memory goes by names, and names change hands: a token of another connection that had this name a moment ago is
/// none.
///
/// # Errors
///
/// As [`Broker::token`]; [`BrokerError::NotFound`] also if the name is another connection's.
pub(crate) async fn token(
    broker: &Broker,
    name: &ConnectionName,
    row: &str,
) -> Result<Token, BrokerError> {
    let is_its = |token: &Token| token.connection_id() == row;
    if let Some(token) = broker.token_in_memory(name, &WANTED).filter(is_its) {
        return Ok(token);
    }
    // In a box, since it is seldom needed, and each request keeps room for all that it may do.
    let token = Box::pin(broker.token(name, &WANTED)).await?;
    if is_its(&token) {
        Ok(token)
    } else {
        Err(BrokerError::NotFound(name.clone()))
    }
}
