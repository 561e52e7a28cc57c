//! Verifies a CAR: `verify-ours FILE DID KEY`.

use atproto_repo::{car::Car, repo::Repo};

fn main() {
    let [file, did, key] = [1, 2, 3].map(|number| std::env::args().nth(number).expect("FILE DID KEY"));
    let bytes = std::fs::read(file).expect("a file");
    let car = Car::parse(&bytes).expect("a CAR");
    let repo =
        Repo::verify(&car, &did.parse().expect("a DID"), &key.parse().expect("a key")).expect("a commit");
    println!("{} records", repo.check().expect("a repository").records);
}
