//! Selects stages by name: those of a run, and those that are forced.

use crate::{nearest::nearest, pipeline::Pipeline, stages::StageName};

/// The stages of a run, each after those that it reads: all, or the targets and what they need.
pub(in crate::engine) fn scope(pipeline: &Pipeline, targets: &[String]) -> Result<Vec<usize>, Vec<String>> {
    let named = named(pipeline, targets)?;
    let chosen: Vec<usize> = (0..named.len()).filter(|stage| named[*stage]).collect();
    let needed = pipeline.graph.with_ancestors(&chosen);
    Ok(pipeline.graph.order().into_iter().filter(|stage| needed[*stage]).collect())
}

/// For each stage, whether it is a target itself; all are if there are no targets.
pub(in crate::engine) fn named(pipeline: &Pipeline, targets: &[String]) -> Result<Vec<bool>, Vec<String>> {
    if targets.is_empty() {
        return Ok(vec![true; pipeline.stages.len()]);
    }
    matching(pipeline, targets, "there is no stage")
}

/// The stages with a name: one stage, or all its repeats.
pub(in crate::engine) fn stages(pipeline: &Pipeline, name: &str) -> Result<Vec<usize>, String> {
    let chosen = matching(pipeline, &[name.to_owned()], "there is no stage");
    let chosen = chosen.map_err(|problems| problems.join("; "))?;
    Ok((0..chosen.len()).filter(|stage| chosen[*stage]).collect())
}

/// For each stage, whether one of the patterns matches it.
pub(in crate::engine) fn matching(
    pipeline: &Pipeline,
    patterns: &[String],
    complaint: &str,
) -> Result<Vec<bool>, Vec<String>> {
    let mut chosen = vec![false; pipeline.stages.len()];
    if patterns.is_empty() {
        return Ok(chosen);
    }
    let names: Vec<[String; 3]> = pipeline.stages.iter().map(|node| names(&node.name)).collect();
    let mut problems = Vec::new();
    for pattern in patterns {
        let hit = |names: &[String; 3]| names.iter().any(|name| matches(pattern, name));
        let hits: Vec<usize> = (0..names.len()).filter(|stage| hit(&names[*stage])).collect();
        if hits.is_empty() {
            problems.push(unknown(pattern, &names, complaint));
        }
        for hit in hits {
            chosen[hit] = true;
        }
    }
    if problems.is_empty() { Ok(chosen) } else { Err(problems) }
}

/// The names of a stage: in the file (which all its repeats in all trials share), within its trial, and its own.
fn names(name: &StageName) -> [String; 3] {
    [name.written().to_string(), name.in_its_trial().to_string(), name.to_string()]
}

/// Whether a name matches a pattern, in which `*` matches any text.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(tail) = name.strip_prefix(head) else { return false };
    (0..=tail.len()).filter(|at| tail.is_char_boundary(*at)).any(|at| matches(rest, &tail[at..]))
}

fn unknown(pattern: &str, names: &[[String; 3]], complaint: &str) -> String {
    match nearest(pattern, names.as_flattened().iter().map(String::as_str)) {
        Some(near) => format!("{complaint} `{pattern}`: did you mean `{near}`?"),
        None => {
            let mut written: Vec<&str> = names.iter().map(|[written, ..]| written.as_str()).collect();
            written.dedup();
            format!("{complaint} `{pattern}`: the stages are {}", written.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_suggested() {
        let names = ["split.d", "train.t@1", "train.t@2"].map(|name| names(&name.parse().unwrap()));
        for (pattern, expected) in [
            ("train.t@7", "no stage `train.t@7`: did you mean `train.t@1`?"),
            ("split.d@1", "no stage `split.d@1`: did you mean `split.d`?"),
            ("trian.t", "no stage `trian.t`: did you mean `train.t`?"),
            ("metrics.all", "no stage `metrics.all`: the stages are split.d, train.t"),
        ] {
            assert_eq!(unknown(pattern, &names, "no stage"), expected);
        }
    }

    #[test]
    fn a_star_matches_any_text() {
        for (pattern, name, expected) in [
            ("split.*", "split.pcam", true),
            ("split.*", "train.split", false),
            ("*", "train.a", true),
            ("*.base", "train.base", true),
            ("*.base", "train.baseline", false),
            ("train.base", "train.base", true),
            ("train.bas", "train.base", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }
}
