//! A small part of the CRM API: three modules, and what the official SDKs ask for before they use one.

mod create;
mod error;
mod input;
mod list;
mod module;
mod page_token;
mod search;
mod settings;
mod update;

use http::{Method, StatusCode};

pub(crate) use module::Module;

use crate::accounts::Asked;
use crate::authorization::access_token;
use crate::hash::sha256_hex;
use crate::manners::DeadAccessToken;
use crate::reply::{self, Reply};
use crate::requests::Entry;
use crate::scope;
use crate::state::{AccessToken, State};
use error::CrmError;

/// What a path stands for.
enum Resource {
    Users,
    Organization,
    Fields,
    Modules,
    Records(Module),
    Search(Module),
    /// One record, by its ID.
    Record(Module, u64),
}

/// Answers a request to the CRM and notes in `entry` what is worth listing.
/// Source: <https://github.com/zoho/crm-oas>
pub(crate) fn answer(state: &mut State, asked: &Asked<'_>, entry: &mut Entry) -> Reply {
    let token = access_token(asked.request, state.manners.bearer);
    entry.tokens.access_token = token.map(sha256_hex);
    match respond(state, asked, token) {
        Ok(reply) => reply,
        Err(error) => error.answer(entry),
    }
}

/// Answers with an error by any word, Zoho's or one of a tester's making.
pub(crate) fn refuse(entry: &mut Entry, word: &str) -> Reply {
    CrmError::by_word(word).answer(entry)
}

fn respond(state: &mut State, asked: &Asked<'_>, token: Option<&str>) -> Result<Reply, CrmError> {
    let (version, path) =
        version_and_path(asked.request.uri().path()).ok_or_else(CrmError::invalid_url)?;
    let access = authenticate(state, asked, token)?;
    let resource = find_resource(path)?;
    let method = asked.request.method();
    if !resource.takes(method) {
        return Err(CrmError::invalid_method());
    }
    check_scope(state, &access, &resource.needed_scope(method))?;
    match resource {
        Resource::Users => Ok(settings::users(&access)),
        Resource::Organization => Ok(settings::organization()),
        Resource::Fields => settings::fields(asked),
        Resource::Modules => Ok(settings::modules()),
        Resource::Records(module) if method == Method::POST => {
            create::create(state, asked, &access, module)
        }
        Resource::Records(module) if method == Method::PUT => {
            update::update(state, asked, &access, module, None)
        }
        Resource::Record(module, id) => update::update(state, asked, &access, module, Some(id)),
        Resource::Search(module) => search::search(state, asked, &access, module),
        Resource::Records(module) => list::list(state, asked, &access, module, version),
    }
}

/// Splits `/crm/v8/Contacts` into 8 and `Contacts`; `None` for another shape or a version that is not simulated.
fn version_and_path(path: &str) -> Option<(u8, &str)> {
    let (version, rest) = path.strip_prefix("/crm/v")?.split_once('/')?;
    let version = version
        .parse()
        .ok()
        .filter(|version| (2..=8).contains(version))?;
    Some((version, rest))
}

/// Returns the access token's record. One of another data center or environment is as good as dead here.
fn authenticate(
    state: &State,
    asked: &Asked<'_>,
    token: Option<&str>,
) -> Result<AccessToken, CrmError> {
    let token = token.ok_or_else(CrmError::authentication_failure)?;
    let door = asked.door;
    let fits = |access: &&AccessToken| {
        access.data_center == door.data_center && access.environment == door.environment
    };
    let access = state.find_live_access_token(token).filter(fits).cloned();
    access.ok_or_else(|| match state.manners.dead_access_token {
        DeadAccessToken::InvalidToken => CrmError::invalid_token(),
        DeadAccessToken::AuthenticationFailure => CrmError::authentication_failure(),
    })
}

fn find_resource(path: &str) -> Result<Resource, CrmError> {
    match path {
        "users" => return Ok(Resource::Users),
        "org" => return Ok(Resource::Organization),
        "settings/fields" => return Ok(Resource::Fields),
        "settings/modules" => return Ok(Resource::Modules),
        _ => {}
    }
    let (name, rest) = match path.split_once('/') {
        Some((name, rest)) => (name, Some(rest)),
        None => (path, None),
    };
    let module = Module::find(name).ok_or_else(CrmError::invalid_module);
    match (rest, rest.and_then(|rest| rest.parse().ok())) {
        _ if name.is_empty() => Err(CrmError::invalid_url()),
        (None, _) => module.map(Resource::Records),
        (Some("search"), _) => module.map(Resource::Search),
        (_, Some(id)) => module.map(|module| Resource::Record(module, id)),
        _ => Err(CrmError::invalid_url()),
    }
}

impl Resource {
    fn takes(&self, method: &Method) -> bool {
        match self {
            Self::Records(_) => [Method::GET, Method::POST, Method::PUT].contains(method),
            Self::Record(..) => method == Method::PUT,
            _ => method == Method::GET,
        }
    }

    /// Source: <https://www.zoho.com/crm/developer/docs/api/v8/scopes.html>
    fn needed_scope(&self, method: &Method) -> String {
        let operation = match *method {
            Method::POST => "CREATE",
            Method::PUT => "UPDATE",
            _ => "READ",
        };
        let path = match self {
            Self::Users => "users".to_owned(),
            Self::Organization => "org".to_owned(),
            Self::Fields => "settings.fields".to_owned(),
            Self::Modules => "settings.modules".to_owned(),
            Self::Records(module) | Self::Search(module) | Self::Record(module, _) => {
                format!("modules.{}", module.scope_name())
            }
        };
        format!("ZohoCRM.{path}.{operation}")
    }
}

fn check_scope(state: &State, access: &AccessToken, needed: &str) -> Result<(), CrmError> {
    if access
        .scopes
        .iter()
        .any(|granted| scope::covers(granted, needed))
    {
        return Ok(());
    }
    Err(CrmError::scope_mismatch(
        state.manners.scope_mismatch_status,
    ))
}

/// Returns a successful reply.
fn found(body: &serde_json::Value) -> Reply {
    reply::json(StatusCode::OK, body)
}
