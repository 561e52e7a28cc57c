//! Which host is believed of which account.

use super::world::{Account, PDS, Plc, Says, follow_with, frame_of, host, later, report, show};
use atproto_lexicon::data::Value;
use atproto_xrpc::stream::NoCursor;
use atproto_xrpc::stream::firehose::{Config, MemoryAccounts};

fn boolean(value: bool) -> Value {
    Value::Boolean(value)
}

#[test]
fn a_pds_is_believed_of_its_accounts_alone() {
    let (mut ada, mut ben) = (Account::new(0), Account::new(1));
    let gone =
        frame_of("#account", 3, &ben.did, [("active", boolean(false)), ("status", "deactivated".into())]);
    let here = frame_of("#account", 4, &ada.did, [("active", boolean(false))]);
    let named = frame_of("#identity", 6, &ben.did, []);
    let script = vec![ada.frame(1, [1]), ben.frame(2, [1]), gone, here, ada.frame(5, [2]), named];
    let mut config = Config::default();
    config.is_pds = true;
    for (is_pds, expected) in [
        (
            true,
            [
                "a 1 commit 1",
                "b 2 invalid: the account is hosted at https://other.example.com",
                "b 3 invalid: the account is hosted at https://other.example.com",
                "a 4 account false",
                "a 5 ignored: the account is not active",
                "b 6 invalid: the account is hosted at https://other.example.com",
            ],
        ),
        (
            false,
            [
                "a 1 commit 1",
                "b 2 commit 1",
                "b 3 account false",
                "a 4 account false",
                "a 5 ignored: the account is not active",
                "b 6 identity",
            ],
        ),
    ] {
        config.is_pds = is_pds;
        let net = host(script.clone());
        let elsewhere = later(ben.secret.public_key(), "https://other.example.com");
        let plc = Plc::new(&net).knowing([&ada]).with(&ben.did, [elsewhere]);
        let accounts = MemoryAccounts::default();
        let mut hose = follow_with(&net, &plc, NoCursor, &accounts, config.clone());
        let mut found: Vec<_> = (0..6).map(|_| show(&report(&net, &mut hose))).collect();
        found.sort_by_key(|line| line[2..3].to_owned());
        assert_eq!(found, expected);
        // Whether it has moved was asked once.
        assert_eq!(plc.asked(), if is_pds { 3 } else { 2 });
        assert!(!accounts.get(&ada.did).unwrap().is_active);
    }
}

#[test]
fn a_pds_says_nothing_of_whom_nothing_can_be_found_out() {
    let [ada, ben, cat] = [0, 1, 2].map(Account::new);
    let script = vec![
        frame_of("#account", 1, &ada.did, [("active", boolean(false))]),
        frame_of("#identity", 2, &ada.did, []),
        frame_of("#account", 3, &ben.did, [("active", boolean(false))]),
        frame_of("#identity", 4, &ben.did, []),
        frame_of("#account", 5, &cat.did, [("active", boolean(true))]),
    ];
    let net = host(script);
    let key = cat.secret.public_key();
    let plc = Plc::new(&net)
        .with(&ada.did, [Says::Status(503)])
        .with(&ben.did, [Says::Status(404)])
        // It has come here since it was asked for.
        .with(&cat.did, [later(key, "https://other.example.com"), later(key, PDS)]);
    let mut config = Config::default();
    config.is_pds = true;
    let accounts = MemoryAccounts::default();
    let mut hose = follow_with(&net, &plc, NoCursor, &accounts, config);
    let mut found: Vec<_> = (0..5).map(|_| show(&report(&net, &mut hose))).collect();
    found.sort_by_key(|line| line[2..3].to_owned());
    let expected = [
        "a 1 incomplete: unreachable: status 503",
        "a 2 incomplete: unreachable: status 503",
        "b 3 ignored: the account has no identity: not found",
        "b 4 ignored: the account has no identity: not found",
        "c 5 account true",
    ];
    assert_eq!(found, expected);
    assert!(accounts.get(&ada.did).is_none_or(|state| state.is_active));
}
