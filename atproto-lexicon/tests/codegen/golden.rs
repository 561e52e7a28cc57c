use atproto_lexicon::codegen::{Code, Config};
use atproto_lexicon::schema::{Catalog, Document};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/codegen")
}

pub(crate) fn config() -> Config {
    Config::new()
        .root("org")
        .lenient("org.example.lenient.page")
        .lenient("org.example.lenient.one")
        .lenient("org.example.lenient.when")
}

fn code() -> Code {
    config().lexicons(folder().join("lexicons")).generate().unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn what_is_committed_is_what_is_generated() {
    let generated = folder().join("generated");
    if env::var_os("BLESS").is_some() {
        code().write_folder(&generated).unwrap();
    }
    let files = code().to_files();
    for (path, text) in &files {
        let committed = fs::read_to_string(generated.join(path)).unwrap_or_default();
        assert!(committed == *text, "{} differs; BLESS=1 writes it anew", path.display());
    }
    assert_eq!(files_in(&generated), files.len(), "what is no longer generated is still there");
}

fn files_in(folder: &Path) -> usize {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.map(|path| if path.is_dir() { files_in(&path) } else { 1 }).sum()
}

/// The same documents under other names, in other folders, and written in another order.
#[test]
fn where_the_documents_lie_does_not_matter() {
    let mut files = Catalog::files(&folder().join("lexicons")).unwrap();
    let expected = code().to_files();
    for round in 0..3 {
        let scratch = tempfile::tempdir().unwrap();
        files.rotate_left(5);
        files.reverse();
        let folders = [scratch.path().join("z"), scratch.path().join("a/b")];
        for (number, file) in files.iter().enumerate() {
            let folder = folders[(number + round) % 2].join(format!("{}", (number * 7 + round) % 10));
            fs::create_dir_all(&folder).unwrap();
            fs::copy(file, folder.join(format!("{}-{number}.json", round * number % 13))).unwrap();
        }
        let [first, second] = if round % 2 == 0 { [0, 1] } else { [1, 0] }.map(|at: usize| &folders[at]);
        let code = config().lexicons(first).lexicons(second).generate().unwrap();
        assert!(code.to_files() == expected, "round {round}");
    }
}

#[test]
fn the_order_of_the_documents_does_not_matter() {
    let mut documents: Vec<Document> = Catalog::files(&folder().join("lexicons"))
        .unwrap()
        .iter()
        .map(|file| Document::read_file(file).unwrap())
        .collect();
    let expected = code();
    for _ in 0..3 {
        documents.rotate_left(7);
        documents.reverse();
        let mut catalog = Catalog::new();
        documents.iter().for_each(|document| catalog.insert(document.clone()).unwrap());
        assert_eq!(config().catalog(catalog).generate().unwrap(), expected);
    }
}

#[test]
fn only_what_the_roots_lead_to() {
    let of = |root: &str| -> BTreeMap<PathBuf, String> {
        Config::new().lexicons(folder().join("lexicons")).root(root).generate().unwrap().to_files()
    };
    let files = |root: &str| of(root).keys().map(|path| path.display().to_string()).collect::<Vec<_>>();
    assert_eq!(
        files("org.example.settings"),
        ["mod.rs", "org/example/settings.rs", "org/example.rs", "org.rs"]
    );
    assert!(files("org.4chan").contains(&"org/example/defs.rs".into()));
    let defs = &of("org.4chan")[Path::new("org/example/defs.rs")];
    assert!(defs.contains("pub struct View {") && !defs.contains("Leaf"), "{defs}");
    let one = &of("org.example.defs#leaf")[Path::new("org/example/defs.rs")];
    assert!(one.contains("pub struct Leaf {") && !one.contains("View"), "{one}");
}

#[test]
fn types_of_elsewhere_need_no_documents() {
    let thing = fs::read(folder().join("lexicons/my-app-thing.json")).unwrap();
    let mut catalog = Catalog::new();
    catalog.insert(Document::from_json(&thing).unwrap()).unwrap();
    let config = Config::new().catalog(catalog).root("org.4chan").extern_path("org.example", "::other::api");
    let code = config.generate().unwrap();
    let text = &code.to_files()[Path::new("org/_4chan/my_app/thing.rs")];
    assert!(text.contains("Option<::other::api::defs::View>"), "{text}");
    assert!(code.to_text().contains("pub mod my_app {"));
}

#[test]
fn descriptions_only_where_wanted() {
    let text = |yes| {
        let config = Config::new().lexicons(folder().join("lexicons")).root("org.example.described");
        config.descriptions(yes).generate().unwrap().to_text()
    };
    assert!(!text(false).contains("markup"));
    let text = text(true);
    assert!(text.contains(r"/// Has \*markup\* \[like this\] and \<tags\>."), "{text}");
    assert!(text.contains("/// And a second paragraph") && text.contains(r"/// An \`x\` \| y."), "{text}");
}
