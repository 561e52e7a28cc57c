//! Finds the public conformance suites and runs their cases as tests, one [`Trial`] a case.
//!
//! They lie in the folder that `ATPROTO_TESTDATA` names, by default `../shared` seen from the workspace. A suite which is
//! not there is shown as ignored; with `ATPROTO_REQUIRE_TESTDATA` set it is a failure, and always is one that has fewer
//! cases than it is known to have.

pub mod realnet;

use libtest_mimic::{Arguments, Failed, Trial};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The folder with `conformance/` and `captures/`.
pub fn root() -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap_or(Path::new("."));
    workspace.join(std::env::var_os("ATPROTO_TESTDATA").unwrap_or_else(|| "../shared".into()))
}

/// Whether a suite that is not there is a failure.
pub fn is_required() -> bool {
    std::env::var_os("ATPROTO_REQUIRE_TESTDATA").is_some()
}

/// A case's name and what it checks.
pub struct Case {
    name: String,
    count: usize,
    check: Box<dyn FnOnce() -> Result<(), String> + Send>,
}

impl Case {
    /// A case which passes when `check` gives `Ok`.
    pub fn new(name: impl Into<String>, check: impl FnOnce() -> Result<(), String> + Send + 'static) -> Self {
        Self::of_many(name, 1, check)
    }

    /// Cases which are checked together, and how many they are: where there are thousands, or something is to be said of them all.
    pub fn of_many(
        name: impl Into<String>,
        count: usize,
        check: impl FnOnce() -> Result<(), String> + Send + 'static,
    ) -> Self {
        Self { name: name.into(), count, check: Box::new(check) }
    }
}

/// The suites of one test binary.
#[derive(Default)]
pub struct Suites {
    trials: Vec<Trial>,
    counts: Vec<String>,
}

impl Suites {
    /// Adds the suite at `path` below [`root`], whose cases `load` makes from it: `at_least` that many.
    pub fn add(
        &mut self,
        name: &str,
        path: &str,
        at_least: usize,
        load: impl FnOnce(&Path) -> Result<Vec<Case>, String>,
    ) {
        let path = root().join(path);
        if !path.exists() {
            let missing = format!("{} is not there", path.display());
            self.counts.push(format!("{name}: {missing}"));
            let trial = Trial::test(format!("{name} ({missing})"), move || Err(Failed::from(missing)));
            self.trials.push(trial.with_ignored_flag(!is_required()));
            return;
        }
        let cases = load(&path);
        let count: usize = cases.iter().flatten().map(|case| case.count).sum();
        self.counts.push(format!("{name}: {count} cases"));
        let complete = match &cases {
            Ok(_) if count >= at_least => Ok(()),
            Ok(_) => Err(format!("{count} cases instead of {at_least}")),
            Err(error) => Err(error.clone()),
        };
        self.trials.push(Trial::test(format!("{name}::complete"), move || complete.map_err(Failed::from)));
        for case in cases.unwrap_or_default() {
            let check = case.check;
            self.trials
                .push(Trial::test(format!("{name}::{}", case.name), move || check().map_err(Failed::from)));
        }
    }

    /// Prints how many cases each suite has and runs them.
    pub fn run(self) -> ExitCode {
        let arguments = Arguments::from_args();
        if !arguments.list {
            self.counts.iter().for_each(|count| println!("{count}"));
        }
        libtest_mimic::run(&arguments, self.trials).exit_code()
    }
}
