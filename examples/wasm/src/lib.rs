//! Verifies repositories in WebAssembly. JavaScript pushes a file in words of eight bytes, so that neither side touches the
//! other's memory, and asks for the verdict.

use atproto_crypto::PublicKey;
use atproto_lexicon::syntax::Did;
use atproto_repo::car::Car;
use atproto_repo::repo::stream::{Pushed, RepoStream, Slice, StreamError};
use atproto_repo::repo::{Error, Repo, Summary};
use std::cell::RefCell;

thread_local! {
    static INPUT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static SIGNER: RefCell<Option<(Did, PublicKey)>> = const { RefCell::new(None) };
}

/// Forgets what was pushed.
#[unsafe(no_mangle)]
pub extern "C" fn clear() {
    INPUT.with_borrow_mut(Vec::clear);
}

/// Adds the lowest `count` bytes of a word, the lowest first.
#[unsafe(no_mangle)]
pub extern "C" fn push(word: u64, count: u32) {
    INPUT.with_borrow_mut(|input| input.extend(word.to_le_bytes().into_iter().take(count as usize)));
}

/// Takes what was pushed as an account's DID and its signing key as did:key, with a space between; 1 where it is that.
#[unsafe(no_mangle)]
pub extern "C" fn set_signer() -> i32 {
    let signer = INPUT.with_borrow(|input| {
        let (did, key) = std::str::from_utf8(input).ok()?.split_once(' ')?;
        Some((did.parse().ok()?, key.parse().ok()?))
    });
    let is_set = i32::from(signer.is_some());
    SIGNER.set(signer);
    is_set
}

const INVALID: i32 = -1;
const INCOMPLETE: i32 = -2;
const NOT_STREAMABLE: i32 = -3;
const NO_SIGNER: i32 = -4;
const DIFFERENT: i32 = -5;

/// The number of records of the repository that was pushed, or -1 where it is invalid, -2 where it is incomplete; -5 where the ways
/// of reading do not agree.
#[unsafe(no_mangle)]
pub extern "C" fn verify() -> i32 {
    let Some((did, key)) = SIGNER.with_borrow(Clone::clone) else { return NO_SIGNER };
    INPUT.with_borrow(|input| {
        let by_index = match Car::parse(input) {
            Ok(car) => match Repo::verify(&car, &did, &key).and_then(|repo| repo.check()) {
                Ok(summary) => records(summary),
                Err(Error::Incomplete(_)) => INCOMPLETE,
                Err(_) => INVALID,
            },
            Err(_) => INVALID,
        };
        let slice = verdict(RepoStream::verify(Slice::new(input), did.clone(), key).check());
        let mut stream = RepoStream::verify(Pushed::new(), did, key);
        stream.push(input);
        stream.end();
        let streamed = verdict(stream.check());
        let is_same = by_index == slice && (streamed == by_index || streamed == NOT_STREAMABLE);
        if is_same { by_index } else { DIFFERENT }
    })
}

fn verdict(checked: Result<Summary, StreamError>) -> i32 {
    match checked {
        Ok(summary) => records(summary),
        Err(StreamError::Incomplete(_)) => INCOMPLETE,
        Err(StreamError::NotStreamable(_)) => NOT_STREAMABLE,
        Err(_) => INVALID,
    }
}

fn records(summary: Summary) -> i32 {
    i32::try_from(summary.records).unwrap_or(i32::MAX)
}
