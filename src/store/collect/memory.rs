//! Forgets what is remembered of the small files of pipelines that are gone.
//!
//! Such a memory is a shortcut: without it the pipeline's next run reads more, and makes it anew. So it may go on a
//! suspicion, and as long as it may be of use it costs little to keep.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use super::{
    super::{Result, Store, measure::age, runs::ReadRun},
    Collected, Policy,
};
use crate::fsx;

/// What a store knows of a pipeline.
#[derive(Default)]
struct Known {
    /// When its stages were looked up last, to within a day, in nanoseconds since 1970.
    used: Option<i64>,
    /// Its file, where a run of it is recorded.
    file: Option<PathBuf>,
}

impl Store {
    /// Removes the memories of pipelines of which nothing is left in the store, whose file is gone, or that nobody
    /// ran for as long as the policy says.
    pub(super) fn clear_recall(&self, policy: &Policy, collected: &mut Collected) -> Result<()> {
        let Collected { recall: removed, not_removed, .. } = collected;
        let names = fsx::list(&self.layout.all_recall())?;
        if names.is_empty() {
            return Ok(());
        }
        let known = self.known_pipelines()?;
        for path in names.into_iter().map(|name| self.layout.all_recall().join(name)) {
            let Some(stat) = fsx::stat_link(&path)? else { continue };
            let is_old = |used: i64| {
                let since = age(used.max(stat.mtime_ns), fsx::now_ns());
                policy.older_than.is_some_and(|limit| since >= limit)
            };
            let stays = known.get(&path).is_some_and(|known| {
                known.used.is_some_and(|used| !is_old(used))
                    && known.file.as_deref().is_none_or(|file| self.is_there(file))
            });
            if !stays {
                match if policy.dry_run { Ok(()) } else { fsx::remove_tree(&path) } {
                    Ok(()) => removed.add(stat.size),
                    Err(error) => not_removed.push(error.to_string()),
                }
            }
        }
        Ok(())
    }

    /// The pipelines of which the store knows anything, by where their memory is.
    fn known_pipelines(&self) -> Result<HashMap<PathBuf, Known>> {
        let mut known: HashMap<PathBuf, Known> = HashMap::new();
        for latest in self.all_latest()? {
            let Some((pipeline, _)) = &latest.names else { continue };
            let written = fsx::stat_link(&latest.path)?.map(|stat| stat.mtime_ns);
            let used = &mut known.entry(self.layout.recall(pipeline)).or_default().used;
            *used = (*used).max(written);
        }
        let mut last = HashMap::new();
        for file in self.runs()? {
            last.insert(file.pipeline.clone(), file);
        }
        for file in last.into_values() {
            if let ReadRun::Record(run) = self.run(&file)? {
                known.entry(self.layout.recall(&run.pipeline)).or_default().file = Some(run.file.into());
            }
        }
        Ok(known)
    }

    /// Whether a pipeline's file is there. It is noted as it was given: from the folder of the project, as a rule.
    fn is_there(&self, file: &Path) -> bool {
        file.exists() || self.root().parent().is_some_and(|project| project.join(file).exists())
    }
}
