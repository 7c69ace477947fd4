use zoho_oauth::{TokenReply, read_token_reply};

use super::*;
use crate::exchange::{
    prepare::Prepared,
    test_world::{World, granted},
};

impl Sent {
    /// Makes an exchange that brought a refresh token.
    fn granted(prepared: Prepared) -> Self {
        let TokenReply::Granted(grant) = read_token_reply(&granted()) else {
            panic!("it is granted");
        };
        Self {
            id: prepared.id,
            requested_at: prepared.context.started_at,
            context: prepared.context,
            grant,
            attempts: 1,
            held: Held::InEscrow(prepared.escrow),
        }
    }
}

#[tokio::test]
async fn what_others_finished_first_has_the_name_that_it_got_there() {
    let mut world = World::new().await;
    let sent = Sent::granted(world.prepare().await);
    let (context, grant) = (sent.context.clone(), sent.grant.clone());
    let found = keep_found(&world.vault, sent.id, context, grant, &mut world.rng).await;
    let name = found.unwrap().unwrap().name.unwrap();
    let renamed = "other".parse().unwrap();
    let done = connection::rename(&world.vault, &name, &renamed).await;
    done.unwrap();
    let kept = keep(&world.vault, sent, &mut world.rng).await.unwrap().kept;
    assert_eq!(kept.name, Some(renamed));
}

#[test]
fn a_recovered_connection_has_a_name() {
    assert_eq!(wish(&Purpose::HandOver).0.as_str(), RECOVERED);
}
