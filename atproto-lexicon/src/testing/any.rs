//! The two traits named `Arbitrary`, from one strategy.

use super::{strings, values};
use crate::data::{BlobRef, Bytes, Cid, Link, Object, Value};
use crate::syntax::{
    AtIdentifier, AtUri, CidString, Datetime, Did, Handle, Language, Nsid, RecordKey, Tid, Uri,
};
use arbitrary::Unstructured;
use proptest::strategy::{Strategy, ValueTree as _};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// A value of a strategy that a seed chooses, the same each time.
///
/// `None` where the strategy has refused too many values.
pub fn choose_from<S: Strategy>(strategy: &S, seed: &[u8; 32]) -> Option<S::Value> {
    // To hand it the bytes themselves (`PassThrough`) would halve them at each alternative; among the zeros after them, some
    // strategies look for a number in range for ever.
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, seed);
    let mut runner = TestRunner::new_with_rng(Config { failure_persistence: None, ..Config::default() }, rng);
    Some(strategy.new_tree(&mut runner).ok()?.current())
}

/// A value of a strategy whose seed is up to 32 of a fuzzer's bytes.
///
/// # Errors
/// [`arbitrary::Error::IncorrectFormat`] where the strategy has refused too many values.
pub fn choose<S: Strategy>(strategy: &S, bytes: &mut Unstructured<'_>) -> arbitrary::Result<S::Value> {
    let mut seed = [0; 32];
    bytes.fill_buffer(&mut seed)?;
    choose_from(strategy, &seed).ok_or(arbitrary::Error::IncorrectFormat)
}

/// Both traits named `Arbitrary` for types of a crate, each by a strategy: `impl_arbitrary! { Type: strategy; … }`. The crate depends
/// on `arbitrary` and `proptest`.
#[macro_export]
macro_rules! impl_arbitrary {
    ($($type:ty: $strategy:expr;)*) => {$(
        impl ::proptest::arbitrary::Arbitrary for $type {
            type Parameters = ();
            type Strategy = ::proptest::strategy::BoxedStrategy<Self>;

            fn arbitrary_with((): ()) -> Self::Strategy {
                ::proptest::strategy::Strategy::boxed($strategy)
            }
        }

        impl<'a> ::arbitrary::Arbitrary<'a> for $type {
            fn arbitrary(bytes: &mut ::arbitrary::Unstructured<'a>) -> ::arbitrary::Result<Self> {
                $crate::testing::choose(&$strategy, bytes)
            }
        }
    )*};
}

impl_arbitrary! {
    AtIdentifier: strings::at_identifier();
    AtUri: strings::at_uri();
    BlobRef: values::blob_ref();
    Bytes: values::bytes();
    Cid: values::cid();
    CidString: strings::cid_string();
    Datetime: strings::datetime();
    Did: strings::did();
    Handle: strings::handle();
    Language: strings::language();
    Link: values::link();
    Nsid: strings::nsid();
    Object: values::object();
    RecordKey: strings::record_key();
    Tid: strings::tid();
    Uri: strings::uri();
    Value: values::value();
}
