//! Generates the types of `lexicons/` into `$OUT_DIR/lexicons.rs`.

use atproto_lexicon::codegen::{CodegenError, Config};

fn main() -> Result<(), CodegenError> {
    Config::new()
        .lexicons("lexicons")
        .root("com.example")
        // These are in `atproto-xrpc` already; their documents need not be here.
        .extern_path("com.atproto", "::atproto_xrpc::api::com::atproto")
        // Our own words may stand in our own documentation.
        .descriptions(true)
        // One bad entry does not lose the list.
        .lenient("com.example.listNotes.output.notes")
        .build()
}
