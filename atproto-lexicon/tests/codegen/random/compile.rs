//! A crate of the code of many catalogs, which compiles with no warning of the compiler, of clippy and of rustdoc; and a program
//! in it that puts values through the types.

use super::{generate, read};
use atproto_lexicon::data::json;
use atproto_lexicon::schema::Reference;
use atproto_lexicon::testing::schemas::{Choices, catalog, of_definition, spoil};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

const MANIFEST: &str = r#"[package]
name = "catalogs"
version = "0.1.0"
edition = "2024"

[workspace]

[dependencies]
atproto-lexicon = { path = "LEXICON", features = ["validate"] }
serde = "1"
serde_json = "1"
"#;

fn number(name: &str, default: u64) -> u64 {
    env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn cargo(folder: &Path, arguments: &[&str]) {
    let status = Command::new(env::var_os("CARGO").unwrap())
        .args(arguments)
        .args(["--offline", "--quiet"])
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", folder.join("target"))
        .env("RUSTFLAGS", "-D warnings")
        .env("RUSTDOCFLAGS", "-D warnings")
        .status()
        .unwrap();
    assert!(status.success(), "cargo {arguments:?} in {}", folder.display());
}

/// `SEED=0 COUNT=100 cargo test -p atproto-lexicon --features codegen,validate --test codegen -- --ignored random`
#[test]
#[ignore = "it builds a crate, which takes minutes"]
fn catalogs_compile_and_agree_with_their_schemas() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("catalogs");
    let src = folder.join("src");
    let _ = fs::remove_dir_all(&src);
    fs::create_dir_all(&src).unwrap();
    fs::write(folder.join("Cargo.toml"), MANIFEST.replace("LEXICON", &here.display().to_string())).unwrap();
    fs::copy(here.join("../Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    fs::copy(here.join("tests/codegen/random/compare.rs"), src.join("compare.rs")).unwrap();

    let (mut modules, mut calls, mut cases) = (String::new(), String::new(), String::new());
    let (first, count) = (number("SEED", 0), number("COUNT", 100));
    let mut refused = 0;
    for seed in first..first + count {
        let (documents, types) = catalog(Choices::new(seed), 7);
        let catalog = read(&documents);
        let Ok(code) = generate(catalog.clone(), seed % 2 == 0) else {
            refused += 1;
            continue;
        };
        if seed % 3 == 0 {
            code.write_folder(&src.join(format!("c{seed}"))).unwrap();
            writeln!(modules, "mod c{seed};").unwrap();
        } else {
            code.write_file(&src.join(format!("c{seed}.inc"))).unwrap();
            writeln!(modules, "mod c{seed} {{ include!(\"c{seed}.inc\"); }}").unwrap();
        }
        fs::write(src.join(format!("c{seed}.json")), serde_json::to_string(&documents).unwrap()).unwrap();
        let mut rng = Choices::new(seed);
        for at in 0..types {
            writeln!(calls, "        ({seed}, {at}) => compare::check::<c{seed}::test::all::defs::D{at}>,")
                .unwrap();
            let reference =
                Reference { nsid: "test.all.defs".parse().unwrap(), name: format!("d{at}").into() };
            for round in 0..60 {
                let mut value = of_definition(&mut rng, &catalog, &reference, round % 5);
                if round % 3 != 0 {
                    spoil(&mut rng, &mut value);
                }
                if let Ok(text) = json::to_string(&value) {
                    writeln!(cases, "{seed} {at} {text}").unwrap();
                }
            }
        }
    }
    let main = include_str!("program.txt").replace("MODULES", &modules).replace("CALLS", calls.trim_end());
    fs::write(src.join("main.rs"), main).unwrap();
    fs::write(src.join("cases"), cases).unwrap();
    println!("{refused} of {count} catalogs are refused");
    cargo(&folder, &["clippy"]);
    cargo(&folder, &["doc", "--no-deps", "--document-private-items"]);
    cargo(&folder, &["run"]);
}
