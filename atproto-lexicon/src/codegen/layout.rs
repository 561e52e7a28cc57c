//! Modules as a tree.

use super::model::Module;
use super::names;
use super::output::{Code, Node};
use super::{Config, emit};

pub(super) fn layout(config: &Config, modules: &[Module]) -> Code {
    let mut root = Node::default();
    for module in modules {
        let mut node = &mut root;
        let mut prefix = String::new();
        for segment in module.nsid.as_str().split('.') {
            if !prefix.is_empty() {
                prefix.push('.');
            }
            prefix.push_str(segment);
            node = node.children.entry(names::module(segment)).or_default();
            node.docs = format!("`{prefix}`");
            let feature = config.features.iter().find(|(name, _)| *name == prefix);
            node.feature = feature.map(|(_, feature)| feature.clone());
        }
        node.main_type.clone_from(&module.main_type);
        node.names = module.items.iter().filter_map(|item| item.name()).map(Into::into).collect();
        node.body = emit::items(&module.items);
        if node.body.contains("typed::") {
            node.uses = format!("use {}::typed;\n", config.runtime);
        }
        for path in module.imports.values() {
            node.uses.push_str(&format!("use {path};\n"));
        }
    }
    for child in root.children.values_mut() {
        child.hide();
        child.is_outermost = true;
    }
    Code { root }
}
