//! What an account prefers, which its host keeps for it alone.

use super::session::Session;
use super::{Pds, Served, typed};
use atproto_lexicon::typed::NoBody;
use atproto_xrpc::api::app::bsky::actor::get_preferences::{GetPreferences, GetPreferencesOutput};
use atproto_xrpc::api::app::bsky::actor::put_preferences::PutPreferences;
use atproto_xrpc::server::{Asked, XrpcRouter};
use std::sync::Arc;

pub(super) fn serve(router: XrpcRouter<Pds>) -> XrpcRouter<Pds> {
    router.serve(get).serve(put)
}

async fn get(pds: Arc<Pds>, asked: Asked<GetPreferences, Session>) -> Served<GetPreferences> {
    let account = pds.account(&asked.caller.0).map_err(typed)?;
    let preferences = account.preferences.into_iter().map(serde_json::from_value);
    Ok(GetPreferencesOutput::new(preferences.collect::<Result<_, _>>()?))
}

async fn put(pds: Arc<Pds>, asked: Asked<PutPreferences, Session>) -> Served<PutPreferences> {
    let (did, preferences) = (asked.caller.0, asked.input.preferences);
    pds.run(move |pds| {
        let writing = pds.write()?;
        let mut account = writing.account(&did)?;
        account.preferences = preferences.iter().map(serde_json::to_value).collect::<Result<_, _>>()?;
        writing.put_account(&account)?;
        Ok(writing.finish()?)
    })
    .await?;
    Ok(NoBody)
}
