//! Logs in and posts, with nothing but an HTTP client and JSON: `post-bare PDS IDENTIFIER PASSWORD TEXT`.

#[cfg(feature = "reqwest12")]
use reqwest12 as reqwest;
#[cfg(not(feature = "reqwest12"))]
use reqwest13 as reqwest;
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let [pds, identifier, password, text] = &std::env::args().skip(1).collect::<Vec<_>>()[..] else {
        return Err("post-bare PDS IDENTIFIER PASSWORD TEXT".into());
    };
    let client = reqwest::Client::new();
    let session: Value = client
        .post(format!("{pds}/xrpc/com.atproto.server.createSession"))
        .json(&json!({"identifier": identifier, "password": password}))
        .send()
        .await?
        .error_for_status()?
        .json()
        .await?;
    let record = json!({"$type": "app.bsky.feed.post", "text": text, "createdAt": "2026-01-02T03:04:05Z"});
    let created: Value = client
        .post(format!("{pds}/xrpc/com.atproto.repo.createRecord"))
        .bearer_auth(session["accessJwt"].as_str().ok_or("no accessJwt")?)
        .json(&json!({"repo": session["did"], "collection": "app.bsky.feed.post", "record": record}))
        .send()
        .await?
        .error_for_status()?
        .json()
        .await?;
    println!("{}", created["uri"]);
    Ok(())
}
