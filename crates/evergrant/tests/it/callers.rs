//! Callers from being added to being revoked, as a server knows them.

use std::time::Duration;

use evergrant::{
    audit::{self, Since},
    broker::{Report, Token, Wanted},
    caller::{
        self, Adoption, CallerError, CallerName, Denied, ExchangeRight, Grant, Handle, Issued,
        KnownCallers, Mode, NewCaller, ProxyToken, Rotation,
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
    "1000.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

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

    async fn version(&self) -> i64 {
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
        client_secret: ClientSecret::new("old-secret"),
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
async fn the_credentials_before_a_rotation_work_until_the_overlap_is_over() {
    let mut office = Office::new().await;
    let old = office.nightly().await;
    let known = office.known().await;
    let end = office.world.clock.now().plus(2 * HOUR);
    let old_proxy = known.issue_proxy_token(office.show(&known, &old).unwrap(), end);
    let rotated = caller::rotate(&office.vault, &name("nightly"), HOURLY, &mut office.rng).await;
    let new = rotated.unwrap();
    assert_eq!(new.client_id, old.client_id);
    assert_eq!(new.handles[0].1.id(), old.handles[0].1.id());
    let known = office.known().await;
    let epochs = [&old, &new].map(|shown| office.show(&known, shown).unwrap().epoch);
    assert_eq!(epochs, [0, 1]);
    let new_proxy = known.issue_proxy_token(office.show(&known, &new).unwrap(), end);
    let works = |token: &ProxyToken| {
        known
            .by_proxy_token(token.expose_secret(), office.world.clock.now())
            .is_ok()
    };
    assert!(works(&old_proxy) && works(&new_proxy));

    office.world.clock.advance(HOUR);
    assert!(matches!(
        office.show(&known, &old),
        Err(Denied::WrongSecret(Some(_)))
    ));
    assert!(office.show(&known, &new).is_ok());
    assert!(!works(&old_proxy) && works(&new_proxy));
    office.world.clock.advance(HOUR);
    let now = office.world.clock.now();
    let over = known.by_proxy_token(new_proxy.expose_secret(), now);
    assert!(matches!(over, Err(Denied::Expired(_))));
    assert_eq!(office.events().await, ["caller_added", "caller_rotated"]);
}

#[tokio::test]
async fn a_second_rotation_ends_what_the_first_left_over_only_on_purpose() {
    let mut office = Office::new().await;
    let first = office.nightly().await;
    let by = name("nightly");
    let rotated = caller::rotate(&office.vault, &by, HOURLY, &mut office.rng).await;
    let second = rotated.unwrap();
    office.world.clock.advance(HOUR / 2);
    let end = office.world.clock.now().plus(HOUR / 2);
    let again = caller::rotate(&office.vault, &by, HOURLY, &mut office.rng).await;
    assert!(
        matches!(again, Err(CallerError::InOverlap { until, .. }) if until <= end && until.until(end) < HOUR / 60)
    );
    let known = office.known().await;
    assert!([&first, &second].map(|one| office.show(&known, one).is_ok()) == [true, true]);

    let force = Rotation {
        force: true,
        ..HOURLY
    };
    let rotated = caller::rotate(&office.vault, &by, force, &mut office.rng).await;
    let third = rotated.unwrap();
    let known = office.known().await;
    let work = [&first, &second, &third].map(|one| office.show(&known, one).is_ok());
    assert_eq!(work, [false, true, true]);
    assert!(third.caller.previous_valid_until.unwrap() > office.world.clock.now());

    let at_once = Rotation {
        overlap: Duration::ZERO,
        force: false,
    };
    let rotated = caller::rotate(&office.vault, &by, at_once, &mut office.rng).await;
    rotated.unwrap();
    let rotated = caller::rotate(&office.vault, &by, HOURLY, &mut office.rng).await;
    rotated.unwrap();
    office.world.clock.advance(HOUR);
    let rotated = caller::rotate(&office.vault, &by, HOURLY, &mut office.rng).await;
    rotated.unwrap();
}

#[tokio::test]
async fn a_rotation_that_reached_nobody_is_taken_back() {
    let mut office = Office::new().await;
    let old = office.nightly().await;
    let rotated = caller::rotate(&office.vault, &name("nightly"), HOURLY, &mut office.rng).await;
    let lost = rotated.unwrap();
    caller::undo_rotation(&office.vault, &name("nightly"))
        .await
        .unwrap();
    office.world.clock.advance(2 * HOUR);
    let known = office.known().await;
    assert_eq!(office.show(&known, &old).unwrap().epoch, 0);
    assert!(office.show(&known, &lost).is_err());
    let again = caller::undo_rotation(&office.vault, &name("nightly")).await;
    assert!(matches!(again, Err(CallerError::NotRotated(_))));
}

#[tokio::test]
async fn a_revoked_caller_is_refused_and_its_name_is_free() {
    let mut office = Office::new().await;
    let issued = office.nightly().await;
    let known = office.known().await;
    let grant = office.show(&known, &issued).unwrap();
    let proxy = known.issue_proxy_token(grant, office.world.clock.now().plus(HOUR));
    let revoked = caller::revoke(&office.vault, &name("nightly"))
        .await
        .unwrap();
    assert!(revoked.revoked_at.is_some());
    let known = office.known().await;
    let now = office.world.clock.now();
    assert!(matches!(
        office.show(&known, &issued),
        Err(Denied::Revoked(_))
    ));
    let by_proxy = known.by_proxy_token(proxy.expose_secret(), now);
    assert!(matches!(by_proxy, Err(Denied::Revoked(_))));
    assert!(
        known
            .by_token_alone(issued.handles[0].1.expose_secret(), now)
            .is_none()
    );
    let again = caller::revoke(&office.vault, &name("nightly")).await;
    assert!(matches!(again, Err(CallerError::NotFound(_))), "{again:?}");
    office.nightly().await;
    let vault = office.vault.vault();
    assert_eq!(caller::list(vault).await.unwrap().len(), 1);
    assert_eq!(caller::list_all(vault).await.unwrap().len(), 2);
}

#[tokio::test]
async fn one_handle_is_revoked_alone() {
    let mut office = Office::new().await;
    let issued = office
        .add(new("nightly", &["acme", "umbrella"]))
        .await
        .unwrap();
    let id = issued.handles[1].1.id();
    assert!(caller::revoke_handle(&office.vault, id).await.unwrap());
    assert!(!caller::revoke_handle(&office.vault, id).await.unwrap());
    let known = office.known().await;
    let grant = office.show(&known, &issued).unwrap();
    assert_eq!(grant.caller.connections, [acme()]);
    let dead = issued.handles[1].1.expose_secret();
    assert!(
        known
            .by_token_alone(dead, office.world.clock.now())
            .is_none()
    );
    assert_eq!(office.events().await, ["caller_added", "handle_revoked"]);
    let umbrella: ConnectionName = "umbrella".parse().unwrap();
    let back = caller::connect(&office.vault, &issued.caller.id, &umbrella, &mut office.rng).await;
    assert_ne!(back.unwrap().id(), id);
}

#[tokio::test]
async fn a_caller_expires_by_itself() {
    let mut office = Office::new().await;
    let end = office.world.clock.now().plus(HOUR);
    let late = NewCaller {
        expires_at: Some(end),
        ..new("guest", &["acme"])
    };
    let issued = office.add(late.clone()).await.unwrap();
    let known = office.known().await;
    assert!(office.show(&known, &issued).is_ok());
    office.world.clock.advance(HOUR);
    assert!(matches!(
        office.show(&known, &issued),
        Err(Denied::Expired(_))
    ));
    let late = NewCaller {
        name: name("too-late"),
        ..late
    };
    assert!(matches!(
        office.add(late).await,
        Err(CallerError::ExpiresInThePast)
    ));
}

#[tokio::test]
async fn adopted_software_goes_on_with_what_it_holds() {
    let mut office = Office::new().await;
    let other = "1000.cccccccccccccccccccccccccccccccc.dddddddddddddddddddddddddddddddd";
    for (name, token) in [("legacy-1", REFRESH_TOKEN), ("legacy-2", other)] {
        let adopted = caller::adopt(&office.vault, &legacy(name, token), &mut office.rng).await;
        assert!(adopted.unwrap().adopted);
    }
    let known = office.known().await;
    let now = office.world.clock.now();
    let grant = known
        .by_handle("1000.LEGACY", "old-secret", other, now)
        .unwrap();
    assert_eq!(grant.caller.name, name("legacy-2"));
    let wrong = known.by_handle("1000.LEGACY", "guess", other, now);
    assert!(matches!(wrong, Err(Denied::WrongSecret(Some(_)))));
    let wrong = known.by_handle("1000.LEGACY", "guess", "nothing", now);
    assert!(
        matches!(wrong, Err(Denied::WrongSecret(None))),
        "it may be either of them"
    );
    let as_client = known.by_client("1000.LEGACY", "old-secret", now);
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
        .by_handle("1000.LEGACY", "old-secret", REFRESH_TOKEN, now)
        .unwrap();
    assert_eq!(grant.caller.name, name("legacy-3"));
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

#[tokio::test]
async fn a_server_sees_each_change_by_the_version() {
    let mut office = Office::new().await;
    let mut versions = vec![office.version().await];
    let issued = office.nightly().await;
    versions.push(office.version().await);
    assert_eq!(office.known().await.loaded_version(), versions[1]);
    caller::note_used(
        &office.vault,
        &[(issued.caller.id.clone(), office.world.clock.now())],
    )
    .await
    .unwrap();
    assert_eq!(
        office.version().await,
        versions[1],
        "when it was used is no change"
    );

    let umbrella: ConnectionName = "umbrella".parse().unwrap();
    let renamed: ConnectionName = "renamed".parse().unwrap();
    connection::rename(&office.vault, &umbrella, &renamed)
        .await
        .unwrap();
    assert_eq!(office.version().await, versions[1], "no caller has it");
    connection::rename(&office.vault, &acme(), &umbrella)
        .await
        .unwrap();
    versions.push(office.version().await);
    let known = office.known().await;
    assert_eq!(*office.show(&known, &issued).unwrap().connection, umbrella);
    connection::remove(&office.vault, &umbrella).await.unwrap();
    versions.push(office.version().await);
    let known = office.known().await;
    assert!(matches!(
        office.show(&known, &issued),
        Err(Denied::Revoked(_))
    ));
    caller::revoke(&office.vault, &name("nightly"))
        .await
        .unwrap();
    versions.push(office.version().await);
    assert!(
        versions.is_sorted_by(|one, next| one < next),
        "{versions:?}"
    );
}

#[tokio::test]
async fn the_access_tokens_of_a_connection_are_revoked_alone() {
    let office = Office::new().await;
    let first = office.world.token(&Wanted::default()).await.unwrap();
    let transport = Transport::new(TransportConfig::default());
    let revoked = revoke::revoke_access_tokens(&office.vault, &transport, &acme()).await;
    assert_eq!(revoked.unwrap(), 1);
    let again = revoke::revoke_access_tokens(&office.vault, &transport, &acme()).await;
    assert_eq!(again.unwrap(), 0, "none is left");
    let next = office.world.token(&Wanted::default()).await.unwrap();
    let text = |token: &Token| token.access_token().expose_secret().to_owned();
    assert_ne!(text(&next), text(&first));
    let stats = office
        .world
        .control("GET", "/stats", serde_json::Value::Null)
        .await;
    assert_eq!(stats["revoked"], 1, "{stats}");
    let reported = office
        .world
        .broker()
        .await
        .report_refused(&acme(), next.access_token())
        .await;
    assert_eq!(
        reported.unwrap(),
        Report::Dropped,
        "a revocation is no report"
    );
}

#[tokio::test]
async fn when_a_caller_was_used_only_moves_forward() {
    let mut office = Office::new().await;
    let id = office.nightly().await.caller.id;
    let now = office.world.clock.now();
    for at in [now, now.minus(HOUR)] {
        caller::note_used(&office.vault, &[(id.clone(), at)])
            .await
            .unwrap();
    }
    let found = caller::find(office.vault.vault(), &name("nightly"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(found.last_used_at, Some(now));
}

#[tokio::test]
async fn what_was_done_is_in_the_audit_with_the_caller() {
    let mut office = Office::new().await;
    let issued = office.nightly().await;
    caller::note_denied(&office.vault, Some(&issued.caller.id), 3, "wrong secret")
        .await
        .unwrap();
    caller::note_denied(&office.vault, None, 1, "unknown client")
        .await
        .unwrap();
    let rows = audit::list(office.vault.vault(), Since::Beginning).await;
    let of = rows.unwrap().pop().unwrap();
    assert_eq!((of.event.as_str(), of.caller), ("caller_denied", None));
    let untold = "DELETE FROM connections WHERE name = 'umbrella'";
    office.world.execute(untold).await;
    audit::verify(&office.vault, None).await.unwrap();
    let of_caller = format!("audit WHERE caller_id = '{}'", issued.caller.id);
    assert_eq!(office.world.count(&of_caller).await, 2);
    assert_eq!(
        office.events().await,
        ["caller_added", "caller_denied", "caller_denied"]
    );
    office
        .world
        .execute("UPDATE audit SET caller_id = NULL WHERE event = 'caller_added'")
        .await;
    assert!(audit::verify(&office.vault, None).await.is_err());
}

#[tokio::test]
async fn no_secret_is_kept_or_shown() {
    let mut office = Office::new().await;
    let issued = office.nightly().await;
    let adoption = legacy("legacy", REFRESH_TOKEN);
    caller::adopt(&office.vault, &adoption, &mut office.rng)
        .await
        .unwrap();
    let known = office.known().await;
    let grant = office.show(&known, &issued).unwrap();
    let proxy = known.issue_proxy_token(grant, office.world.clock.now().plus(HOUR));
    let handle: &Handle = &issued.handles[0].1;
    let denied = office.show(
        &known,
        &Issued {
            client_secret: ClientSecret::new("guess"),
            ..issued.clone()
        },
    );
    let callers = caller::list_all(office.vault.vault()).await.unwrap();
    let shown =
        format!("{issued:?} {adoption:?} {known:?} {grant:?} {proxy:?} {denied:?} {callers:?}");
    office.vault.vault().close().await;
    let mut file = std::fs::read(office.world.folders().vault()).unwrap();
    file.extend(
        std::fs::read(office.world.folders().data.join("vault.db-wal")).unwrap_or_default(),
    );
    let last = |text: &str| text.rsplit('.').next().unwrap().to_owned();
    for secret in [
        issued.client_secret.expose_secret().to_owned(),
        last(handle.expose_secret()),
        proxy.expose_secret().to_owned(),
        "old-secret".to_owned(),
        last(REFRESH_TOKEN),
    ] {
        assert!(!shown.contains(&secret), "{secret} is shown: {shown}");
        let kept = file
            .windows(secret.len())
            .any(|bytes| bytes == secret.as_bytes());
        assert!(!kept, "{secret} is kept");
    }
}
