//! The symbolic links of a folder: none may lead out of it.
//!
//! What counts is where the system would go, not how a link is spelled: every link is followed part by part
//! through the links and folders beside it. The same check serves a folder on the disk and an archive.

use std::collections::BTreeMap;

use super::{Below, what::What};

/// As many links in a row as Linux follows.
const HOPS: usize = 40;

const OUT: &str = "it is a link that leads out of its folder";

/// What is in a folder, by path.
#[derive(Debug, Default)]
pub(super) struct Tree(BTreeMap<String, What>);

impl Tree {
    /// Adds an entry. The folder that it is in comes before it.
    ///
    /// # Errors
    /// Where that folder is missing or is no folder, or the name is taken; says why.
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

    /// The links, with what they say.
    pub(super) fn links(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().filter_map(|(path, what)| match what {
            What::Link(target) => Some((path.as_str(), target.as_str())),
            What::Folder | What::File { .. } => None,
        })
    }

    /// The first link that must not be in the folder, and why.
    pub(super) fn bad_link(&self) -> Option<(&str, &'static str)> {
        self.links().find_map(|(path, target)| Some((path, self.follow(path, target).err()?)))
    }

    fn is_folder(&self, path: &str) -> bool {
        self.0.get(path) == Some(&What::Folder)
    }

    /// Goes where a link leads, as the system would. The last part need not be there.
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
                    // Where nothing is yet, a file system that ignores case may find a link.
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
