//! `grant_type=authorization_code`: the code goes to Zoho and the refresh token into the vault; the caller gets a
//! handle in its place.
//!
//! An exchange runs in a task that no request owns, once for a caller and its code, however often that is sent:
//! whoever sends it again within ten minutes gets the same handle, also when the first answer was lost, or when
//! others brought home what came: the chores, or a person; and also when the server ended before there was a handle.
//! A server that was started anew has forgotten the handles that were made, of which the vault has a hash only. It
//! goes by what the vault says of the code: one that was used is `invalid_code`, and one whose exchange nobody has
//! ended yet `general_error`.

mod memory;
mod run;

use std::sync::{Arc, Mutex};

use evergrant::{
    caller::{Handle, KnownCaller},
    connection::ConnectionName,
    exchange::Retries,
};
use http::Response;
use rand::{SeedableRng, rngs::StdRng};
use tokio::runtime;
use zoho_oauth::{CodeVerifier, GrantToken, Transport, TransportConfig};

use self::memory::{Joined, Memory};
use super::{
    answer::Refusal,
    parameters::{Parameters, Value},
    token::{hand_out, text},
};
use crate::{asking, body::Body, connection::Peer, state::State};

/// The longest redirect URI that is passed on: escrow has to hold it.
const LONGEST_URI: usize = 2048;

/// How exchanges are made, and those that are remembered.
pub(crate) struct Exchanges {
    transport: Transport,
    retries: Retries,
    rng: Mutex<StdRng>,
    memory: Memory,
    /// The server's own runtime: a worker's ends before the exchanges that it began.
    runtime: runtime::Handle,
}

/// What a caller wants to have exchanged.
struct Wish {
    caller: Arc<KnownCaller>,
    /// The name of its first connection.
    name: ConnectionName,
    code: GrantToken,
    redirect_uri: Option<String>,
    code_verifier: Option<CodeVerifier>,
}

/// What became of a wish.
#[derive(Clone)]
enum End {
    /// The connection is the caller's, by this handle.
    Made(Handle),
    /// The connection is in the vault, but the vault did not take a handle for it.
    NotConnected(ConnectionName),
    /// What Zoho sent is kept, but not in the vault; others may bring it home.
    NotInVault,
    /// There is no connection, or none that is in the vault already.
    Refused(Refusal),
}

impl Exchanges {
    /// Makes none yet. Needs a tokio runtime, on which they will run.
    pub(crate) fn new(transport: TransportConfig, retries: Retries, rng: StdRng) -> Self {
        Self {
            transport: Transport::new(transport),
            retries,
            rng: Mutex::new(rng),
            memory: Memory::default(),
            runtime: runtime::Handle::current(),
        }
    }

    /// Waits for those that are under way.
    pub(crate) async fn finish(&self) {
        self.memory.finish().await;
    }

    fn rng(&self) -> StdRng {
        // Unwrap safety: nothing panics while it holds the lock.
        StdRng::from_rng(&mut *self.rng.lock().expect("whole"))
    }
}

/// Answers a request to exchange a code.
pub(super) async fn exchange(
    state: &Arc<State>,
    peer: Peer,
    asked: &Parameters,
) -> Result<Response<Body>, Refusal> {
    // Who asks is known before the code is looked at.
    let wish = {
        let callers = state.callers();
        let (id, secret) = (text(&asked.client_id), text(&asked.client_secret));
        let found = callers.known.by_client(id, secret, state.now());
        let caller = found.map_err(|denied| state.denied(peer, &denied))?;
        asking::by(caller);
        Wish::read(caller, asked)?
    };
    let handle = match end_of(state, wish).await? {
        End::Made(handle) => handle,
        End::NotConnected(_) | End::NotInVault => return Err(Refusal::Unavailable),
        End::Refused(refusal) => return Err(refusal),
    };
    let callers = state.callers();
    let (id, secret) = (text(&asked.client_id), text(&asked.client_secret));
    let known = (callers.known).by_handle(id, secret, handle.expose_secret(), state.now());
    let grant = known.map_err(|denied| match denied {
        // The callers could not be read again since it was made.
        evergrant::caller::Denied::WrongHandle(_) => Refusal::Unavailable,
        _ => Refusal::InvalidCode,
    })?;
    hand_out(state, &callers, grant, Some(&handle)).await
}

/// Waits for the exchange of this caller's code, and begins it if nobody has.
async fn end_of(state: &Arc<State>, wish: Wish) -> Result<End, Refusal> {
    let exchanges = &state.exchanges;
    let key = memory::Key::of(&wish.caller.id, &wish.code);
    let joined = exchanges.memory.join(key, state.now());
    let mut end = match joined.ok_or(Refusal::Throttled(memory::PAUSE))? {
        Joined::Known(end) => end,
        Joined::New(entry) => {
            let state = state.clone();
            let end = entry.end();
            exchanges.runtime.spawn(async move {
                let became = run::run(&state, &wish, entry.before()).await;
                entry.ended(became);
            });
            end
        }
    };
    let ended = end.wait_for(Option::is_some).await;
    // A task that is gone has made a mistake, and said so.
    let ended = ended.map_err(|_| Refusal::Unavailable)?;
    ended.clone().ok_or(Refusal::Unavailable)
}

impl Wish {
    fn read(caller: &Arc<KnownCaller>, asked: &Parameters) -> Result<Self, Refusal> {
        let right = caller.exchange.as_ref();
        let right = right.ok_or(Refusal::UnsupportedGrantType)?;
        let code = text(&asked.code).parse();
        let given = |value: &Option<Value>| {
            let value = value.as_ref().map(|value| value.as_str().to_owned());
            value.filter(|value| !value.is_empty())
        };
        let code_verifier = given(&asked.code_verifier).map(CodeVerifier::try_from);
        let redirect_uri = given(&asked.redirect_uri);
        if redirect_uri
            .as_ref()
            .is_some_and(|uri| uri.len() > LONGEST_URI)
        {
            return Err(Refusal::InvalidRedirectUri);
        }
        Ok(Self {
            caller: caller.clone(),
            name: right.name.clone(),
            code: code.map_err(|_| Refusal::InvalidCode)?,
            redirect_uri,
            code_verifier: code_verifier
                .transpose()
                .map_err(|_| Refusal::InvalidCode)?,
        })
    }
}
