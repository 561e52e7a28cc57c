//! Logs in and posts, with atrium: `post-atrium PDS IDENTIFIER PASSWORD TEXT`.

use atrium_api::agent::atp_agent::{AtpAgent, store::MemorySessionStore};
use atrium_api::app::bsky::feed::post;
use atrium_api::com::atproto::repo::create_record;
use atrium_api::types::TryIntoUnknown as _;
use atrium_api::types::string::Datetime;
use atrium_xrpc_client::reqwest::ReqwestClient;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let [pds, identifier, password, text] = &std::env::args().skip(1).collect::<Vec<_>>()[..] else {
        return Err("post-atrium PDS IDENTIFIER PASSWORD TEXT".into());
    };
    let agent = AtpAgent::new(ReqwestClient::new(pds), MemorySessionStore::default());
    let session = agent.login(identifier, password).await?;
    let record = post::RecordData {
        created_at: Datetime::now(),
        embed: None,
        entities: None,
        facets: None,
        labels: None,
        langs: None,
        reply: None,
        tags: None,
        text: text.clone(),
    };
    let input = create_record::InputData {
        collection: "app.bsky.feed.post".parse()?,
        record: record.try_into_unknown()?,
        repo: session.did.clone().into(),
        rkey: None,
        swap_commit: None,
        validate: None,
    };
    let created = agent.api.com.atproto.repo.create_record(input.into()).await?;
    println!("{}", created.uri);
    Ok(())
}
