//! One paragraph for each comparison: which method is the best, if any is clearly better than all others. It claims
//! nothing that the paired differences of true positives do not show.

use maud::{Markup, html};

use super::{Compared, layout::marked};
use crate::{
    metrics::{
        Interval,
        faithfulness::{Best, Group, Measure, MethodSummary},
    },
    ui::format,
};

/// What "clearly better" means.
pub(super) const RULE: &str = "Clearly better means: on true positives, better than every other method and every \
    control in paired differences. Each interval is without 0, and each p is below 0.05 after Holm's correction for all \
    pairs of that measure. Other patches are left out, because only on true positives do a low deletion and a high \
    insertion say that a map is right.";

/// The paragraph.
pub(super) fn verdict(compared: &Compared) -> Markup {
    html! { p.verdict { (marked(&sentences(compared))) } }
}

fn sentences(compared: &Compared) -> String {
    let [first, ..] = compared.best.as_slice() else {
        return "No method is called the best: there is no true positive for which at least two methods have areas.".to_owned();
    };
    let on = format!("On {}", format::plural(first.difference.images as usize, "true positive"));
    let (clear, others): (Vec<&Best>, Vec<&Best>) = compared.best.iter().partition(|best| best.clear);
    if clear.is_empty() {
        return format!(
            "{on}, no method is clearly better than the others, neither by the deletion area nor by the insertion area."
        );
    }
    let claims = clear.iter().flat_map(|best| {
        [Some(format!("{on}, {}", claim(best))), beaten(compared, best)].into_iter().flatten()
    });
    let rest = others
        .iter()
        .map(|best| format!("By the {}, no method is clearly better than the others.", best.measure.name()));
    claims.chain(rest).chain(limits(compared)).collect::<Vec<_>>().join(" ")
}

fn claim(best: &Best) -> String {
    let difference = &best.difference;
    let more = if best.measure == Measure::Deletion { "lower" } else { "higher" };
    let mean = difference.mean.unwrap_or_default().abs();
    format!(
        "`{}` has the best {}: it is {mean:.3} {more} than that of `{}`, the next ({}corrected p {:.3}).",
        best.method,
        best.measure.name(),
        best.against,
        difference.interval.map_or_else(String::new, around),
        difference.p_corrected.unwrap_or(1.0)
    )
}

/// `95% interval 0.013 to 0.045, `, without the sign: the sentence says lower or higher.
fn around(Interval { low, high }: Interval) -> String {
    let (near, far) = (low.abs().min(high.abs()), low.abs().max(high.abs()));
    format!("interval {near:.3} to {far:.3}, ")
}

/// Controls that have a better mean by the area by which a method is not the best.
fn beaten(compared: &Compared, best: &Best) -> Option<String> {
    let (other, sign) = match best.measure {
        Measure::Deletion => (Measure::Insertion, 1.0),
        _ => (Measure::Deletion, -1.0),
    };
    let mean = |method: &MethodSummary| {
        let group = method.groups.iter().find(|group| group.group == Group::TruePositive)?;
        let area = if other == Measure::Deletion { group.deletion } else { group.insertion };
        area.mean.map(|mean| mean * sign)
    };
    let methods = &compared.summary.methods;
    let own = mean(methods.iter().find(|method| method.label == best.method)?)?;
    let control = methods.iter().find(|it| it.control && mean(it).is_some_and(|mean| mean > own))?;
    Some(format!("But its {} is worse than that of the control `{}`.", other.name(), control.label))
}

/// What makes the claims weaker than they seem.
fn limits(compared: &Compared) -> Vec<String> {
    let warned = !compared.summary.warnings.is_empty();
    let unknown = compared.summary.slides.is_none();
    let mut all = vec!["This is about what the model uses, not about whether it is right."];
    all.extend(warned.then_some("The warnings about the baselines make it less sure."));
    all.extend(unknown.then_some("The slides are not known, so it may seem surer than it is."));
    all.into_iter().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::html::fixture;

    /// A comparison with these methods as the best by deletion and by insertion, and whether they are clearly so.
    fn compared(best: [(&str, bool); 2]) -> Compared {
        let mut compared = fixture::compared();
        compared.summary.warnings.clear();
        compared.summary.slides = Some(9);
        for (it, (method, clear)) in compared.best.iter_mut().zip(best) {
            it.method = method.into();
            it.against = "next".into();
            it.clear = clear;
            it.difference.images = 25;
            it.difference.p_corrected = Some(0.0123);
            let sign = if it.measure == Measure::Deletion { -1.0 } else { 1.0 };
            it.difference.mean = Some(sign * 0.1);
            let ends = [sign * 0.05, sign * 0.2];
            it.difference.interval = Some(Interval { low: ends[0].min(ends[1]), high: ends[0].max(ends[1]) });
        }
        compared
    }

    #[test]
    fn without_a_clear_winner_no_method_is_named() {
        let text = sentences(&compared([("a", false), ("b", false)]));
        assert_eq!(
            text,
            "On 25 true positives, no method is clearly better than the others, neither by the deletion area nor by \
             the insertion area."
        );
    }

    #[test]
    fn a_clear_winner_is_named_with_its_measure_and_the_other_measure_is_not_hidden() {
        let text = sentences(&compared([("a", true), ("b", false)]));
        assert!(text.starts_with(
            "On 25 true positives, `a` has the best deletion area: it is 0.100 lower than that of `next`, the next \
             (interval 0.050 to 0.200, corrected p 0.012). By the insertion area, no method is clearly better than \
             the others. This is about what the model uses"
        ), "{text}");
        assert!(!text.contains("`b`"));
        let both = sentences(&compared([("a", true), ("b", true)]));
        assert!(both.contains("`b` has the best insertion area: it is 0.100 higher"), "{both}");
    }

    #[test]
    fn a_winner_by_one_area_that_is_worse_than_a_control_by_the_other_is_told() {
        let mut compared = compared([("saliency", false), ("saliency", true)]);
        for method in &mut compared.summary.methods {
            method.groups[0].deletion.mean = Some(if method.label == "saliency" { 0.7 } else { 0.5 });
        }
        let text = sentences(&compared);
        assert!(text.contains("But its deletion area is worse than that of the control `random`."), "{text}");
    }

    #[test]
    fn warnings_and_unknown_slides_weaken_a_claim() {
        let mut compared = compared([("a", true), ("a", false)]);
        assert!(!sentences(&compared).contains("less sure"));
        compared.summary.warnings.push("x".into());
        compared.summary.slides = None;
        let text = sentences(&compared);
        assert!(text.contains("less sure") && text.contains("slides are not known"), "{text}");
    }

    #[test]
    fn without_true_positives_nothing_is_claimed() {
        let mut compared = compared([("a", true), ("a", true)]);
        compared.best.clear();
        assert!(sentences(&compared).starts_with("No method is called the best"));
    }
}
