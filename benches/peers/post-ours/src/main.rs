//! Logs in and posts, with the client of `atproto-xrpc`: `post-ours PDS IDENTIFIER PASSWORD TEXT`.

use atproto_xrpc::adapters;
use atproto_xrpc::api::app::bsky::feed::Post;
use atproto_xrpc::auth::Login;
use std::error::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let [pds, identifier, password, text] = &std::env::args().skip(1).collect::<Vec<_>>()[..] else {
        return Err("post-ours PDS IDENTIFIER PASSWORD TEXT".into());
    };
    let client = adapters::client(pds.parse()?)?;
    let client = client.login(&Login::new(identifier.clone(), password.clone())).await?;
    let post = Post::new(text.clone(), "2026-01-02T03:04:05Z".parse()?);
    let created = client.create_record(&client.auth().did().into(), None, &post).await?;
    println!("{}", created.output.uri);
    Ok(())
}
