//! The stages of a run: the targets with what they need, and the forced ones.

use crate::{nearest::nearest, pipeline::Pipeline, stages::StageName};

/// The stages of a run, each after what it needs: all, or the targets and what they need.
pub(in crate::engine) fn scope(pipeline: &Pipeline, targets: &[String]) -> Result<Vec<usize>, Vec<String>> {
    let order = pipeline.graph.order();
    if targets.is_empty() {
        return Ok(order);
    }
    let wanted = matching(pipeline, targets, "there is no stage")?;
    let chosen: Vec<usize> = (0..wanted.len()).filter(|stage| wanted[*stage]).collect();
    let needed = pipeline.graph.with_ancestors(&chosen);
    Ok(order.into_iter().filter(|stage| needed[*stage]).collect())
}

/// The targets alone, without what they need; all stages where there are none.
pub(in crate::engine) fn asked_for(
    pipeline: &Pipeline,
    targets: &[String],
) -> Result<Vec<usize>, Vec<String>> {
    let order = pipeline.graph.order();
    if targets.is_empty() {
        return Ok(order);
    }
    let wanted = matching(pipeline, targets, "there is no stage")?;
    Ok(order.into_iter().filter(|stage| wanted[*stage]).collect())
}

/// For each stage, whether it was named itself, and not only needed; all are where none were.
pub(in crate::engine) fn named(pipeline: &Pipeline, targets: &[String]) -> Result<Vec<bool>, Vec<String>> {
    if targets.is_empty() {
        return Ok(vec![true; pipeline.stages.len()]);
    }
    matching(pipeline, targets, "there is no stage")
}

/// For each stage, whether it is forced.
pub(in crate::engine) fn forced(pipeline: &Pipeline, patterns: &[String]) -> Result<Vec<bool>, Vec<String>> {
    matching(pipeline, patterns, "--force: there is no stage")
}

/// The stages that one name means: a stage, or all its repeats.
pub(in crate::engine) fn stages(pipeline: &Pipeline, name: &str) -> Result<Vec<usize>, String> {
    let chosen = matching(pipeline, &[name.to_owned()], "there is no stage");
    let chosen = chosen.map_err(|problems| problems.join("; "))?;
    Ok((0..chosen.len()).filter(|stage| chosen[*stage]).collect())
}

fn matching(pipeline: &Pipeline, patterns: &[String], complaint: &str) -> Result<Vec<bool>, Vec<String>> {
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

/// What a stage is called: by the file, which means all its repeats in all trials, within a trial, and by itself.
fn names(name: &StageName) -> [String; 3] {
    [name.written().to_string(), name.in_its_trial().to_string(), name.to_string()]
}

/// Whether a name matches a pattern in which `*` stands for any text.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(tail) = name.strip_prefix(head) else { return false };
    (0..=tail.len()).filter(|at| tail.is_char_boundary(*at)).any(|at| matches(rest, &tail[at..]))
}

fn unknown(pattern: &str, names: &[[String; 3]], complaint: &str) -> String {
    if let Some((stage, _)) = pattern.split_once('@') {
        let of_it = names.iter().filter(|[written, ..]| written == stage);
        let repeats: Vec<&str> = of_it.map(|[.., name]| name.as_str()).collect();
        if !repeats.is_empty() {
            return format!("{complaint} `{pattern}`: there is {}", repeats.join(", "));
        }
    }
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
    fn of_what_is_not_there_the_nearest_is_named() {
        let names = ["split.d", "train.t@1", "train.t@2"].map(|name| names(&name.parse().unwrap()));
        for (pattern, expected) in [
            ("train.t@7", "no stage `train.t@7`: there is train.t@1, train.t@2"),
            ("split.d@1", "no stage `split.d@1`: there is split.d"),
            ("trian.t", "no stage `trian.t`: did you mean `train.t`?"),
            ("metrics.all", "no stage `metrics.all`: the stages are split.d, train.t"),
        ] {
            assert_eq!(unknown(pattern, &names, "no stage"), expected);
        }
    }

    #[test]
    fn a_star_stands_for_any_text() {
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
