//! Writes the corpora from which fuzzing starts.

fn main() -> std::io::Result<()> {
    atproto_fuzz::seed::write()
}
