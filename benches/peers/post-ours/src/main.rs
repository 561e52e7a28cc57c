//! Logs in and posts, with the types of `atproto-xrpc`: `post-ours PDS IDENTIFIER PASSWORD TEXT`.

use atproto_lexicon::data::cbor;
use atproto_lexicon::typed::{self, Endpoint, Record as _, Validate as _};
use atproto_xrpc::api::app::bsky::feed::Post;
use atproto_xrpc::api::com::atproto::repo::CreateRecord;
use atproto_xrpc::api::com::atproto::server::CreateSession;
use std::error::Error;

async fn call<E: Endpoint>(
    client: &reqwest::Client,
    pds: &str,
    token: &str,
    request: &E,
) -> Result<E::Output, Box<dyn Error>>
where
    E::Input: serde::Serialize,
    E::Output: serde::de::DeserializeOwned,
{
    let request = client.post(format!("{pds}/xrpc/{}", E::NSID)).bearer_auth(token).json(request.input());
    Ok(request.send().await?.error_for_status()?.json().await?)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let [pds, identifier, password, text] = &std::env::args().skip(1).collect::<Vec<_>>()[..] else {
        return Err("post-ours PDS IDENTIFIER PASSWORD TEXT".into());
    };
    let client = reqwest::Client::new();
    let session = call(&client, pds, "", &CreateSession::new(identifier.clone(), password.clone())).await?;
    let post = Post::new(text.clone(), "2026-01-02T03:04:05Z".parse()?);
    post.validate()?;
    println!("{} bytes", cbor::to_vec(&post)?.len());
    let record = typed::to_object(&post)?;
    let request = CreateRecord::new(session.did.as_str().parse()?, Post::NSID.parse()?, record);
    let created = call(&client, pds, &session.access_jwt, &request).await?;
    println!("{}", created.uri);
    Ok(())
}
