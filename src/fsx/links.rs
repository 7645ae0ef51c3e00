//! Checks that no symbolic link leads out of its folder. For folders on the disk and for archives.
//!
//! Every link is followed part by part, through other links, as the system would do.

use std::collections::BTreeMap;

use super::{Below, what::What};

/// Linux follows as many links in a row.
const HOPS: usize = 40;

const OUT: &str = "it is a link that leads out of its folder";

/// What is in a folder, by path.
#[derive(Debug, Default)]
pub(super) struct Tree(BTreeMap<String, What>);

impl Tree {
    /// Adds an entry. Its folder has to be added before.
    ///
    /// # Errors
    /// Why it cannot be added: its folder is missing or not a folder, or the name is taken.
    pub(super) fn add(&mut self, name: &Below, what: What) -> Result<(), &'static str> {
        let path = name.plain();
        if path.rsplit_once('/').is_some_and(|(parent, _)| !self.is_folder(parent)) {
            return Err("it is in a folder that is not there");
        }
        match self.0.insert(path.to_owned(), what) {
            None => Ok(()),
            Some(_) => Err("it is there twice"),
        }
    }

    /// The links, with their targets.
    pub(super) fn links(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().filter_map(|(path, what)| match what {
            What::Link(target) => Some((path.as_str(), target.as_str())),
            What::Folder | What::File { .. } => None,
        })
    }

    /// The first bad link, and what is wrong with it.
    pub(super) fn bad_link(&self) -> Option<(&str, &'static str)> {
        self.links().find_map(|(path, target)| Some((path, self.follow(path, target).err()?)))
    }

    fn is_folder(&self, path: &str) -> bool {
        self.0.get(path) == Some(&What::Folder)
    }

    /// Follows a link, as the system would. Its target need not exist.
    fn follow(&self, path: &str, target: &str) -> Result<(), &'static str> {
        let mut at: Vec<&str> = path.split('/').collect();
        at.pop();
        let mut ahead = Vec::new();
        let mut next = Some(target);
        let mut hops = 0;
        while let Some(target) = next.take() {
            hops += 1;
            if target.starts_with('/') || hops > HOPS {
                return Err(if hops > HOPS { "it is a link that leads in circles" } else { OUT });
            }
            ahead.extend(target.split('/').rev());
            while next.is_none()
                && let Some(part) = ahead.pop()
            {
                match part {
                    "" | "." => {}
                    ".." if at.is_empty() => return Err(OUT),
                    // A file system that ignores case may find a link where `self` has nothing.
                    ".." if !self.is_folder(&at.join("/")) => return Err("it is a link through no folder"),
                    ".." => drop(at.pop()),
                    name => at.push(name),
                }
                if let Some(What::Link(target)) = self.0.get(&at.join("/")) {
                    at.pop();
                    next = Some(target);
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flaw(entries: &[(&str, &str)]) -> Option<&'static str> {
        let mut tree = Tree::default();
        for (path, target) in entries {
            let what = match *target {
                "folder" => What::Folder,
                "file" => What::File { executable: false },
                target => What::Link(target.to_owned()),
            };
            tree.add(&Below::new(*path).unwrap(), what).unwrap();
        }
        tree.bad_link().map(|(_, why)| why)
    }

    #[test]
    fn a_link_may_go_up_but_not_out_whatever_it_goes_through() {
        const D: (&str, &str) = ("d", "folder");
        for inside in [
            [D, ("l", "d/x")],
            [D, ("d/l", "../x")],
            [D, ("d/l", "..")],
            [D, ("l", "./d//b")],
            [D, ("l", "d/../d/.")],
        ] {
            assert_eq!(flaw(&inside), None, "{inside:?}");
        }
        for out in [
            vec![D, ("l", "/d")],
            vec![D, ("d/l", "../../x")],
            vec![D, ("l", "d/../../x")],
            vec![D, ("l", "..")],
            vec![D, ("d/p", "."), ("d/h", "p/p/p/../../../../etc/hostname")],
            vec![D, ("d/e", "folder"), ("d/e/f", "folder"), ("l", "d/e/f"), ("m", "l/../../../../x/y")],
            vec![D, ("d/up", ".."), ("l", "d/up/d/up/../x")],
            vec![D, ("d/a", "b"), ("d/b", "../../x")],
        ] {
            assert_eq!(flaw(&out), Some(OUT), "{out:?}");
        }
        assert_eq!(flaw(&[("a", "b"), ("b", "a")]), Some("it is a link that leads in circles"));
        assert_eq!(flaw(&[D, ("d/p", "."), ("l", "d/P/../x")]), Some("it is a link through no folder"));
        assert_eq!(flaw(&[("f", "file"), ("l", "f/../x")]), Some("it is a link through no folder"));
    }

    #[test]
    fn an_entry_needs_its_folder_and_a_name_of_its_own() {
        let mut tree = Tree::default();
        let name = |name: &str| Below::new(name).unwrap();
        tree.add(&name("l"), What::Link("x".to_owned())).unwrap();
        tree.add(&name("f"), What::File { executable: false }).unwrap();
        for (path, why) in [("l/x", "not there"), ("f/x", "not there"), ("n/x", "not there"), ("l", "twice")]
        {
            assert!(tree.add(&name(path), What::Folder).unwrap_err().contains(why), "{path}");
        }
    }
}
