//! Sessions whose store other programs use, too.

use super::session::*;
use super::world::*;
use crate::net::json as says;
use atproto_xrpc::auth::AuthError;
use atproto_xrpc::auth::oauth::{OAuthSessionData, OAuthStore as _};

fn save(world: &World, data: &OAuthSessionData) {
    let (store, data) = (world.store.clone(), data.clone());
    world.net.run(async move { store.save(&data).await.unwrap() });
}

/// A session with old tokens, and the newer ones that another program has had.
fn two_programs() -> (World, Client, Session, OAuthSessionData) {
    let (world, client, session) = logged_in();
    let old = session.data();
    refresh(&world, &session).unwrap();
    let newer = session.data();
    drop(session);
    save(&world, &old);
    let session = world.restore(&client).unwrap();
    assert_eq!(session.data(), old);
    (world, client, session, newer)
}

#[test]
fn tokens_of_another_program_may_have_expired() {
    let (world, _client, session, newer) = two_programs();
    save(&world, &newer);
    world.lock().expired = 3;
    get(&world, &session).unwrap();
    assert_eq!(session.data().refresh.unwrap().expose(), "refresh-3");
}

#[test]
fn a_program_that_ended_with_newer_tokens_can_be_gone_on_without() {
    let (world, _client, session, mut newer) = two_programs();
    newer.is_refreshing = true;
    save(&world, &newer);
    assert!(matches!(refresh(&world, &session), Err(AuthError::Unavailable(None))));
    let again = session.clone();
    world.net.run(async move { again.refresh_again().await.unwrap() });
    assert_eq!(session.data().refresh.unwrap().expose(), "refresh-3");
    assert_eq!(stored(&world), Some(session.data()));
}

#[test]
fn a_refresh_that_was_refused_and_not_noted_is_no_other_program() {
    let (world, _client, session) = logged_in();
    world.lock().says.insert(TOKEN.to_owned(), says(429, "{}"));
    *world.store.saves_before_failure.lock().unwrap() = Some(1);
    assert!(matches!(refresh(&world, &session), Err(AuthError::Store(_))));
    world.lock().says.clear();
    refresh(&world, &session).unwrap();
    assert_eq!(stored(&world), Some(session.data()));
}
