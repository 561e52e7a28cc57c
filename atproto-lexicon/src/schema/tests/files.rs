use super::*;
use crate::schema::{Catalog, FileError, FileFault, Rule};
use std::fs;
use std::path::Path;

fn write(folder: &Path, name: &str, id: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, document(id, r#""t": {"type": "token"}"#)).unwrap();
}

#[test]
fn a_folder_is_read_in_the_order_of_paths() {
    let folder = tempfile::tempdir().unwrap();
    for (name, id) in
        [("b.json", "b.b.b"), ("a/z/c.json", "c.c.c"), ("a/a.json", "a.a.a"), ("c/d.JSON", "d.d.d")]
    {
        write(folder.path(), name, id);
    }
    fs::write(folder.path().join("readme.md"), "no document").unwrap();
    fs::create_dir(folder.path().join("folder.json")).unwrap();
    let files: Vec<_> = Catalog::files(folder.path())
        .unwrap()
        .iter()
        .map(|file| file.strip_prefix(folder.path()).unwrap().display().to_string())
        .collect();
    assert_eq!(files, ["a/a.json", "a/z/c.json", "b.json"]);
    let mut catalog = Catalog::new();
    catalog.read_path(folder.path()).unwrap();
    assert_eq!(catalog.documents().len(), 3);
    // A file that is named is read whatever its name is.
    catalog.read_path(&folder.path().join("c/d.JSON")).unwrap();
    assert_eq!(catalog.documents().len(), 4);
}

#[test]
fn faults_are_of_the_first_file_in_order() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "a.json", "a.a.a");
    write(folder.path(), "b.json", "a.a.a");
    fs::write(folder.path().join("c.json"), "{}").unwrap();
    let read = |name: &str| -> FileError {
        Catalog::new().read_path(&folder.path().join(name)).expect_err("it has a fault")
    };
    let error = read("");
    assert_eq!(error.path, folder.path().join("b.json"));
    assert!(matches!(&error.fault, FileFault::Duplicate(duplicate) if duplicate.0 == *"a.a.a"));
    assert!(error.to_string().ends_with("b.json: there is a document a.a.a already"));
    let error = read("c.json");
    assert!(
        matches!(&error.fault, FileFault::Document(error) if error.rule == Rule::MissingField("lexicon"))
    );
    let error = read("gone");
    assert_eq!(error.path, folder.path().join("gone"));
    assert!(matches!(error.fault, FileFault::Io(_)));
}

#[test]
fn a_folder_without_files_adds_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut catalog = Catalog::new();
    catalog.read_path(folder.path()).unwrap();
    assert_eq!(catalog, Catalog::new());
    assert!(Catalog::files(folder.path()).unwrap().is_empty());
}

#[cfg(unix)]
#[test]
fn links_to_folders_are_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "a/a.json", "a.a.a");
    std::os::unix::fs::symlink(folder.path(), folder.path().join("a/circle")).unwrap();
    std::os::unix::fs::symlink(folder.path(), folder.path().join("a/circle.json")).unwrap();
    let mut catalog = Catalog::new();
    catalog.read_path(folder.path()).unwrap();
    assert_eq!(catalog.documents().len(), 1);
}
