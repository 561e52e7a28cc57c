use crate::output::{Failure, Outcome, Output};
use atproto_lexicon::codegen::{CodegenError, Config};
use atproto_lexicon::schema::FileFault;
use clap::Args;
use serde_json::json;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Writes a folder of modules, or with an output that ends in `.rs` one file for `include!`: all of it, or nothing.
#[derive(Args)]
pub(crate) struct Generate {
    /// Documents, or folders with documents (`*.json`) at any depth.
    #[arg(long, required = true, num_args = 1.., value_name = "FILE|DIR")]
    lexicons: Vec<PathBuf>,
    /// What to generate, with all that it refers to: an NSID, the beginning of one, or `nsid#name`.
    #[arg(long, required = true, num_args = 1..)]
    root: Vec<String>,
    /// Where to write; `-` prints the one file.
    #[arg(long, short, value_name = "DIR|FILE.rs")]
    output: PathBuf,
    /// Take the types of documents below a name from a module elsewhere, such as
    /// `com.atproto=::atproto_xrpc::api::com::atproto`.
    #[arg(long = "extern", value_name = "NAME=PATH", value_parser = pair)]
    external: Vec<(String, String)>,
    /// Put the module of a name behind a feature.
    #[arg(long, value_name = "NAME=FEATURE", value_parser = pair)]
    feature: Vec<(String, String)>,
    /// Keep bad values at a place, such as `com.example.list.output.items`, instead of failing.
    #[arg(long, value_name = "PLACE")]
    lenient: Vec<String>,
    /// Take the documents' descriptions into the documentation.
    #[arg(long)]
    descriptions: bool,
    /// A link for each document, with `{nsid}` or `{path}` in it.
    #[arg(long, value_name = "TEMPLATE")]
    link: Option<String>,
    /// The path of `atproto_lexicon` in the generated code.
    #[arg(long, value_name = "PATH", default_value = "::atproto_lexicon")]
    runtime: String,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    Ok((name.into(), value.into()))
}

impl Generate {
    pub(crate) fn run(self, output: &mut Output) -> Result<Outcome, Failure> {
        let mut config = Config::new().roots(self.root).runtime(self.runtime).descriptions(self.descriptions);
        for path in self.lexicons {
            config = config.lexicons(path);
        }
        for (name, path) in self.external {
            config = config.extern_path(name, path);
        }
        for (name, feature) in self.feature {
            config = config.feature(name, feature);
        }
        for place in self.lenient {
            config = config.lenient(place);
        }
        if let Some(link) = self.link {
            config = config.link(link);
        }
        let generated = config.generate().and_then(|code| {
            let to_file = self.output.extension().is_some_and(|extension| extension == "rs");
            if self.output == Path::new("-") {
                return Ok((Some(code.to_text()), 1));
            }
            if to_file {
                code.write_file(&self.output)?
            } else {
                code.write_folder(&self.output)?
            };
            Ok((None, if to_file { 1 } else { code.to_files().len() }))
        });
        match generated {
            Ok((Some(text), _)) => {
                output.raw().write_all(text.as_bytes()).map_err(crate::output::stopped)?;
                Ok(Outcome::Done)
            }
            Ok((None, files)) => {
                let to = self.output.display();
                output.line(
                    format!("{files} files in {to}"),
                    &json!({"output": to.to_string(), "files": files}),
                )?;
                Ok(Outcome::Done)
            }
            Err(error) if is_io(&error) => Err(Failure::File(error.to_string())),
            Err(error) => {
                let reason = error.to_string();
                output
                    .line(format!("not generated: {reason}"), &json!({"output": null, "reason": reason}))?;
                Ok(Outcome::Negative)
            }
        }
    }
}

fn is_io(error: &CodegenError) -> bool {
    match error {
        CodegenError::File(file) => matches!(file.fault, FileFault::Io(_)),
        CodegenError::Write { .. } => true,
        _ => false,
    }
}
