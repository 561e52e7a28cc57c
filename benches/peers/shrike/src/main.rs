//! Verifies a CAR: `verify-shrike FILE DID KEY`.

use shrike::crypto::parse_did_key;
use shrike::repo::Repo;

fn main() {
    let [file, did, key] = [1, 2, 3].map(|number| std::env::args().nth(number).expect("FILE DID KEY"));
    let bytes = std::fs::read(file).expect("a file");
    let repo = Repo::load_car(&bytes).expect("a repository");
    assert_eq!(repo.did().to_string(), did);
    repo.head().expect("a commit").verify(&*parse_did_key(&key).expect("a key")).expect("a signature");
    println!("verified");
}
