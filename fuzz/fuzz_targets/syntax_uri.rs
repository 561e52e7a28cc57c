#![no_main]

use atproto_fuzz::syntax;

libfuzzer_sys::fuzz_target!(|data: &[u8]| syntax::check::<atproto_lexicon::syntax::Uri>(
    data,
    syntax::is_uri
));
