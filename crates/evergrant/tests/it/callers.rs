//! Callers from being added to being revoked, as a server knows them.

mod noted;
mod revoked;
mod rotated;

use std::time::Duration;

use evergrant::{
    audit::{self, Since},
    broker::{Report, Token, Wanted},
    caller::{
        self, Adoption, CallerError, CallerName, CallersVersion, Denied, ExchangeRight, Grant,
        Handle, Issued, KnownCallers, Mode, NewCaller, ProxyToken, Rotation,
    },
    connection::{self, ConnectionName},
    revoke,
    vault::UnlockedVault,
};
use rand::{SeedableRng, rngs::StdRng};
use zoho_oauth::{ClientSecret, RefreshToken, Scopes, Transport, TransportConfig};

use crate::world::{World, acme};

const HOUR: Duration = Duration::from_secs(3600);
const HOURLY: Rotation = Rotation {
    overlap: HOUR,
    force: false,
};
const REFRESH_TOKEN: &str =
    "1000.abcdefabcdefabcdefabcdefabcdefab.fedcbafedcbafedcbafedcbafedcbafe";

/// A world with two connections, and a vault in it.
struct Office {
    world: World,
    vault: UnlockedVault,
    rng: StdRng,
}

impl Office {
    async fn new() -> Self {
        let world = World::new().await;
        world
            .execute(
                "INSERT INTO connections (id, name, app_id, grant_type, credential, scopes, state,
                   state_since, generation, created_at)
                 SELECT 'another', 'umbrella', app_id, grant_type, x'00', '', state, 0, 1, 0
                 FROM connections",
            )
            .await;
        Self {
            vault: world.vault().await,
            rng: StdRng::seed_from_u64(11),
            world,
        }
    }

    async fn add(&mut self, new: NewCaller) -> Result<Issued, CallerError> {
        caller::add(&self.vault, new, &mut self.rng).await
    }

    /// Adds a proxied caller of `acme`.
    async fn nightly(&mut self) -> Issued {
        self.add(new("nightly", &["acme"])).await.unwrap()
    }

    async fn known(&self) -> KnownCallers {
        KnownCallers::load(&self.vault).await.unwrap()
    }

    async fn version(&self) -> CallersVersion {
        KnownCallers::version(self.vault.vault()).await.unwrap()
    }

    async fn events(&self) -> Vec<String> {
        let rows = audit::list(self.vault.vault(), Since::Beginning).await;
        let rows = rows.unwrap().into_iter();
        rows.map(|row| row.event)
            .filter(|event| event.starts_with("caller_") || event.starts_with("handle_"))
            .collect()
    }

    /// Shows credentials as software does that refreshes.
    fn show<'a>(&self, known: &'a KnownCallers, shown: &Issued) -> Result<&'a Grant, Denied> {
        let (id, secret) = (
            shown.client_id.as_str(),
            shown.client_secret.expose_secret(),
        );
        let handle = shown.handles[0].1.expose_secret();
        known.by_handle(id, secret, handle, self.world.clock.now())
    }
}

fn name(text: &str) -> CallerName {
    text.parse().unwrap()
}

fn new(name: &str, connections: &[&str]) -> NewCaller {
    NewCaller {
        name: name.parse().unwrap(),
        connections: connections
            .iter()
            .map(|name| name.parse().unwrap())
            .collect(),
        mode: Mode::Proxied,
        rules: Vec::new(),
        scopes: Scopes::default(),
        expires_at: None,
        exchange: None,
    }
}

fn legacy(name: &str, refresh_token: &str) -> Adoption {
    Adoption {
        name: name.parse().unwrap(),
        connection: acme(),
        client_id: "1000.LEGACY".parse().unwrap(),
        client_secret: ClientSecret::new("old-secret-of-legacy"),
        refresh_token: RefreshToken::new(refresh_token),
        mode: Mode::Direct,
        rules: Vec::new(),
        scopes: Scopes::default(),
        expires_at: None,
    }
}

#[tokio::test]
async fn what_was_issued_is_known_and_nothing_else_is() {
    let mut office = Office::new().await;
    let issued = office
        .add(new("nightly", &["acme", "umbrella", "acme"]))
        .await
        .unwrap();
    assert_eq!(
        issued.handles.len(),
        2,
        "a connection named twice is had once"
    );
    let known = office.known().await;
    let now = office.world.clock.now();
    let (id, secret) = (
        issued.client_id.as_str(),
        issued.client_secret.expose_secret(),
    );
    for (connection, handle) in &issued.handles {
        let grant = known
            .by_handle(id, secret, handle.expose_secret(), now)
            .unwrap();
        assert_eq!(
            (&*grant.connection, &grant.caller.id),
            (connection, &issued.caller.id)
        );
        assert_eq!(grant.handle_id, handle.id());
        let alone = known.by_token_alone(handle.expose_secret(), now).unwrap();
        assert_eq!(alone.handle_id, handle.id());
    }
    let handle = issued.handles[0].1.expose_secret();
    let refused = |id, secret, handle| known.by_handle(id, secret, handle, now).unwrap_err();
    assert!(matches!(
        refused("1000.NOBODY", secret, handle),
        Denied::UnknownClient
    ));
    let wrong = refused(id, "guess", handle);
    assert!(matches!(&wrong, Denied::WrongSecret(Some(caller)) if caller.name == name("nightly")));
    let wrong = refused(id, secret, REFRESH_TOKEN);
    assert!(matches!(&wrong, Denied::WrongHandle(Some(caller)) if caller.name == name("nightly")));
    assert!(matches!(
        refused(id, "guess", REFRESH_TOKEN),
        Denied::WrongSecret(_)
    ));
    assert!(known.by_token_alone(REFRESH_TOKEN, now).is_none());

    let client = known.by_client(id, secret, now).unwrap();
    assert_eq!(client.connections, [acme(), "umbrella".parse().unwrap()]);
    assert_eq!(known.grants_of(client).count(), 2);
    assert!(matches!(
        known.by_client(id, "guess", now),
        Err(Denied::WrongSecret(_))
    ));
}

#[tokio::test]
async fn a_handle_is_worth_nothing_with_another_client() {
    let mut office = Office::new().await;
    let (one, other) = (
        office.nightly().await,
        office.add(new("other", &["umbrella"])).await.unwrap(),
    );
    let mixed = Issued {
        handles: other.handles.clone(),
        ..one
    };
    let known = office.known().await;
    let refused = office.show(&known, &mixed).unwrap_err();
    assert!(matches!(refused, Denied::WrongHandle(Some(caller)) if caller.name == name("nightly")));
}

#[tokio::test]
async fn adopted_software_goes_on_with_what_it_holds() {
    let mut office = Office::new().await;
    let other = "1000.cdefabcdefabcdefabcdefabcdefabcd.dcbafedcbafedcbafedcbafedcbafedc";
    for (name, token) in [("legacy-1", REFRESH_TOKEN), ("legacy-2", other)] {
        let adopted = caller::adopt(&office.vault, &legacy(name, token), &mut office.rng).await;
        assert!(adopted.unwrap().adopted);
    }
    let known = office.known().await;
    let now = office.world.clock.now();
    let grant = known
        .by_handle("1000.LEGACY", "old-secret-of-legacy", other, now)
        .unwrap();
    assert_eq!(grant.caller.name, name("legacy-2"));
    let wrong = known.by_handle("1000.LEGACY", "guess", other, now);
    assert!(matches!(wrong, Err(Denied::WrongSecret(Some(_)))));
    let wrong = known.by_handle("1000.LEGACY", "guess", "nothing", now);
    assert!(
        matches!(wrong, Err(Denied::WrongSecret(None))),
        "it may be either of them"
    );
    let as_client = known.by_client("1000.LEGACY", "old-secret-of-legacy", now);
    assert!(matches!(as_client, Err(Denied::UnknownClient)));

    let twice = legacy("legacy-3", REFRESH_TOKEN);
    let twice = caller::adopt(&office.vault, &twice, &mut office.rng).await;
    let Err(CallerError::AlreadyAdopted(by)) = twice else {
        panic!("{twice:?}");
    };
    assert_eq!(by, name("legacy-1"));
    let rotated = caller::rotate(&office.vault, &by, HOURLY, &mut office.rng).await;
    assert!(matches!(rotated, Err(CallerError::Adopted(_))));
    caller::revoke(&office.vault, &by).await.unwrap();
    let again = legacy("legacy-3", REFRESH_TOKEN);
    caller::adopt(&office.vault, &again, &mut office.rng)
        .await
        .unwrap();
    let known = office.known().await;
    let grant = known
        .by_handle("1000.LEGACY", "old-secret-of-legacy", REFRESH_TOKEN, now)
        .unwrap();
    assert_eq!(grant.caller.name, name("legacy-3"));
}

#[tokio::test]
async fn what_zoho_cannot_have_made_is_not_adopted() {
    let mut office = Office::new().await;
    let issued = office.nightly().await;
    let handle = issued.handles[0].1.expose_secret();
    let secret = "old-secret-of-legacy";
    let with = |client_secret, token| Adoption {
        client_secret: ClientSecret::new(client_secret),
        ..legacy("legacy", token)
    };
    for (adoption, why) in [
        (
            with("s3cr3", REFRESH_TOKEN),
            "the client secret is too short",
        ),
        (with(secret, "s3cr4"), "the refresh token is too short"),
        (
            with(secret, "ababababababababababab"),
            "the refresh token is too",
        ),
        (with(REFRESH_TOKEN, REFRESH_TOKEN), "the same value"),
        (with(secret, handle), "one of Evergrant's own"),
        (
            with(secret, "evp_0123456789abcdefghij"),
            "one of Evergrant's own",
        ),
    ] {
        let refused = caller::adopt(&office.vault, &adoption, &mut office.rng).await;
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains(why), "{refused}");
    }
    assert_eq!(office.world.count("callers").await, 1);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_and_leaves_nothing() {
    let mut office = Office::new().await;
    office.nightly().await;
    let version = office.version().await;
    let direct = |new: NewCaller| NewCaller {
        mode: Mode::Direct,
        ..new
    };
    let ruled = NewCaller {
        rules: vec!["GET /crm/*".parse().unwrap()],
        ..direct(new("a", &["acme"]))
    };
    let scoped = NewCaller {
        scopes: "ZohoCRM.modules.READ".parse().unwrap(),
        ..direct(new("a", &["acme"]))
    };
    let of_no_app = NewCaller {
        exchange: Some(ExchangeRight {
            name: acme(),
            app_id: "none".to_owned(),
        }),
        ..new("a", &[])
    };
    assert!(matches!(
        office.add(ruled).await,
        Err(CallerError::RulesForDirect)
    ));
    assert!(matches!(
        office.add(scoped).await,
        Err(CallerError::ScopesForDirect)
    ));
    assert!(matches!(
        office.add(of_no_app).await,
        Err(CallerError::NoApp)
    ));
    assert!(matches!(
        office.add(new("a", &[])).await,
        Err(CallerError::NothingToUse)
    ));
    let unspoken = NewCaller {
        rules: vec!["BREW /crm/*".parse().unwrap()],
        ..new("a", &["acme"])
    };
    let refused = office.add(unspoken).await.unwrap_err();
    assert!(
        refused.to_string().starts_with("BREW in a rule"),
        "{refused}"
    );
    let bogus = NewCaller {
        scopes: "bogus".parse().unwrap(),
        ..new("a", &["acme"])
    };
    let refused = office.add(bogus).await.unwrap_err();
    assert!(
        refused.to_string().starts_with("bogus is no scope"),
        "{refused}"
    );
    let far = NewCaller {
        expires_at: Some(office.world.clock.now().plus(Duration::from_secs(u64::MAX))),
        ..new("a", &["acme"])
    };
    assert!(matches!(
        office.add(far).await,
        Err(CallerError::LivesTooLong)
    ));
    let endless = Rotation {
        overlap: Duration::from_secs(100_000 * 24 * 60 * 60),
        force: false,
    };
    let rotated = caller::rotate(&office.vault, &name("nightly"), endless, &mut office.rng).await;
    assert!(matches!(rotated, Err(CallerError::OverlapTooLong)));
    let taken = office.add(new("nightly", &["acme"])).await;
    assert!(matches!(taken, Err(CallerError::NameTaken(_))));
    let nowhere = office.add(new("a", &["acme", "nowhere"])).await;
    assert!(matches!(nowhere, Err(CallerError::NoConnection(_))));
    let has = caller::find(office.vault.vault(), &name("nightly"))
        .await
        .unwrap()
        .unwrap();
    let again = caller::connect(&office.vault, &has.id, &acme(), &mut office.rng).await;
    assert!(matches!(again, Err(CallerError::AlreadyConnected(_))));
    assert_eq!(office.version().await, version);
    assert_eq!(office.world.count("callers").await, 1);
}
