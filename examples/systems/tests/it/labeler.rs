use crate::world::{Running, World, until};
use atproto_identity::DidDocument;
use atproto_identity::adapters::TokioClock;
use atproto_identity::fetch_policy::{DevelopmentPolicy, FetchPolicy};
use atproto_xrpc::api::com::atproto::label::QueryLabels;
use atproto_xrpc::api::com::atproto::label::defs::Label;
use atproto_xrpc::api::com::atproto::label::subscribe_labels::{SubscribeLabels, SubscribeLabelsMessage};
use atproto_xrpc::label;
use atproto_xrpc::stream::{Lexicon, MemoryCursor, StreamEvent, Subscription, WebSockets};

const LABELER: &str = env!("CARGO_BIN_EXE_labeler");
const POST: &str = "at://did:web:example.com/app.bsky.feed.post/3jzfcijpj2z2a";

#[test]
fn labels_are_signed_and_told() {
    let world = World::embedded();
    let start =
        || Running::start(world.command_here(LABELER, &["--hostname", "labels.example.com", "--port", "0"]));
    let mut running = start();
    let address = running.address();
    let lines = [format!("{POST} spam"), "did:web:example.com rude".to_owned(), format!("{POST} -spam")];
    for (number, line) in (1..).zip(&lines) {
        running.say(line);
        assert_eq!(running.line(), format!("{number} {line}\n"));
    }
    // What is no label is passed over.
    for line in ["", "https://example.com spam", "no uri"] {
        running.say(line);
    }
    running.say("did:web:example.com kind");
    assert_eq!(running.line(), "4 did:web:example.com kind\n");

    let document = world.runtime.block_on(document(&address));
    let (did, key) = (document.id.clone(), document.labeler_key().unwrap());
    assert_eq!(did.as_str(), "did:web:labels.example.com");
    let ask = |address: &str, patterns: &[&str]| {
        let ask = QueryLabels::new(patterns.iter().map(|pattern| (*pattern).to_owned()).collect());
        let client = world.client_of(address);
        world.runtime.block_on(async { client.send(&ask).await.unwrap().output.labels })
    };
    let told = |labels: &[Label]| -> Vec<(String, bool)> {
        labels.iter().for_each(|found| label::verify(found, &did, &key).unwrap());
        labels.iter().map(|label| (label.val.clone(), label.neg == Some(true))).collect()
    };
    let say = |value: &str, neg: bool| (value.to_owned(), neg);
    assert_eq!(told(&ask(&address, &[POST])), [say("spam", false), say("spam", true)]);
    assert_eq!(told(&ask(&address, &["did:web:example.com"])), [say("rude", false), say("kind", false)]);
    assert_eq!(told(&ask(&address, &["at://did:web:example.com/*", "did:*"])).len(), 4);
    assert!(ask(&address, &["did:web:example.org"]).is_empty());
    drop(running);

    // Begun again, it has the same labels by the same key, and everybody who subscribes gets them.
    let mut running = until(|| Some(start()));
    let address = running.address();
    let seen = world.runtime.block_on(async {
        let policy = FetchPolicy::from(DevelopmentPolicy::default());
        let protocol = Lexicon::new(&address, &SubscribeLabels::default()).unwrap();
        let (sockets, cursor) = (WebSockets::new(policy), MemoryCursor::new(Some(0)));
        let mut stream = Subscription::with_store(protocol, sockets, TokioClock::new(), cursor, 1);
        let mut seen = Vec::new();
        while seen.len() < 4 {
            if let StreamEvent::Message { message: SubscribeLabelsMessage::Labels(labels), .. } =
                stream.next().await.unwrap()
            {
                seen.extend(labels.labels.clone());
            }
        }
        seen
    });
    assert_eq!(told(&seen), [say("spam", false), say("rude", false), say("spam", true), say("kind", false)]);
}

async fn document(address: &str) -> DidDocument {
    use atproto_lexicon::http::{Bytes, HttpClient as _, Request, read_body};
    let http = atproto_identity::adapters::ReqwestClient::new(DevelopmentPolicy::default().into()).unwrap();
    let request = Request::get(format!("{address}/.well-known/did.json")).body(Bytes::new()).unwrap();
    let body = http.send(request).await.unwrap().into_body();
    DidDocument::from_json(&read_body(body, 10_000).await.unwrap()).unwrap()
}
