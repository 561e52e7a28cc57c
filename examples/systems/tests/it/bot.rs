use crate::world::{LoggedIn, World, post, repo_of, until};
use atproto_lexicon::syntax::{AtUri, CidString};
use atproto_xrpc::api::app::bsky::feed::Post;
use atproto_xrpc::api::app::bsky::feed::post::ReplyRef;
use atproto_xrpc::api::com::atproto::repo::ListRecords;
use atproto_xrpc::api::com::atproto::repo::strong_ref::StrongRef;
use atproto_xrpc::bsky::rich_text::RichText;

const BOT: &str = env!("CARGO_BIN_EXE_bot");

/// What the bot has answered: the text, what it answers, and in which thread.
fn answers(world: &World, bot: &LoggedIn) -> Vec<(String, AtUri, AtUri)> {
    let ask = ListRecords::new(repo_of(bot), "app.bsky.feed.post".parse().unwrap());
    let records = world.runtime.block_on(async { bot.send(&ask).await.unwrap().output.records });
    let answer = |record: atproto_xrpc::api::com::atproto::repo::list_records::Record| {
        let post: Post = atproto_lexicon::typed::from_value(&record.value.into()).unwrap();
        let reply = post.reply.unwrap();
        (post.text, reply.parent.uri.clone(), reply.root.uri.clone())
    };
    records.into_iter().map(answer).collect()
}

fn answered_cid(world: &World, client: &LoggedIn, uri: &AtUri) -> CidString {
    let key = uri.record_key().unwrap();
    let found =
        world.runtime.block_on(async { client.get_record::<Post>(&repo_of(client), &key).await.unwrap() });
    found.output.cid.unwrap()
}

fn answers_once(world: &World) {
    let (bot, alice) = (world.account("robot"), world.account("alice"));
    let host = world.host();
    let did = bot.auth().did();
    let mention_in = |text: &str, reply: Option<ReplyRef>| {
        let (text, facets) =
            RichText::detect(text, |handle| (handle.as_str() == "robot.test").then(|| did.clone()))
                .into_parts();
        let mut mention = post(&text);
        (mention.facets, mention.reply) = (Some(facets), reply);
        world.runtime.block_on(async {
            alice.create_record(&repo_of(&alice), None, &mention).await.unwrap().output.uri
        })
    };
    let mention = |text: &str| mention_in(text, None);
    let arguments = ["--host", &host, "--account", "robot.test", "--password-file", "password"];
    std::fs::write(world.path("bot.cursor"), "0").unwrap();
    let first = mention("hello @robot.test");
    mention("hello @nobody.test");
    let mut running = world.start(BOT, &arguments);
    assert_eq!(running.line(), "robot.test answers\n");
    assert!(running.line().starts_with(&format!("{first} is answered")));
    assert_eq!(answers(world, &bot), [("Hello @alice.test!".to_owned(), first.clone(), first.clone())]);
    drop(running);

    // Begun anew, without what it kept, it answers nobody again.
    std::fs::write(world.path("bot.cursor"), "0").unwrap();
    let mut running = world.start(BOT, &arguments);
    running.line();
    assert_eq!(running.line(), format!("{first} was answered before\n"));
    // In a thread of somebody's, the answer is of that thread.
    let root = StrongRef::new(first.clone(), answered_cid(world, &alice, &first));
    let second = mention_in("and @robot.test again", Some(ReplyRef::new(root.clone(), root.clone())));
    let both = until(|| Some(answers(world, &bot)).filter(|answers| answers.len() == 2));
    assert!(both.iter().all(|(_, _, root)| *root == first));
    let mut answered: Vec<_> = both.into_iter().map(|(_, uri, _)| uri.to_string()).collect();
    answered.sort();
    let mut mentions = [first.to_string(), second.to_string()];
    mentions.sort();
    assert_eq!(answered, mentions);
}

#[test]
fn it_answers_once() {
    answers_once(&World::embedded());
}

#[test]
#[ignore = "needs the reference servers"]
fn realnet_it_answers_once() {
    answers_once(&World::reference());
}

#[test]
fn a_wrong_password_is_one_line() {
    let world = World::embedded();
    world.account("robot");
    std::fs::write(world.path("password"), "wrong horse\n").unwrap();
    let ended = world.run(BOT, &["--account", "robot.test", "--password-file", "password"]);
    assert!(!ended.is_good && ended.out.is_empty());
    assert_eq!(ended.err.lines().count(), 1, "{}", ended.err);
    assert!(ended.err.contains("AuthenticationRequired"), "{}", ended.err);
    let ended = world.run(BOT, &["--account", "robot.test", "--password-file", "none"]);
    assert!(ended.err.starts_with("none: "), "{}", ended.err);
}
